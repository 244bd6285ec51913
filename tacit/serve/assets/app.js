// The page: puts the parts together, and listens to the keyboard.

import { ask, Live, Unreachable } from "./link.js";
import { readColours } from "./charts.js";
import { Feed } from "./feed.js";
import { $, count, digits, el, text, value } from "./format.js";
import { Grid } from "./grid.js";
import { Keys } from "./keys.js";
import { learned } from "./learned.js";
import { Time } from "./time.js";
import { View } from "./view.js";

const HELP = [["j k", "next, previous alert"], ["e", "this alert was expected"], ["p", "this alert is a real problem"], ["Space", "live or pause"], ["← →", "earlier, later"],
  ["+ −", "zoom in, out"], ["/", "find a feature"], ["l", "what it has learned"], ["d", "dark or light"], ["Esc", "close the alert"], ["?", "this page"]];

const view = new View();
const state = { get episodes() { return feed ? feed.all.filter((e) => e.key === view.key) : []; }, get edge() { return view.edge; }, horizon: 0, reasons: null };
let feed, status = {}, trouble = new Map(), sorted = 0;

readTheme();
readColours();
feed = new Feed(view, state, toast);
const time = new Time(view, state), grid = new Grid(view, state, (over) => time.grab(over)), keys = new Keys(view);
const live = new Live({
  status(s) {
    status = s;
    header(s);
    learned(s);
    if (s.features && s.features.length !== view.features.length) features();
  },
  rows: (rows) => view.append(rows),
  episodes({ episodes }) {
    if (feed.set(episodes)) sorted = -Infinity; // a new alert: its features come first
    header(status);
    time.repaint();
    grid.repaint();
  },
  up(first) {
    $("banner").hidden = true;
    document.body.classList.remove("lost");
    if (!first) {
      toast("Connected again.");
      must(features().then(() => view.need(true)));
      must(time.look());
    }
  },
  down() {
    $("banner").replaceChildren(el("b", {}, "Connection lost. "), "What you see is the last that arrived; trying again every second.");
    $("banner").hidden = false;
    document.body.classList.add("lost");
    header(status);
  },
});

/** What must go right for the page to be of use; a failure is shown. */
const must = (promise) => promise.catch((error) => error instanceof Unreachable || toast(error.message, true));

function listen() {
  live.open(() => ({ key: view.key, features: view.wanted.join(","), after: view.last || null }));
}

let listening = 0;
view.addEventListener("key", () => {
  time.past = null;
  must(features());
  must(time.look());
  time.repaint();
  keys.look();
  listen();
  must(feed.more(view.key)); // the alerts of this key, for its charts
});
view.addEventListener("sight", () => {
  view.need();
  if (view.features.length > view.wanted.length) {
    clearTimeout(listening);
    listening = setTimeout(listen, 400);
  }
});
view.addEventListener("data", () => {
  horizon();
  time.draw();
  grid.draw();
  if (view.live && performance.now() - sorted > 12000 && !$("grid").matches(":hover")) must(rank());
});
view.addEventListener("window", () => {
  time.draw();
  grid.draw();
});
view.addEventListener("reasons", () => {
  arrange();
  grid.repaint();
});
view.addEventListener("tab", () => tabs());
view.addEventListener("error", () => view.error instanceof Unreachable || toast(view.error.message, true));

/** How far ahead the forecast speaks: as told, else sixteen usual steps. */
function horizon() {
  const t = view.data?.time ?? [], steps = [];
  for (let i = Math.max(1, t.length - 200); i < t.length; i++) steps.push(t[i] - t[i - 1]);
  steps.sort((a, b) => a - b);
  const step = steps[Math.floor(steps.length / 2)] ?? 0;
  state.horizon = status.horizon_s ?? (view.data?.thinned ? state.horizon : 16 * step);
}

async function features() {
  const got = await ask("/api/features");
  const grown = got.features.length !== view.features.length;
  view.features = got.features;
  feed.units = Object.fromEntries(got.features.map((f) => [f.name, f.unit]));
  await rank();
  if (grown) {
    view.need();
    listen();
  }
}

/** Who is in trouble in this window. The order changes only here, so that charts don't jump about. */
async function rank() {
  sorted = performance.now();
  if (view.key !== null && view.extent) {
    const got = await ask("/api/features", { key: view.key, from: view.from, to: view.to });
    trouble = new Map(got.features.map((f) => [f.id, f.muted || f.trouble < 0.3 ? 0 : f.trouble]));
  }
  arrange();
}

function arrange() {
  const wanted = $("search").value.trim().toLowerCase(), reasons = [...(state.reasons ?? [])];
  const list = view.features.filter((f) => f.name.toLowerCase().includes(wanted));
  const place = (f) => (reasons.includes(f.name) ? reasons.indexOf(f.name) : 9);
  const known = new Map(view.features.map((f, i) => [f.id, i]));
  list.sort((a, b) => place(a) - place(b) || ($("order").value === "name" ? a.name.localeCompare(b.name, "en", { numeric: true })
    : (trouble.get(b.id) ?? 0) - (trouble.get(a.id) ?? 0) || a.muted - b.muted || known.get(a.id) - known.get(b.id)));
  const n = view.features.length;
  text($("features-count"), list.length === n ? `${n} feature${n === 1 ? "" : "s"}` : `${list.length} of ${n}`);
  grid.set(list);
}

function header(s) {
  const open = feed.opened.length;
  text($("source"), s.source ?? "…");
  $("source").title = (s.source_notes ?? []).join("\n");
  document.title = `${open ? `(${open}) ` : ""}${s.source ?? "tacit"} · tacit`;
  const words = live.up === false ? "no connection" : s.ended ? "ended" : s.warming ? `warming up ${Math.round(100 * (s.warm_share ?? 0))} %` : open ? `${open} open alert${open > 1 ? "s" : ""}` : "all usual";
  text($("state"), words);
  $("state").dataset.is = live.up === false ? "lost" : s.warming ? "warming" : open ? "alert" : "usual";
  const rate = Number.isFinite(s.events_per_second) ? `${s.events_per_second < 100 ? digits(s.events_per_second, 2) : count(s.events_per_second)} events/s` : "";
  text($("facts"), [rate, Number.isFinite(s.latency_ms?.p99) && `99 % within ${value(s.latency_ms.p99 / 1e3, "s")}`].filter(Boolean).join(" · "));
}

let timer = 0;
function toast(words, wrong = false) {
  const t = $("toast");
  t.textContent = words;
  t.classList.toggle("wrong", wrong);
  t.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => (t.hidden = true), wrong ? 8000 : 3500);
}

function readTheme() {
  document.documentElement.dataset.theme = localStorage.getItem("tacit-theme") ?? "auto";
}

function theme() {
  const dark = document.documentElement.dataset.theme === "dark" || (document.documentElement.dataset.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("tacit-theme", document.documentElement.dataset.theme);
  repaint();
}

function repaint() {
  readColours();
  time.repaint();
  grid.repaint();
}

function tabs() {
  for (const b of document.querySelectorAll(".tabs button")) b.setAttribute("aria-pressed", String(b.dataset.tab === document.body.dataset.tab));
}

function panel(open = document.body.classList.contains("folded")) {
  document.body.classList.toggle("folded", !open);
  $("learned-toggle").setAttribute("aria-expanded", String(open));
  localStorage.setItem("tacit-folded", open ? "" : "1");
}

function help() {
  $("help").replaceChildren(el("div.head", {}, el("h2", {}, "Keyboard"), el("button.quiet", { onclick: () => $("help").close(), "aria-label": "Close" }, "✕")),
    el("dl.help", {}, HELP.map(([k, what]) => [el("dt", {}, k.split(" ").map((one) => el("kbd", {}, one))), el("dd", {}, what)])),
    el("h2", {}, "Reading the charts"),
    el("p", {}, "The line is what was observed. The shade holds 98 of 100 usual values, as expected before each was seen. The dots look ahead. Drag a chart or turn the wheel sideways to go back in time, hold Ctrl while turning to zoom, hold Shift while dragging to zoom into a stretch."),
    el("p", {}, "“1 in 1 000” means: one usual moment in a thousand is as odd. An alert is a decision under a budget, not a cut through that number."));
  if (!$("help").open) $("help").showModal();
}

const ACTIONS = {
  j: () => feed.step(1), k: () => feed.step(-1), e: () => feed.open && feed.judge(feed.open.id, "expected"), p: () => feed.open && feed.judge(feed.open.id, "problem"),
  " ": () => view.setLive(!view.live), ArrowLeft: () => view.pan(-0.25), ArrowRight: () => view.pan(0.25), "+": () => view.zoom(0.5), "=": () => view.zoom(0.5), "-": () => view.zoom(2),
  "/": () => $("search").focus(), d: theme, l: () => panel(), "?": help, Escape: () => feed.open && (location.hash = "#/"),
};

addEventListener("keydown", (e) => {
  const at = e.target;
  if (e.key === "Escape" && at.matches("input")) return at.blur();
  if (e.ctrlKey || e.metaKey || e.altKey || at.matches("input, select, textarea") || $("help").open) return;
  if (e.key === " " && at.matches("button, summary, a")) return;
  const action = ACTIONS[e.key];
  if (!action) return;
  e.preventDefault();
  action();
});

$("theme").onclick = theme;
$("help-open").onclick = help;
$("learned-toggle").onclick = () => panel();
$("search").oninput = arrange;
$("order").onchange = arrange;
for (const b of document.querySelectorAll(".tabs button")) b.onclick = () => {
  document.body.dataset.tab = b.dataset.tab;
  tabs();
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
if (localStorage.getItem("tacit-folded") || innerWidth <= 1100) document.body.classList.add("folded");
$("learned-toggle").setAttribute("aria-expanded", String(!document.body.classList.contains("folded")));

const wait = async () => {
  await keys.look();
  if (view.key === null) setTimeout(wait, 500); // nothing has been seen yet
};
listen();
must(feed.route().then(wait));

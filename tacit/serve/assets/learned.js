// What it has learned: warm-up, encoder, champion against challenger, drift, and the health of the data.

import { $, count, duration, el, percent, value, when } from "./format.js";

const fact = (name, ...what) => el("div.fact", {}, el("dt", {}, name), el("dd", {}, ...what));
const section = (title, aside, ...body) => el("section", {}, el("div.head", {}, el("h2", {}, title), aside && el("span.dim", {}, aside)), ...body);
const meter = (share, words) => el("div.meter", { role: "img", "aria-label": `${words} ${percent(share)}` }, el("i", { style: { width: `${100 * Math.min(Math.max(share, 0), 1)}%` } }));

const STATES = { waiting: "waiting for enough data", learning: "learning", trial: "challenger on trial", off: "off" };

function model(s) {
  const m = s.model ?? {}, simple = !m.champion || m.champion === "simple";
  const notes = (s.source_notes ?? []).slice(0, 6).map((n) => el("li", {}, n));
  return section("What it has learned", s.ended ? "the source has ended" : s.warming ? "warming up" : "",
    s.warming && el("div.warm", {}, meter(s.warm_share ?? 0, "warm-up"), el("p", {}, `Warming up: ${percent(s.warm_share ?? 0)}. Scores appear once enough has been seen to tell what is usual.`)),
    el("dl", {}, fact("Events seen", count(s.events)), s.keys > 1 && fact("Keys", count(s.keys)),
      fact("Speaks now", simple ? "simple features" : el("code", {}, `encoder ${String(m.champion).slice(0, 8)}`)),
      Number.isFinite(m.age_seconds) && !simple && fact("In place", `${duration(m.age_seconds)}, ${count(m.age_events)} events`),
      s.started && fact("Running", duration(Date.now() / 1000 - s.started))),
    notes.length > 0 && el("details", {}, el("summary", {}, "What was found in the source"), el("ul.notes", {}, notes)));
}

/** Loss by step: training and held out. An SVG made by hand; the table below it says the same. */
function curve(points) {
  const w = 280, h = 72, ys = points.flatMap((p) => [p[1], p[2]]).filter(Number.isFinite);
  if (points.length < 2 || !ys.length) return el("p.dim", {}, "No loss curve yet.");
  const x0 = points[0][0], x1 = points[points.length - 1][0], lo = Math.min(...ys), hi = Math.max(...ys);
  const x = (v) => 1 + ((v - x0) / (x1 - x0 || 1)) * (w - 2), y = (v) => 3 + (1 - (v - lo) / (hi - lo || 1)) * (h - 6);
  const line = (i, cls) => {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    path.setAttribute("points", points.filter((p) => Number.isFinite(p[i])).map((p) => `${x(p[0]).toFixed(1)},${y(p[i]).toFixed(1)}`).join(" "));
    path.setAttribute("class", cls);
    return path;
  };
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${w} ${h}`);
  svg.setAttribute("class", "curve");
  svg.setAttribute("role", "img");
  const last = points[points.length - 1];
  svg.setAttribute("aria-label", `loss ${value(last[1])}, held out ${value(last[2])} after ${count(last[0])} steps`);
  svg.append(line(1, "train"), line(2, "held"));
  return el("figure", {}, svg, el("figcaption.dim", {}, el("span.key-train", {}, `training ${value(last[1])}`), el("span.key-held", {}, `held out ${value(last[2])}`), el("span", {}, `${count(last[0])} steps`)));
}

function learning(s) {
  const l = s.learning ?? {};
  const state = STATES[l.state] ?? l.state ?? "not started";
  const due = l.next_in > 0 && el("p.dim", {}, `The next attempt to learn one comes in ${count(l.next_in)} events.`);
  return section("Encoder", state, l.progress > 0 && l.progress < 1 && meter(l.progress, "progress"), l.message && el("p", {}, l.message), due, l.state !== "off" && curve(l.curve ?? []));
}

/** Forecast losses on one scale: lower is better. What an earlier trial measured stands on other events, and is told apart. */
function ladder(s) {
  const rungs = (s.ladder ?? []).filter((r) => Number.isFinite(r.loss));
  if (!rungs.length) return section("Which forecasts best", "", el("p.dim", {}, "Not compared yet."));
  const losses = rungs.map((r) => r.loss), lo = Math.min(...losses), hi = Math.max(...losses), room = (hi - lo || 1) * 0.08;
  const x = (v) => `${(100 * (v - lo + room)) / (hi - lo + 2 * room || 1)}%`;
  const best = Math.min(...rungs.filter((r) => !r.earlier).map((r) => r.loss));
  const kind = (r) => (r.earlier ? ".earlier" : r.loss === best ? ".best" : "");
  const told = (r) => `${r.name}: mean loss ${value(r.loss)} over ${count(r.events)} events${r.earlier ? " of an earlier trial" : ""}`;
  const rows = [...rungs].sort((a, b) => a.loss - b.loss).map((r) => el("tr" + kind(r), { title: told(r) }, el("th", { scope: "row" }, r.earlier ? `${r.name}*` : r.name),
    el("td.place", {}, el("i.point", { style: { left: x(r.loss) } })), el("td.num", {}, value(r.loss))));
  return section("Which forecasts best", "lower is better", el("table.ladder", {}, el("tbody", {}, rows)), rungs.some((r) => r.earlier) && el("p.dim", {}, "* of an earlier trial, on other events"));
}

function promotions(s) {
  const log = [...(s.promotions ?? [])].reverse().slice(0, 12);
  if (!log.length) return section("Promotions", "", el("p.dim", {}, "None tried yet. An encoder takes over only where it forecasts better, beyond doubt."));
  const sign = (x) => `${x > 0 ? "+" : ""}${percent(x)}`;
  return section("Promotions", "", el("ol.promotions", {}, log.map((p) => el("li", { title: p.reason }, el("span.tag." + (p.decision === "promoted" ? "good" : "no"), {}, p.decision),
    el("span", {}, ` ${String(p.from).slice(0, 8)} → ${String(p.to).slice(0, 8)} `), Number.isFinite(p.gain) && el("span.num", {}, `${sign(p.gain)} (${sign(p.low)} to ${sign(p.high)})`),
    el("div.dim", {}, `${p.time ? when(p.time, undefined, false) + " · " : ""}${p.reason ?? ""}`)))));
}

function drift(s) {
  const d = s.drift ?? {}, list = Object.entries(d.features ?? {}).sort((a, b) => b[1] - a[1]).slice(0, 6);
  if (!Number.isFinite(d.overall) && !list.length) return section("Drift", "", el("p.dim", {}, "Not measured yet."));
  return section("Drift", Number.isFinite(d.overall) ? percent(d.overall) : "", Number.isFinite(d.overall) && meter(d.overall, "drift overall"),
    el("table.drift", {}, el("tbody", {}, list.map(([name, x]) => el("tr", {}, el("th", { scope: "row", title: name }, name), el("td", {}, meter(x, name)), el("td.num", {}, percent(x)))))));
}

function health(s) {
  const r = s.refused ?? {}, refused = Object.entries(r.counts ?? {}), h = s.history ?? {}, ms = s.latency_ms ?? {};
  const all = refused.reduce((n, [, c]) => n + c, 0);
  const lost = (h.queue_full ?? 0) + (h.write_failed ?? 0);
  return section("Data health", "", el("dl", {}, fact("Refused", el(all ? "b" : "span", {}, count(all))), fact("Late", count(s.late)),
    fact("Latency", `${value(ms.p50 / 1e3, "s")}, 99 % ≤ ${value(ms.p99 / 1e3, "s")}`), Number.isFinite(s.memory_mb) && fact("Memory", `${Math.round(s.memory_mb)} MB`),
    s.alerts?.budget && fact("Alert budget", s.alerts.budget), fact("Kept for charts", `${count(h.kept)} of ${count(h.offered)}`), lost > 0 && fact("Charts lost", el("b", {}, count(lost)))),
    h.error && el("p.wrong", {}, `The dashboard's history cannot be written: ${h.error}`),
    refused.length > 0 && el("details", {}, el("summary", {}, "What was refused"), el("ul.notes", {}, refused.map(([why, n]) => el("li", {}, `${why}: ${count(n)}`)),
      (r.samples ?? []).slice(0, 9).map(([why, where, what]) => el("li.dim", {}, `${why}, ${where}: `, el("code", {}, what))))));
}

let drawn = "";

/** Draw the panel; what hasn't changed is left alone, and what was unfolded stays so. */
export function learned(s) {
  const host = $("learned"), mark = JSON.stringify([s.model, s.learning, s.ladder, s.promotions, s.drift, s.refused, s.events, s.warming, s.warm_share, s.history?.error, Math.floor(Date.now() / 60000)]);
  if (mark === drawn) return;
  drawn = mark;
  const open = new Set([...host.querySelectorAll("details[open] > summary")].map((d) => d.textContent));
  const focus = host.contains(document.activeElement) && document.activeElement.textContent;
  host.replaceChildren(model(s), learning(s), ladder(s), promotions(s), drift(s), health(s));
  for (const summary of host.querySelectorAll("summary")) {
    if (open.has(summary.textContent)) summary.parentElement.open = true;
    if (focus && summary.textContent === focus) summary.focus();
  }
}

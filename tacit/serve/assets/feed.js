// The feed of alerts, and the page of one.

import { ask } from "./link.js";
import { $, clock, date, duration, el, odds, percent, text, utc, value, when } from "./format.js";

const VERDICTS = { expected: "Expected", problem: "A real problem" };

export class Feed {
  constructor(view, state, say) {
    Object.assign(this, { view, state, say });
    this.all = [];
    this.open = null; // the alert whose page is shown
    this.units = {};
    this.most = 100; // cards drawn
    this.ends = false;
    this.known = null;
    $("feed-held").onchange = () => this.draw();
    addEventListener("hashchange", () => this.route());
    setInterval(() => this.draw(), 10000);
  }

  get shown() {
    return this.all.filter((e) => $("feed-held").checked || !e.suppressed);
  }

  get opened() {
    return this.all.filter((e) => !e.suppressed && e.closed === null);
  }

  /** Take episodes in: the newest word on each, open ones first, then the latest. */
  merge(episodes) {
    const all = new Map(this.all.map((e) => [e.id, e]));
    for (const e of episodes) all.set(e.id, e);
    this.all = [...all.values()].sort((a, b) => (a.closed !== null) - (b.closed !== null) || b.id - a.id);
  }

  /** Read earlier ones: of a key, or of all. */
  async more(key = null) {
    const before = key === null && this.all.length ? Math.min(...this.all.map((e) => e.id)) : null;
    const { episodes } = await ask("/api/episodes", { key, before, limit: key === null ? 100 : 500 });
    this.merge(episodes);
    this.ends = key === null && episodes.length < 100;
    if (key === null) this.most += 100;
    this.draw();
    this.view.tell("reasons");
  }

  set(episodes) {
    this.merge(episodes);
    const fresh = this.known ? episodes.filter((e) => !e.suppressed && !this.known.has(e.id)) : [];
    this.known = new Set([...(this.known ?? []), ...episodes.filter((e) => !e.suppressed).map((e) => e.id)]);
    for (const e of fresh) text($("say"), `Alert${e.key ? " on " + e.key : ""}: ${e.sentence}`);
    if (this.open) {
      const same = episodes.find((e) => e.id === this.open.id);
      if (same) this.show(same, false);
    }
    this.draw(fresh);
    return fresh.length > 0;
  }

  /** Draw only what changed: the page stays still under the reader's eye and focus. */
  draw(fresh = []) {
    const list = this.shown.slice(0, this.most), n = this.opened.length;
    text($("feed-count"), n ? `${n} open` : "none open");
    text($("tab-open"), n ? ` ${n}` : "");
    $("feed-count").classList.toggle("hot", n > 0);
    const host = $("feed-list"), had = new Map([...host.children].filter((c) => c.dataset.id).map((c) => [c.dataset.id, c]));
    if (!list.length) {
      host.replaceChildren(el("li.none", {}, this.all.length ? "No alerts but those held back." : "No alerts yet. When something leaves what has been learned, it appears here."));
      return;
    }
    for (const none of host.querySelectorAll(".none")) none.remove();
    list.forEach((e, i) => {
      const mark = JSON.stringify([e, this.open?.id === e.id, e.closed === null ? 0 : Math.floor(Date.now() / 60000)]);
      let card = had.get(String(e.id));
      had.delete(String(e.id));
      if (!card || card.mark !== mark) {
        const made = this.card(e);
        made.mark = mark;
        if (card) {
          const focus = card.contains(document.activeElement) && document.activeElement.dataset.what;
          card.replaceWith(made);
          if (focus) made.querySelector(`[data-what="${focus}"]`)?.focus();
        }
        card = made;
        if (fresh.includes(e)) card.classList.add("fresh");
      }
      if (host.children[i] !== card) host.insertBefore(card, host.children[i] ?? null);
    });
    for (const gone of had.values()) gone.remove();
    if (list.length >= 100 && !this.ends) host.append(el("li.none", {}, el("button", { onclick: () => this.more().catch((error) => this.say(error.message, true)) }, "Earlier alerts")));
  }

  card(e) {
    const here = this.open?.id === e.id;
    return el("li.alert" + (e.closed === null && !e.suppressed ? ".open" : "") + (e.suppressed ? ".held" : "") + (here ? ".here" : ""),
      { "data-id": e.id, "aria-current": here ? "true" : null },
      el("div.meta", {}, el("a.id", { href: `#/alert/${e.id}`, "data-what": "link", title: "Permanent link" }, `#${e.id}`), this.lasting(e),
        e.suppressed && el("span.tag", { title: e.suppressed }, "held back")),
      el("a.sentence", { href: `#/alert/${e.id}`, "data-what": "open" }, e.key && el("b", {}, e.key + " "), e.sentence),
      this.buttons(e));
  }

  lasting(e) {
    const about = e.closed === null ? "open" : `for ${duration(e.closed - e.opened)}`;
    return el("span.when", { title: utc(e.opened) }, el("span", {}, when(e.opened)), el("span.dot", {}, " · "), el("span" + (e.closed === null ? ".hot" : ""), {}, about));
  }

  buttons(e) {
    return el("div.verdicts", { role: "group", "aria-label": "Your verdict" }, Object.entries(VERDICTS).map(([verdict, words]) =>
      el("button.verdict." + verdict, { "aria-pressed": String(e.feedback === verdict), "data-what": verdict, onclick: () => this.judge(e.id, verdict) }, words)));
  }

  async judge(id, verdict) {
    try {
      const said = await ask("/api/feedback", {}, { episode: id, verdict });
      const i = this.all.findIndex((e) => e.id === id);
      if (i >= 0) this.all[i] = { ...this.all[i], feedback: said.feedback };
      this.say(`#${id} noted as ${verdict === "expected" ? "expected: alerts like it will be held back" : "a real problem"}.`);
      if (this.open?.id === id) this.show({ ...this.open, feedback: said.feedback }, false);
      this.draw();
    } catch (error) {
      this.say(`The verdict on #${id} was not taken: ${error.message}`, true);
    }
  }

  /** j and k. */
  step(by) {
    const list = this.shown, at = list.findIndex((e) => e.id === this.open?.id);
    const next = list[at < 0 ? 0 : Math.min(Math.max(at + by, 0), list.length - 1)];
    if (next) location.hash = `#/alert/${next.id}`;
  }

  async route() {
    const match = location.hash.match(/^#\/alert\/(\d+)$/);
    if (!match) return this.close();
    try {
      const id = Number(match[1]);
      this.show(this.all.find((e) => e.id === id) ?? (await ask(`/api/episodes/${id}`)), true);
    } catch (error) {
      this.say(error.message, true);
      history.replaceState(null, "", "#/");
    }
  }

  close() {
    if (!this.open) return;
    this.open = null;
    this.state.reasons = null;
    $("detail").hidden = true;
    this.draw();
    this.view.tell("reasons");
  }

  /** The page of an alert; `move`: take the charts there. */
  show(e, move) {
    const held = $("detail").contains(document.activeElement) && document.activeElement.dataset.what;
    this.open = e;
    const day = date(e.opened) === date(Date.now() / 1000) ? "" : date(e.opened) + " ";
    const span = `${day}${clock(e.opened)} – ${e.closed === null ? "now, still open" : `${when(e.closed, e.opened)} (${duration(e.closed - e.opened)})`}`;
    const rows = e.reasons.map((r) => el("tr", {}, el("th", { scope: "row" }, r.feature),
      el("td.share", {}, el("meter", { min: 0, max: 1, value: r.share, "aria-label": `share of ${r.feature}` }), percent(r.share)),
      el("td.num", {}, value(r.observed, this.units[r.feature])), el("td.num.dim", {}, `${value(r.low, this.units[r.feature])} to ${value(r.high, this.units[r.feature])}`)));
    $("detail").replaceChildren(
      el("div.meta", {}, el("b", {}, `Alert #${e.id}`), e.key && el("span.key", {}, e.key), el("span.when", { title: utc(e.opened) }, span), 
        el("button.quiet.copy", { onclick: () => this.copy(), "data-what": "copy" }, "Copy link"), el("button.quiet.close", { "aria-label": "Close", "data-what": "close", onclick: () => (location.hash = "#/") }, "✕")),
      el("p.sentence", {}, e.sentence),
      el("div.facts", {}, el("div", {}, el("span.dim", {}, "At its peak "), el("b", {}, odds(e.surprise)), el("span.dim", {}, " normal moments")), e.suppressed && el("div", {}, el("span.tag", {}, "held back"), " " + e.suppressed), this.buttons(e)),
      rows.length ? el("table.reasons", {}, el("thead", {}, el("tr", {}, ["Reason", "Share", "Observed", "Expected"].map((h) => el("th", { scope: "col" }, h)))), el("tbody", {}, rows)) : null);
    $("detail").hidden = false;
    if (held) $("detail").querySelector(`[data-what="${held}"]`)?.focus();
    this.state.reasons = new Set(e.reasons.slice(0, 3).map((r) => r.feature));
    if (move) {
      if (e.key !== this.view.key) this.view.choose(e.key);
      this.view.show(e.opened, e.closed ?? this.view.edge);
      document.body.dataset.tab = "charts";
      this.view.tell("tab");
      $("stage").scrollTop = 0;
    }
    this.draw();
    this.view.tell("reasons");
    document.querySelector(`#feed-list [data-id="${e.id}"]`)?.scrollIntoView({ block: "nearest" });
  }

  async copy() {
    await navigator.clipboard.writeText(location.href);
    this.say("Link copied.");
  }
}

// The grid of small charts: only those in sight exist, so that 2,000 features cost what a dozen cost.

import { featureChart } from "./charts.js";
import { $, el, text, value } from "./format.js";

const HEIGHT = 168, GAP = 10, NARROWEST = 268;

export class Grid {
  /** state: as of charts.js; grab(over): attaches the gestures of time to a plot. */
  constructor(view, state, grab) {
    Object.assign(this, { view, state, grab });
    this.host = $("grid");
    this.stage = $("stage");
    this.cards = new Map();
    this.order = [];
    this.frame = 0;
    this.focus = null;
    this.stage.addEventListener("scroll", () => this.lay(), { passive: true });
    new ResizeObserver(() => this.resize()).observe(this.host);
  }

  /** Show these features, in this order. */
  set(order) {
    if (this.order.length === order.length && order.every((f, i) => f.id === this.order[i].id)) return;
    this.order = order;
    this.host.toggleAttribute("data-empty", order.length === 0);
    this.lay();
  }

  get columns() {
    return Math.max(1, Math.floor((this.host.clientWidth + GAP) / (NARROWEST + GAP)));
  }

  resize() {
    for (const card of this.cards.values()) card.remove();
    this.cards.clear();
    this.lay();
  }

  /** Put the cards in sight in their places, and no others. */
  lay() {
    const n = this.columns, full = HEIGHT + GAP, rows = Math.ceil(this.order.length / n);
    this.width = Math.floor((this.host.clientWidth - (n - 1) * GAP) / n);
    this.host.style.height = `${rows * full}px`;
    const top = this.stage.scrollTop - this.host.offsetTop;
    const first = Math.max(0, Math.floor(top / full) - 1), last = Math.min(rows, Math.ceil((top + this.stage.clientHeight) / full) + 1);
    const seen = new Map(this.order.slice(first * n, last * n).map((f, i) => [f.id, [f, first * n + i]]));
    for (const [id, card] of this.cards)
      if (!seen.has(id)) {
        card.remove();
        this.cards.delete(id);
      }
    let i = 0;
    for (const [id, [feature, place]] of seen) {
      const card = this.cards.get(id) ?? this.make(feature);
      if (this.host.children[i] !== card) this.host.insertBefore(card, this.host.children[i]); // read out in the order seen
      i++;
      card.style.transform = `translate(${(place % n) * (this.width + GAP)}px, ${Math.floor(place / n) * full}px)`;
    }
    const sight = [...seen.keys()];
    if (sight.join() !== this.view.sight.join()) {
      this.view.sight = sight;
      this.view.tell("sight");
    }
    this.draw();
  }

  make(feature) {
    const now = el("span.now"), band = el("span.dim.expected");
    const plot = el("div.plot", { role: "img", "aria-label": `${feature.name} over time` });
    const name = el("span.name", { title: feature.name }, feature.name);
    const card = el("div.card", { role: "listitem", style: { width: `${this.width}px`, height: `${HEIGHT}px` } },
      el("div.top", {}, name, feature.muted && el("span.tag", { title: "shown and modelled, never alerted on" }, "muted"), now), band, plot);
    card.classList.toggle("reason", this.state.reasons?.has(feature.name) ?? false);
    this.host.append(card);
    const size = { width: this.width - 2, height: HEIGHT - 50 };
    card.chart = featureChart(plot, feature, size, this.state, (i) => this.read(card, feature, i));
    card.feature = feature;
    Object.assign(card, { now, band });
    this.grab(card.chart.over);
    const gone = card.remove.bind(card);
    card.remove = () => {
      card.chart.destroy();
      gone();
    };
    this.cards.set(feature.id, card);
    return card;
  }

  /** The value at the cursor, or the newest in the window, with what was expected. */
  read(card, feature, at) {
    const d = this.view.data, f = d?.features[feature.id];
    if (!f) {
      text(card.now, "");
      text(card.band, "loading");
      return;
    }
    let i = at;
    if (i === null) {
      i = d.time.length - 1;
      while (i >= 0 && d.time[i] > this.view.to) i--;
    }
    const start = i;
    while (i > 0 && start - i < 400 && f.observed[i] === null) i--;
    const y = f.observed[i], low = f.low[i], high = f.high[i];
    text(card.now, i >= 0 ? value(y, feature.unit) : "–");
    const known = i >= 0 && low !== null && low !== undefined;
    text(card.band, known ? `expected ${value(low, feature.unit)} to ${value(high, feature.unit)}` : "warming up: no band yet");
    card.now.classList.toggle("out", known && y !== null && (y > high + 0.05 * (high - low) || y < low - 0.05 * (high - low)));
  }

  draw() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      const { data, from, to } = this.view;
      if (!data) return;
      for (const card of this.cards.values()) {
        const f = data.features[card.feature.id];
        if (f) card.chart.fill(data.time, f, from, to);
        const at = card.chart.cursor.left >= 0 ? card.chart.cursor.idx : null;
        this.read(card, card.feature, at ?? null);
      }
    });
  }

  /** Colours or episodes have changed. */
  repaint() {
    for (const card of this.cards.values()) {
      card.classList.toggle("reason", this.state.reasons?.has(card.feature.name) ?? false);
      card.chart.redraw(false, true);
    }
  }
}

// The view: which key and stretch of time is shown, and the columns behind it.

import { ask } from "./link.js";

const MOST = 60; // features that are always loaded whole; beyond, those in sight
export const SPANS = [[60, "1 min"], [300, "5 min"], [900, "15 min"], [3600, "1 h"], [21600, "6 h"], [86400, "24 h"]];
const NAMES = ["observed", "low", "middle", "high", "forecast"];

export class View extends EventTarget {
  constructor() {
    super();
    this.key = null;
    this.live = true;
    this.span = 300;
    this.end = 0;
    this.extent = null; // [oldest, newest] of the key
    this.features = [];
    this.sight = []; // features in sight
    this.data = null;
    this.loading = 0;
    this.dirty = 0;
    this.last = 0;
    this.before = 0; // the span before a pause
    this.tail = []; // the stream's last messages
  }

  tell(name) {
    this.dispatchEvent(new Event(name));
  }

  get to() {
    return this.live ? this.edge + this.width * 0.04 : this.end;
  }

  get from() {
    return this.to - this.width;
  }

  /** Seconds shown: the span, or what there is of it in the first minutes of a stream. */
  get width() {
    return this.live && this.extent ? Math.min(this.span, Math.max(30, (this.extent[1] - this.extent[0]) * 1.08)) : this.span;
  }

  get edge() {
    return this.extent ? this.extent[1] : Date.now() / 1000;
  }

  get wanted() {
    return this.features.length <= MOST ? this.features.map((f) => f.id) : this.sight;
  }

  choose(key) {
    if (key === this.key) return;
    this.key = key;
    this.data = this.extent = null;
    this.tail = [];
    this.last = 0;
    this.tell("key");
    this.load();
  }

  /** Columns for the window and half a window on either side. */
  async load() {
    if (this.key === null) return;
    const turn = ++this.loading;
    const { key } = this;
    if (this.live && this.data === null) await this.find(key);
    const { from, to, span, wanted } = this;
    const query = { key, points: 1500, features: wanted.join(","), from: from - span / 2, to: to + (this.live ? span : span / 2) };
    const got = await ask("/api/series", query);
    if (turn !== this.loading) return;
    const whole = !got.extent || query.to >= got.extent[1];
    if (got.extent) this.extent = [got.extent[0], Math.max(got.extent[1], this.extent ? this.extent[1] : 0)];
    const { time, id, surprise, score, alert, features } = got;
    this.data = { from: query.from, to: whole ? Infinity : query.to, span, key, ids: new Set(wanted), newest: got.last,
      time, id, surprise, score, alert, features, thinned: got.rows > got.shown };
    this.last = Math.max(this.last, got.last);
    for (const rows of this.tail) this.join(rows); // what came while the answer was under way
    this.tell("data");
  }

  /** Where the key's time stands. */
  async find(key) {
    const { extent, time } = await ask("/api/series", { key, newest: 1, points: 200 });
    if (!extent || key !== this.key) return;
    this.extent = extent;
    const steps = time.slice(1).map((t, i) => t - time[i]).sort((a, b) => a - b);
    if (!this.chosen && steps.length > 5) this.span = Math.min(Math.max(300, 500 * steps[Math.floor(steps.length / 2)]), 40 * 86400); // daily readings need more than minutes
    this.tell("window");
  }

  /** Load again soon, if what is shown isn't (all) there. */
  need(force = false) {
    const d = this.data;
    const lacks = !d || d.key !== this.key || this.from < d.from || (!this.live && this.to > d.to) ||
      this.span < d.span / 1.9 || this.span > d.span * 1.9 || this.wanted.some((f) => !d.ids.has(f));
    if (!lacks && !force) return;
    clearTimeout(this.dirty);
    this.dirty = setTimeout(() => this.load().catch((e) => this.fail(e)), 90);
  }

  fail(error) {
    this.error = error;
    this.tell("error");
  }

  /** Newest rows from the stream. */
  append(rows) {
    if (rows.key !== this.key) return;
    this.last = Math.max(this.last, rows.last);
    const times = rows.time.slice().sort((a, b) => a - b);
    const middle = times[Math.floor(times.length / 2)]; // one event dated next year does not move the window
    this.extent = this.extent ? [this.extent[0], Math.max(this.extent[1], middle)] : [times[0], middle];
    this.tail = [...this.tail, rows].slice(-12);
    if (this.join(rows) || this.data?.time.length > 4000) this.need(true);
    if (this.live) this.tell("data");
  }

  /** Put rows behind the columns; true where one came late and the columns must be read again. */
  join(rows) {
    const d = this.data;
    if (!d || d.to !== Infinity) return false;
    const newest = d.id.length ? d.newest : 0;
    let late = false;
    for (let i = 0; i < rows.time.length; i++) {
      if (rows.id[i] <= newest) continue;
      d.newest = Math.max(d.newest, rows.id[i]);
      if (d.time.length && rows.time[i] < d.time[d.time.length - 1]) {
        late = true;
        continue;
      }
      for (const name of ["time", "id", "surprise", "score", "alert"]) d[name].push(rows[name][i]);
      for (const [id, f] of Object.entries(d.features))
        for (const name of NAMES) f[name].push(rows.features[id] ? rows.features[id][name][i] : null);
    }
    return late;
  }

  go(end, span = this.width) {
    this.live = false;
    this.chosen = true;
    this.span = Math.min(Math.max(span, 2), 40 * 86400);
    const [a, b] = this.extent ?? [end - span, end];
    this.end = Math.min(Math.max(end, a + this.span * 0.1), b + this.span * 0.5);
    if (this.end >= b + this.span * 0.03) this.live = true;
    this.tell("window");
    this.need();
  }

  pan(share) {
    this.go(this.to + share * this.width);
  }

  /** Zoom by a factor around a share of the window (0 left, 1 right). */
  zoom(factor, at = 1) {
    const span = Math.min(Math.max(this.width * factor, 2), 40 * 86400);
    if (this.live && at > 0.97) return this.setSpan(span);
    const still = this.from + at * this.width;
    this.go(still + (1 - at) * span, span);
  }

  setSpan(span) {
    this.chosen = true;
    if (this.live) {
      this.span = span;
      this.tell("window");
      this.need();
    } else this.go(this.from + this.width / 2 + span / 2, span);
  }

  setLive(live) {
    if (live === this.live) return;
    if (!live) [this.end, this.before, this.span] = [this.to, this.span, this.width];
    else if (this.before) this.span = Math.max(this.before, this.span);
    this.live = live;
    if (live) this.before = 0;
    this.tell("window");
    this.need();
  }

  show(from, to) {
    const room = Math.max((to - from) * 0.6, 20);
    this.go(to + room, to - from + 2 * room);
  }
}

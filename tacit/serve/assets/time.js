// Time: the bar, the strip, the overview of the whole past, and the gestures that move the window.

import { ask } from "./link.js";
import { colours, scoreStrip } from "./charts.js";
import { $, clock, date, duration, el, odds, text, when } from "./format.js";
import { SPANS } from "./view.js";

export class Time {
  constructor(view, state) {
    Object.assign(this, { view, state });
    this.past = null;
    this.host = $("strip");
    this.canvas = $("overview");
    for (const [span, words] of [...SPANS, [Infinity, "all"]])
      $("spans").append(el("button.quiet", { "data-span": span, onclick: () => this.span(span) }, words));
    $("live").onclick = () => view.setLive(!view.live);
    $("back").onclick = () => view.pan(-0.5);
    $("forth").onclick = () => view.pan(0.5);
    this.build();
    new ResizeObserver(() => this.build()).observe(this.host);
    this.scrub();
    setInterval(() => view.live && this.look().catch((e) => view.fail(e)), 15000);
  }

  span(span) {
    const { extent } = this.view;
    if (span === Infinity) this.view.setSpan(extent ? Math.max(extent[1] - extent[0], 60) * 1.05 : 3600);
    else this.view.setSpan(span);
    if (span === Infinity) this.view.setLive(true);
  }

  build() {
    this.chart?.destroy();
    const size = { width: Math.max(this.host.clientWidth, 100), height: 96 };
    this.chart = scoreStrip(this.host, size, this.state, (i) => this.read(i));
    this.grab(this.chart.over, true);
    this.draw();
    this.map();
  }

  read(i) {
    const d = this.view.data;
    const known = d && i !== null && d.time[i] !== undefined && this.chart.cursor.left >= 0;
    text($("strip-value"), known ? `${when(d.time[i])} · ${odds(d.surprise[i])}` : "");
  }

  draw() {
    const { view } = this, { data, from, to, live, extent } = view;
    $("live").setAttribute("aria-pressed", String(live));
    text($("live"), live ? "Live" : "Paused");
    for (const b of $("spans").children) b.setAttribute("aria-pressed", String(Math.abs(Number(b.dataset.span) - view.span) < 0.02 * view.span));
    const far = extent && !live ? ` · ${duration(Math.max(extent[1] - to, 0))} back` : "";
    const day = date(from) === date(Date.now() / 1000) ? "" : `${date(from)} `;
    text($("range"), extent ? `${day}${clock(from, view.span < 3600)} – ${clock(Math.min(to, extent[1]), view.span < 3600)}${far}` : "");
    if (data) this.chart.fill(data.time, data.surprise, data.alert, from, to);
    this.map();
  }

  /** Read the whole past, coarsely. */
  async look() {
    const { key } = this.view;
    if (key === null) return;
    const past = await ask("/api/series", { key, points: 500 });
    if (key !== this.view.key) return;
    this.past = past;
    this.map();
  }

  bounds() {
    const [a, b] = this.view.extent ?? [0, 1];
    return [Math.min(a, b - 60), b + Math.max(b - a, 60) * 0.01];
  }

  /** Draw the overview. */
  map() {
    const { canvas, past, view } = this, r = devicePixelRatio, w = canvas.clientWidth * r, h = canvas.clientHeight * r;
    if (!w || !view.extent) return;
    if (canvas.width !== Math.round(w) || canvas.height !== Math.round(h)) [canvas.width, canvas.height] = [Math.round(w), Math.round(h)];
    const c = canvas.getContext("2d"), [a, b] = this.bounds(), x = (t) => ((t - a) / (b - a)) * w;
    c.clearRect(0, 0, w, h);
    c.fillStyle = colours.score;
    past?.time.forEach((t, i) => {
      const tall = Math.min((past.surprise[i] ?? 0) / 16, 1) * h * 0.8;
      c.fillRect(x(t), h - tall - r, Math.max(w / 600, r), tall + r);
    });
    c.fillStyle = colours.alert;
    for (const e of this.state.episodes) if (!e.suppressed) c.fillRect(x(e.opened), 0, Math.max(x(e.closed ?? b) - x(e.opened), 3 * r), 3 * r);
    const left = Math.max(x(view.from), 0), right = Math.min(x(view.to), w);
    c.fillStyle = colours.band;
    c.fillRect(left, 0, Math.max(right - left, 3 * r), h);
    c.strokeStyle = colours.line;
    c.lineWidth = r;
    c.strokeRect(left + r / 2, r / 2, Math.max(right - left, 3 * r) - r, h - r);
    const share = Math.round(100 * Math.min(Math.max((view.to - a) / (b - a), 0), 1));
    canvas.setAttribute("aria-valuenow", share);
    canvas.setAttribute("aria-valuetext", `${when(view.from)} to ${when(view.to)}`);
  }

  /** Dragging in the overview moves the window. */
  scrub() {
    const to = (e) => {
      const box = this.canvas.getBoundingClientRect(), [a, b] = this.bounds();
      this.view.go(a + ((e.clientX - box.left) / box.width) * (b - a) + this.view.width / 2);
    };
    this.canvas.addEventListener("pointerdown", (e) => {
      this.canvas.setPointerCapture(e.pointerId);
      to(e);
    });
    this.canvas.addEventListener("pointermove", (e) => e.buttons && to(e));
  }

  /** Drag to move, shift-drag to zoom in, wheel sideways to move, ctrl-wheel (in the strip: wheel) to zoom. */
  grab(over, wheels = false) {
    const { view } = this;
    let from = null;
    over.style.touchAction = "pan-y";
    over.addEventListener("pointerdown", (e) => {
      if (e.button !== 0) return;
      from = { x: e.clientX, to: view.to, span: view.width, zoom: e.shiftKey, width: over.clientWidth, left: e.clientX - over.getBoundingClientRect().left };
      over.setPointerCapture(e.pointerId);
    });
    over.addEventListener("pointermove", (e) => {
      if (!from) return;
      const far = e.clientX - from.x;
      if (from.zoom) this.select(from, far);
      else if (from.moved || Math.abs(far) > 4) {
        from.moved = true;
        view.go(from.to - (far / from.width) * from.span);
      }
    });
    const end = (e) => {
      if (from?.zoom && e.type === "pointerup") {
        const far = e.clientX - from.x, a = Math.min(from.left, from.left + far) / from.width, b = Math.max(from.left, from.left + far) / from.width;
        this.select(from, 0);
        if (b - a > 0.01) view.go(view.from + b * view.width, (b - a) * view.width);
      }
      from = null;
    };
    over.addEventListener("pointerup", end);
    over.addEventListener("pointercancel", end);
    over.addEventListener("dblclick", () => view.setLive(true));
    over.addEventListener("wheel", (e) => {
      const zooms = e.ctrlKey || e.metaKey || (wheels && Math.abs(e.deltaY) > Math.abs(e.deltaX) && !e.shiftKey);
      const along = e.shiftKey ? e.deltaX || e.deltaY : e.deltaX;
      if (zooms) {
        const box = over.getBoundingClientRect();
        view.zoom(Math.exp(Math.sign(e.deltaY) * Math.min(Math.abs(e.deltaY), 80) / 300), (e.clientX - box.left) / box.width);
      } else if (along) view.pan(Math.max(Math.min(along / 600, 0.4), -0.4));
      else return;
      e.preventDefault();
    }, { passive: false });
  }

  select(from, far) {
    const left = Math.min(from.left, from.left + far);
    this.chart.setSelect({ left, width: Math.abs(far), top: 0, height: far ? this.chart.over.clientHeight : 0 }, false);
  }

  repaint() {
    this.chart.redraw(false, true);
    this.map();
  }
}

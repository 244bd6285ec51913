// Charts: one small chart of a feature, and the strip that says how unusual each moment was.

import { clock, date, value } from "./format.js";

/* global uPlot */
export const colours = {};

export function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["line", "band", "ahead", "alert", "alert-soft", "held-soft", "grid", "dim", "text", "panel", "score"])
    colours[name] = style.getPropertyValue(`--${name}`).trim();
}

const axis = (more) => ({
  stroke: () => colours.dim, font: "11px system-ui, sans-serif", grid: { stroke: () => colours.grid, width: 1 }, ticks: { show: false }, gap: 4, ...more,
});

/** Where a line must break: no value for far longer than usual. uPlot's gaps, in canvas pixels. */
function gaps(u, si, i0, i1) {
  const t = u.data[0], y = u.data[si], steps = [];
  for (let i = i0 + 1; i <= i1; i += Math.max(1, Math.floor((i1 - i0) / 64))) steps.push(t[i] - t[i - 1]);
  steps.sort((a, b) => a - b);
  let seen = 0, last = -1, out = [];
  for (let i = i0; i <= i1; i++) if (y[i] !== null) seen++;
  const usual = (steps[Math.floor(steps.length / 2)] || 0) * Math.max(1, (i1 - i0) / Math.max(seen, 1));
  for (let i = i0; i <= i1; i++) {
    if (y[i] === null) continue;
    if (last >= 0 && t[i] - t[last] > Math.max(8 * usual, 1e-6)) out.push([u.valToPos(t[last], "x", true), u.valToPos(t[i], "x", true)]);
    last = i;
  }
  return out;
}

/** The range of y: the observed, and the band as long as it doesn't dwarf them. */
export function range(u) {
  const [i0, i1] = u.series[0].idxs ?? [0, 0];
  let low = Infinity, high = -Infinity, bl = Infinity, bh = -Infinity;
  for (let i = i0; i <= i1; i++) {
    const y = u.data[3][i], a = u.data[1][i], b = u.data[2][i];
    if (y !== null && y !== undefined) { low = Math.min(low, y); high = Math.max(high, y); }
    if (a !== null && a !== undefined) { bl = Math.min(bl, a); bh = Math.max(bh, b); }
  }
  if (low === Infinity) [low, high] = [bl, bh];
  if (low === Infinity) return [0, 1];
  if (low === 0 && high === 0 && !(Math.max(-bl, bh) > 1e-9)) return [-0.04, 1]; // always nothing: ticks of 1e-12 would tell less
  const room = Math.max(high - low, Math.abs(high) * 1e-3, 1e-12);
  const floor = low >= 0 ? -0.04 * room : -Infinity;
  low = Math.min(low, Math.max(bl, low - 1.5 * room));
  high = Math.max(high, Math.min(bh, high + 1.5 * room));
  const pad = Math.max((high - low) * 0.08, Math.abs(high) * 1e-4, 1e-12);
  return [Math.max(low - pad, Math.min(floor, low)), high + pad];
}

/** Shade the alerts of this key behind the lines. */
function shade(u, episodes, edge) {
  const { left, top, width, height } = u.bbox, c = u.ctx;
  for (const e of episodes) {
    const x0 = u.valToPos(e.opened, "x", true), x1 = Math.max(u.valToPos(e.closed ?? edge, "x", true), x0 + 2);
    const a = Math.max(x0, left), b = Math.min(x1, left + width);
    if (b <= a) continue;
    c.fillStyle = e.suppressed ? colours["held-soft"] : colours["alert-soft"];
    c.fillRect(a, top, b - a, height);
    if (e.suppressed) continue;
    c.fillStyle = colours.alert;
    c.fillRect(a, top, b - a, 2 * devicePixelRatio);
  }
}

/** The forecast, dotted, each value at the time it speaks of; and dots where the observed left its band. */
function over(u, forecast, horizon) {
  const { left, top, width, height } = u.bbox, c = u.ctx, [t, low, high, y] = u.data, r = devicePixelRatio;
  const [i0, i1] = u.series[0].idxs ?? [0, -1];
  c.save();
  c.beginPath();
  c.rect(left, top, width, height);
  c.clip();
  c.strokeStyle = colours.ahead;
  c.lineWidth = 1.3 * r;
  c.setLineDash([1.5 * r, 3 * r]);
  c.beginPath();
  let pen = false;
  for (let i = i0; i <= i1; i++) {
    if (forecast[i] === null || forecast[i] === undefined) continue;
    const px = u.valToPos(t[i] + horizon, "x", true), py = u.valToPos(forecast[i], "y", true);
    if (pen && t[i] - t[i - 1] < 20 * horizon + (t[i1] - t[i0]) / 40) c.lineTo(px, py);
    else c.moveTo(px, py);
    pen = true;
  }
  c.stroke();
  c.fillStyle = colours.alert;
  for (let i = i0; i <= i1; i++) {
    if (y[i] === null || low[i] === null || (y[i] <= high[i] && y[i] >= low[i])) continue;
    const wide = Math.max(high[i] - low[i], 1e-12);
    if (y[i] < high[i] + 0.05 * wide && y[i] > low[i] - 0.05 * wide) continue;
    c.fillRect(u.valToPos(t[i], "x", true) - 1.5 * r, u.valToPos(y[i], "y", true) - 1.5 * r, 3 * r, 3 * r);
  }
  c.restore();
}

/** A feature's chart in `host`. state: {episodes, edge, horizon} as they are when drawn; move(t or null) follows the cursor. */
export function featureChart(host, feature, size, state, move) {
  const extra = { forecast: [] };
  const chart = new uPlot(
    {
      ...size, padding: [6, 8, 4, 0], legend: { show: false },
      cursor: { sync: { key: "time", setSeries: false }, y: false, drag: { x: false, y: false }, points: { size: 5, width: 1 } },
      scales: { x: { time: true, auto: false }, y: { range } },
      axes: [axis({ show: true, size: 0, values: () => [], space: 70 }),
        axis({ size: 64, space: 34, values: (u, ticks) => ticks.map((v) => value(v, feature.unit)) })],
      series: [{}, { show: true, width: 0, gaps, points: { show: false } }, { width: 0, gaps, points: { show: false } },
        { stroke: () => colours.line, width: 1.4, gaps, points: { show: false } }],
      bands: [{ series: [2, 1], fill: () => colours.band }],
      hooks: { drawClear: [(u) => shade(u, state.episodes, state.edge)], draw: [(u) => over(u, extra.forecast, state.horizon)],
        setCursor: [(u) => move(u.cursor.idx ?? null, u)] },
    },
    [[], [], [], []], host,
  );
  chart.fill = (time, f, from, to) => {
    extra.forecast = f.forecast;
    chart.batch(() => {
      chart.setData([time, f.low, f.high, f.observed], false);
      chart.setScale("x", { min: from, max: to });
    });
  };
  return chart;
}

const STEEP = Math.LN10;
const ODDS = { 0: "usual", 1: "1 in 10", 2: "1 in 100", 3: "1 in 1k", 4: "1 in 10k", 6: "1 in 1M", 9: "1 in 1G" };

/** How unusual each moment was: bars of surprise, in powers of ten. */
export function scoreStrip(host, size, state, move) {
  const bars = (u) => {
    const { left, top, width, height } = u.bbox, c = u.ctx, [t, s, alert] = u.data, r = devicePixelRatio;
    const [i0, i1] = u.series[0].idxs ?? [0, -1];
    const floor = u.valToPos(0, "y", true), wide = Math.min(Math.max((width / Math.max(i1 - i0, 1)) * 0.7, r), 4 * r);
    c.save();
    c.beginPath();
    c.rect(left, top, width, height);
    c.clip();
    for (let i = i0; i <= i1; i++) {
      if (s[i] === null) continue;
      const y = u.valToPos(s[i], "y", true);
      c.globalAlpha = alert[i] > 0 ? 0.65 : 1;
      c.fillStyle = alert[i] > 0 ? colours.alert : s[i] >= 3 ? colours.text : colours.score;
      c.fillRect(u.valToPos(t[i], "x", true) - wide / 2, y, wide, floor - y);
    }
    c.restore();
  };
  const chart = new uPlot(
    {
      ...size, padding: [6, 24, 0, 0], legend: { show: false },
      cursor: { sync: { key: "time", setSeries: false }, y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: { x: { time: true, auto: false }, none: { range: () => [0, 1] }, y: { range: (u, a, b) => [0, Math.max(4, Math.min(b ?? 0, 12) * 1.12)] } },
      axes: [axis({ size: 20, space: 64, values: (u, ticks, i, s, step) => ticks.map((v) => (step >= 86400 ? date(v).slice(5) : clock(v, step < 60))) }),
        axis({ size: 64, splits: (u) => (u.scales.y.max > 8 ? [0, 3, 6, 9] : u.scales.y.max > 4.5 ? [0, 2, 4, 6] : [0, 1, 2, 3]).filter((v) => v < 0.93 * u.scales.y.max), values: (u, ticks) => ticks.map((v) => ODDS[v]) })],
      series: [{}, { paths: () => null, points: { show: false } }, { paths: () => null, points: { show: false }, scale: "none" }],
      hooks: { drawClear: [(u) => shade(u, state.episodes, state.edge)], draw: [bars], setCursor: [(u) => move(u.cursor.idx ?? null, u)] },
    },
    [[], [], []], host,
  );
  chart.fill = (time, surprise, alert, from, to) => {
    chart.batch(() => {
      chart.setData([time, surprise.map((s) => (s === null ? null : s / STEEP)), alert], false);
      chart.setScale("x", { min: from, max: to });
    });
  };
  return chart;
}

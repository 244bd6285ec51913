// Numbers, units, times and elements, as people read them.

const SI = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
const MINUS = "−";
const GAP = "\u202f"; // a number is never broken between lines

export const digits = (x, n = 3) => {
  const text = Math.abs(x) >= 1000 ? x.toFixed(0) : String(Number(x.toPrecision(n)));
  return text.replace("-", MINUS);
};

/** A value with its unit: 5.1 GB, 22.4 %, 4.2 k/s. */
export function value(x, unit = "") {
  if (x === null || x === undefined || !Number.isFinite(x)) return "–";
  const size = Math.abs(x);
  if (unit === "%") return `${digits(x)} %`;
  if (unit === "s" && size > 0 && size < 1) return size < 1e-3 ? `${digits(x * 1e6)} µs` : `${digits(x * 1e3)} ms`;
  if (unit.startsWith("MiB") && size > 0 && size < 0.1) // the machine's own telemetry: 15 B/s says more than 1.5e−5 MiB/s
    return size < 9e-4 ? value(x * 2 ** 20, unit.slice(2)) : `${digits(x * 2 ** 10)} K${unit.slice(1)}`;
  const tail = unit === "1/s" ? "/s" : unit;
  if (size >= 1e15 || (size > 0 && size < 1e-3)) return `${x.toExponential(1).replace("-", MINUS).replace("e+", "e")} ${tail}`.trim();
  const from = unit.startsWith("B") ? 1e3 : 1e4;
  if (size >= from) for (const [scale, prefix] of SI) if (size >= scale) return `${digits(x / scale)} ${prefix}${tail}`;
  return `${digits(x)}${tail ? (tail.startsWith("/") ? "" : " ") + tail : ""}`;
}

export const count = (n) => (n === undefined || n === null ? "–" : n >= 1e6 ? `${digits(n / 1e6)} M` : Math.round(n).toLocaleString("en").replaceAll(",", GAP));

export const percent = (x, n = 2) => (Number.isFinite(x) ? `${digits(100 * x, n)} %` : "–");

/** Surprise (−ln p) as odds: "1 in 4,000". */
export function odds(surprise) {
  if (surprise === null || surprise === undefined || !Number.isFinite(surprise)) return "–";
  const n = Math.exp(surprise);
  if (n < 2) return "usual";
  if (n > 1e15) return "1 in > 10¹⁵";
  if (n >= 1e6) return `1 in ${value(n)}`;
  return `1 in ${Number(n.toPrecision(2)).toLocaleString("en").replaceAll(",", GAP)}`;
}

const pad = (n) => String(n).padStart(2, "0");

export function clock(t, seconds = true) {
  const d = new Date(t * 1000);
  return `${pad(d.getHours())}:${pad(d.getMinutes())}${seconds ? ":" + pad(d.getSeconds()) : ""}`;
}

export function date(t) {
  const d = new Date(t * 1000);
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
}

/** Date only where it isn't the day of `near`. */
export const when = (t, near = Date.now() / 1000, seconds = true) => (date(t) === date(near) ? "" : date(t) + " ") + clock(t, seconds);

export const utc = (t) => (Number.isFinite(t) && Math.abs(t) < 8e12 ? new Date(t * 1000).toISOString() : "");

export function duration(s) {
  if (!Number.isFinite(s)) return "–";
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 129600) return `${digits(s / 3600, 2)} h`;
  return `${digits(s / 86400, 2)} d`;
}

/** An element: el("button.quiet", {title: "x", onclick}, "text", child). Text never becomes markup. */
export function el(spec, props = {}, ...children) {
  const [tag, ...classes] = spec.split(".");
  const node = document.createElement(tag || "div");
  if (classes.length) node.className = classes.join(" ");
  for (const [name, v] of Object.entries(props)) {
    if (v === null || v === undefined || v === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), v);
    else if (name === "style") Object.assign(node.style, v);
    else if (name in node && !name.startsWith("aria")) node[name] = v;
    else node.setAttribute(name, v === true ? "" : v);
  }
  node.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

export const $ = (id) => document.getElementById(id);

/** Set text only where it changed: keeps the page still and screen readers quiet. */
export function text(node, words) {
  if (node.textContent !== words) node.textContent = words;
}

// The link to the server: fetches, and the one stream of events with its reconnections.

/** The server can't be reached; the banner says so. */
export class Unreachable extends Error {}

export async function ask(path, query = {}, post = null) {
  const url = new URL(path, location.origin);
  for (const [k, v] of Object.entries(query)) if (v !== null && v !== undefined && v !== "") url.searchParams.set(k, v);
  if (query.key === "") url.searchParams.set("key", "");
  const options = post ? { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(post) } : {};
  const answer = await fetch(url, options).catch(() => {
    throw new Unreachable("no connection.");
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error([said.error, said.try].filter(Boolean).join(" "));
  return said;
}

/** Server-sent events; calls on.status, on.rows, on.episodes, and on.up / on.down as the connection comes and goes. */
export class Live {
  constructor(on) {
    this.on = on;
    this.source = null;
    this.heard = 0;
    this.up = null;
    this.where = null;
    this.timer = 0;
    setInterval(() => this.watch(), 1000);
    addEventListener("beforeunload", () => this.source?.close());
  }

  /** Listen for a key's rows; where() gives {key, features, after} at each (re)connection. */
  open(where) {
    this.where = where;
    clearTimeout(this.timer);
    this.source?.close();
    const query = new URLSearchParams();
    for (const [k, v] of Object.entries(where())) if (v !== null && v !== undefined) query.set(k, v);
    const source = (this.source = new EventSource("/api/live?" + query));
    this.heard = performance.now();
    for (const name of ["status", "rows", "episodes"])
      source.addEventListener(name, (e) => {
        if (source !== this.source) return;
        this.heard = performance.now();
        this.say(true);
        this.on[name](JSON.parse(e.data));
      });
    source.onerror = () => {
      if (source !== this.source) return;
      source.close();
      this.source = null;
      this.say(false);
      this.timer = setTimeout(() => this.open(this.where), 1000);
    };
  }

  /** A stream that says nothing for 6 seconds is taken for dead: status alone comes every second. */
  watch() {
    if (this.source && this.where && performance.now() - this.heard > 6000) {
      this.say(false);
      this.open(this.where);
    }
  }

  say(up) {
    if (up === this.up) return;
    const first = this.up === null;
    this.up = up;
    if (up) this.on.up(first);
    else this.on.down();
  }
}

// Keys by surprise: who behaves unusually of late.

import { ask } from "./link.js";
import { $, count, el, text } from "./format.js";

export class Keys {
  constructor(view) {
    this.view = view;
    this.search = "";
    $("keys-search").oninput = (e) => {
      this.search = e.target.value;
      this.look();
    };
    setInterval(() => document.hidden || this.look(), 2000);
    $("keys-list").onpointerenter = () => (this.held = true);
    $("keys-list").onpointerleave = () => (this.held = false);
  }

  async look() {
    let got;
    try {
      got = await ask("/api/keys", { limit: 60, search: this.search });
    } catch (error) {
      this.error = error; // the live link shows that the connection is lost
      return;
    }
    const { keys, total } = got;
    $("keys").hidden = total < 2;
    text($("keys-count"), count(total));
    if (this.view.key === null && keys.length) this.view.choose(keys[0].key);
    this.draw(keys);
  }

  draw(keys) {
    const host = $("keys-list"), rows = new Map([...host.children].map((c) => [c.dataset.key, c]));
    if (this.held) keys = [...host.children].map((c) => keys.find((k) => k.key === c.dataset.key)).filter(Boolean); // none moves under the pointer
    const held = document.activeElement?.closest?.("#keys-list li")?.dataset.key;
    host.replaceChildren(...keys.map((k) => {
      const row = rows.get(k.key) ?? this.row(k.key);
      text(row.odds, k.alert ? `alert #${k.alert}` : k.surprise > 9.2 ? "very unusual" : k.surprise > 6.9 ? "unusual" : "usual"); // of late, fading
      row.bar.style.width = `${Math.min(k.surprise / 14, 1) * 100}%`;
      row.classList.toggle("hot", Boolean(k.alert));
      row.firstChild.setAttribute("aria-current", String(k.key === this.view.key));
      return row;
    }));
    if (held !== undefined) [...host.children].find((c) => c.dataset.key === held)?.firstChild.focus();
  }

  row(key) {
    const words = el("span.odds"), bar = el("i");
    const row = el("li", { "data-key": key }, el("button", { onclick: () => { this.view.choose(key); this.look(); } }, el("span.name", { title: key }, key || "(no key)"), words, el("span.heat", {}, bar)));
    return Object.assign(row, { odds: words, bar });
  }
}

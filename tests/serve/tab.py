"""A tab of a headless Chromium that notes what went wrong."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
REQUIRED = os.environ.get("TACIT_REQUIRE_ALL") == "1"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
INK = """s => { const c = document.querySelector(s), o = new OffscreenCanvas(c.width, c.height);
    const x = o.getContext('2d', { willReadFrequently: true });  // the page's own canvas is not read back: that would be warned of
    x.drawImage(c, 0, 0);
    const d = x.getImageData(0, 0, c.width, c.height).data;
    let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; }"""

FRAME = """() => new Promise(done => { let n = 0; const begun = performance.now();
    const next = () => ++n < 30 ? requestAnimationFrame(next) : done((performance.now() - begun) / 30); next(); })"""


class Tab:
    """A page that notes what went wrong and who was asked."""

    def __init__(self, browser: Any, url: str, width: int = 1280, height: int = 800, scheme: str = "dark") -> None:
        self.context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.wrong.append(m.text))
        self.page.on("pageerror", lambda e: self.wrong.append(str(e)))
        self.page.on("request", lambda r: self.asked.append(r.url))
        self.page.set_default_timeout(8000)
        self.page.goto(url)
        self.page.wait_for_selector(".card canvas, #feed .none")

    def until(self, true: Callable[[], Any], seconds: float = 8) -> Any:
        end = time.monotonic() + seconds
        while not (found := true()):
            assert time.monotonic() < end, "it did not happen in time"
            self.page.wait_for_timeout(50)
        return found

    def text(self, selector: str) -> str:
        return str(self.page.text_content(selector))

    def shot(self, name: str) -> None:
        if folder := os.environ.get("TACIT_SHOTS"):
            self.page.screenshot(path=Path(folder) / f"{name}.png")

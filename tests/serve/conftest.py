"""A history and a dashboard to test with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from synthetic import Machine, past, status
from tab import CHROMIUM, QUIET, REQUIRED, Tab

from tacit.serve.dashboard import Dashboard
from tacit.serve.history import History


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    made = History(tmp_path / "history.sqlite", pause=0.02)
    yield made
    made.close()


class Served:
    """A running dashboard over a filled history, and what people said to it."""

    def __init__(self, path: Path, keys: int = 1, port: int = 0, seconds: float = 600, token: str | None = None) -> None:
        self.history = History(path, rate=1e6, pause=0.05)
        self.machine = Machine(["" if keys == 1 else f"pump-{i:03d}" for i in range(keys)], start=time.time() - seconds)
        if seconds:
            past(self.history, self.machine, seconds)
        self.said: list[tuple[int, str]] = []
        self.more: dict[str, Any] = {"keys": keys}
        self.dashboard = Dashboard(self.history, lambda: status(**self.more), self.feedback, port=port, token=token)
        self.dashboard.start()
        self.url = self.dashboard.url

    def feedback(self, number: int, verdict: str) -> dict[str, Any]:
        self.said.append((number, verdict))
        return {"id": number, "note": "alerts like it will be held back"}

    def close(self) -> None:
        self.dashboard.close()
        self.history.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = Served(tmp_path_factory.mktemp("served") / "history.sqlite")
    yield made
    made.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        if REQUIRED:
            raise
        pytest.skip("playwright is not installed")
    if CHROMIUM is None:
        if REQUIRED:
            pytest.fail("no Chromium, and TACIT_REQUIRE_ALL=1")
        pytest.skip("no Chromium")
    with sync_playwright() as play:
        made = play.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, "--disable-sync"])
        yield made
        made.close()


@pytest.fixture
def open_tab(browser: Any) -> Iterator[Callable[..., Tab]]:
    tabs: list[Tab] = []

    def make(url: str, **how: Any) -> Tab:
        tabs.append(Tab(browser, url, **how))
        return tabs[-1]

    yield make
    for tab in tabs:
        tab.context.close()

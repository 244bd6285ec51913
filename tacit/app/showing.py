"""Showing a run of learning on the terminal: what is learned and why, a bar with the loss and health, what came of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column

from tacit.learning.gap import GapWatch

BARS = "▁▂▃▄▅▆▇█"
HEALTH = ("rank", "spread", "alignment", "uniformity")
AT_ONCE, AGAIN = 40, 5.0  # plain lines that may follow each other at once, and seconds after which one more may


def sparkline(values: list[float], width: int = 16) -> str:
    """The latest values as a line of bars; what is not finite is a blank."""
    shown = values[-width:]
    finite = [v for v in shown if math.isfinite(v)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    return "".join(" " if not math.isfinite(v) else BARS[int((v - low) / ((high - low) or 1) * (len(BARS) - 1))] for v in shown)


class Screen:
    """Progress on standard error; nothing on standard output. Used as a context."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.console = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True, quiet=quiet)
        still = [Column(no_wrap=True, min_width=least) for least in (9, 12, 7, 4, 7)]  # what is told gives way first where the terminal is narrow
        columns = (
            TextColumn("{task.description}", markup=False, table_column=still[0]),
            BarColumn(12, table_column=still[1]),
            TimeElapsedColumn(table_column=still[2]),
            TextColumn("left", table_column=still[3]),
            TimeRemainingColumn(table_column=still[4]),
            TextColumn("{task.fields[told]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
        )
        unseen = not self.console.is_terminal  # a bar that nobody sees would leave an empty line
        self.progress = Progress(*columns, console=self.console, refresh_per_second=4, transient=True, expand=True, disable=unseen)
        self.losses: list[float] = []

    def __enter__(self) -> Screen:
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.progress.stop()

    def say(self, text: str) -> None:
        """One line above the bars."""
        self.console.print(text)

    def counting(self, what: str) -> Callable[[int, int], None]:
        """A bar for something that counts: called with (done, total)."""
        bar = self.progress.add_task(what, total=None, told="", visible=False)

        def count(done: int, total: int) -> None:
            self.progress.update(bar, completed=done, total=total, visible=done < total)

        return count

    def sharing(self, what: str, clock: Callable[[], float] = time.monotonic) -> Callable[[str, float], None]:
        """A bar for what knows its share: called with (what is done now, share). Where nobody sees a bar, a line for each new thing, rate limited."""
        bar = self.progress.add_task(what, total=1.0, told="")
        last, left, since = "", float(AT_ONCE), clock()

        def share(now: str, done: float) -> None:
            nonlocal last, left, since
            self.progress.update(bar, completed=done, told=now)
            if self.console.is_terminal or now == last:
                return
            moment = clock()
            left, since = min(AT_ONCE, left + (moment - since) / AGAIN), moment
            if left >= 1:
                last, left = now, left - 1
                self.say(f"{what}: {now}{f' ({done:.0%} done)' if done > 0 else ''}")

        return share

    def learning(self, what: str) -> Callable[[dict[str, float], float], None]:
        """A bar for learning: called with a line of the curve and the share of the budget."""
        bar, gap = self.progress.add_task(what, total=1.0, told=""), GapWatch()

        def report(line: dict[str, float], share: float) -> None:
            self.losses.append(line["loss"])
            self.progress.update(bar, completed=share, told=told(line, self.losses))
            if grown := gap.see(line, share):
                self.say(grown)
            if self.console.is_terminal:
                return
            if len(self.losses) == 1 or share >= 1 or len(self.losses) % 10 == 0:
                self.say(f"{share:4.0%} {told(line, self.losses)}")

        return report


def told(line: dict[str, float], losses: list[float]) -> str:
    """One line of the curve in words."""
    parts = [f"step {int(line['step']):,}", f"loss {line['loss']:.4g} {sparkline(losses)}".strip()]
    parts += [f"{key.removesuffix('.loss')} {value:.4g}" for key, value in line.items() if key.endswith(".loss")]
    parts += [f"held-out {line['held_out']:.4g}"] if "held_out" in line else []
    parts += [f"gap {line['gap']:+.3g}"] if "gap" in line else []
    parts += [f"{name} {line[name]:.3g}" for name in HEALTH if name in line]
    return " · ".join(parts)


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as an aligned text table; columns as in the first row."""
    if not rows:
        return ""
    names = list(rows[0])
    cells = [names, *([_cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(line[k]) for line in cells) for k in range(len(names))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)

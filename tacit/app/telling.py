"""Telling: what a run says on the terminal: what was found, alerts as they open and close, and what it came to at the end."""

from __future__ import annotations

import sys
import time
from typing import Any

from tacit.contracts.episode import Episode

NOTES = 100  # said in a run at most
OPEN = 5  # alerts that are named at the end because they are still open, at most
SPANS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


class Terminal:
    """Writes to standard error; standard output belongs to `--out jsonl:-`."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(stderr=True, highlight=False, emoji=False)
        self._noted = 0
        self._told: dict[int, bool] = {}  # alerts that were printed; whether their end was
        self._shown = time.monotonic()

    def say(self, text: str) -> None:
        """One line in passing."""
        self.console.print(plain(text), style="dim", markup=False, soft_wrap=True)

    def notes(self, notes: list[str]) -> None:
        """Those that were not said yet, a hundred at most."""
        for note in notes[self._noted : NOTES]:
            self.say(note)
        self._noted = len(notes)

    def episode(self, episode: Episode) -> None:
        """One line when an alert opens and one when it closes."""
        from rich.markup import escape

        if episode.suppressed:
            return
        if episode.id not in self._told:
            self._told[episode.id] = False
            self.console.print(
                f"{moment(episode.opened)}  [bold red]alert {episode.id}[/bold red]  {escape(plain(episode.sentence))}", soft_wrap=True
            )
        if episode.closed is not None and not self._told[episode.id]:
            self._told[episode.id] = True
            lasted = span((episode.closed - episode.opened) / 1e9)
            self.console.print(f"{moment(episode.closed)}  [dim]alert {episode.id} closed after {lasted}[/dim]", soft_wrap=True)

    def progress(self, runner: Any) -> None:
        """A line that is written over, where somebody looks and it takes long."""
        now = time.monotonic()
        if now - self._shown > 2.0 and sys.stderr.isatty():
            self._shown = now
            rate = sum(n for _, n in runner.rate) / max(now - runner.rate[0][0], 1e-9) if runner.rate else 0.0
            keys = len(runner.model.keys.slots) if runner.model else 0
            self.console.print(f"[dim]{count(runner.events, 'event')}, {rate:,.0f}/s, {count(keys, 'key')}[/dim]", end="\r")

    def sum_up(self, runner: Any, before: int, alert: int) -> None:
        """What was seen and alerted, and what could not be used as it came; before, alert: events and the last alert of earlier runs."""
        model, refusals = runner.model, runner.source.refusals
        if model is None and runner.ended:
            self.say("the source ended without one event")
        told = [e for e in model.episodes.all.values() if not e.suppressed] if model else []
        still = [e for e in told if e.closed is None]
        new = f" ({runner.events - before:,} new)" if before else ""
        marks = [f"{sum(e.id > alert for e in told):,} new"] if before or alert else []
        marks += [f"{len(still):,} still open"] if still else []
        alerts = count(len(told), "alert") + (f" ({', '.join(marks)})" if marks else "")
        parts = [count(runner.events, "event") + new, count(len(model.keys.slots) if model else 0, "key"), alerts]
        if refusals.total:
            reasons = ", ".join(f"{reason}: {n:,}" for reason, n in refusals.counts.items())
            parts.append(f"{refusals.total:,} refused or put right ({reasons})")
        self.console.print(", ".join(parts), markup=False, soft_wrap=True)
        for episode in still[-OPEN:]:
            self.say(f"  alert {episode.id}, open since {moment(episode.opened)}, had not closed: {episode.sentence}")
        for silent in runner.silence.said():
            self.say(f"  {silent}")
        for reason, where, sample in refusals.samples[:5]:
            self.say(f"  {reason} at {where}: {sample[:80]}")
        self._not_all(runner)
        if runner.learning and runner.learning.left:
            again = "; the next run into the same model begins it anew" if runner.folder else ""
            self.say(f"an encoder was being learned and is left{'; `--learn inline` waits for it' if runner.ended else again}")

    def _not_all(self, runner: Any) -> None:
        """Where a source that ends was left before its end: how far it was read, and how the rest is."""
        from tacit.connect.reached import reached

        if runner.ended or not runner.source.ends:
            return
        far = reached(runner.source)
        if far:
            rest = "the next run into the same model goes on from there" if runner.folder else "the rest was not seen"
            self.say(f"not read to its end: {far} was reached; {rest}")


def plain(text: str) -> str:
    """What came from a stream, safe for a terminal: nothing in it moves the cursor or sets colours."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def moment(ns: int) -> str:
    """Event time for people, UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(ns / 1e9))


def count(n: int, what: str) -> str:
    """1 event, 2 events."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def span(seconds: float) -> str:
    """0.4 s, 45 s, 7 min 12 s, 2 d 11 h."""
    if seconds < 10:
        return f"{seconds:.3g} s"
    left = round(seconds)
    words: list[str] = []
    for unit, size in SPANS:
        if left >= size or words:
            words.append(f"{left // size} {unit}")
            left %= size
    return " ".join(w for w in words[:2] if not w.startswith("0 "))

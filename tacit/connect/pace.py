"""Pace: a recorded source replayed as fast as it once happened, or some times faster."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from tacit.connect.wrapped import Wrapped
from tacit.contracts.errors import SourceError
from tacit.contracts.events import Events
from tacit.contracts.source import Position, Source

AHEAD = 4096  # events read at once
LEAP = 86_400_000_000_000  # ns: a step longer than a day, either way, is not waited for


class Paced(Wrapped):
    """Holds events back until their time has come, counted from the first one's. factor: 60 = an hour in a minute.

    Its position is that of the source before the events it holds, and how many of those were let go.
    """

    def __init__(self, source: Source, factor: float) -> None:
        super().__init__(source)
        self.factor = factor
        self._before = source.position()
        self._held: Events | None = None
        self._due = np.empty(0)  # of the held events, on the steady clock; never falling
        self._done = 0
        self._last: tuple[float, int] | None = None  # due and event time of the last event held before

    def poll(self, limit: int, timeout: float) -> Events | None:
        """The events whose time has come; empty Events where none has within `timeout`."""
        if self._held is None or self._done >= len(self._held):
            self._before = self.source.position()
            self._hold(self.source.poll(AHEAD, timeout))
        if self._held is None or not len(self._held):
            return self._held
        wait = self._due[self._done] - time.monotonic()
        if wait > 0:
            time.sleep(min(wait, timeout))
        start = self._done
        self._done = min(int(np.searchsorted(self._due, time.monotonic(), side="right")), start + limit)
        return _part(self._held, start, self._done)

    def position(self) -> Position:
        """The source's position before what is held, and what was let go of it."""
        if self._held is None or self._done >= len(self._held):
            return {"source": self.source.position(), "done": 0, "next": self.source.position()["next"]}
        return {"source": self._before, "done": self._done, "next": int(self._held.positions[self._done])}

    def seek(self, position: Position) -> None:
        """Also a position that was taken without --speed. What was held of a source that cannot be replayed is gone: only the count goes on."""
        if "done" not in position:
            position = {"source": position, "done": 0, "next": position["next"]}
        self.source.seek(position["source"])
        if not self.replayable:
            self.source.count_on({**position["source"], "next": position["next"]})
        self._before, self._held, self._done, self._last = position["source"], None, 0, None
        left = int(position["done"]) if self.replayable else 0
        while left > 0:
            self._before = self.source.position()
            events = self.source.poll(AHEAD, 0.0)
            if events is None:
                raise SourceError(f"{self.name} ends before the position.", "Start without the saved position.")
            if len(events) > left:
                self._hold(events)
                self._done = left
                shift = self._due[left] - time.monotonic()
                self._due -= shift
                self._last = (float(self._due[-1]), int(events.times[-1]))
            left -= min(left, len(events))

    def waiting(self) -> int:
        return 0 if self._held is None else len(self._held) - self._done

    def count_on(self, last: Position) -> None:
        self.source.count_on(last)
        self._before = self.source.position()

    def _hold(self, events: Events | None) -> None:
        """Take events in, and tell when each is due."""
        self._held, self._done = events, 0
        if events is None or not len(events):
            return
        due, before = self._last or (time.monotonic(), int(events.times[0]))
        steps = np.diff(events.times, prepend=before)
        steps[np.abs(steps) > LEAP] = 0
        self._due = np.maximum.accumulate(due + np.cumsum(steps) / 1e9 / self.factor)
        self._last = (float(self._due[-1]), int(events.times[-1]))


def factor_of(speed: str | float) -> float:
    """ "60x" or 60 → 60.0. Raises SourceError."""
    try:
        factor = float(str(speed).removesuffix("x"))
    except ValueError:
        factor = 0.0
    if not 0 < factor < 1e9:
        raise SourceError(f"--speed {speed}: no such speed.", "Write max, 1x or 60x.")
    return factor


def _part(events: Events, start: int, stop: int) -> Events:
    return replace(
        events,
        keys=events.keys[start:stop],
        times=events.times[start:stop],
        values=np.ascontiguousarray(events.values[start:stop]),
        positions=events.positions[start:stop],
        late=events.late[start:stop],
    )

"""Reorder: events wait a while for earlier ones, and leave in the order of their times.

An event leaves once the stream's newest time has passed it by the bound. One that comes later than that
leaves at once, flagged late; one whose time leaps far ahead (see Clock) leaves at once too and moves nothing.
Equal times keep their order of arrival. The order does not depend on batches.
"""

from __future__ import annotations

import heapq
import re
import time
from collections import deque
from typing import Any

import numpy as np

from tacit.connect.clock import Clock
from tacit.connect.wrapped import Wrapped
from tacit.contracts.errors import SourceError
from tacit.contracts.events import Events
from tacit.contracts.source import Position, Source

AHEAD = 4096
_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_Waiting = tuple[int, int, str, Any]  # event time, the source's own position, key, values


class Reorder(Wrapped):
    """source: in any order; bound: seconds of event time that an event waits.

    Events are numbered anew in the order in which they leave. A position holds the source's position before
    the oldest event still waiting, and which of the events since then still wait; `seek` reads them again. What
    waits when a source that cannot be replayed is killed is gone with it. A live source that falls silent lets
    go of what waits after `bound` seconds of the steady clock.
    """

    def __init__(self, source: Source, bound: float) -> None:
        super().__init__(source)
        self.bound = int(bound * 1e9)
        self._heap: list[_Waiting] = []
        self._ready: deque[_Waiting] = deque()
        self._clock = Clock()  # of the stream as it comes
        self._out = Clock()  # of each key as it leaves
        self._bases: deque[tuple[int, Position, dict[str, Any]]] = deque()  # before each batch: its first number, the source's position, our clock
        self._next = 0
        self._heard = time.monotonic()
        self._ended = False

    def poll(self, limit: int, timeout: float) -> Events | None:
        """Events whose wait is over; None once the source has ended and all have left."""
        deadline = time.monotonic() + timeout
        while not self._ready:
            if self._ended:
                return None
            before = (self.source.position(), self._clock.state())
            events = self.source.poll(limit, max(deadline - time.monotonic(), 0.0))
            if events is None:
                self._ended = True
                self._let_go()
            elif len(events):
                self._heard = time.monotonic()
                self._bases.append((int(events.positions[0]), *before))
                self._take(events)
            elif not self.ends and time.monotonic() - self._heard > self.bound / 1e9:
                self._let_go()
            if not self._ready and time.monotonic() >= deadline and not self._ended:
                break
        return self._leave(limit)

    def position(self) -> Position:
        """See the class; `held`: numbers, as the source counts, of the events that wait."""
        held = sorted(w[1] for w in (*self._heap, *self._ready))
        if held:
            while len(self._bases) > 1 and self._bases[1][0] <= held[0]:
                self._bases.popleft()
            base = self._bases[0][1:]
        else:
            self._bases.clear()
            base = (self.source.position(), self._clock.state())
        mine = {"held": held, "reached": self.source.position()["next"], "out": self._out.state(), "next": self._next}
        return {"source": base[0], "clock": base[1], **mine}

    def seek(self, position: Position) -> None:
        """Raises SourceError as the source does."""
        self.source.seek(position["source"])
        self._heap, self._ready, self._ended = [], deque(), False
        self._bases.clear()
        self._clock.restore(position["clock"])
        self._out.restore(position["out"])
        self._next = int(position["next"])
        held, reached = set(position["held"]), int(position["reached"])
        while held and self.replayable and (before := self.source.position())["next"] < reached:
            clock = self._clock.state()
            events = self.source.poll(min(AHEAD, reached - before["next"]), 0.0)
            if events is None:
                raise SourceError(f"{self.name} ends before the position.", "Start without the saved position.")
            if len(events):
                self._bases.append((int(events.positions[0]), before, clock))
                self._take(events)
        self._ready = deque(w for w in self._ready if w[1] in held)
        self._heap = [w for w in self._heap if w[1] in held]
        heapq.heapify(self._heap)

    def waiting(self) -> int:
        return len(self._heap) + len(self._ready)

    def count_on(self, last: Position) -> None:
        """The same events only where they are counted from 0: in which order others left here is not known."""
        self.source.count_on(last)
        if self.source.position()["next"]:
            self._next = max(self._next, int(last["next"]))

    def _take(self, events: Events) -> None:
        """One event after the other: in, and out what has waited long enough."""
        heap, ready, clock = self._heap, self._ready, self._clock
        for i, (when, number) in enumerate(zip(events.times.tolist(), events.positions.tolist(), strict=True)):
            waiting = (when, number, events.keys[i], events.values[i])
            if clock.hear("", when):
                ready.append(waiting)
                continue
            heapq.heappush(heap, waiting)
            over = (clock.newest("") or 0) - self.bound
            while heap and heap[0][0] <= over:
                ready.append(heapq.heappop(heap))

    def _let_go(self) -> None:
        while self._heap:
            self._ready.append(heapq.heappop(self._heap))

    def _leave(self, limit: int) -> Events:
        n = min(limit, len(self._ready))
        leaving = [self._ready.popleft() for _ in range(n)]
        features = self.source.features
        values = np.full((n, len(features)), np.nan)
        for row, waiting in enumerate(leaving):
            values[row, : len(waiting[3])] = waiting[3]
        times = np.array([w[0] for w in leaving], dtype=np.int64)
        keys = [w[2] for w in leaving]
        late, _ = self._out.late(keys, times)
        positions = np.arange(self._next, self._next + n, dtype=np.int64)
        self._next += n
        return Events(keys, times, values, positions, features, late)


def seconds_of(text: str | float) -> float:
    """ "5s", "500ms", "2m" or seconds → seconds. Raises SourceError."""
    match = re.fullmatch(r"\s*([0-9.]+)\s*([a-z]*)\s*", str(text))
    if match is None or (match[2] or "s") not in _UNITS or match[1].count(".") > 1 or match[1] == ".":
        raise SourceError(f"--reorder {text}: no such span.", "Write 5s, 500ms or 2m.")
    return float(match[1]) * _UNITS[match[2] or "s"]

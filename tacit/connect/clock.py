"""Clock: each key's newest event time, and which events are late.

An event is late when its time lies before its key's newest. A time that leaps ahead (more than a day, and
more than 100 of the key's usual steps) is on probation: the event is kept, but it moves the clock only once
`CONFIRM` events of that key in a row have come from beyond the leap. So one event dated next year makes
nobody else late, while a stream that slept for a month goes on at its third event. Where the source is live
and cannot be replayed, a leap that does not pass the wall clock by a day is believed at once. The first
event of a key proves nothing: if the second lies a leap before it, the second sets the clock.

All of it follows from the order of events alone (but for the wall clock of live sources), whatever the
batches. Memory is bounded: keys not seen while `most` others were are forgotten.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAP = 86_400_000_000_000  # ns: a day
STEPS = 100
CONFIRM = 3


class Clock:
    """The newest event time of each key, ns. live: believe leaps that the wall clock bears out; most: keys kept."""

    def __init__(self, live: bool = False, most: int = 1 << 17) -> None:
        self.live, self.most = live, most
        self._newest: dict[str, int] = {}
        self._older: dict[str, int] = {}  # the generation before; looked up, never written
        self._single: dict[str, None] = {}  # keys that one event only has set
        self._probation: dict[str, tuple[int, int]] = {}  # key → (time of the leap, events beyond it)
        self._steps: dict[str, int] = {}  # usual step of keys whose steps are longer than a leap

    def late(self, keys: Sequence[str], times: NDArray[np.int64]) -> tuple[NDArray[np.bool_], list[int]]:
        """Which events are late, [n]; and the rows whose time leapt ahead and was not believed."""
        late = np.zeros(len(times), dtype=bool)
        leaps: list[int] = []
        newest = self._newest
        probation, single = self._probation, self._single
        for i, (key, when) in enumerate(zip(keys, times.tolist(), strict=True)):
            known = newest.get(key)
            if known is None:
                known = self._recall(key, when)
                newest, single = self._newest, self._single  # a new generation may have begun
            step = when - known
            if 0 < step <= LEAP:
                newest[key] = when
                if single:
                    single.pop(key, None)
                if probation:
                    probation.pop(key, None)
            elif self._judge(key, when, known, leaps, i):
                late[i] = True
        return late, leaps

    def hear(self, key: str, when: int) -> bool:
        """Take one event's time; True where it leapt ahead and is not believed."""
        known = self._newest.get(key)
        known = self._recall(key, when) if known is None else known
        self._judge(key, when, known, [], 0)
        return key in self._probation

    def newest(self, key: str) -> int | None:
        """The key's newest believed event time."""
        return self._newest.get(key, self._older.get(key))

    def _recall(self, key: str, when: int) -> int:
        """The newest time of a key that is not in the young generation."""
        if len(self._newest) >= self.most:
            self._older, self._newest = self._newest, {}
            for store in (self._probation, self._steps):
                for gone in [k for k in store if k not in self._older]:
                    del store[gone]
            self._single = {k: None for k in self._single if k in self._older}
        known = self._older.get(key)
        if known is None:
            known = when
            self._single[key] = None
        self._newest[key] = known
        return known

    def _judge(self, key: str, when: int, known: int, leaps: list[int], row: int) -> bool:
        """The uncommon ways: backwards, far ahead, on probation. Returns whether the event is late."""
        step = when - known
        if step < 0:
            self._probation.pop(key, None)
            if key in self._single and -step > LEAP:
                self._newest[key] = when
                return False
            return True
        if step == 0:
            return False
        first = key in self._single
        self._single.pop(key, None)
        if step <= max(LEAP, STEPS * self._steps.get(key, 0)) or (self.live and when <= time.time_ns() + LEAP):
            self._probation.pop(key, None)
            self._newest[key] = when
            if step > LEAP and not self.live:
                self._steps[key] = step
            return False
        leapt, seen = self._probation.get(key, (when, 0))
        seen += 1
        if seen >= CONFIRM:
            self._probation.pop(key, None)
            self._newest[key] = when
            self._steps[key] = max((when - leapt) // (seen - 1), 1)
        else:
            self._probation[key] = (leapt, seen)
            if seen == 1 and not first:
                leaps.append(row)
        return False

    def state(self) -> dict[str, Any]:
        """A copy, as JSON values."""
        return {
            "newest": dict(self._newest),
            "older": self._older,
            "single": list(self._single),
            "probation": {k: list(v) for k, v in self._probation.items()},
            "steps": dict(self._steps),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self._newest = dict(state["newest"])
        self._older = dict(state["older"])  # never written to, so states may share it
        self._single = dict.fromkeys(state["single"])
        self._probation = {k: (v[0], v[1]) for k, v in state["probation"].items()}
        self._steps = dict(state["steps"])

"""Keys: which slot of the arrays belongs to which key, and when a key that fell silent gives its slot back.

Slots are handed out in order of arrival; an idle key expires after `idle` seconds of event time, looked at every
SWEEP events; where all slots are taken the sixteenth part that has been silent longest goes. What goes is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

SWEEP = 65_536  # events between two looks for idle keys


class Keys:
    """At most `capacity` keys at a time. `last` [capacity] int64 is the stream's clock in ns at each slot's newest event, 0 = free; `own` that
    event's own time: keys whose clocks differ have their own steps.
    """

    def __init__(self, capacity: int, idle: float) -> None:
        self.capacity, self.idle = capacity, idle
        self.slots: dict[str, int] = {}
        self.names: list[str] = []  # by slot; "" where free
        self.free: list[int] = []
        self.last, self.own = np.zeros(capacity, np.int64), np.zeros(capacity, np.int64)
        self.expired = 0

    def find(self, keys: Sequence[str]) -> NDArray[np.int64]:
        """Slots [n], -1 where a key has none yet."""
        return np.fromiter(map(self.slots.get, keys, repeat(-1)), np.int64, len(keys))

    def full(self) -> bool:
        return not self.free and len(self.names) >= self.capacity

    def take(self, key: str) -> int:
        """A slot for a new key. Call `expire` before where `full`."""
        if self.free:
            slot = self.free.pop()
            self.names[slot] = key
        else:
            slot = len(self.names)
            self.names.append(key)
        self.slots[key] = slot
        return slot

    def expire(self, now: int) -> NDArray[np.int64]:
        """Gives back the slots of keys idle at `now` (ns), or, where full, of those silent longest; returns them."""
        n = len(self.names)
        held = np.sort(np.fromiter(self.slots.values(), np.int64, len(self.slots)))
        gone = held[self.last[held] < now - int(self.idle * 1e9)]
        if len(gone) == 0 and self.full():
            order = held[np.argsort(self.last[held], kind="stable")]
            gone = order[: max(1, n // 16)]
        gone = np.sort(gone)[::-1].copy()
        for slot in gone.tolist():
            del self.slots[self.names[slot]]
            self.names[slot] = ""
            self.last[slot] = self.own[slot] = 0
            self.free.append(slot)
        self.expired += len(gone)
        return gone

    def state(self) -> dict[str, Any]:
        return {"names": list(self.names), "free": list(self.free), "expired": self.expired}

    def restore(self, state: dict[str, Any]) -> None:
        self.names, self.free, self.expired = list(state["names"]), list(state["free"]), int(state["expired"])
        taken = set(range(len(self.names))) - set(self.free)
        self.slots = {self.names[s]: s for s in sorted(taken)}

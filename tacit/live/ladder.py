"""Ladder: how well a learned encoder, the simple bank and the last value forecast the same events; what the dashboard shows of trials.

Losses are those that trials are decided on: capped squared errors, half at the next event and half at the far horizon, summed over a
trial. The one that runs or ended last is shown, and beside it the simple bank from the last trial that it was part of. A trial's events
are its own: rungs of different trials stand on different stretches, which is told.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tacit.heads.compiling import compiled
from tacit.heads.layout import HORIZONS
from tacit.live.shadow import CAP

F32 = NDArray[np.float32]
FAR = HORIZONS[1]
SIMPLE = "simple"


class Comparison(NamedTuple):
    """One trial. Names as the model has them; sums and counts of losses: last value, champion, challenger."""

    champion: str
    challenger: str
    decision: str = ""  # while it runs
    sums: tuple[float, ...] = (0.0, 0.0, 0.0)
    counts: tuple[int, ...] = (0, 0, 0)

    def rung(self, i: int, name: str, earlier: bool = False) -> list[dict[str, Any]]:
        """As the dashboard takes it; none where nothing was counted."""
        n = self.counts[i]
        return [{"name": name, "loss": self.sums[i] / n, "events": n, "earlier": earlier}] if n else []

    def rungs(self) -> list[dict[str, Any]]:
        """Last value, champion, challenger, under plain names."""
        role = {"": "challenger", "promoted": "encoder"}.get(self.decision, self.decision)
        names = ("last value", "simple bank" if self.champion == SIMPLE else f"encoder {self.champion[:8]}", f"{role} {self.challenger[:8]}")
        return [rung for i, name in enumerate(names) for rung in self.rung(i, name)]


class Ladder:
    """The trial that runs, the one before it, and the last one with the simple bank. Read from another thread: each is replaced whole."""

    def __init__(self) -> None:
        self.now: Comparison | None = None
        self.before: Comparison | None = None
        self.simple: Comparison | None = None
        self._counts, self._ring = np.zeros(0, np.int64), np.zeros((0, FAR, 0), np.float32)

    def begin(self, champion: str, challenger: str, capacity: int, columns: int) -> None:
        """A trial begins, of a model with room for so many keys."""
        if self.now is not None and self.now.counts[1]:
            self.before = self.now
            self.simple = self.now if self.now.champion == SIMPLE else self.simple
        self._counts, self._ring = np.zeros(capacity, np.int64), np.zeros((capacity, FAR, columns), np.float32)
        self.now = Comparison(champion, challenger)

    def add(self, slots: NDArray[np.int64], z: F32, values: NDArray[np.float64], champion: F32, challenger: F32) -> None:
        """Events of the trial: z [n, columns], values [n, columns], and the losses [n] of both sides, NaN where they do not count."""
        last = np.empty(len(slots), np.float32)
        run_last(slots, z, values, self._counts, self._ring, last)
        if (now := self.now) is not None:
            counted = np.isfinite(champion) & np.isfinite(challenger)
            parts = [side[counted & np.isfinite(side)] for side in (last, champion, challenger)]
            sums = tuple(a + float(part.sum(dtype=np.float64)) for a, part in zip(now.sums, parts, strict=True))
            self.now = now._replace(sums=sums, counts=tuple(a + len(part) for a, part in zip(now.counts, parts, strict=True)))

    def forget(self, slots: NDArray[np.int64]) -> None:
        """These keys are gone."""
        if len(self._counts):
            self._counts[slots] = 0

    def end(self, decision: str) -> None:
        """The trial is decided: promoted or refused."""
        if self.now is not None:
            self.now = self.now._replace(decision=decision)

    def rungs(self) -> list[dict[str, Any]]:
        """{name, loss, events, earlier}: earlier is true of what was measured in a trial before the one shown."""
        now, before, simple = self.now, self.before, self.simple
        shown = now if now is not None and now.counts[1] else before
        if shown is None:
            return []
        more = simple.rung(1, "simple bank", True) if simple is not None and shown.champion != SIMPLE else []
        return shown.rungs() + more

    def state(self) -> list[list[Any] | None]:
        """Plain JSON values. The last values themselves are not kept: after a restart they count again from each key's seventeenth event on."""
        return [None if c is None else list(c) for c in (self.now, self.before, self.simple)]

    def restore(self, state: list[list[Any] | None]) -> None:
        """Go on from there."""
        made = [None if c is None else Comparison(str(c[0]), str(c[1]), str(c[2]), tuple(map(float, c[3])), tuple(map(int, c[4]))) for c in state]
        self.now, self.before, self.simple = made


@compiled
def run_last(slots: NDArray[np.int64], z: F32, values: NDArray[np.float64], counts: NDArray[np.int64], ring: F32, losses: F32) -> None:
    """losses [n] where each forecast is the key's last value; ring [slots, FAR, columns] holds those; NaN before there are FAR."""
    for i in range(len(slots)):
        slot = slots[i]
        n = counts[slot]
        total, many = 0.0, 0.0
        for f in range(values.shape[1]):
            before = ring[slot, (n - 1) % FAR, f]
            if not np.isfinite(values[i, f]):
                ring[slot, n % FAR, f] = before
                continue
            near, distant = z[i, f] - before, z[i, f] - ring[slot, n % FAR, f]
            ring[slot, n % FAR, f] = z[i, f]
            total += 0.5 * min(near * near, CAP) + 0.5 * min(distant * distant, CAP)
            many += 1.0
        losses[i] = np.float32(total / many) if n >= FAR and many > 0.0 else np.nan
        counts[slot] += 1

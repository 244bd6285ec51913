"""A bounded reservoir of recent windows: what the encoder learns from.

Up to WATCHED keys at a time are recorded for LENGTH events each; a full window goes to a place drawn at random, so that
a window's chance to be still there falls off exponentially with age. All draws come from one generator in the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.heads.compiling import compiled

LENGTH = 128  # events a window
WATCHED = 64  # keys recorded at a time
BYTES = 32 << 20
KEPT, OPEN = ("z", "valid", "gap", "ended"), ("open_z", "open_valid", "open_gap")  # arrays by window, by place

F32 = NDArray[np.float32]


class Reservoir:
    """Windows of z [N, L, F], valid [N, L, F], seconds between events [N, L] and when they ended [N]."""

    def __init__(self, features: int, seed: int) -> None:
        self.features = features
        self.capacity = int(max(16, min(1024, BYTES // (LENGTH * (5 * features + 4)))))
        self.z = np.zeros((self.capacity, LENGTH, features), np.float32)
        self.valid = np.zeros((self.capacity, LENGTH, features), np.bool_)
        self.gap = np.zeros((self.capacity, LENGTH), np.float32)
        self.ended = np.zeros(self.capacity, np.int64)  # events seen when the window was full; 0 = empty
        self.open_z = np.zeros((WATCHED, LENGTH, features), np.float32)
        self.open_valid = np.zeros((WATCHED, LENGTH, features), np.bool_)
        self.open_gap = np.zeros((WATCHED, LENGTH), np.float32)
        self.book = np.zeros((WATCHED, 3), np.int64)  # slot + 1, how full, time of the last event
        self.draw = np.array([seed * 2 + 1, 0, 0], np.uint64)  # generator, windows so far, spare
        self._saved = self.ended.copy()  # as it was at the last `state`
        self._touched = np.zeros(WATCHED, np.bool_)  # places that events came to since

    def watch(self, slots: NDArray[np.int64], times: NDArray[np.int64], z: F32, values: NDArray[np.float64], seen: int) -> None:
        """n events just run; `seen` is the count before the first."""
        self._touched[slots % WATCHED] = True
        _watch(
            slots, times, z, values, seen, self.z, self.valid, self.gap, self.ended, self.open_z, self.open_valid, self.open_gap, self.book, self.draw
        )

    @property
    def filled(self) -> int:
        return int((self.ended > 0).sum())

    def windows(self) -> dict[str, NDArray[Any]]:
        """Copies, oldest first: z, valid, dt, time."""
        order = np.argsort(self.ended, kind="stable")[self.capacity - self.filled :]
        return {"z": self.z[order], "valid": self.valid[order], "dt": self.gap[order], "time": self.ended[order]}

    def forget(self, slots: NDArray[np.int64]) -> None:
        """These slots' keys are gone: no window begun for one is ended by the slot's next key."""
        self.book[np.isin(self.book[:, 0], slots + 1)] = 0

    def state(self, full: bool) -> dict[str, NDArray[Any]]:
        """Copies: of all windows, or of those that are new since the last call; and of the open ones alike."""
        at = (self.ended != (0 if full else self._saved)).nonzero()[0]
        places = ((self.book[:, 0] > 0) & (full | self._touched)).nonzero()[0]
        self._saved[:], self._touched[:] = self.ended, False
        arrays = {"at": at, "places": places, "book": self.book.copy(), "draw": self.draw.copy()}
        arrays.update({name: getattr(self, name)[at] for name in KEPT}, **{name: getattr(self, name)[places] for name in OPEN})
        return {f"reservoir.{name}": a for name, a in arrays.items()}

    def restore(self, parts: Sequence[dict[str, NDArray[Any]]]) -> None:
        """Go on from there: an empty reservoir takes a full state and those since."""
        for arrays in parts:
            at, places = arrays["reservoir.at"], arrays["reservoir.places"]
            for names, where in ((KEPT, at), (OPEN, places)):
                for name in names:
                    getattr(self, name)[where] = arrays[f"reservoir.{name}"]
            self.book[...], self.draw[...] = arrays["reservoir.book"], arrays["reservoir.draw"]
        self._saved[:] = self.ended


@compiled
def _next(draw: NDArray[np.uint64]) -> np.int64:
    """Splitmix64: the next of a sequence, as a non-negative integer."""
    draw[0] += np.uint64(0x9E3779B97F4A7C15)
    x = draw[0]
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.int64((x ^ (x >> np.uint64(31))) >> np.uint64(2))


@compiled
def _watch(
    slots: NDArray[np.int64],
    times: NDArray[np.int64],
    z: F32,
    values: NDArray[np.float64],
    seen: int,
    kept_z: F32,
    kept_valid: NDArray[np.bool_],
    kept_gap: F32,
    ended: NDArray[np.int64],
    open_z: F32,
    open_valid: NDArray[np.bool_],
    open_gap: F32,
    book: NDArray[np.int64],
    draw: NDArray[np.uint64],
) -> None:
    """Places are found by slot modulo WATCHED; a free place is taken by the first key that comes by."""
    features = kept_z.shape[2]
    for i in range(len(slots)):
        place = slots[i] % WATCHED
        if book[place, 0] == 0 or (book[place, 0] != slots[i] + 1 and times[i] - book[place, 2] > 3_600_000_000_000):
            book[place, 0], book[place, 1], book[place, 2] = slots[i] + 1, 0, times[i]
        if book[place, 0] != slots[i] + 1:
            continue
        at = book[place, 1]
        for f in range(features):
            open_z[place, at, f] = z[i, f]
            open_valid[place, at, f] = np.isfinite(values[i, f])
        open_gap[place, at] = np.float32(max(times[i] - book[place, 2], 0) * 1e-9)
        book[place, 1], book[place, 2] = at + 1, times[i]
        if at + 1 == LENGTH:
            capacity = len(ended)
            k = np.int64(draw[1])
            if k >= capacity:
                k = _next(draw) % capacity
            draw[1] += np.uint64(1)
            kept_z[k], kept_valid[k], kept_gap[k] = open_z[place], open_valid[place], open_gap[place]
            ended[k] = seen + i + 1
            book[place, 0] = 0

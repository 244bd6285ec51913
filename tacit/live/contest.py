"""A contender in a trial: features (simple bank or encoder) with heads of their own, in arrays of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tacit.heads.encode import Weights, scratch_for, state_width
from tacit.heads.layout import COUNT, RING, layout_for
from tacit.live.checkpoint import Arrays
from tacit.live.memory import new_scratch
from tacit.live.model import LiveModel
from tacit.live.shadow import CAP, run_shadow

F32 = NDArray[np.float32]


class Contender:
    """Starts with empty heads when made. `name` "simple" stands on the simple bank."""

    def __init__(self, model: LiveModel, weights: Weights, name: str) -> None:
        self.weights, self.name, self.blocks = weights, name, model.blocks
        self.layout = layout_for(model.layout.F, 0 if name == "simple" else state_width(weights))
        self.lane = np.zeros((len(model.lane), self.layout.lane), np.float32)
        self.counts = np.zeros(model.keys.capacity, np.int64)
        self.last = np.zeros(model.keys.capacity, np.int64)
        self.scratch = new_scratch(model.blocks, self.layout, len(scratch_for(weights)))
        self._used = 0

    def run(self, slots: NDArray[np.int64], times: NDArray[np.int64], z: F32, values: NDArray[np.float64], omega: NDArray[np.float64]) -> F32:
        """Losses [n] of these events, NaN where they do not count yet; then learns them."""
        losses = np.empty(len(slots), np.float32)
        self._used = max(self._used, int(slots.max(initial=-1)) + 1)
        run_shadow(slots, times, z, values, self.blocks, self.counts, self.last, self.lane, self.layout, self.weights, omega, self.scratch, losses)
        return losses

    def forget(self, rows: NDArray[np.int64]) -> None:
        """These rows' keys are gone."""
        self.lane[rows] = 0.0
        slots = np.unique(rows // self.blocks)
        self.counts[slots], self.last[slots] = 0, 0

    def lanes_for(self, model: LiveModel) -> F32:
        """The lanes as the live path reads them, for a promotion: rings turned to each key's own count of events.

        A key that was seen too seldom in the trial counts from there anew, with the champion's spreads.
        """
        here = np.zeros(len(model.keys.names), np.int64)
        here[: self._used] = self.counts[: len(here)][: self._used]
        live = model.base[: len(here) * self.blocks : self.blocks, COUNT].astype(np.int64)
        lay, F = self.layout, self.layout.F
        lanes = self.lane.reshape(-1, self.blocks, lay.lane)
        for turn in range(1, RING):
            slots = ((here >= RING) & ((live - here) % RING == turn)).nonzero()[0]
            rings = lanes[slots, :, lay.ring : lay.ring + RING * lay.ring_row].reshape(len(slots), self.blocks, RING, lay.ring_row)
            lanes[slots, :, lay.ring : lay.ring + RING * lay.ring_row] = np.roll(rings, turn, axis=2).reshape(len(slots), self.blocks, -1)
        new = (here < RING).nonzero()[0]
        rows = (new[:, None] * self.blocks + np.arange(self.blocks)).ravel()
        self.lane[rows, lay.sigma : lay.sigma + 2 * F] = model.lane[rows, model.layout.sigma : model.layout.sigma + 2 * F]
        model.base[rows, COUNT] = np.repeat(here[new], self.blocks)
        return self.lane

    def state(self) -> Arrays:
        n = self._used
        return {"lane": self.lane[: n * self.blocks].copy(), "counts": self.counts[:n].copy(), "last": self.last[:n].copy()}

    def restore(self, arrays: Arrays) -> None:
        n = len(arrays["counts"])
        self.lane[: n * self.blocks], self.counts[:n], self.last[:n] = arrays["lane"], arrays["counts"], arrays["last"]
        self._used = n


def last_value_loss(side: Contender, slots: NDArray[np.int64], z: F32, values: NDArray[np.float64]) -> float:
    """Mean capped squared change since the key's event before, over events in this batch whose key came up before in it."""
    order = np.argsort(slots, kind="stable")
    same = slots[order][1:] == slots[order][:-1]
    if not same.any():
        return float("nan")
    change = (z[order][1:] - z[order][:-1])[same]
    seen = np.isfinite(values[order][1:])[same]
    return float(np.minimum(change**2, CAP)[seen].mean()) if seen.any() else float("nan")

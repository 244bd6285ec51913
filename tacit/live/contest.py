"""A contender in a trial: features (simple bank or encoder) with heads of their own, in arrays of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tacit.heads.encode import Weights, scratch_for, state_width
from tacit.heads.layout import COUNT, RING, layout_for
from tacit.live.checkpoint import Arrays
from tacit.live.memory import from_a_line, new_scratch
from tacit.live.model import LiveModel
from tacit.live.shadow import run_shadow

F32 = NDArray[np.float32]


class Contender:
    """Starts with empty heads when made. `name` "simple" stands on the simple bank."""

    def __init__(self, model: LiveModel, weights: Weights, name: str) -> None:
        self.weights, self.name, self.blocks = weights, name, model.blocks
        self.layout = layout_for(model.layout.F, 0 if name == "simple" else state_width(weights))
        self.lane = from_a_line((len(model.lane), self.layout.lane), np.float32)
        self.counts = np.zeros(model.keys.capacity, np.int64)
        self.last = np.zeros(model.keys.capacity, np.int64)
        self.scratch = new_scratch(model.blocks, self.layout, len(scratch_for(weights)))
        self._touched = np.zeros(model.keys.capacity, np.bool_)  # slots that changed since the last `state`

    def run(self, slots: NDArray[np.int64], times: NDArray[np.int64], z: F32, values: NDArray[np.float64], omega: NDArray[np.float64]) -> F32:
        """Losses [n] of these events, NaN where they do not count yet; then learns them."""
        losses = np.empty(len(slots), np.float32)
        self._touched[slots] = True
        run_shadow(slots, times, z, values, self.blocks, self.counts, self.last, self.lane, self.layout, self.weights, omega, self.scratch, losses)
        return losses

    def forget(self, rows: NDArray[np.int64]) -> None:
        """These rows' keys are gone."""
        self.lane[rows] = 0.0
        slots = np.unique(rows // self.blocks)
        self.counts[slots], self.last[slots], self._touched[slots] = 0, 0, True

    def lanes_for(self, model: LiveModel) -> F32:
        """The lanes as the live path reads them, for a promotion: rings turned to each key's own count of events.

        A key that was seen too seldom in the trial counts from there anew, with the champion's spreads.
        """
        rows = np.arange(len(model.keys.names) * self.blocks)
        here, live = self.counts[rows // self.blocks], model.base[rows, COUNT].astype(np.int64)
        lay, size = self.layout, RING * self.layout.ring_row
        for turn in range(1, RING):
            turned = rows[(here >= RING) & ((live - here) % RING == turn)]
            rings = self.lane[turned, lay.ring : lay.ring + size].reshape(-1, RING, lay.ring_row)
            self.lane[turned, lay.ring : lay.ring + size] = np.roll(rings, turn, axis=1).reshape(-1, size)
        new, spreads = rows[here < RING], 2 * lay.F
        self.lane[new, lay.sigma : lay.sigma + spreads] = model.lane[new, model.layout.sigma : model.layout.sigma + spreads]
        model.base[new, COUNT] = here[new]
        return self.lane

    def state(self, full: bool) -> Arrays:
        """Copies: of all slots that events came to, or of those that changed since the last call."""
        slots = (self.counts > 0 if full else self._touched).nonzero()[0]
        self._touched[:] = False
        return {"slots": slots, "lane": self.lane[self._rows(slots)], "counts": self.counts[slots], "last": self.last[slots]}

    def restore(self, arrays: Arrays) -> None:
        """One such state, over what is here."""
        slots = arrays["slots"]
        self.lane[self._rows(slots)], self.counts[slots], self.last[slots] = arrays["lane"], arrays["counts"], arrays["last"]

    def _rows(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        return (slots[:, None] * self.blocks + np.arange(self.blocks)).ravel()

"""Sampling: which samples come next; shuffled anew each epoch, and exactly so again after a restart.

The order of an epoch is a function of (seed, epoch); the state is two numbers. Under torchrun each process takes every world-th.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.errors import DataError


class Sampler:
    """rows: positions to draw from; batch: how many at once; the last incomplete batch of an epoch goes on into the next one."""

    def __init__(self, rows: NDArray[np.int64], batch: int, seed: int = 0, rank: int = 0, world: int = 1) -> None:
        self.rows, self.batch, self.seed, self.rank, self.world = rows, batch, seed, rank, world
        if len(rows) < world:
            raise DataError(f"{len(rows)} samples cannot be shared out to {world} processes.", "Start fewer processes.")
        self.epoch, self.at = 0, 0
        self._order = self._shuffle(0)

    def _shuffle(self, epoch: int) -> NDArray[np.int64]:
        order = self.rows[np.random.default_rng([self.seed, epoch]).permutation(len(self.rows))]
        usable = len(order) // self.world * self.world
        return order[:usable][self.rank :: self.world] if self.world > 1 else order

    def next(self) -> NDArray[np.int64]:
        """Positions of the next batch, [batch]."""
        taken: list[NDArray[np.int64]] = []
        missing = self.batch
        while missing:
            if self.at >= len(self._order):
                self.epoch, self.at = self.epoch + 1, 0
                self._order = self._shuffle(self.epoch)
            part = self._order[self.at : self.at + missing]
            self.at += len(part)
            missing -= len(part)
            taken.append(part)
        return np.concatenate(taken)

    def state(self) -> dict[str, int]:
        return {"epoch": self.epoch, "at": self.at}

    def restore(self, state: dict[str, int]) -> None:
        self.epoch, self.at = int(state["epoch"]), int(state["at"])
        self._order = self._shuffle(self.epoch)


def split(count: int, held: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(rows to learn from, rows kept out), both sorted; a function of the seed alone."""
    order = np.random.default_rng([seed, 7]).permutation(count)
    return np.sort(order[held:]), np.sort(order[:held])

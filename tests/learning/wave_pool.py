"""Small sets for the tests of learning: series of two kinds that differ in frequency, as a pool and its modality."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.pool import Pool
from tacit.modalities.series import Series


class ListPool(Pool):
    """Series from a list."""

    def __init__(self, samples: Sequence[NDArray[np.float32]]) -> None:
        self.samples, self.names, self.columns = samples, [str(i) for i in range(len(samples))], {}
        self.modality, self.described = "series", "a list"

    @classmethod
    def accepts(cls, source: Any) -> bool:
        return False

    def read(self, at: Sequence[int] | NDArray[np.int64]) -> list[Any]:
        return [self.samples[int(i)] for i in at]


def waves(count: int = 64, length: int = 48, seed: int = 0) -> tuple[ListPool, NDArray[np.int64]]:
    """(pool, kinds [count])."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 2, count)
    t = np.arange(length)[None, :, None]
    periods = np.where(kinds == 0, 8.0, 16.0)[:, None, None]
    x = np.sin(2 * np.pi * (t / periods + rng.random((count, 1, 2)))) + 0.1 * rng.standard_normal((count, length, 2))
    return ListPool(list(x.astype(np.float32))), kinds


def fitted(pool: Pool) -> Series:
    return Series.fit(pool, np.random.default_rng(0))

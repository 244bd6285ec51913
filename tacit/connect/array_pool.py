"""Array pool: samples that lie in one array, whatever file it came from; named by position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tacit.connect.array_samples import ArraySamples
from tacit.connect.pool_wishes import PoolWishes
from tacit.contracts.pool import Pool


class ArrayPool(Pool):
    """What `npz`, `idx` and `arrays` share: `_hold` an array, then read from it."""

    listens: ClassVar[tuple[str, ...]] = ("channels_first",)

    def _hold(self, array: NDArray[Any], wishes: PoolWishes, called: str) -> None:
        self._samples = ArraySamples(array, wishes, called)
        self.modality, self.notes = self._samples.modality, self._samples.notes
        self.names: Sequence[str] = [str(i) for i in range(len(array))]
        self.columns: dict[str, NDArray[Any]] = {}
        self.described = called

    def read(self, at: Sequence[int] | NDArray[np.int64]) -> list[Any]:
        return self._samples.read(at)

"""Modality: raw samples → arrays, without torch. Fitted once on the learning pool; its facts travel in the model folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.layout import Layout, Samples, joined
from tacit.contracts.pool import Pool, Refused


class Modality(ABC):
    """One class a file in `modalities/`. Constructor arguments are the fitted facts."""

    name: ClassVar[str]
    wishes: ClassVar[Mapping[str, Any]] = {}  # that `fit` can follow, each with the kind of its value
    layout: Layout

    @classmethod
    @abstractmethod
    def fit(cls, pool: Pool, rng: np.random.Generator, **wishes: Any) -> Modality:
        """Choose the layout from a look at the pool (a stated number of samples). wishes: `side`, `length`, `vocabulary`…

        Raises DataError where no sample can be read.
        """

    @abstractmethod
    def arrays(self, raw: Sequence[Any], names: Sequence[str]) -> tuple[Samples, NDArray[np.int64], list[Refused]]:
        """Decode: (samples, positions in `raw` that they came from, refused). Never raises for one bad sample."""

    def read(self, pool: Pool, at: Sequence[int] | NDArray[np.int64]) -> tuple[Samples, NDArray[np.int64], list[Refused]]:
        """As `arrays`, of the samples of a pool at these positions: decoded as they are read, so that files of any size take little memory."""
        parts: list[Samples] = []
        kept: list[NDArray[np.int64]] = []
        refused: list[Refused] = []
        before = 0
        for positions, raw in pool.pieces(at):
            samples, rows, bad = self.arrays(raw, [pool.names[int(i)] for i in positions])
            refused += bad
            parts.append(samples)
            kept.append(rows + before)
            before += len(raw)
        return (joined(parts), np.concatenate(kept), refused) if parts else (*self.arrays([], [])[:2], refused)

    @abstractmethod
    def files(self) -> dict[str, bytes]:
        """What must lie in the model folder beside the layout: {file name: content}; {} where the layout says it all."""

    @classmethod
    @abstractmethod
    def restore(cls, layout: Layout, files: dict[str, bytes]) -> Modality:
        """The way back from `layout` and `files`. Raises ModelError."""

    @abstractmethod
    def show(self, values: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> Any:
        """One sample for people: uint8 [H, W, 3] (image), float32 [L, C] with NaN (series), str (text). The way back from arrays."""

    @abstractmethod
    def where(self, place: int, patch: tuple[int, ...] = ()) -> str:
        """Names a token for people: "row 3, column 5", "steps 24 to 31", "word 7"."""

"""Feeding: batches of a pool's samples, decoded ahead of the learner in threads; all in memory where they are few.

Decoding (Pillow, zlib) lets go of the interpreter, so threads overlap with learning. What is read ahead never enters the
state: a batch carries the sampler's state after it. A large pool is decoded batch by batch, within a bounded memory.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.errors import DataError
from tacit.contracts.layout import Samples, joined
from tacit.contracts.modality import Modality
from tacit.contracts.pool import Pool, Refused
from tacit.learning.sampling import Sampler

IN_MEMORY = 1 << 30  # bytes of arrays kept whole
AHEAD = 4  # batches
PIECE = 512  # samples decoded at once while all are loaded


def nothing(done: int, total: int) -> None:
    """No progress bar."""


class Feeder:
    """pool and modality: what to read and how; limit: bytes that may be held whole; strict: the first sample that cannot be decoded is an error
    (DataError). refused: what could not be decoded so far."""

    def __init__(
        self, pool: Pool, modality: Modality, limit: int = IN_MEMORY, progress: Callable[[int, int], None] = nothing, strict: bool = False
    ) -> None:
        self.pool, self.modality, self.limit, self.strict = pool, modality, limit, strict
        self.refused: list[Refused] = []
        self.rows: NDArray[np.int64] = np.arange(len(pool))
        self._whole: Samples | None = None
        layout = modality.layout
        each = math.prod(layout.size) * layout.channels * (1 if layout.modality == "image" else 5)
        if each * len(pool) <= limit:
            self._load(progress)
        self._threads = ThreadPoolExecutor(2, "tacit-feed")
        self._queue: deque[tuple[Future[Samples], dict[str, int]]] = deque()
        self._sampler: Sampler | None = None
        self._after: dict[str, int] = {}

    def _load(self, progress: Callable[[int, int], None]) -> None:
        parts: list[Samples] = []
        with ThreadPoolExecutor(2, "tacit-load") as threads:
            starts = range(0, len(self.pool), PIECE)
            for start, (samples, at, refused) in zip(starts, threads.map(self._piece, starts), strict=True):
                if len(at):
                    parts.append(samples)
                self._refuse(refused)
                progress(min(start + PIECE, len(self.pool)), len(self.pool))
        if not parts:
            first = f" The first: {self.refused[0].name}: {self.refused[0].reason}" if self.refused else ""
            raise DataError(f"none of the {len(self.pool)} samples of {self.pool.described} can be read.{first}")
        self._whole = joined(parts)
        self.rows = np.arange(len(self._whole.values))  # of what could be decoded; a long document may be several samples

    def _piece(self, start: int) -> tuple[Samples, NDArray[np.int64], list[Refused]]:
        return self.modality.read(self.pool, range(start, min(start + PIECE, len(self.pool))))

    def read(self, rows: NDArray[np.int64]) -> Samples:
        """These samples; where some cannot be decoded, the others."""
        if self._whole is not None:
            return self._whole.take(rows)
        samples, _, refused = self.modality.read(self.pool, rows)
        known = {r.name for r in self.refused}
        self._refuse([r for r in refused if r.name not in known])
        return samples

    def _refuse(self, refused: Sequence[Refused]) -> None:
        if self.strict and refused:
            first = refused[0]
            raise DataError(f"{first.name} cannot be used: {first.reason}.", "Mend it, or leave --strict out: it is then left out and counted.")
        self.refused += refused

    def begin(self, sampler: Sampler) -> None:
        """Draw from here on, ahead."""
        self._sampler, self._after = sampler, sampler.state()
        self._queue.clear()

    def next(self) -> Samples:
        """The next batch. Raises DataError where none of it can be decoded."""
        sampler = self._sampler
        assert sampler is not None, "begin() comes first"
        if self._whole is not None:
            samples = self.read(sampler.next())
            self._after = sampler.state()
            return samples
        while len(self._queue) < AHEAD:
            rows = sampler.next()
            self._queue.append((self._threads.submit(self.read, rows), sampler.state()))
        future, self._after = self._queue.popleft()
        samples = future.result()
        if not len(samples.values):
            raise DataError(f"a whole batch of {self.pool.described} cannot be read; the last refused: {self.refused[-1].reason}")
        return samples

    def state(self) -> dict[str, int]:
        """The sampler's, as of the last batch that was handed out."""
        return dict(self._after)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

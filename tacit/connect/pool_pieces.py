"""Pool pieces: part of a pool, several pools as one, long series as windows. Each reads from the pools beneath it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tacit.connect.mapped import Touched
from tacit.contracts.errors import DataError
from tacit.contracts.pool import Pool

NOTHING: tuple[int, Any, Touched] = (-1, None, Touched(None))  # of long series is held


class _Piece(Pool):
    """Not found by its form: made of pools."""

    kinds: ClassVar[tuple[str, ...]] = ("image", "series", "text")

    @classmethod
    def accepts(cls, source: Any) -> bool:
        return False


class Subset(_Piece):
    """The samples of `pool` at `positions`, in that order."""

    def __init__(self, pool: Pool, positions: NDArray[np.int64]) -> None:
        self.pool, self.positions = pool, positions
        self.modality, self.notes = pool.modality, pool.notes
        self.names: Sequence[str] = [pool.names[int(i)] for i in positions]
        self.columns = {name: values[positions] for name, values in pool.columns.items()}
        self.described = f"{len(positions):,} of {pool.described}"

    def read(self, at: Sequence[int] | NDArray[np.int64]) -> list[Any]:
        return self.pool.read(self.positions[np.asarray(at, np.int64)])


class Joined(_Piece):
    """The samples of all `pools` in their order. A name that stands in several is told apart by the pool's position: "2/a.png"."""

    def __init__(self, pools: Sequence[Pool]) -> None:
        self.pools = pools
        self.modality = pools[0].modality
        self._starts = np.cumsum([0, *map(len, pools)])
        names = [name for pool in pools for name in pool.names]
        self.names: Sequence[str] = names if len(set(names)) == len(names) else [f"{k + 1}/{name}" for k, p in enumerate(pools) for name in p.names]
        # which pool a sample came from, and the columns that all of them have
        shared = [name for name in pools[0].columns if all(name in p.columns for p in pools)]
        self.columns = {name: np.concatenate([p.columns[name] for p in pools]) for name in shared}
        self.columns["pool"] = np.repeat([p.described for p in pools], [len(p) for p in pools])
        self.described = " and ".join(p.described for p in pools)
        self.notes = [note for p in pools for note in p.notes]

    def read(self, at: Sequence[int] | NDArray[np.int64]) -> list[Any]:
        where = np.asarray(at, np.int64)
        of = np.searchsorted(self._starts, where, side="right") - 1
        out: list[Any] = [None] * len(where)
        for k in np.unique(of):  # one call a pool, so that each may read its own in one go
            mine = np.flatnonzero(of == k)
            for i, sample in zip(mine, self.pools[k].read(where[mine] - self._starts[k]), strict=True):
                out[i] = sample
        return out


class Windowed(_Piece):
    """Windows of `length` steps from long series, begun every `stride` steps, called "NAME@START". column `series`: whose window it is.

    A series shorter than one window stays as it is, called by its own name. What is left of each end is noted.
    """

    def __init__(self, pool: Pool, length: int, stride: int) -> None:
        self.pool, self.length, self.stride = pool, length, stride
        self.modality = pool.modality
        lengths = np.array([len(s) if isinstance(s, np.ndarray) else 1 for i in range(len(pool)) for s in pool.read([i])])
        counts = np.maximum((lengths - length) // stride + 1, 1)
        self._of = np.repeat(np.arange(len(pool)), counts)
        self._start = np.concatenate([np.arange(n) * stride for n in counts])
        cut = lengths > length
        self.names: Sequence[str] = [
            f"{pool.names[k]}@{s}" if cut[k] else pool.names[k] for k, s in zip(self._of.tolist(), self._start.tolist(), strict=True)
        ]
        self.columns = {name: values[self._of] for name, values in pool.columns.items()}
        self.columns["series"] = np.array([pool.names[k] for k in self._of.tolist()])
        self.columns["start"] = self._start
        self.described = f"{len(self.names):,} windows of {pool.described}"
        left = int(np.where(cut, (lengths - length) % stride, 0).sum())
        self.notes = [*pool.notes, f"cut into windows of {length} steps, one every {stride}; {left:,} steps at the ends are in none"]
        self._last = NOTHING

    def read(self, at: Sequence[int] | NDArray[np.int64]) -> list[Any]:
        out: list[Any] = []
        for i in np.asarray(at, np.int64):
            k, start = int(self._of[i]), int(self._start[i])
            held, series, touched = self._last  # one assignment each way: threads may read at once
            if held != k:
                series = self.pool.read([k])[0]
                touched = Touched(None) if isinstance(series, OSError) else Touched.of(series)
                self._last = (k, series, touched)
            window = series if isinstance(series, OSError) else series[start : start + self.length]
            touched.add(getattr(window, "nbytes", 0))
            out.append(window)
        return out

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last": NOTHING}  # another process maps the file itself


def subset(pool: Pool, positions: Any) -> Pool:
    """The samples at these positions (a boolean mask will do), in that order."""
    positions = np.asarray(positions)
    return Subset(pool, np.flatnonzero(positions) if positions.dtype == np.bool_ else positions.astype(np.int64))


def joined(pools: Sequence[Pool]) -> Pool:
    """Several pools of one modality as one. Raises DataError."""
    if not pools:
        raise DataError("no pool to join.")
    modalities = sorted({p.modality for p in pools})
    if len(modalities) > 1:
        raise DataError(f"pools of {' and '.join(modalities)} cannot be joined.", "Give samples of one modality.")
    return pools[0] if len(pools) == 1 else Joined(list(pools))

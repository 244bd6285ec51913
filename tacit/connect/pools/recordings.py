"""Recordings: a folder of tables (CSV, JSON lines, Parquet) or .npy files, each one series; called by their paths inside it.

Channels are those of the first file, by name; a file that lacks one is refused. What was read is kept, up to a stated size.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tacit.connect.file_bytes import as_path
from tacit.connect.file_listing import SERIES, files_in, folders_of, held_by
from tacit.connect.mapped import SMALL
from tacit.connect.pool_wishes import COLUMNS, PoolWishes
from tacit.connect.pools.table import Table
from tacit.contracts.errors import DataError, TacitError
from tacit.contracts.pool import Pool

KEPT = 1 << 30  # bytes


class Recordings(Pool):
    """source: the folder. Files in folders called labels are not read."""

    kinds: ClassVar[tuple[str, ...]] = ("series",)
    listens: ClassVar[tuple[str, ...]] = COLUMNS

    def __init__(self, source: Any, wishes: PoolWishes | None = None) -> None:
        self.source, self.wishes = source, wishes or PoolWishes()
        self.modality = "series"
        self._root = Path(source)
        self.names: Sequence[str] = sorted(n for n in files_in(self._root) if SERIES.search(n.lower()) and "labels" not in Path(n).parts[:-1])
        self._held: dict[int, NDArray[np.float32]] = {}
        self._size = 0
        self._columns: tuple[str, ...] = tuple(self.wishes.value_columns)
        if not self._columns and not self.names[0].lower().endswith(".npy"):
            first = Table(self._root / self.names[0], replace(self.wishes, modality="series"))
            if len(first) != 1:
                raise DataError(f"{self.names[0]} in {source} holds {len(first):,} series, not one recording.", "Give that file itself.")
            self._columns = first.value_names
        self.columns: dict[str, NDArray[Any]] = folders_of(self.names)
        self.described = f"{len(self.names):,} recordings in {source}"
        self.notes = [f"{self.described}" + (f", channels {', '.join(self._columns[:8])}" if self._columns else "")]

    @classmethod
    def accepts(cls, source: Any) -> bool:
        path = as_path(source)
        return path is not None and path.is_dir() and held_by(path) == "recordings"

    def read(self, at: Sequence[int] | NDArray[np.int64]) -> list[Any]:
        return [self._one(int(i)) for i in at]

    def _one(self, i: int) -> Any:
        if i in self._held:
            return self._held[i]
        path = self._root / self.names[i]
        try:
            series = self._load(path)
        except (OSError, ValueError, TacitError) as error:
            return error if isinstance(error, OSError) else OSError(str(error))
        if not isinstance(series, np.memmap) and self._size + series.nbytes <= KEPT:
            self._held[i] = series
            self._size += series.nbytes
        return series

    def _load(self, path: Path) -> NDArray[np.float32]:
        if path.suffix.lower() == ".npy":
            array: NDArray[Any] = np.load(path, mmap_mode="r" if path.stat().st_size > SMALL else None, allow_pickle=False)
            if not isinstance(array, np.memmap):
                array = np.asarray(array, np.float32)  # a mapped one is cut into windows first
            return array[:, None] if array.ndim == 1 else array
        pool = Table(path, replace(self.wishes, modality="series", value_columns=self._columns))
        if len(pool) != 1:
            raise OSError(f"it holds {len(pool):,} series, not one recording")
        series: NDArray[np.float32] = pool.read([0])[0]
        return series

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_held": {}, "_size": 0, "_root": Path(os.path.abspath(self._root))}

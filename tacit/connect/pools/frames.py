"""Frames: pandas, polars and pyarrow tables, a pandas or polars series, or a mapping of columns, as Python hands them over.

Which one it is, is told by what it can do; none of the libraries is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tacit.connect.pool_wishes import PoolWishes
from tacit.connect.table_files import arrow_columns, rows_as_columns
from tacit.connect.table_pool import TablePool
from tacit.contracts.errors import DataError


class Frames(TablePool):
    """source: a table with named columns, or a list of dicts. Paths in it are relative to the folder we are in."""

    def __init__(self, source: Any, wishes: PoolWishes | None = None) -> None:
        self.source, self.wishes = source, wishes or PoolWishes()
        self._hold(_columns(source), {}, self.wishes, None, f"the {type(source).__name__}")

    @classmethod
    def accepts(cls, source: Any) -> bool:
        if isinstance(source, (list, tuple)):
            return bool(source) and all(isinstance(row, Mapping) for row in source)
        return isinstance(source, Mapping) or (not isinstance(source, np.ndarray) and (hasattr(source, "columns") or hasattr(source, "column_names")))


def _columns(source: Any) -> dict[str, Any]:
    if isinstance(source, (list, tuple)):
        return rows_as_columns(source)
    if hasattr(source, "column_names"):
        return arrow_columns(source)
    names = list(source) if isinstance(source, Mapping) else [str(c) for c in source.columns]
    columns = {str(n): _plain(source[n] if isinstance(source, Mapping) or n in source.columns else source.iloc[:, j]) for j, n in enumerate(names)}
    if len({len(c) for c in columns.values()}) > 1:
        raise DataError("the columns differ in length: " + ", ".join(f"{n} {len(c)}" for n, c in columns.items()) + ".")
    return columns


def _plain(column: Any) -> Any:
    """Numbers as an array, all else as a list."""
    array = column.to_numpy() if hasattr(column, "to_numpy") else np.asarray(column, dtype=None if isinstance(column, np.ndarray) else object)
    return array if array.dtype.kind in "biuf" else array.tolist()

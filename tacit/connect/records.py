"""Records: what a format hands on, raw values in rows or in columns, with the place where each stood.

Text formats and dictionaries come as rows, tables as columns; both answer the same few questions, so that
one decoder serves all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Records(ABC):
    """n raw records. names: the columns; lines: [n], counted from 1; place: the file's name, or ""."""

    names: tuple[str, ...]
    lines: Sequence[int]
    place: str

    def __len__(self) -> int:
        return len(self.lines)

    def where(self, row: int, column: str = "") -> str:
        """Where a value stood, for messages: "pump.csv:12, column 'flow'"."""
        spot = f"{self.place}:{self.lines[row]}" if self.place else f"line {self.lines[row]}"
        return f"{spot}, column {column!r}" if column else spot

    @abstractmethod
    def column(self, j: int) -> Any:
        """Column j: a list of raw values, or an array."""

    @abstractmethod
    def numbers(self, js: Sequence[int]) -> Floats:
        """Columns js as numbers, [n, len(js)]. Raises ValueError or TypeError where any value is not one."""

    @abstractmethod
    def take(self, rows: Sequence[int]) -> Records:
        """These records alone."""

    @abstractmethod
    def head(self, n: int) -> Records:
        """The first n records."""


class Rows(Records):
    """Records row by row: each row has a value for each name."""

    def __init__(self, names: tuple[str, ...], rows: list[Any], lines: Sequence[int], place: str = "") -> None:
        self.names, self.rows, self.lines, self.place = names, rows, lines, place

    def column(self, j: int) -> list[Any]:
        return list(map(itemgetter(j), self.rows))

    def numbers(self, js: Sequence[int]) -> Floats:
        n, width = len(self.rows), len(js)
        if width == 1:
            flat: Any = map(itemgetter(js[0]), self.rows)
        elif width == len(self.names):
            flat = chain.from_iterable(self.rows)
        else:
            flat = chain.from_iterable(map(itemgetter(*js), self.rows))
        return np.fromiter(map(float, flat), np.float64, n * width).reshape(n, width)

    def take(self, rows: Sequence[int]) -> Rows:
        return Rows(self.names, [self.rows[i] for i in rows], [self.lines[i] for i in rows], self.place)

    def head(self, n: int) -> Rows:
        return Rows(self.names, self.rows[:n], self.lines[:n], self.place)


class Columns(Records):
    """Records column by column: arrays of one length."""

    def __init__(self, names: tuple[str, ...], columns: list[Any], lines: Sequence[int], place: str = "") -> None:
        self.names, self.columns, self.lines, self.place = names, columns, lines, place

    def column(self, j: int) -> Any:
        return self.columns[j]

    def numbers(self, js: Sequence[int]) -> Floats:
        out = np.empty((len(self), len(js)))
        for k, j in enumerate(js):
            array = self.columns[j]
            if getattr(array, "dtype", None) is None or array.dtype.kind not in "biuf":
                raise TypeError(f"column {self.names[j]!r} is not numeric")
            out[:, k] = array
        return out

    def take(self, rows: Sequence[int]) -> Columns:
        columns = [c[list(rows)] if isinstance(c, np.ndarray) else [c[i] for i in rows] for c in self.columns]
        return Columns(self.names, columns, [self.lines[i] for i in rows], self.place)

    def head(self, n: int) -> Columns:
        return Columns(self.names, [c[:n] for c in self.columns], self.lines[:n], self.place)

"""Table: a pandas, polars, numpy or pyarrow table, a mapping of columns, or a list of dicts; replayable.

Which one it is, is told by what it can do; none of the libraries is imported.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from tacit.connect.decode import Decoder
from tacit.connect.formats.jsonl import Jsonl
from tacit.connect.formats.parquet import arrow_columns
from tacit.connect.readers import SAMPLE
from tacit.connect.records import Columns, Records
from tacit.connect.schema import Wishes
from tacit.connect.sought import Further
from tacit.connect.strict import refusals_for, whole
from tacit.contracts.errors import SourceError
from tacit.contracts.events import Events, Feature, Refusals
from tacit.contracts.source import Position, Source


class Table(Source):
    """Rows of a table in their order. name: what sinks call it."""

    replayable: ClassVar[bool] = True
    ends: ClassVar[bool] = True

    def __init__(self, table: Any, wishes: Wishes | None = None, name: str = "table") -> None:
        self.table, self.name = table, name
        self.wishes = wishes or Wishes()
        self.refusals = refusals_for(self.wishes)
        self.notes: list[str] = []
        self.format = _kind(table)
        self._columns = None if self.format == "dicts" else _columns(table, self.format)
        self._dicts = Jsonl()
        self._row = self._first = 0  # next row; number of the first event
        few = self.table[:20] if self._columns is None else [self._columns[0], [list(c[:20]) for c in self._columns[1]]]
        self._check = zlib.crc32(repr(few).encode())
        self._decoder = Decoder(self.wishes, self.refusals, self.notes)
        if len(self):
            every = Further(lambda: (self._records(row, SAMPLE, Refusals()) for row in range(0, len(self), SAMPLE)))
            self._decoder.begin(self._records(0, SAMPLE, Refusals()), every)  # refusals count when the rows are read for good
            self._dicts = Jsonl()
        else:
            self.notes.append("empty: no rows at all")

    @staticmethod
    def knows(table: Any) -> bool:
        """Whether this is something a Table can hold."""
        return _kind(table) != ""

    def __len__(self) -> int:
        return len(self.table) if self._columns is None else len(self._columns[1][0]) if self._columns[1] else 0

    @property
    def features(self) -> tuple[Feature, ...]:  # type: ignore[override] # read-only here
        return self._decoder.features

    def poll(self, limit: int, timeout: float) -> Events | None:
        """The next events; None at the end. A table never waits."""
        while self._row < len(self):
            with whole(self._decoder, partial(self._back, self._row, self._dicts.names)):
                records = self._records(self._row, self._decoder.most(limit), self.refusals)
                self._row += min(self._decoder.most(limit), len(self) - self._row)
                if len(records):
                    return self._decoder.events(records)
        return None

    def position(self) -> Position:
        """The row, and the decoder's state."""
        return {
            "row": self._row,
            "rows": len(self),
            "check": self._check,
            "first": self._first,
            "names": list(self._dicts.names),
            **self._decoder.state(),
        }

    def seek(self, position: Position) -> None:
        """Raises SourceError where the table has another length."""
        if position["rows"] != len(self):
            raise SourceError(f"the table has {len(self):,} rows, the position belongs to one of {position['rows']:,}.", "Give the same table.")
        self._row = int(position["row"])
        self._dicts.names = tuple(position["names"])
        self._decoder.restore(position)
        self._first = int(position.get("first", 0))

    def count_on(self, last: Position) -> None:
        """The same events where the table is as long and begins with the same rows."""
        if "rows" in last:
            same = (last["rows"], last.get("check")) == (len(self), self._check)
            self._first = self._decoder.next = max(self._decoder.next, int(last.get("first", 0) if same else last["next"]))

    def _back(self, row: int, names: tuple[str, ...]) -> None:
        """As it was before this row was read."""
        self._row, self._dicts.names = row, names

    def _records(self, start: int, limit: int, refusals: Refusals) -> Records:
        stop = min(start + limit, len(self))
        lines = range(start + 1, stop + 1)
        if self._columns is None:
            rows = self.table[start:stop]
            good = [i for i, r in enumerate(rows) if isinstance(r, Mapping)]
            if len(good) < len(rows):
                for i in sorted(set(range(len(rows))).difference(good)):
                    refusals.add("not a dict", f"row {lines[i]}", repr(rows[i]))
                return self._dicts.rows([dict(rows[i]) for i in good], [lines[i] for i in good], "")
            return self._dicts.rows([dict(r) for r in rows], lines, "")
        names, columns = self._columns
        return Columns(names, [c[start:stop] for c in columns], lines)


def _kind(table: Any) -> str:
    """pandas, polars, pyarrow, numpy, columns (a mapping), dicts (a list of mappings), or "" for none of these."""
    if isinstance(table, np.ndarray):
        return "numpy"
    if hasattr(table, "iloc") and hasattr(table, "columns"):
        return "pandas"
    if hasattr(table, "get_columns") and hasattr(table, "columns"):
        return "polars"
    if hasattr(table, "column_names") and hasattr(table, "to_pydict"):
        return "pyarrow"
    if isinstance(table, Mapping):
        return "columns"
    if isinstance(table, Sequence) and not isinstance(table, (str, bytes)):
        return "dicts"
    return ""


def _columns(table: Any, kind: str) -> tuple[tuple[str, ...], list[Any]]:
    if kind == "pandas":
        return _pandas(table)
    if kind == "polars":
        return tuple(table.columns), [
            _plain(c.to_numpy() if c.dtype.is_numeric() or c.dtype.is_temporal() else c.to_list()) for c in table.get_columns()
        ]
    if kind == "pyarrow":
        return tuple(table.column_names), arrow_columns(table)
    if kind == "numpy":
        return _numpy(table)
    return tuple(map(str, table)), [_plain(c) for c in table.values()]


def _pandas(table: Any) -> tuple[tuple[str, ...], list[Any]]:
    """Columns, and the index too where it has a name or holds times."""
    names = [str(c) for c in table.columns]
    columns = [_plain(table.iloc[:, j].to_numpy()) for j in range(len(names))]
    for j in range(len(names)):
        if str(table.dtypes.iloc[j]).startswith("datetime64[") and "," in str(table.dtypes.iloc[j]):
            columns[j] = table.iloc[:, j].dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    index = table.index
    if hasattr(index, "tz") or index.name is not None:
        when = index.tz_convert("UTC").tz_localize(None) if getattr(index, "tz", None) is not None else index
        names.insert(0, str(index.name or "time"))
        columns.insert(0, _plain(when.to_numpy()))
    return tuple(names), columns


def _numpy(table: Any) -> tuple[tuple[str, ...], list[Any]]:
    if table.dtype.names:
        return tuple(table.dtype.names), [_plain(table[n]) for n in table.dtype.names]
    if table.ndim == 1:
        return ("value",), [_plain(table)]
    if table.ndim != 2:
        raise SourceError(f"an array of shape {table.shape} is no table.", "Give [n] or [n, features], or a structured array.")
    return tuple(f"c{j + 1}" for j in range(table.shape[1])), [_plain(table[:, j]) for j in range(table.shape[1])]


def _plain(column: Any) -> Any:
    """Numbers and times as an array, all else as a list of Python values."""
    if isinstance(column, np.ndarray):
        return column if column.dtype.kind in "biufM" else column.tolist()
    array = np.asarray(column) if not isinstance(column, list) else None
    return _plain(array) if array is not None else list(column)

"""Parquet: row groups → columns. pyarrow is asked for only here, when a file needs it."""

from __future__ import annotations

from typing import Any

from tacit.connect.records import Columns
from tacit.contracts.errors import MissingPart, SourceError


class Parquet:
    """Reads one Parquet file from any row. Raises MissingPart without pyarrow, SourceError for a damaged file."""

    name = "parquet"

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            import pyarrow
            import pyarrow.parquet as parquet
        except ImportError as error:
            raise MissingPart(f"{path}: reading Parquet needs pyarrow.", "Install it with: pip install 'tacit[table]'") from error
        try:
            self._file = parquet.ParquetFile(path)
        except (pyarrow.ArrowException, OSError) as error:
            raise SourceError(f"{path} cannot be read as Parquet: {error}.", "Is it whole? A copy that was cut short has no footer.") from error
        self.names = tuple(self._file.schema_arrow.names)
        self.total = int(self._file.metadata.num_rows)
        self._group = -1
        self._table: Any = None
        self._starts = [0]
        for i in range(self._file.metadata.num_row_groups):
            self._starts.append(self._starts[-1] + int(self._file.metadata.row_group(i).num_rows))

    def rows(self, start: int, limit: int, place: str) -> Columns:
        """Up to `limit` rows from row `start`, never over the end of a row group. Line numbers are row numbers from 1."""
        group = next((i for i, s in enumerate(self._starts[1:]) if start < s), None)
        if group is None:
            return Columns(self.names, [[] for _ in self.names], [], place)
        if group != self._group:
            try:
                self._group, self._table = group, self._file.read_row_group(group)
            except (ValueError, OSError) as error:  # ArrowInvalid is a ValueError
                raise SourceError(f"{self.path} cannot be read on from row {start + 1}: {error}.", "Is the file whole?") from error
        part = self._table.slice(start - self._starts[group], limit)
        return Columns(self.names, arrow_columns(part), range(start + 1, start + 1 + part.num_rows), place)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def arrow_columns(table: Any) -> list[Any]:
    """Columns of a pyarrow table: numpy arrays for numbers and times, lists for the rest."""
    out: list[Any] = []
    for column in table.columns:
        kind = str(column.type)
        if kind.startswith(("int", "uint", "float", "double", "halffloat", "timestamp", "date")):
            out.append(column.to_numpy())
        else:
            out.append(column.to_pylist())
    return out

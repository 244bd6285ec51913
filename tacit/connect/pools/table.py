"""Table: a CSV, JSON lines or Parquet file: a column of texts, of paths, of pictures or of series; or series in long or wide form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tacit.connect.file_bytes import as_path, inner_suffix
from tacit.connect.pool_wishes import PoolWishes
from tacit.connect.pools.lines import is_numbers
from tacit.connect.table_files import TABLES, read_table
from tacit.connect.table_pool import TablePool


class Table(TablePool):
    """source: FILE.csv, .tsv, .jsonl, .parquet, also gzipped; or numbers apart by blanks in a .txt. Paths in it are relative to its folder."""

    def __init__(self, source: Any, wishes: PoolWishes | None = None) -> None:
        self.source, self.wishes = source, wishes or PoolWishes()
        path = Path(source)
        columns, bad = read_table(path)
        self._hold(columns, bad, self.wishes, path.parent, path.name)

    @classmethod
    def accepts(cls, source: Any) -> bool:
        path = as_path(source)
        return path is not None and path.is_file() and (inner_suffix(path) in TABLES or (inner_suffix(path) in (".txt", ".dat") and is_numbers(path)))

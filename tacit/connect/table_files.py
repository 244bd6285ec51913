"""Table files: CSV (any delimiter, quotes, long lines), JSON lines, Parquet, numbers apart by blanks → columns by name.

All of a table is read: texts and numbers of a pool that comes as one file fit in memory, pictures come as files or Parquet.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tacit.connect.file_bytes import as_text, content, inner_suffix
from tacit.connect.text import is_number
from tacit.contracts.errors import DataError, MissingPart

TABLES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet"})
DELIMITERS = ",;\t|"


class Table(NamedTuple):
    """columns: values by name, all of one length; bad: rows (counted from 0, heads left out) that do not fit, and why: None in every column."""

    columns: dict[str, Any]
    bad: dict[int, str]


def read_table(path: Path) -> Table:
    """Text stays text. Raises DataError where no row fits, MissingPart."""
    suffix = inner_suffix(path)
    if suffix == ".parquet":
        return _parquet(path)
    text, encoding = as_text(content(path))
    if not encoding or "\0" in text:
        raise DataError(f"{path} is no text: it holds bytes that no text has.", "Give UTF-8.")
    if suffix in (".jsonl", ".ndjson", ".json"):
        return _json(text, path)
    if suffix in (".csv", ".tsv"):
        return _csv(text, path, "\t" if suffix == ".tsv" else None)
    return _fitting([line.split() for line in text.splitlines() if line.strip()], path, None)


def _csv(text: str, path: Path, delimiter: str | None) -> Table:
    first = text.partition("\n")[0]
    delimiter = delimiter or max(DELIMITERS, key=first.count)
    was = csv.field_size_limit(sys.maxsize)  # a document of 10 MB is one field
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    except csv.Error as error:
        raise DataError(f"{path} is no CSV: {error}.") from error
    finally:
        csv.field_size_limit(was)
    if not rows:
        raise DataError(f"{path} is empty.")
    # numbers alone in the first row: it is data, and there is no head
    names = None if all(is_number(v) for v in rows[0]) else [n.strip() for n in rows[0]]
    return _fitting(rows if names is None else rows[1:], path, names)


def _fitting(rows: list[list[str]], path: Path, names: list[str] | None) -> Table:
    """Rows as columns; one of another width is kept in its place as a bad one, so that positions stay what they are."""
    if not rows:
        raise DataError(f"{path} holds no row.")
    names = names or [f"c{j + 1}" for j in range(len(rows[0]))]
    if len(set(names)) < len(names):
        raise DataError(f"{path} has two columns of one name.", f"Its head: {', '.join(names)}.")
    width = len(names)
    bad = {i: f"{len(row)} values where the head has {width} columns" for i, row in enumerate(rows) if len(row) != width}
    if len(bad) == len(rows):
        raise DataError(f"{path}: no row fits the head of {width} columns; the first has {len(rows[0])}.", "Quote texts that hold the delimiter.")
    empty: list[Any] = [None] * width
    whole = rows if not bad else [empty if i in bad else row for i, row in enumerate(rows)]
    return Table(dict(zip(names, map(list, zip(*whole, strict=True)), strict=True)), bad)


def _json(text: str, path: Path) -> Table:
    """One object a line, or one list of objects."""
    rows: list[Any] = []
    bad: dict[int, str] = {}
    try:
        whole = json.loads(text) if text.lstrip().startswith("[") else None
    except ValueError as error:
        raise DataError(f"{path} is no JSON: {error}.") from error
    for line in text.split("\n") if whole is None else whole:
        if not isinstance(line, str) or line.strip():
            try:
                row = json.loads(line) if whole is None else line
                reason = "" if isinstance(row, dict) else "no object with names"
            except ValueError as error:
                row, reason = None, f"no JSON: {error}"
            if reason:
                bad[len(rows)] = reason
            rows.append({} if reason else row)
    if len(bad) == len(rows):
        raise DataError(f"{path} holds no row: {bad[0]}." if bad else f"{path} is empty.", "Give one JSON object a line.")
    return Table(rows_as_columns(rows), bad)


def rows_as_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A list of mappings as columns; None where one lacks a name."""
    names = dict.fromkeys(str(k) for r in rows for k in r)
    return {name: [r.get(name) for r in rows] for name in names}


def _parquet(path: Path) -> Table:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingPart("reading Parquet needs pyarrow.", "pip install 'tacit[table]'") from error
    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path} is no whole Parquet file: {error}.") from error
    return Table(arrow_columns(table), {})


def arrow_columns(table: Any) -> dict[str, Any]:
    """Numbers as arrays, texts as lists; bytes, lists and structs stay as they are: a pool reads them row by row."""
    from pyarrow import types

    out: dict[str, Any] = {}
    for name in table.column_names:
        column = table.column(name)
        heavy = types.is_binary(column.type) or types.is_large_binary(column.type) or types.is_nested(column.type)
        number = (types.is_integer(column.type) or types.is_floating(column.type)) and not column.null_count
        out[name] = column if heavy else column.to_numpy() if number else column.to_pylist()
    return out

"""Label files: a CSV, Parquet or JSON lines table, idx, FILE.npz:ARRAY, one label a line, or an array → columns of labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tacit.connect.file_bytes import as_path, as_text, content, inner_suffix
from tacit.connect.pools.idx import is_idx, load_idx
from tacit.connect.pools.npz import load_array
from tacit.connect.table_files import TABLES, read_table
from tacit.contracts.errors import DataError

NAMES = ("path", "file", "filename", "file_name", "name", "id", "image", "sample", "index", "")
TARGETS = ("label", "target", "class", "y", "category", "labels", "rul")


def read_columns(source: Any) -> tuple[dict[str, Any], str, list[str]]:
    """(columns by name, what to call the source, notes). A bare list of labels is the column `label`. Raises DataError."""
    if isinstance(source, Mapping):
        return {str(k): list(v) for k, v in source.items()}, "the labels", []
    if hasattr(source, "columns") and hasattr(source, "__getitem__"):  # a pandas or polars table
        return {str(c): list(source[c]) for c in source.columns}, "the labels", []
    if not isinstance(source, (str, bytes)) and not hasattr(source, "__fspath__"):
        return {"label": _flat(source.detach().cpu().numpy() if hasattr(source, "detach") else source, "the labels")}, "the labels", []
    text = str(source)
    path = as_path(source)
    if path is None or path.suffix.lower() in (".npz", ".npy"):
        before, _, _ = text.rpartition(":")
        if path is None and as_path(before) is None:
            raise DataError(f"there are no labels at {text}.", "Check the path.")
        return {"label": _flat(load_array(source), text)}, text, []
    if path.is_dir():
        raise DataError(f"{text} is a folder.", "Give a file of labels; for class folders `column:folder`.")
    if inner_suffix(path) in TABLES:
        columns, bad = read_table(path)
        kept = [i for i in range(len(next(iter(columns.values())))) if i not in bad]
        notes = [f"{text}: {len(bad):,} rows left out; row {next(iter(bad)) + 1}: {next(iter(bad.values()))}"] if bad else []
        return {name: [_plain(values[i]) for i in kept] for name, values in columns.items()}, text, notes
    if is_idx(path):
        return {"label": _flat(load_idx(path), text)}, text, []
    written, encoding = as_text(content(path))
    if not encoding or not written.strip():
        raise DataError(f"{text} holds no labels.", "Give a CSV `path,label`, or a text file with one label a line.")
    return {"label": [line.strip() for line in written.rstrip("\n").split("\n")]}, text, []


def _plain(value: Any) -> Any:
    return value.as_py() if hasattr(value, "as_py") else value


def _flat(values: Any, called: str) -> list[Any]:
    """[n] or [n, 1] as a list."""
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(f"{called} have the shape {array.shape}.", "Give one label a sample.")
    items: list[Any] = array.tolist()
    return items

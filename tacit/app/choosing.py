"""Choosing: whether data are one stream's history (learned as `watch` learns) or samples (learned by pretext tasks), from a look at them.

Pictures, texts, archives, arrays of more than two axes: samples. A table of numbers in the order of time: a history, unless a
pretext task, an encoder or a modality is named; then it is cut or grouped into series.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
PACKED = (".gz", ".bz2", ".xz")


def ending(path: Path) -> str:
    """The name's ending without what packs it: readings.csv.gz → .csv"""
    name = path.name.lower()
    for packed in PACKED:
        name = name.removesuffix(packed)
    return Path(name).suffix


def is_history(source: Any, named: bool) -> bool:
    """True: one stream's history. named: the wish names a pretext task, an encoder, a modality or columns of samples."""
    if named:
        return False
    if isinstance(source, str | Path):
        return _path_is_history(Path(source))
    if hasattr(source, "ndim") and hasattr(source, "dtype"):  # numpy, torch
        return int(source.ndim) <= 2
    if isinstance(source, list | tuple):
        return not source or isinstance(source[0], dict)
    return True


def _path_is_history(path: Path) -> bool:
    if str(path) == "-" or str(path).startswith(("host:", "tail:")):
        return True
    if path.is_dir():
        found = [ending(p) for _, p in zip(range(2000), path.rglob("*"), strict=False) if p.is_file()]
        return bool(found) and all(e in TABLES for e in found if e)
    if ending(path) not in TABLES or not path.exists():
        return False
    return not _holds_texts(path)


def _holds_texts(path: Path) -> bool:
    """Whether a table has a column of texts or of paths of pictures."""
    from tacit.connect.open_pool import open_pool
    from tacit.contracts.errors import DataError

    try:
        return open_pool(str(path)).modality in ("text", "image")
    except DataError:  # no samples there: whoever reads it as a stream says what is wrong with it
        return False

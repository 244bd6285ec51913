"""Tables out: names with embeddings or predictions as CSV, Parquet or npz; written whole or not at all."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.errors import SinkError

ENDINGS = (".parquet", ".npz", ".csv")


def write_table(path: Path, names: Sequence[str], columns: dict[str, NDArray[Any]]) -> None:
    """One row a name; a column of [N, D] is a list in Parquet, an array in npz, D columns in CSV. Raises SinkError."""
    if path.suffix not in ENDINGS:
        raise SinkError(f"{path}: nothing is written to files that end in {path.suffix!r}.", f"Use {', '.join(ENDINGS)}.")
    names = _readable(names)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".parquet":
            _parquet(temporary, names, columns)
        elif path.suffix == ".npz":
            with temporary.open("wb") as file:
                np.savez(file, name=np.asarray(names, dtype=str), **columns)  # type: ignore[arg-type]
        else:
            with temporary.open("w", newline="", encoding="utf-8") as text:
                _csv(text, names, columns)
        temporary.rename(path)
    except OSError as e:
        raise SinkError(f"{path} cannot be written: {e.strerror or e}.", "Choose another --out.") from e
    finally:
        temporary.unlink(missing_ok=True)


def print_csv(names: Sequence[str], columns: dict[str, NDArray[Any]]) -> None:
    """To standard output."""
    _csv(sys.stdout, _readable(names), columns)


def _readable(names: Sequence[str]) -> list[str]:
    """Names of files may hold bytes that are no text: shown as \\udcff."""
    return [str(name).encode("utf-8", "backslashreplace").decode() for name in names]


def _csv(file: TextIO, names: Sequence[str], columns: dict[str, NDArray[Any]]) -> None:
    flat: dict[str, Any] = {}
    for name, values in columns.items():
        flat |= {name: values} if values.ndim == 1 else {f"{name}_{k}": values[:, k] for k in range(values.shape[1])}
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["name", *flat])
    for row in zip(names, *(v.tolist() for v in flat.values()), strict=True):
        writer.writerow([f"{cell:.7g}" if isinstance(cell, float) else cell for cell in row])


def _parquet(path: Path, names: Sequence[str], columns: dict[str, NDArray[Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {"name": pa.array([str(n) for n in names])}
    for name, values in columns.items():
        flat = pa.array(np.ascontiguousarray(values).reshape(-1))
        arrays[name] = flat if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    pq.write_table(pa.table(arrays), path, use_dictionary=False)  # hardly a number or a name comes twice

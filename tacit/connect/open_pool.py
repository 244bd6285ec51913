"""Open pool: what the user writes or hands over (a folder, a file, `file.npz:array`, arrays, tables) → a pool of samples."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tacit.connect.pool_pieces import Windowed, joined, subset
from tacit.connect.pool_wishes import PoolWishes
from tacit.contracts.catalog import load, names
from tacit.contracts.errors import DataError
from tacit.contracts.pool import Pool

FEW, LONG, WINDOW = 100, 1000, 128  # up to so many recordings, half of them of so many steps or more: cut into windows of so many

__all__ = ["joined", "open_pool", "subset"]


def open_pool(
    source: Any,
    modality: str | None = None,
    *,
    column: str | None = None,
    path_column: str | None = None,
    id_column: str | None = None,
    time_column: str | None = None,
    value_columns: Sequence[str] = (),
    channels_first: bool | None = None,
    window: int | None = None,
    stride: int | None = None,
    whole: bool | None = None,
) -> Pool:
    """The samples of `source`, in the first form that knows it. `pool.notes` says what was found and assumed.

    The arguments are those of PoolWishes. Raises DataError: nothing there, nothing readable, several modalities or arrays.
    """
    wishes = PoolWishes(modality, column, path_column, id_column, time_column, tuple(value_columns), channels_first, window, stride, whole)
    pool = source if isinstance(source, Pool) else _opened(os.fspath(source) if isinstance(source, os.PathLike) else source, wishes)
    if wishes.modality is not None and pool.modality != wishes.modality:
        raise DataError(f"{pool.described} holds {pool.modality} samples, not {wishes.modality}.", "Leave --modality out, or give other data.")
    if not len(pool):
        raise DataError(f"{pool.described} holds no sample.")
    if pool.modality != "series" and (wishes.window or wishes.stride):
        raise DataError(f"a window has no effect on {pool.described}: only series are cut into windows.", "Leave it out.")
    return _cut(pool, wishes) if pool.modality == "series" else pool


def _cut(pool: Pool, wishes: PoolWishes) -> Pool:
    """Windows, where they are asked for, or where there are a few long recordings and hardly anything else to learn from."""
    window = wishes.window
    if window is None:
        if len(pool) > FEW:
            return pool
        lengths = [len(s) for i in range(len(pool)) for s in pool.read([i]) if isinstance(s, np.ndarray)]
        if not lengths or np.median(lengths) < LONG:
            return pool
        window = WINDOW
    return Windowed(pool, window, wishes.stride or max(1, window // 2))


def _opened(source: Any, wishes: PoolWishes) -> Pool:
    if isinstance(source, str) and not Path(source).exists() and not Path(source.rpartition(":")[0] or source).is_file():
        raise DataError(f"there is nothing at {source}.", "Check the path.")
    if (found := _form(source)) is not None:
        name, part = found
        called = str(source) if isinstance(source, str) else f"a {type(source).__name__}"
        if wishes.modality is not None and wishes.modality not in part.kinds:
            raise DataError(f"{source} ({name}) can hold {' or '.join(part.kinds)}, not {wishes.modality}.")
        wishes.hold_to(part.listens, f"{called} ({name})")
        try:
            pool: Pool = part(source, wishes)  # type: ignore[call-arg]
        except OSError as error:
            raise DataError(f"{source} cannot be read: {error}.", "Check the path and the rights.") from error
        return pool
    what = source if isinstance(source, str) else type(source).__name__
    raise DataError(
        f"no form of data fits {what}.",
        "Known: a folder of pictures or .txt files, zip, npz, npy, idx, .txt (one sample a line), CSV, JSON lines, Parquet, a Hugging Face "
        "data set on disk, numpy and torch arrays, lists of texts, pandas and polars tables.",
    )


def follows(source: Any, wish: str) -> bool:
    """Whether data of this form can follow a wish, a name of PoolWishes; False where no form fits."""
    found = _form(os.fspath(source) if isinstance(source, os.PathLike) else source)
    return found is not None and wish in found[1].listens


def _form(source: Any) -> tuple[str, type[Pool]] | None:
    """The first form that knows such data: its name and class."""
    for name in names("pool"):
        part: type[Pool] = load("pool", name)
        if part.accepts(source):
            return name, part
    return None

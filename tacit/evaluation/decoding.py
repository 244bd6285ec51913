"""Decoding: pools and label files → labelled arrays, for whoever judges an encoder.

Times are made numbers here: a column of texts, as every column of a CSV of labels is, would be put in the order of its letters, "10" before "9".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.connect.labels import Labels
from tacit.connect.text import is_missing, is_number, to_number
from tacit.connect.times import find_form, read
from tacit.contracts.errors import DataError
from tacit.contracts.goal import Goal
from tacit.contracts.modality import Modality
from tacit.contracts.pool import Pool
from tacit.evaluation.embedding import read_pool
from tacit.evaluation.labelled import Labelled

MOST = 20_000  # labelled samples of each side that are looked at; said where there are more
UNLABELLED = 5_000  # others that rungs may learn from without labels


def decoded(
    modality: Modality, pool: Pool, labels: Labels, goal: Goal, rng: np.random.Generator, notes: list[str], side: str
) -> tuple[Labelled, NDArray[np.int64]]:
    """(samples with empty labels, positions in `labels` that they belong to): decoded, at most 20,000, drawn."""
    chosen = np.arange(len(labels.rows))
    if len(chosen) > MOST:
        chosen = np.sort(rng.choice(chosen, MOST, replace=False))
        notes.append(f"{MOST:,} of {len(labels.rows):,} labelled {side} samples were drawn")
    samples, positions, refused = read_pool(pool, modality, labels.rows[chosen])
    if refused:
        notes.append(f"{len(refused)} {side} samples could not be read, the first {refused[0].name}: {refused[0].reason}")
    if not len(positions):
        raise DataError(f"no labelled {side} sample of {pool.described} can be read.", refused[0].reason if refused else "")
    kept = chosen[np.searchsorted(labels.rows[chosen], positions)]
    columns = {what: _column(getattr(goal, what), pool, labels, positions, kept) for what in ("entity", "time", "group")}
    if columns["time"] is not None:
        columns["time"], form = times(columns["time"], goal.time)
        notes += [f"{goal.time!r} of the {side} samples is read as {form}"] if form else []
    texts = [str(t) for t in pool.read(positions)] if modality.layout.modality == "text" else None
    return Labelled(modality.layout, samples, np.zeros(len(kept), np.int64), (), texts, **columns), kept


def _column(name: str, pool: Pool, labels: Labels, positions: NDArray[np.int64], kept: NDArray[np.int64]) -> NDArray[Any] | None:
    """A column of the goal, from the label file or the pool."""
    if not name:
        return None
    if name in labels.columns:
        return np.asarray(labels.columns[name])[kept]
    if name in pool.columns:
        return np.asarray(pool.columns[name])[positions]
    known = ", ".join([*labels.columns, *pool.columns]) or "none"
    raise DataError(f"the goal names the column {name!r}, which neither the labels nor {pool.described} have.", f"Columns there: {known}.")


def times(column: NDArray[Any], name: str) -> tuple[NDArray[Any], str]:
    """(numbers as they are, or written times in ns since 1970; of what form these are). Raises DataError for what is neither, or missing."""
    values = [v.isoformat() if hasattr(v, "isoformat") else v for v in list(column)]
    if absent := sum(is_missing(v) for v in values):
        raise DataError(f"{absent:,} of {len(column):,} labelled samples have no {name!r}, the goal's time.", "Leave these labels out.")
    if column.dtype.kind in "iufM":
        return (read(column, "iso")[0] if column.dtype.kind == "M" else column), ""
    if all(is_number(v) for v in values):
        return np.array([to_number(v) for v in values]), ""
    found = find_form(values)
    read_as, right = read(values, found[0]) if found is not None else (np.zeros(0, np.int64), np.array([is_number(v) for v in values]))
    if found is None or not right.all():
        odd = str(values[int(np.argmin(right))])[:40]
        raise DataError(f"the goal's time {name!r} holds {odd!r}, no number and no time that can be read.", "Write numbers, or dates as 2024-01-31.")
    return read_as, "ISO 8601" if found[0] == "iso" else found[0]


def others(modality: Modality, pool: Pool, labels: Labels, rng: np.random.Generator) -> Labelled | None:
    """Some of the whole training pool, where labels are few of it."""
    if len(labels.rows) >= min(len(pool), UNLABELLED):
        return None
    drawn = np.sort(rng.choice(len(pool), min(len(pool), UNLABELLED), replace=False))
    samples, positions, _ = read_pool(pool, modality, drawn)
    texts = [str(t) for t in pool.read(positions)] if modality.layout.modality == "text" else None
    return Labelled(modality.layout, samples, np.zeros(len(positions), np.int64), (), texts)

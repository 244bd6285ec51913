"""Labels: a file or arrays of answers → one label for each of a pool's samples that has one.

By name where the labels have names (a column called path, file, name or id), by position only where they have none and
their number is the pool's. What fits only one side is counted and said; where nothing fits, it is an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tacit.connect.label_files import NAMES, TARGETS, read_columns
from tacit.connect.text import is_missing, is_number
from tacit.contracts.errors import DataError
from tacit.contracts.pool import Pool

DISTINCT = 20  # whole numbers with more different values than this may be quantities …
REPEATED = 0.1  # … unless each stands for ten samples or more
FEW_ODD = 0.1  # share of texts among quantities that is taken for a slip, not for what is meant
DOUBTFUL, FOREIGN = 0.5, 0.1  # shares that fit, of the labels and of the samples, below both of which labels are doubted, or refused


@dataclass(frozen=True)
class Labels:
    """rows: positions in the pool that have a label, rising, [n]; values: theirs, [n]: class names as str, or float64.

    classes: class names, sorted (numbers by value); () for a regression. codes: [n] index into classes. columns: other columns of
    the file at `rows`. notes: what was assumed or did not fit, for people; missing, unlabelled: names on one side only.
    """

    kind: Literal["class", "number"]
    rows: NDArray[np.int64]
    values: NDArray[Any]
    classes: tuple[str, ...] = ()
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, at: NDArray[np.int64]) -> Labels:
        """Those at these positions among the labels, with the same classes and notes."""
        columns = {name: values[at] for name, values in self.columns.items()}
        return replace(self, rows=self.rows[at], values=self.values[at], columns=columns)

    @property
    def codes(self) -> NDArray[np.int64]:
        where = {name: k for k, name in enumerate(self.classes)}
        return np.array([where[v] for v in self.values], np.int64)


def read_labels(
    source: Any, pool: Pool, *, column: str | None = None, name_column: str | None = None, kind: Literal["class", "number"] | None = None
) -> Labels:
    """source: CSV, Parquet or JSON lines; idx; FILE.npz:ARRAY; a .txt with one label a line; an array, list or {name: label};
    `column:NAME`, one of the pool's own columns (`column:folder`: class folders, when they are asked for).

    column, name_column: which columns of the file; kind: class or number, else told from the values. Raises DataError.
    """
    names, given, others, notes = _columns(source, pool, column, name_column)
    at, missing, said = aligned(names, len(given), pool)
    present = np.array([not is_missing(v) for v in given], np.bool_) & (at >= 0)
    if not present.any():
        raise DataError(f"no label fits a sample of {pool.described}.", _what_differs(names, pool))
    notes = [*([] if names is None else _mostly_strange(len(given), missing, pool)), *notes]
    order = np.flatnonzero(present)[np.argsort(at[present], kind="stable")]
    rows = at[order]
    values = [given[i] for i in order]
    if kind is None:
        kind, mixed = _kind(values, [pool.names[int(i)] for i in rows])
        notes += mixed
    unlabelled = tuple(pool.names[int(i)] for i in np.setdiff1d(np.arange(len(pool)), rows)) if len(rows) < len(pool) else ()
    notes += said
    if unlabelled:
        notes.append(f"{len(unlabelled):,} of {len(pool):,} samples have no label: {_some(unlabelled)}")
    kept = {name: np.asarray(v)[order] for name, v in others.items()}
    if kind == "number":
        return Labels(kind, rows, _numbers(values), (), kept, tuple(notes), missing, unlabelled)
    texts = np.array([_name(v) for v in values])
    classes = tuple(sorted(set(texts.tolist()), key=_order))
    notes.append(f"{len(rows):,} labels of {len(classes)} classes: {_counts(texts)}")
    return Labels(kind, rows, texts, classes, kept, tuple(notes), missing, unlabelled)


def require_classes(labels: Labels, least: int = 2) -> None:
    """Raises DataError where there are too few classes, or more classes than each having two samples allows."""
    if labels.kind != "class":
        raise DataError("the labels are numbers, not classes.", "Choose a metric of regression, or say that they are classes.")
    if len(labels.classes) < 2:
        raise DataError(
            f"all {len(labels):,} labels are {labels.classes[0]!r}: one class cannot be told from anything.", "Give labels of two or more."
        )
    counts = Counter(labels.values.tolist())
    if 2 * len(labels.classes) > len(labels) and len(labels.classes) * least > len(labels):
        raise DataError(
            f"{len(labels.classes)} classes for {len(labels)} labelled samples: hardly any class has {least}.",
            "Is this the label column? Else give more labels, or say that they are numbers.",
        )
    if max(counts.values()) < least:
        raise DataError(f"no class has {least} samples.", "Give more labels.")


def _columns(source: Any, pool: Pool, column: str | None, name_column: str | None) -> tuple[list[str] | None, list[Any], dict[str, Any], list[str]]:
    """(names or None, labels, other columns, notes)."""
    if isinstance(source, str) and source.startswith("column:"):
        name = source.removeprefix("column:")
        if name not in pool.columns:
            known = ", ".join(pool.columns) or "none"
            raise DataError(f"{pool.described} has no column {name!r}.", f"It has: {known}.")
        return list(pool.names), list(pool.columns[name]), {}, [f"labels: the data's own column {name!r}"]
    if isinstance(source, Mapping) and not any(str(k) in (*NAMES, *TARGETS) for k in source):
        return [str(k) for k in source], list(source.values()), {}, []
    columns, called, said = read_columns(source)
    label = column or _pick(columns, TARGETS)
    if label is None:
        rest = [c for c in columns if c not in NAMES]
        label = rest[0] if len(rest) == 1 else None
    if label is None or label not in columns:
        wrong = f"{called} has no column {label!r}" if label else f"no column of {called} is called {' or '.join(TARGETS[:3])}"
        raise DataError(f"{wrong}; it has {', '.join(columns)}.", "Name it: --label-column.")
    named = name_column or _pick([c for c in columns if c != label], NAMES)
    if named is not None and named not in columns:
        raise DataError(f"{called} has no column {named!r}; it has {', '.join(columns)}.", "Name the one that holds paths or ids.")
    names = None if named is None else [_name(v) for v in columns[named]]
    others = {c: v for c, v in columns.items() if c not in (label, named)}
    by = "position" if names is None else f"column {named!r}"
    return names, list(columns[label]), others, [f"labels: {called}, column {label!r} by {by}", *said]


def _pick(columns: Any, known: tuple[str, ...]) -> str | None:
    lower = {str(c).lower(): str(c) for c in columns}
    return next((lower[k] for k in known if k in lower), None)


def aligned(names: list[str] | None, n: int, pool: Pool) -> tuple[NDArray[np.int64], tuple[str, ...], list[str]]:
    """(position in the pool of each label, -1 where there is none; names that the pool lacks; notes)."""
    if names is None:
        if n != len(pool):
            raise DataError(f"{n:,} labels without names for {len(pool):,} samples of {pool.described}.", "Give names, or one label a sample.")
        return np.arange(n), (), [f"labels have no names: taken in the order of {pool.described}"]
    twice = [name for name, k in Counter(names).items() if k > 1]
    if twice:
        raise DataError(f"{len(twice):,} samples have several labels: {_some(twice)}.", "Give each one label.")
    best, how = np.full(n, -1), ""
    for say, form in (("", str), ("without folders", _base), ("without folders and endings", _stem)):
        there: dict[str, int] = {}
        for i, name in enumerate(pool.names):
            key = form(name)
            there[key] = -1 if key in there else i  # two samples of one name: neither is meant
        keys = [form(name) for name in names]
        if len(set(keys)) < n:
            continue
        at = np.array([there.get(key, -1) for key in keys])
        if (at >= 0).sum() > 2 * max((best >= 0).sum(), 0):
            best, how = at, say
    missing = tuple(name for name, i in zip(names, best, strict=True) if i < 0)
    notes = [f"names are compared {how}"] if how else []
    if missing and len(missing) < n:
        notes.append(f"{len(missing):,} of {n:,} labels name no sample here: {_some(missing)}")
    return best, missing, notes


def _mostly_strange(n: int, missing: tuple[str, ...], pool: Pool) -> list[str]:
    """The note that most labels and most samples have no match; raises DataError where hardly any has: a few equal names come about by chance."""
    fit = n - len(missing)
    share = max(fit / n, fit / len(pool))
    told = f"only {fit:,} of {n:,} labels name a sample here, and only {fit:,} of {len(pool):,} samples are named by a label"
    if share < FOREIGN:
        raise DataError(f"{told}.", f"{_what_differs(list(missing), pool)} If not, keep only the labels that name samples here.")
    return [f"{told}: are these labels of other data?"] if share < DOUBTFUL else []


def _kind(values: list[Any], names: list[str]) -> tuple[Literal["class", "number"], list[str]]:
    """(texts are classes; numbers with fractions, or many different ones, are quantities; what is odd about it).

    Raises DataError where a few texts stand among quantities: they would make a class of every number.
    """
    odd = [i for i, v in enumerate(values) if not is_number(v)]
    if len(odd) == len(values):
        return "class", []
    numbers = _numbers([v for v in values if is_number(v)])
    different = len(np.unique(numbers))
    whole = bool((numbers == np.rint(numbers)).all())
    classes = whole and (different <= DISTINCT or different <= REPEATED * len(numbers))
    if not odd:
        return ("class" if classes else "number"), []
    first = f"{str(values[odd[0]])[:40]!r}, that of {names[odd[0]]}"
    if not classes and len(odd) <= max(1, FEW_ODD * len(values)):
        raise DataError(
            f"{len(odd):,} of {len(values):,} labels are no numbers where all others are; the first is {first}.", "Mend them, or leave them empty."
        )
    return "class", [f"labels are taken as classes: {len(numbers):,} are numbers, and {len(odd):,} are not, the first {first}"]


def _numbers(values: list[Any]) -> NDArray[np.float64]:
    try:
        numbers = np.array([float(v) for v in values])
    except (TypeError, ValueError) as error:
        raise DataError(f"a label is no number: {error}.", "Say that they are classes.") from error
    if not np.isfinite(numbers).all():
        raise DataError(f"{(~np.isfinite(numbers)).sum()} labels are infinite.", "Leave them empty, or mend them.")
    return numbers


def _name(value: Any) -> str:
    """2, 2.0 and "2" are one class and one name."""
    return str(int(value)) if isinstance(value, (float, np.floating)) and float(value).is_integer() else str(value).strip()


def _order(name: str) -> tuple[int, float, str]:
    return (0, float(name), name) if is_number(name) else (1, 0.0, name)


def _base(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name


def _stem(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).stem


def _some(names: Any) -> str:
    return ", ".join(map(str, names[:3])) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def _counts(texts: NDArray[Any]) -> str:
    counts = Counter(texts.tolist()).most_common()
    return ", ".join(f"{name} {n:,}" for name, n in counts[:5]) + (f" and {len(counts) - 5} more" if len(counts) > 5 else "")


def _what_differs(names: list[str] | None, pool: Pool) -> str:
    if names is None:
        return "All labels are empty."
    return f"Labels name {_some(names)}; the samples are called {_some(pool.names)}. Are these labels of other data?"

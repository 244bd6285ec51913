"""Labelled: samples with what is known about them, as arrays. What every protocol and every rung works on.

Classes are codes 0..K-1 of the sorted names of the *training* labels; a test label that no training sample has is refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.errors import DataError
from tacit.contracts.layout import Layout, Samples

NEAR_ALL_DIFFERENT = 20  # distinct numbers, and more than a tenth of the samples: then labels are numbers, not classes


@dataclass(frozen=True)
class Labelled:
    """layout: of the samples; labels: codes int64 [n] or numbers float64 [n]; classes: names by code, () for numbers.

    texts: the raw texts where the modality is text; entity, time, group: columns of the goal, [n], or None.
    """

    layout: Layout
    samples: Samples
    labels: NDArray[Any]
    classes: tuple[str, ...] = ()
    texts: Sequence[str] | None = None
    entity: NDArray[Any] | None = None
    time: NDArray[Any] | None = None
    group: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.int64]) -> Labelled:
        """The same of some rows."""
        part = {name: None if (column := getattr(self, name)) is None else column[rows] for name in ("entity", "time", "group")}
        texts = None if self.texts is None else [self.texts[i] for i in rows.tolist()]
        return Labelled(self.layout, self.samples.take(rows), self.labels[rows], self.classes, texts, **part)

    @property
    def targets(self) -> NDArray[np.float64]:
        """[n, K] one-hot, or [n, 1] numbers."""
        if not self.classes:
            return self.labels.astype(np.float64)[:, None]
        return np.asarray(np.eye(len(self.classes))[self.labels])


def are_classes(labels: Sequence[Any] | NDArray[Any], kind: str = "") -> bool:
    """Whether labels name classes: not numbers, or few different whole ones. `kind` of the goal decides where it is stated."""
    if kind:
        return kind == "classes"
    values = np.asarray(labels)
    if values.dtype.kind in "OUSb":
        try:
            values = values.astype(np.float64)
        except ValueError:
            return True
    different = np.unique(values)
    whole = bool((different == np.round(different)).all())
    return whole and not (len(different) > NEAR_ALL_DIFFERENT and len(different) > 0.1 * len(values))


def coded(
    train: Sequence[Any] | NDArray[Any], test: Sequence[Any] | NDArray[Any], kind: str = ""
) -> tuple[NDArray[Any], NDArray[Any], tuple[str, ...]]:
    """(labels of the training samples, of the test samples, class names). Raises DataError where they do not fit together."""
    if not are_classes(train, kind):
        try:
            numbers = [np.asarray(side).astype(np.float64) for side in (train, test)]
        except ValueError as error:
            raise DataError(f"labels are to be numbers, and one is not: {error}.", 'State kind = "classes" in the goal if they are names.') from error
        for side in numbers:
            if not np.isfinite(side).all():
                raise DataError("a label is not a finite number.", "Leave such samples out of the label file.")
        return numbers[0], numbers[1], ()
    names = [[_name(v) for v in np.asarray(side).tolist()] for side in (train, test)]
    classes = sorted(set(names[0]), key=_natural)
    if len(classes) < 2:
        raise DataError(
            f"all training labels are {classes[0]!r}." if classes else "there are no training labels.", "An evaluation needs two classes."
        )
    if strange := sorted(set(names[1]) - set(classes)):
        raise DataError(
            f"test labels {', '.join(map(repr, strange[:5]))} occur in no training label.",
            f"Known from training: {', '.join(map(repr, classes[:10]))}.",
        )
    code = {name: i for i, name in enumerate(classes)}
    train_codes, test_codes = (np.array([code[n] for n in side], np.int64) for side in names)
    return train_codes, test_codes, tuple(classes)


def require_samples(codes: NDArray[np.int64], classes: tuple[str, ...], how: str = "") -> None:
    """Raises DataError where classes cannot be learned from these training samples: one without a sample, or hardly any with two.

    how: by which split these samples came about, "" where they were given.
    """
    counts = np.bincount(codes, minlength=len(classes))
    if 2 * len(classes) > len(codes):
        raise DataError(
            f"{len(classes)} classes for {len(codes)} training samples: hardly any class has two.",
            'Is this the label column? Else give more labels, or state kind = "numbers" in the goal if they are quantities.',
        )
    if lacking := [classes[k] for k in np.flatnonzero(counts == 0)]:
        split = f" once half of the labels are split off as the test ({how})" if how else ""
        raise DataError(
            f"no training sample is left of {'class' if len(lacking) == 1 else 'classes'} {', '.join(map(repr, lacking[:5]))}{split}.",
            "Give more labels of them, give --train-labels, or leave them out.",
        )


def _name(value: Any) -> str:
    """1.0 and 1 are one class."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _natural(name: str) -> tuple[int, float, str]:
    try:
        return (0, float(name), name)
    except ValueError:
        return (1, 0.0, name)

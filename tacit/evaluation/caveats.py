"""Caveats: what makes an evaluation's numbers flatter, or say nothing, by how its samples were given."""

from __future__ import annotations

import numpy as np

from tacit.contracts.errors import DataError
from tacit.evaluation.labelled import Labelled


def flattering(train: Labelled, test: Labelled) -> list[str]:
    """What makes a split that was given flatter: entities on both sides, training samples later than the test."""
    told = []
    if train.entity is not None and test.entity is not None and (both := np.intersect1d(train.entity.astype(str), test.entity.astype(str))).size:
        told.append(
            f"{len(both)} of {len(np.unique(test.entity.astype(str)))} entities of the test are in the training samples, too: numbers flatter"
        )
    if train.time is not None and test.time is not None and len(train) and len(test) and (late := train.time > np.min(test.time)).any():
        told.append(f"{int(late.sum())} of {len(train)} training samples are later than the first of the test: numbers may flatter")
    return told


def by_time_alone(train: Labelled, test: Labelled) -> list[str]:
    """That a split by time did not keep entities apart, where both are known: how many stand on both sides."""
    if train.entity is None or train.time is None or test.entity is None:
        return []
    tested = np.unique(test.entity.astype(str))
    both = np.intersect1d(train.entity.astype(str), tested)
    if not both.size:
        return []
    told = f"{len(both)} of {len(tested)} entities of the test are learned from, too"
    return [f"the split goes by time, not by entity, since both columns are stated: {told}, and numbers flatter where new entities are to come"]


def untested(test: Labelled) -> list[str]:
    """Classes that no test sample is of: nothing is known of them. Raises DataError where all test samples are of one class."""
    if not test.classes:
        return []
    counts = np.bincount(test.labels, minlength=len(test.classes))
    if (counts > 0).sum() < 2:
        only = test.classes[int(counts.argmax())]
        raise DataError(f"all {len(test)} test samples are of class {only!r}: whether it is told from others cannot be measured.", "Add others.")
    lacking = [test.classes[k] for k in np.flatnonzero(counts == 0)]
    if not lacking:
        return []
    return [f"of {len(lacking)} of {len(test.classes)} classes there is no test sample ({', '.join(lacking[:5])}): the numbers say nothing of them"]

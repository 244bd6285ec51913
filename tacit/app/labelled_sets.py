"""Labelled sets: what `tacit evaluate` is given beside a test and its labels (training labels, masks, further sets), and what must not overlap there.

A sample that is learned from and tested on is memory. Between two pools it is looked for to the bit and nearly; within one pool it is known by
position, too, and is left out of the test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.errors import DataError
from tacit.contracts.goal import Goal, misfits

COLUMNS = ("entity", "time", "group")


def refuse_leakage(test: Any, train: Any, modality: Any, force: bool) -> str:
    """What test and training pool share, "" for nothing. Raises DataError where it is more than a hundredth of the test, unless forced."""
    from tacit.checks.leakage import leakage

    finding = leakage(train, test, modality)
    if finding is not None and finding.severity == "error" and not force:
        raise DataError(finding.sentence, "Take them out of one side, or say --force to have it measured all the same.")
    return "" if finding is None else finding.sentence


def of_one_pool(known: Any, taught: Any, pool: Any, modality: Any, force: bool) -> tuple[Any, list[str]]:
    """(labels of the test without the samples that are learned from, notes), both of one pool; forced: as they are. Raises DataError."""
    from tacit.connect.open_pool import subset

    both, notes = np.isin(known.rows, taught.rows), list[str]()
    if both.all() and not force:
        raise DataError(
            f"all {len(both):,} test samples are among those that the training labels name: nothing is left to test on.",
            "Give other training labels, leave them out to have the test split, or say --force to have it measured all the same.",
        )
    if both.any() and not force:
        known = known.take(np.flatnonzero(~both))
        notes.append(f"{int(both.sum()):,} of {len(both):,} test samples are learned from and were left out of the test")
    shared = refuse_leakage(subset(pool, known.rows), subset(pool, taught.rows), modality, force)
    return known, [*notes, *([shared] if shared else [])]


def masks_of(
    learned: Any, masks: Any, train_masks: Any, test: Any, known: Any, train: Any, taught: Any
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]] | None, list[str]]:
    """(classes by place of the training and of the test samples that have labels, notes); (None, []) where none were given. Raises DataError."""
    from tacit.connect.masks import read_masks

    if masks is None and train_masks is None:
        return None, []
    if masks is None or train_masks is None or taught is None:
        raise DataError(
            "the dense probe learns from masks of the training samples and is judged by those of the test.",
            "Give --masks, and --train with --train-labels and --train-masks.",
        )
    size = learned.model.layout.size
    there, said_there = read_masks(masks, test, known.rows, size)
    here, said_here = read_masks(train_masks, train or test, taught.rows, size)
    return (here, there), [f"masks of the test: {s}" for s in said_there] + [f"masks of the training samples: {s}" for s in said_here]


def other_set(learned: Any, parts: Sequence[Any], column: str | None, goal: Goal, force: bool, seed: int, seconds: float) -> Any:
    """Another labelled set as a Setting, with notes of its own. Raises DataError."""
    from tacit.connect.labels import read_labels
    from tacit.connect.open_pool import follows
    from tacit.evaluation.evaluate import set_up

    if len(parts) not in (2, 4):
        raise DataError(f"another labelled set has {len(parts)} parts.", "Say TEST,LABELS or TEST,LABELS,TRAIN,TRAIN_LABELS.")
    pools = [learned.pool_of(source, column if column and follows(source, "column") else None) for source in parts[::2]]
    shared = refuse_leakage(pools[0], pools[1], learned.model.modality, force) if len(pools) == 2 else ""
    labels = [read_labels(source, pool) for source, pool in zip(parts[1::2], pools, strict=True)]
    train, taught = (pools[1], labels[1]) if len(pools) == 2 else (None, None)
    name = pools[0].described + (f" by {Path(parts[1]).name}" if isinstance(parts[1], str | Path) else "")
    goal, notes = _fitting(goal, pools, labels)
    setting = set_up(learned.model, pools[0], labels[0], train, taught, goal, np.random.default_rng(seed), seconds, name)
    setting.notes += [*([shared] if shared else []), *notes]
    return setting


def _fitting(goal: Goal, pools: Sequence[Any], labels: Sequence[Any]) -> tuple[Goal, list[str]]:
    """(what of the goal holds for another set, notes). Its classes are others; a column may be lacking, labels may be of another kind."""
    from tacit.evaluation.labelled import are_classes

    goal, notes, lacking = replace(goal, metric="" if goal.metric == "cost" else goal.metric, positive="", costs={}), list[str](), dict[str, Any]()
    for what in COLUMNS:
        name = getattr(goal, what)
        if name and not all(name in known.columns or name in pool.columns for known, pool in zip(labels, pools, strict=True)):
            notes.append(f"it has no column {name!r}, the goal's {what}: judged without it")
            lacking[what] = ""
    goal = replace(goal, **lacking)
    if goal.kind and any(not _may_be(goal.kind, known.values) for known in labels):
        notes.append(f"its labels are no {goal.kind}, as the goal says of the others: kind and metric by the labels")
        goal = replace(goal, kind="", metric="")
    elif misfits(goal.metric, are_classes(labels[-1].values, goal.kind)):  # those of its training, where it has some
        notes.append(f"the metric {goal.metric!r} is not for its labels: metric by the labels")
        goal = replace(goal, metric="")
    return goal, notes


def _may_be(kind: str, values: NDArray[Any]) -> bool:
    """Texts are no numbers, and fractions name no classes."""
    from tacit.connect.text import is_number, to_number

    if kind == "numbers":
        return all(is_number(v) for v in values.tolist())
    return not all(is_number(v) for v in values.tolist()) or all(to_number(v).is_integer() for v in values.tolist())

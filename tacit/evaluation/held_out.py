"""Held out: the splits by which a tournament's judge scores, and the labels that are held back from it.

A split is drawn again where it is one that there is already (of few entities there are few), or where no answers to it have a score: a class that is
lacking among three samples makes some metrics refuse or say nothing, and that must be known before hours of learning, not after.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.errors import DataError
from tacit.contracts.goal import Goal
from tacit.evaluation.labelled import Labelled
from tacit.evaluation.setting import Setting
from tacit.evaluation.splits import Split, how_split, split

SPLITS, HELD = 5, 1 / 3
TURNS = 25  # splits that are drawn at most to find so many
LEAST_APART = 6  # labels of each class, and entities, below which a third of them is too little to be a judge


def held_back(data: Labelled, goal: Goal, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(rows that may choose, a third that chooses nothing: whole entities, the latest, or of each class alike; [] where there are too few).

    On both sides there are two classes and, where entities are split, none so large that it could not be held out: each side is split again.
    """
    everyone, how = np.arange(len(data)), how_split(data, goal)
    _, whose = np.unique(np.asarray(data.entity) if how == "by entity" else everyone, return_inverse=True)
    parts = int(whose.max()) + 1
    each = int(np.bincount(data.labels, minlength=len(data.classes)).min()) if data.classes else len(data)
    if parts < LEAST_APART or each < LEAST_APART:
        return everyone, everyone[:0]
    for _ in range(1 if how == "by time" else TURNS):
        train, held, _ = split(data, goal, rng, HELD)
        sides = (train, held)
        told_apart = not data.classes or all(len(np.unique(data.labels[side])) > 1 for side in sides)
        if told_apart and all(np.bincount(whose[side]).max() < 2 * HELD * len(side) for side in sides):
            return train, held
    return everyone, everyone[:0]


def scored_splits(setting: Setting, learned: NDArray[np.int64], asked: NDArray[np.int64]) -> list[Split]:
    """Different ones, five where there are as many, one by time: a third of the rows `asked` is held out, all others of `learned` are learned from.

    Raises DataError where answers to none of them have a score.
    """
    part, found, reason = setting.train.take(asked), list[Split](), ""
    for turn in range(1 if setting.how == "by time" else TURNS):
        cut = split(part, setting.goal, setting.rng(21, turn), HELD)
        held = asked[cut.held]
        if any(np.array_equal(held, other.held) for other in found):
            continue
        made = Split(np.setdiff1d(learned, held), held, cut.how)
        if why := unscored(setting, made):
            reason = why
            continue
        found.append(made)
        if len(found) == SPLITS:
            break
    if not found:
        raise DataError(
            f"these {len(asked)} labels cannot be judged by: with a third of them held out, {reason}.",
            "Give more labels of each class, or state another metric.",
        )
    return found


def unscored(setting: Setting, made: Split) -> str:
    """Why no answers to the rows held out have a score, "" where they have: answers are drawn, since some metrics say nothing of constant ones."""
    labels, classes = setting.train.labels, setting.train.classes
    for side, told in ((made.train, "left to learn from"), (made.held, "held out")):
        if classes and len(different := np.unique(labels[side])) < 2:
            return f"class {classes[int(different[0])]!r} alone is {told}"
    answers = setting.rng(23).random((len(made.held), max(1, len(classes))))
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # what they warn of shows in the number
            value = setting.metric.score(labels[made.held], answers)
    except (ValueError, ArithmeticError, np.linalg.LinAlgError) as e:
        return f"{setting.metric.title} cannot be had ({' '.join(str(e).split())})"
    return "" if np.isfinite(value) else f"{setting.metric.title} is no number"

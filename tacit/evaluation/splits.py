"""Splits: who is learned from and who is tested on. By time where there is a time, by entity where there is one, else by class.

A random split of either must be asked for by name (`random_split` of the goal), and every result then carries the mark.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.errors import DataError
from tacit.contracts.goal import Goal
from tacit.evaluation.labelled import Labelled

LEAST = 2  # labels of a class below which nothing can be held out


class Split(NamedTuple):
    """how: "by entity", "by time", "by class" or "random, across entities"; a result keeps it."""

    train: NDArray[np.int64]
    held: NDArray[np.int64]
    how: str


def how_split(data: Labelled, goal: Goal) -> str:
    """What a split of these samples goes by."""
    if data.time is not None:
        return "random, across times" if goal.random_split else "by time"
    if data.entity is not None:
        return "random, across entities" if goal.random_split else "by entity"
    return "random"


def split(data: Labelled, goal: Goal, rng: np.random.Generator, share: float = 0.2) -> Split:
    """Hold out a share: the latest, whole entities as they are drawn, or of each class the same share. Raises DataError where a side is empty."""
    how, n = how_split(data, goal), len(data)
    if how == "by time":
        order = np.argsort(data.time, kind="stable")  # type: ignore[arg-type]
        cut = n - max(1, round(n * share))
        train, held = np.sort(order[:cut]), np.sort(order[cut:])
    else:
        if how == "by entity":
            held = _some_entities(_entities(data), rng, share)
        else:
            held = folds(data, goal, rng, max(2, round(1 / share)))[0]
        train = np.setdiff1d(np.arange(n), held)
    if not len(train) or not len(held):
        raise DataError(f"{n} labelled samples split {how} leave nothing on one side.", "Give labels of more entities.")
    return Split(train, held, how)


def folds(data: Labelled, goal: Goal, rng: np.random.Generator, many: int = 5) -> list[NDArray[np.int64]]:
    """Parts of 0..n-1: whole entities (greedily of like size), else of each class the same share. Times are kept in blocks, in order."""
    how, n = how_split(data, goal), len(data)
    if how == "by time":
        return [np.sort(part) for part in np.array_split(np.argsort(data.time, kind="stable"), min(many, n))]  # type: ignore[arg-type]
    if how == "by entity":
        codes = _entities(data)
        sizes = np.bincount(codes)
        home, filled = np.zeros(len(sizes), np.int64), np.zeros(min(many, len(sizes)))
        for entity in np.lexsort((rng.random(len(sizes)), -sizes)):
            home[entity] = np.argmin(filled)
            filled[home[entity]] += sizes[entity]
        return [np.flatnonzero(home[codes] == k) for k in range(len(filled))]
    return class_folds(data.labels if data.classes else np.zeros(n, np.int64), rng, many)


def _entities(data: Labelled) -> NDArray[np.int64]:
    """[n] codes of the entities. Raises DataError where there is but one."""
    different, codes = np.unique(np.asarray(data.entity), return_inverse=True)
    if len(different) < 2:
        raise DataError("all labelled samples are of one entity.", "Give labels of a second one, or state random_split = true in the goal.")
    return np.asarray(codes, np.int64)


def _some_entities(codes: NDArray[np.int64], rng: np.random.Generator, share: float) -> NDArray[np.int64]:
    """Rows of whole entities, drawn until about this share (at most half) is held; one that would take it further off is passed over.

    Entities that are dealt out by size, as folds are, would be the same ones in every split.
    """
    sizes, wanted = np.bincount(codes), share * len(codes)
    chosen, filled = list[int](), 0
    for entity in rng.permutation(len(sizes)).tolist():
        if abs(filled + sizes[entity] - wanted) < abs(filled - wanted):
            chosen.append(entity)
            filled += int(sizes[entity])
    return np.flatnonzero(np.isin(codes, chosen or [int(np.argmin(sizes))]))  # where each is far too large, the smallest


def class_folds(labels: NDArray[np.int64], rng: np.random.Generator, many: int) -> list[NDArray[np.int64]]:
    """Each class dealt out evenly, in drawn order, so that every fold has of each class its share."""
    home = np.empty(len(labels), np.int64)
    start = 0
    for code in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == code))
        home[rows] = (start + np.arange(len(rows))) % many
        start += len(rows)
    return [np.flatnonzero(home == k) for k in range(many) if (home == k).any()]


def draw(data: Labelled, each: int, rng: np.random.Generator) -> NDArray[Any] | None:
    """Rows with `each` labels of every class (or `each` at all, for numbers); None where a class has fewer."""
    if not data.classes:
        return rng.choice(len(data), each, replace=False) if each <= len(data) else None
    rows = [np.flatnonzero(data.labels == code) for code in range(len(data.classes))]
    if min(map(len, rows)) < each:
        return None
    return np.concatenate([rng.choice(r, each, replace=False) for r in rows])


def parts_of(data: Labelled, goal: Goal, rng: np.random.Generator, many: int) -> list[NDArray[np.int64]]:
    """Groups of samples that have little to do with each other, to leave out in turn: whole entities, stretches of time, else at random."""
    entities = 0 if data.entity is None else len(np.unique(np.asarray(data.entity)))
    if entities > 1 or data.time is not None:
        return folds(data, replace(goal, random_split=False), rng, many)
    return [np.sort(part) for part in np.array_split(rng.permutation(len(data)), min(many, len(data)))]

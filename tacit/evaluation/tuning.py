"""Tuning: a head on frozen embeddings from few labels; its strength chosen by cross-validation, its arrays plain.

Ridge, for classes as for numbers (see readout). Beyond 500 labels of classes its strength is chosen by the metric, logistic regression stands beside
it, and what is better by the metric on held-out labels is taken. Folds are by entity where one is given. The arrays are all that prediction needs,
without scikit-learn. The metric is chosen and counted as in an evaluation (see metric): one rule for both.
Of fewer labels the strength is chosen by the squared error on the folds and not by the metric, so that the metric on the same folds boasts little
(docs/evaluation.md, measured). Where the metric chose, that is said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from tacit.contracts.errors import DataError, ModelError
from tacit.contracts.goal import Goal
from tacit.evaluation.intervals import counted
from tacit.evaluation.labelled import require_samples
from tacit.evaluation.logistic import STRENGTHS
from tacit.evaluation.metric import Metric
from tacit.evaluation.overlap import half_width
from tacit.evaluation.readout import Cut, Head, Known, Readout, logistic, ridge

FOLDS = 5
MANY = 500  # labels beyond which logistic regression stands beside ridge
WORTH = 0.5  # what a label counts in an interval over folds, whose answers hang together: counted whole, they held the truth too rarely


@dataclass(frozen=True)
class Tuned:
    """head: arrays for the model folder; score: `metric` on `held` labels that were held out, the mean over the folds; low, high: its 95 % interval,
    NaN where none can be had; choice: the read-out that was chosen; how: what the score stands on, for people."""

    head: Head = field(repr=False)
    metric: str
    score: float
    low: float
    high: float
    choice: str
    folds: int
    held: int
    how: str

    def told(self) -> str:
        """The score with all that it stands on, for people."""
        if not math.isfinite(self.score):
            alike = ", and its probabilities nearly alike" if "classes" in self.head else ""
            return f"not validated{alike}: too few labels to hold some out"
        sure = f" (95 %: {self.low:.3f} to {self.high:.3f})" if math.isfinite(self.low) else ""
        return f"{self.metric.replace('_', ' ')} {self.score:.3f}{sure}, by {self.how}"


def fit_head(
    embeddings: NDArray[np.float32],
    labels: NDArray[Any],
    metric: str | None = None,
    groups: NDArray[Any] | None = None,
    seed: int = 0,
    told: Callable[[str], None] = lambda what: None,
) -> Tuned:
    """embeddings [N, D], labels [N] classes (text, integers) or numbers (floats).

    Raises DataError: one class, too few samples.
    """
    measure, known = _measure(labels, metric), Known.of(embeddings, labels)
    cuts = _cuts(known, groups, seed)
    chosen = _chosen(measure, known, cuts, told)
    head = chosen.head(known)
    if not known.numbers:
        head["classes"] = np.asarray([str(c) for c in np.unique(labels)])
    if not cuts:
        return Tuned(head, measure.name, math.nan, math.nan, math.nan, chosen.told, 0, 0, "")
    each = _each(measure, known, cuts, chosen.held)
    rows = np.concatenate([held for _, held in cuts])
    low, high = _interval(measure, each, labels[rows], None if groups is None else groups[rows])
    how = f"{len(rows):,} labels held out in turn in {len(cuts)} folds" + (", which chose the read-out, too" if _many(known) else "")
    return Tuned(head, measure.name, float(each.mean()), low, high, chosen.told, len(cuts), len(rows), how)


def _chosen(measure: Metric, known: Known, cuts: list[Cut], told: Callable[[str], None]) -> Readout:
    """Ridge; where labels are many, the strength, and whichever kind, that has the highest score on those held out."""
    told(f"ridge, its strength by {len(cuts)} folds" if cuts else "ridge: the labels are too few to choose its strength by")
    if not cuts or not _many(known):
        return ridge(known, cuts)

    def valued(said: NDArray[np.float64]) -> float:
        return float(_each(measure, known, cuts, said).mean())

    chosen = ridge(known, cuts, valued)
    best = valued(chosen.held)
    for i, C in enumerate(STRENGTHS):
        told(f"logistic regression, strength {i + 1} of {len(STRENGTHS)}")
        other = logistic(known, cuts, C)
        if (score := valued(other.held)) > best or math.isnan(best):
            chosen, best = other, score
    return chosen


def _many(known: Known) -> bool:
    return len(known.x) > MANY and not known.numbers


def _each(measure: Metric, known: Known, cuts: Sequence[Cut], said: NDArray[np.float64]) -> NDArray[np.float64]:
    """[F] the metric of each cut; said: [n', K] of one cut after the other."""
    parts = np.split(said, np.cumsum([len(held) for _, held in cuts])[:-1])
    return np.array([measure.score(known.codes[held], part) for (_, held), part in zip(cuts, parts, strict=True)])


def _measure(labels: NDArray[Any], metric: str | None) -> Metric:
    if labels.dtype.kind == "f":
        return Metric(Goal(metric or ""), labels, ())
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise DataError("all labels are the same class; a head needs two at least.", "Label some of another class.")
    require_samples(codes, tuple(map(str, classes)))
    return Metric(Goal(metric or ""), codes, tuple(map(str, classes)))


def _cuts(known: Known, groups: NDArray[Any] | None, seed: int) -> list[Cut]:
    """At most so many folds, and no more than would leave each class, and each entity of it, one a fold; [] where there are not two."""
    labels, numbers = known.codes, known.numbers
    sides = [np.arange(len(labels))] if numbers else [np.flatnonzero(labels == c) for c in np.unique(labels)]
    folds = min(FOLDS, len(labels) // 2 if numbers else min(map(len, sides)))  # of one number alone there is no R²
    if groups is not None:
        folds = min(folds, *(len(np.unique(groups[side])) for side in sides))
    if folds < 2:
        return []
    cuts: list[Cut] = list(_ways(folds, numbers, groups, seed).split(np.zeros(len(labels)), labels, groups))
    if not numbers:  # where whole entities are held out, the rest may lack a class
        cuts = [(train, test) for train, test in cuts if len(np.unique(labels[test])) > 1 and len(np.unique(labels[train])) == len(sides)]
    return cuts if len(cuts) > 1 else []


def _interval(measure: Metric, each: NDArray[np.float64], labels: NDArray[Any], groups: NDArray[Any] | None) -> tuple[float, float]:
    """Of the mean over folds [F]: Wilson's where labels are counted, else Student's over folds that share what they learn from; of entities, which
    count once a class, the wider. NaN where all folds are alike, which says nothing of chance."""
    if groups is not None:
        whose, what = (np.unique(side, return_inverse=True)[1] for side in (groups, labels))
        labels = labels[np.unique(whose * len(labels) + what, return_index=True)[1]]
    low, high = counted(measure, float(each.mean()), labels, WORTH)
    if groups is None and math.isfinite(low):
        return low, high
    wide = half_width(each[None, :], 1 / (len(each) - 1))
    ends = [float(np.clip(each.mean() + sign * wide, *measure.span)) for sign in (-1, 1)]
    if math.isfinite(low):
        return min(low, ends[0]), max(high, ends[1])
    return (ends[0], ends[1]) if wide > 1e-9 else (math.nan, math.nan)


def _ways(folds: int, numbers: bool, groups: NDArray[Any] | None, seed: int) -> Any:
    if groups is not None:
        return GroupKFold(folds) if numbers else StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return KFold(folds, shuffle=True, random_state=seed) if numbers else StratifiedKFold(folds, shuffle=True, random_state=seed)


def _raw(head: Head, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """[N, K] before they are made probabilities."""
    return cast(NDArray[np.float32], (embeddings - head["mean"]) / head["deviation"] @ head["weights"] + head["bias"])


def apply_head(head: Head, embeddings: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
    """(labels [N], probabilities [N, K] or None for numbers). Raises ModelError where the head is of another width."""
    if not head:
        raise ModelError("this model has no head: it embeds, but it was never tuned.", "Tune it: tacit tune MODEL DATA --labels few.csv --out TUNED.")
    if embeddings.shape[1] != len(head["mean"]):
        raise ModelError(f"the head is for embeddings of width {len(head['mean'])}, these have {embeddings.shape[1]}.")
    raw = _raw(head, embeddings)  # [N, K]
    if "classes" not in head:
        return cast(NDArray[Any], raw[:, 0]), None
    raw = raw - raw.max(1, keepdims=True)
    odds = np.exp(raw) / np.exp(raw).sum(1, keepdims=True)
    return head["classes"][odds.argmax(1)], odds.astype(np.float32)

"""Tuning: a head on frozen embeddings from few labels; its strength chosen by cross-validation, its arrays plain.

Classes: multinomial logistic regression; numbers: ridge; both on embeddings standardised by the labelled samples' statistics (few
samples: a floor on the deviation). Folds are by entity where one is given. The arrays are all that prediction needs, without scikit-learn. The metric
is chosen and counted as in an evaluation (see metric): one rule for both.
The best of several strengths has too good a score on the folds that chose it. So up to 500 labels each fold is scored by the strength that folds of
all the others choose (nested cross-validation: Varma and Simon, "Bias in error estimation when using cross-validation for model selection", 2006);
where there are more, it is said that the folds chose, too.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tacit.contracts.errors import DataError, ModelError
from tacit.contracts.goal import Goal
from tacit.evaluation.intervals import counted
from tacit.evaluation.labelled import require_samples
from tacit.evaluation.metric import UNEVEN, Metric
from tacit.evaluation.overlap import half_width

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)  # C of the logistic regression
RIDGES = (1.0, 10.0, 100.0, 1000.0, 10000.0)
FOLDS = 5
INNER = 3  # folds of the labels outside a fold, by which its strength is chosen
NESTED = 500  # labels up to which folds are nested: with more, chance hardly chooses, and it takes four times as long
WORTH = (
    0.5  # what a label counts in an interval over folds, whose answers hang together: counted whole, it held the truth in 76 to 94 of 100 drawings
)

Cut = tuple[NDArray[np.int64], NDArray[np.int64]]  # rows that are learned from, rows that are scored


@dataclass(frozen=True)
class Tuned:
    """head: arrays for the model folder; score: `metric` on `held` labels that were held out, the mean over the folds; low, high: its 95 % interval,
    NaN where none can be had; strength: what was chosen; how: what the score stands on, for people."""

    head: dict[str, NDArray[Any]] = field(repr=False)
    metric: str
    score: float
    low: float
    high: float
    strength: float
    folds: int
    held: int
    how: str

    def told(self) -> str:
        """The score with all that it stands on, for people."""
        if not math.isfinite(self.score):
            return "not validated: too few labels to hold some out"
        sure = f" (95 %: {self.low:.3f} to {self.high:.3f})" if math.isfinite(self.low) else ""
        return f"{self.metric.replace('_', ' ')} {self.score:.3f}{sure}, by {self.how}"


def fit_head(
    embeddings: NDArray[np.float32],
    labels: NDArray[Any],
    metric: str | None = None,
    groups: NDArray[Any] | None = None,
    seed: int = 0,
    told: Callable[[str], None] = lambda what: None,
    nested: int = NESTED,
) -> Tuned:
    """embeddings [N, D], labels [N] classes (text, integers) or numbers (floats); nested: up to so many labels a fold is scored by what others
    choose.

    Raises DataError: one class, too few samples.
    """
    numbers = labels.dtype.kind == "f"
    measure = _measure(labels, metric)
    grid = RIDGES if numbers else STRENGTHS
    made: list[Any] = [Ridge(alpha=s) if numbers else LogisticRegression(C=s, max_iter=500, class_weight="balanced") for s in grid]
    cuts = _cuts(labels, groups, seed)
    found = []
    for i, part in enumerate(made if cuts else []):
        told(f"strength {i + 1} of {len(made)}, by {len(cuts)} folds")
        found.append([_score(part, embeddings, labels, train, test, measure) for train, test in cuts])
    scores = np.array(found)  # [strengths, folds]
    best = int(scores.mean(1).argmax()) if cuts else len(made) // 2  # nothing to choose by: the middle of the grid
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the score says whether it was good enough
        chosen = make_pipeline(StandardScaler(), made[best]).fit(embeddings, labels)
    head = _arrays(chosen[0], chosen[1], numbers)
    if not cuts:
        return Tuned(head, measure.name, math.nan, math.nan, math.nan, float(grid[best]), 0, 0, "")
    if not numbers:
        raw, codes = _held_out(made[best], embeddings, labels, cuts)
        leaning = _leaning(raw, codes)
        heat = _heat(raw - leaning, codes)
        head["weights"], head["bias"] = head["weights"] / heat, ((head["bias"] - leaning) / heat).astype(np.float32)
    picks = [best] * len(cuts)
    if len(labels) <= nested:
        told("scoring each fold by what the others choose")
        picks = [_chosen(made, embeddings[train], labels[train], None if groups is None else groups[train], measure, seed) for train, _ in cuts]
    each = scores[picks, np.arange(len(cuts))]
    held = np.concatenate([test for _, test in cuts])
    low, high = _interval(measure, each, labels[held], None if groups is None else groups[held])
    which = "each scored by the strength that the others choose" if len(labels) <= nested else "which chose the strength, too"
    how = f"{len(held):,} labels held out in turn in {len(cuts)} folds, {which}"
    return Tuned(head, measure.name, float(each.mean()), low, high, float(grid[best]), len(cuts), len(held), how)


def _measure(labels: NDArray[Any], metric: str | None) -> Metric:
    if labels.dtype.kind == "f":
        return Metric(Goal(metric or ""), labels, ())
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise DataError("all labels are the same class; a head needs two at least.", "Label some of another class.")
    require_samples(codes, tuple(map(str, classes)))
    return Metric(Goal(metric or ""), codes, tuple(map(str, classes)))


def _cuts(labels: NDArray[Any], groups: NDArray[Any] | None, seed: int, most: int = FOLDS) -> list[Cut]:
    """At most so many folds, and no more than would leave each class, and each entity of it, one a fold; [] where there are not two."""
    numbers = labels.dtype.kind == "f"
    sides = [np.arange(len(labels))] if numbers else [np.flatnonzero(labels == c) for c in np.unique(labels)]
    folds = min(most, len(labels) // 2 if numbers else min(map(len, sides)))  # of one number alone there is no R²
    if groups is not None:
        folds = min(folds, *(len(np.unique(groups[side])) for side in sides))
    if folds < 2:
        return []
    cuts: list[Cut] = list(_ways(folds, numbers, groups, seed).split(np.zeros(len(labels)), labels, groups))
    if not numbers:  # where whole entities are held out, the rest may lack a class
        cuts = [(train, test) for train, test in cuts if len(np.unique(labels[test])) > 1 and len(np.unique(labels[train])) == len(sides)]
    return cuts if len(cuts) > 1 else []


def _chosen(made: list[Any], x: NDArray[np.float32], y: NDArray[Any], groups: NDArray[Any] | None, measure: Metric, seed: int) -> int:
    """The strength that these labels alone would choose."""
    cuts = _cuts(y, groups, seed, INNER)
    if not cuts:
        return len(made) // 2
    return int(np.argmax([np.mean([_score(part, x, y, train, test, measure) for train, test in cuts]) for part in made]))


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


def _score(part: Any, x: NDArray[np.float32], y: NDArray[Any], train: NDArray[np.int64], test: NDArray[np.int64], measure: Metric) -> float:
    whole = make_pipeline(StandardScaler(), part)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        whole.fit(x[train], y[train])
    if not measure.classes:
        return measure.score(y[test], whole.predict(x[test])[:, None])
    return measure.score(np.searchsorted(whole[1].classes_, y[test]), whole.predict_proba(x[test]))


def _held_out(part: Any, x: NDArray[np.float32], y: NDArray[Any], cuts: list[Cut]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """([n, K] of the labels held out, by the rest, before they are made probabilities; their classes [n])."""
    logits, right = [], []
    for train, test in cuts:
        whole = make_pipeline(StandardScaler(), part)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            whole.fit(x[train], y[train])
        head = _arrays(whole[0], whole[1], False)
        logits.append(_raw(head, x[test]))
        right.append(np.searchsorted(whole[1].classes_, y[test]))
    return np.concatenate(logits).astype(np.float64), np.concatenate(right)


def _leaning(raw: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """[K]: by how much held-out answers lean to each class. Few labels are told apart perfectly whatever they weigh, and new samples lean to the
    class that has more of them; 0 where classes are of like size."""
    counts = np.bincount(codes, minlength=raw.shape[1])
    if counts.max() <= UNEVEN * counts.min():
        return np.zeros(raw.shape[1])
    mean = np.mean([raw[codes == c].mean(0) for c in np.flatnonzero(counts)], axis=0)
    return np.asarray(mean - mean.mean())


def _heat(raw: NDArray[np.float64], codes: NDArray[np.int64]) -> np.float32:
    """The temperature at which probabilities of held-out folds are likeliest: few labels in many dimensions are told apart perfectly, and a head
    fitted on them is sure of everything. Guo et al., "On calibration of modern neural networks", 2017, section 4.2."""
    heats = np.geomspace(0.02, 1000, 120)
    losses = [float((np.logaddexp.reduce(raw / t, axis=1) - raw[np.arange(len(raw)), codes] / t).mean()) for t in heats]
    return np.float32(heats[int(np.argmin(losses))])


def _raw(head: dict[str, NDArray[Any]], embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """[N, K] before they are made probabilities."""
    return cast(NDArray[np.float32], (embeddings - head["mean"]) / head["deviation"] @ head["weights"] + head["bias"])


def _arrays(scaler: Any, part: Any, numbers: bool) -> dict[str, NDArray[Any]]:
    weights, bias = np.atleast_2d(part.coef_), np.atleast_1d(part.intercept_)
    if not numbers and len(weights) == 1:  # two classes: a column each
        weights, bias = np.concatenate([-weights / 2, weights / 2]), np.concatenate([-bias / 2, bias / 2])
    head = {"weights": weights.T.astype(np.float32), "bias": bias.astype(np.float32)}
    head |= {"mean": scaler.mean_.astype(np.float32), "deviation": scaler.scale_.astype(np.float32)}
    if not numbers:
        head["classes"] = np.asarray([str(c) for c in part.classes_])
    return head


def apply_head(head: dict[str, NDArray[Any]], embeddings: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
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

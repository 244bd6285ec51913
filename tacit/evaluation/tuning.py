"""Tuning: a head on frozen embeddings from few labels; its strength chosen by cross-validation, its arrays plain.

Classes: multinomial logistic regression; numbers: ridge; both on embeddings standardised by the labelled samples' statistics (few
samples: a floor on the deviation). Folds are by entity where one is given. The arrays are all that prediction needs, without scikit-learn. The metric
is chosen and counted as in an evaluation (see metric): one rule for both.
"""

from __future__ import annotations

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
from tacit.evaluation.labelled import require_samples
from tacit.evaluation.metric import Metric

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)  # C of the logistic regression
RIDGES = (1.0, 10.0, 100.0, 1000.0, 10000.0)
FOLDS = 5


@dataclass(frozen=True)
class Tuned:
    """head: arrays for the model folder; score: mean over the folds of `metric`; error: its standard error; strength: what was chosen."""

    head: dict[str, NDArray[Any]] = field(repr=False)
    metric: str
    score: float
    error: float
    strength: float
    folds: int


def fit_head(
    embeddings: NDArray[np.float32],
    labels: NDArray[Any],
    metric: str | None = None,
    groups: NDArray[Any] | None = None,
    seed: int = 0,
    told: Callable[[str], None] = lambda what: None,
) -> Tuned:
    """embeddings [N, D], labels [N] classes (text or integers) or numbers (floats). Raises DataError: one class, too few samples."""
    numbers = labels.dtype.kind == "f"
    if numbers:
        measure = Metric(Goal(metric or ""), labels, ())
        folds = min(FOLDS, len(labels) // 2)  # of one number alone there is no R²
        made: list[Any] = [Ridge(alpha=a) for a in RIDGES]
        grid = RIDGES
    else:
        _, counts = np.unique(labels, return_counts=True)
        if len(counts) < 2:
            raise DataError("all labels are the same class; a head needs two at least.", "Label some of another class.")
        classes, codes = np.unique(labels, return_inverse=True)
        require_samples(codes, tuple(map(str, classes)))
        measure = Metric(Goal(metric or ""), codes, tuple(map(str, classes)))
        folds = int(min(FOLDS, counts.min()))
        made = [LogisticRegression(C=c, max_iter=500, class_weight="balanced") for c in STRENGTHS]
        grid = STRENGTHS
    if groups is not None:
        sides = [groups] if numbers else [groups[labels == c] for c in np.unique(labels)]
        folds = min(folds, *(len(np.unique(side)) for side in sides), FOLDS)  # so that every fold can have each class
    cuts = list(_ways(folds, numbers, groups, seed).split(embeddings, labels, groups)) if folds > 1 else []
    if not numbers:  # where whole entities are held out, the rest may lack a class
        cuts = [(train, test) for train, test in cuts if len(np.unique(labels[test])) > 1 and len(np.unique(labels[train])) == len(counts)]
    folds = len(cuts)
    if folds < 2:  # nothing to choose by: the middle of the grid
        scores = np.zeros((len(made), 1))
        best = len(made) // 2
    else:
        found = []
        for i, part in enumerate(made):
            told(f"strength {i + 1} of {len(made)}, by {folds} folds")
            found.append([_score(part, embeddings, labels, train, test, measure) for train, test in cuts])
        scores = np.array(found)
        best = int(scores.mean(1).argmax())
    chosen = make_pipeline(StandardScaler(), made[best])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the score says whether it was good enough
        chosen.fit(embeddings, labels)
    head = _arrays(chosen[0], chosen[1], numbers)
    if not numbers and folds > 1:
        heat = _heat(made[best], embeddings, labels, cuts)
        head["weights"], head["bias"] = head["weights"] / heat, head["bias"] / heat
    error = float(scores[best].std(ddof=1) / np.sqrt(folds)) if folds > 1 else float("nan")
    return Tuned(head, measure.name, float(scores[best].mean()) if folds > 1 else float("nan"), error, float(grid[best]), folds)


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


def _heat(part: Any, x: NDArray[np.float32], y: NDArray[Any], cuts: list[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> np.float32:
    """The temperature at which probabilities of held-out folds are likeliest: few labels in many dimensions are told apart perfectly, and a head
    fitted on them is sure of everything. Guo et al., "On calibration of modern neural networks", 2017, section 4.2."""
    logits, right = [], []
    for train, test in cuts:
        whole = make_pipeline(StandardScaler(), part)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            whole.fit(x[train], y[train])
        head = _arrays(whole[0], whole[1], False)
        logits.append(_raw(head, x[test]))
        right.append(np.searchsorted(whole[1].classes_, y[test]))
    raw, codes = np.concatenate(logits).astype(np.float64), np.concatenate(right)
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

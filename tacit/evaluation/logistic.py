"""Logistic regression as a read-out where labels are many: three strengths, the best on a held-out part, then on all labels.

Multinomial, with an L2 penalty, by L-BFGS; rows are brought to a mean length of 1, so that a strength means the same for every contestant.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from tacit.evaluation.setting import Setting

STRENGTHS = (2.0, 20.0, 200.0)  # scikit-learn's C
TOLERANCE, ROUNDS = 1e-3, 100


class Logistic(NamedTuple):
    """scores [m, K] of the new rows; choice; valued: the metric on the held-out part."""

    scores: NDArray[np.float64]
    choice: str
    valued: float


def logistic(setting: Setting, rows: NDArray[np.int64], part: NDArray[np.int64], train: Any, new: Any) -> Logistic:
    """rows: of the training samples, `train` all their features; part: positions in rows that strengths are chosen on."""
    scale = 1 / max(_length(train[rows]), 1e-12)
    rest = np.setdiff1d(np.arange(len(rows)), part)
    labels = setting.train.labels[rows]
    held_rows, rest_rows = train[rows[part]] * scale, train[rows[rest]] * scale
    valued = [setting.metric.score(labels[part], _fitted(setting, C, rest_rows, labels[rest], held_rows)) for C in STRENGTHS]
    best = int(np.argmax(valued))
    scores = _fitted(setting, STRENGTHS[best], train[rows] * scale, labels, new * scale)
    return Logistic(scores, f"logistic, C = {STRENGTHS[best]:g}", float(valued[best]))


def _fitted(setting: Setting, C: float, X: Any, labels: NDArray[np.int64], new: Any) -> NDArray[np.float64]:
    """[m, K] shares; a class that the labels lack has none, and one that is alone in them all."""
    scores = np.zeros((new.shape[0], len(setting.train.classes)))
    if len(present := np.unique(labels)) == 1:  # a part of a split by time, or by entity: there is nothing to fit
        scores[:, present] = 1.0
        return scores
    model = LogisticRegression(C=C, tol=TOLERANCE, max_iter=ROUNDS, class_weight="balanced" if setting.metric.balanced else None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a read-out that stops early is judged on held-out labels like any other
        model.fit(X, labels)
    scores[:, model.classes_] = model.predict_proba(new)
    return scores


def _length(rows: Any) -> float:
    squares = rows.multiply(rows).sum(1) if sparse.issparse(rows) else np.einsum("nd,nd->n", rows, rows)
    return float(np.sqrt(np.mean(squares)))

"""Metric: one number for answers, more is better. Any scikit-learn scorer, a function of the user's, or the stated costs.

Left open, it is chosen by the labels: accuracy where classes are of like size, balanced accuracy where not, average precision where
one of two classes is rare, R² for numbers. Accuracy is refused where a class is rare: saying "never" would score well.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer

from tacit.contracts.errors import DataError, UnknownName
from tacit.contracts.goal import Goal, refuse_misfit

RARE = 0.2  # a class is rare below this share of what it had if all classes were of like size
UNEVEN = 1.5  # largest class over smallest, from which balanced accuracy is taken
SHARES = ("accuracy", "precision", "recall", "f1", "roc_auc", "jaccard", "top_k", "average_precision")  # shown in points of 100


class Metric:
    """name; positive: code of the class that is looked for (binary); points: 100 where the metric is a share, else 1."""

    def __init__(self, goal: Goal, labels: NDArray[Any], classes: tuple[str, ...]) -> None:
        self.goal, self.classes = goal, classes
        self.counts = np.bincount(labels, minlength=len(classes)) if classes else np.zeros(0, np.int64)
        self.positive = self._positive()
        self.name = self._name()
        refuse_misfit(self.goal.metric or ("cost" if goal.costs else ""), bool(classes))
        if self.name == "cost":
            _ = self.cost_matrix  # a class that there is not is found now, not once everything is embedded
        self.points = 100.0 if self.name.startswith(SHARES) or "accuracy" in self.name else 1.0
        self.balanced = self.name.startswith("balanced") or (bool(classes) and "macro" in self.name)

    def _positive(self) -> int:
        if not self.classes:
            return 0
        if not self.goal.positive:
            return int(np.argmin(self.counts)) if len(self.classes) == 2 and self.counts.min() * 2 < self.counts.max() else len(self.classes) - 1
        if self.goal.positive not in self.classes:
            raise UnknownName("class", self.goal.positive, self.classes)
        return self.classes.index(self.goal.positive)

    def _name(self) -> str:
        wanted, many = self.goal.metric, len(self.classes)
        if callable(wanted):
            return getattr(wanted, "__name__", "a function")
        rare = many > 0 and self.counts.min() < RARE * self.counts.sum() / many
        if not wanted:
            if self.goal.costs:
                return "cost"
            if not many:
                return "r2"
            if rare:
                return "average_precision" if many == 2 else "balanced_accuracy"
            return "accuracy" if self.counts.max() <= UNEVEN * self.counts.min() else "balanced_accuracy"
        if wanted == "cost":
            if not self.goal.costs:
                raise DataError("the metric is 'cost', and the goal states no costs.", 'Write costs = { "sick>well" = 50 } under [goal].')
            return wanted
        if wanted == "accuracy" and rare:
            least = self.classes[int(np.argmin(self.counts))]
            share = self.counts.min() / self.counts.sum()
            raise DataError(
                f"accuracy says nothing where a class is rare: {least!r} has {share:.1%} of the test samples.",
                "Ask for balanced_accuracy or average_precision.",
            )
        return wanted

    @property
    def title(self) -> str:
        return self.name.replace("_", " ")

    @property
    def span(self) -> tuple[float, float]:
        """The least and the most that it can be, infinite where nothing is known of it: no interval is told beyond."""
        if callable(self.goal.metric):
            return -math.inf, math.inf
        if self.points > 1:
            return 0.0, 1.0
        if self.name == "matthews_corrcoef":
            return -1.0, 1.0
        if self.name in ("r2", "explained_variance") or self.name.startswith("d2_"):
            return -math.inf, 1.0
        return -math.inf, 0.0 if self.name == "cost" or self.name.startswith("neg_") else math.inf

    def score(self, labels: NDArray[Any], scores: NDArray[Any]) -> float:
        """labels [m] codes or numbers; scores [m, K], more = likelier, or [m, 1] numbers → one number, more is better."""
        if self.name == "accuracy":
            return float((scores.argmax(1) == labels).mean())
        if self.name == "balanced_accuracy":
            return balanced(labels, scores.argmax(1))
        if self.name == "cost":
            return -float(self.cost_matrix[labels, self.decisions(scores)].mean())
        if callable(self.goal.metric):
            if not self.classes:
                return float(self.goal.metric(labels, scores[:, 0]))
            names = np.array(self.classes)
            return float(self.goal.metric(names[labels], names[scores.argmax(1)]))
        rows = np.arange(len(labels))[:, None]
        if not self.classes:
            return float(get_scorer(self.name)(_Numbers(scores[:, 0]), rows, labels))
        if len(self.classes) == 2:
            other = 1 - self.positive
            return float(get_scorer(self.name)(_Classes(scores[:, [other, self.positive]]), rows, (labels == self.positive).astype(int)))
        return float(get_scorer(self.name)(_Classes(scores), rows, labels))

    @property
    def cost_matrix(self) -> NDArray[np.float64]:
        """[K, K] true × said; errors that no cost is stated for cost 1."""
        cost = 1.0 - np.eye(len(self.classes))
        for error, value in self.goal.costs.items():
            true, said = (part.strip() for part in error.split(">"))
            for name in (true, said):
                if name not in self.classes:
                    raise UnknownName("class that the costs name", name, self.classes)
            cost[self.classes.index(true), self.classes.index(said)] = value
        return cost

    def decisions(self, scores: NDArray[Any]) -> NDArray[np.int64]:
        """[m] the class of least expected cost, where costs are stated; else the likeliest."""
        if self.name != "cost":
            return np.asarray(scores.argmax(1), np.int64)
        return np.asarray((probabilities(scores) @ self.cost_matrix).argmin(1), np.int64)

    def told(self, value: float) -> str:
        """For people: 87.3 for shares, else four digits."""
        return f"{value * self.points:.1f}" if self.points > 1 else f"{value:.4g}"


def probabilities(scores: NDArray[Any]) -> NDArray[np.float64]:
    """[m, K] to [m, K]: as they are where rows are shares already (ridge answers nearly are: clipped and made to sum to 1), else softmax."""
    sums = scores.sum(1)
    if len(scores) and np.abs(sums - 1).max() < 1e-3:
        kept = np.clip(scores, 1e-3, None)
        return np.asarray(kept / kept.sum(1, keepdims=True), np.float64)
    return np.asarray(softmax(scores, axis=1), np.float64)


def balanced(labels: NDArray[Any], said: NDArray[Any]) -> float:
    """Mean recall over the classes that occur."""
    many = np.bincount(labels)
    hits = np.bincount(labels[said == labels], minlength=len(many))
    return float((hits[many > 0] / many[many > 0]).mean())


class _Classes(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier that has already answered: what scikit-learn's scorers ask."""

    def __init__(self, scores: NDArray[Any]) -> None:
        self.scores, self.classes_ = scores, np.arange(scores.shape[1])

    def predict(self, rows: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(self.scores.argmax(1))

    def predict_proba(self, rows: NDArray[Any]) -> NDArray[Any]:
        return probabilities(self.scores)

    def decision_function(self, rows: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(self.scores[:, 1] - self.scores[:, 0]) if self.scores.shape[1] == 2 else self.scores


class _Numbers(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A regressor that has already answered."""

    def __init__(self, answers: NDArray[Any]) -> None:
        self.answers = answers

    def predict(self, rows: NDArray[Any]) -> NDArray[Any]:
        return self.answers

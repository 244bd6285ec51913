"""Read-out: linear answers to embeddings from few labels, ridge or logistic regression, its strength chosen on held-out labels.

Ridge on classes as on numbers, over embeddings standardised by the labelled samples' statistics. Its strength is that of the least squared error on
held-out labels: of a handful of labels the metric is a few steps high, and says less (of many a caller may have it choose). Classes count alike,
whatever their number; by how much few labels of unequal classes lean to the larger is taken off, as in an evaluation (see ridge). Raw answers become
shares, of classes as if of like size, by the temperature at which held-out labels are likeliest (Guo et al., "On calibration of modern neural
networks", 2017, section 4.2), with targets short of 1 and 0 by 1 / (n + 2) (Platt, "Probabilistic outputs for support vector machines", 1999): ten
labels all told right do not prove that none will be wrong.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from tacit.evaluation.metric import UNEVEN
from tacit.evaluation.ridge import DEFAULT, STRENGTHS, Ridge, from_rows, ridge_weights

HEATS = np.geomspace(0.02, 1000, 120)

Cut = tuple[NDArray[np.int64], NDArray[np.int64]]  # rows that are learned from, rows that are held out
Head = dict[str, NDArray[Any]]


class Known(NamedTuple):
    """x [n, D] embeddings; Y [n, K] one-hot, or [n, 1] numbers; codes [n] of the classes, or the numbers."""

    x: NDArray[np.float64]
    Y: NDArray[np.float64]
    codes: NDArray[Any]
    numbers: bool

    @classmethod
    def of(cls, embeddings: NDArray[Any], labels: NDArray[Any]) -> Known:
        """labels: floats are numbers, all else names classes."""
        x = embeddings.astype(np.float64)
        if labels.dtype.kind == "f":
            return cls(x, labels.astype(np.float64)[:, None], labels, True)
        codes = np.unique(labels, return_inverse=True)[1]
        return cls(x, np.eye(codes.max() + 1)[codes], codes, False)

    def take(self, rows: NDArray[np.int64]) -> Known:
        """The same of some rows."""
        return Known(self.x[rows], self.Y[rows], self.codes[rows], self.numbers)

    @property
    def weights(self) -> NDArray[np.float64]:
        """[n] by which the classes of these rows count alike: kept from other rows, they would tell a fold what was held out of it."""
        return np.ones(len(self.x)) if self.numbers else 1.0 / np.bincount(self.codes)[self.codes]


class Readout(NamedTuple):
    """told: what was chosen, for people; C of logistic regression, 0 = ridge of this strength; leaning [K]: what is taken off its answers; heat: by
    what they are divided then; held [n', K]: answers to what the cuts held out, one cut after the other, each corrected by what the others tell."""

    told: str
    C: float
    strength: float
    leaning: NDArray[np.float64]
    heat: float
    held: NDArray[np.float64]

    def head(self, known: Known) -> Head:
        """As arrays, of all labels: (embedding - mean) / deviation @ weights + bias."""
        mean, deviation = _units(known.x)
        Z = (known.x - mean) / deviation
        weights, bias = _logistic_weights(Z, known, self.C) if self.C else ridge_weights(Z, known.Y, known.weights, self.strength)
        deviation = np.where(np.isfinite(deviation), deviation, 1.0)
        found = {"weights": weights / self.heat, "bias": (bias - self.leaning) / self.heat, "mean": mean, "deviation": deviation}
        return {name: value.astype(np.float32) for name, value in found.items()}


def ridge(known: Known, cuts: Sequence[Cut], valued: Callable[[NDArray[np.float64]], float] | None = None) -> Readout:
    """With the strength of the least squared error on held-out labels, or the highest value of the answers to them [n', K], one cut after the other;
    the usual one where nothing can be held out."""
    centre = np.full(known.Y.shape[1], 0.0 if known.numbers else 1 / known.Y.shape[1])
    if not cuts:
        return Readout(f"ridge, strength {STRENGTHS[DEFAULT]:.2g}", 0.0, STRENGTHS[DEFAULT], centre, 1.0, np.zeros((0, len(centre))))
    fitted = [_ridge(known.take(rest), known.x[held]) for rest, held in cuts]
    judge = known.take(np.concatenate([held for _, held in cuts]))
    weights = judge.weights
    best: tuple[float, float, NDArray[np.float64]] | None = None
    for at, strength in enumerate(STRENGTHS):
        said = np.concatenate([part.answers(at) for part in fitted])
        even = said - _leaning(said, judge, weights)
        value = valued(even) if valued else -float(((even - judge.Y) ** 2).sum(1) @ weights)
        if best is None or value > best[0] or math.isnan(best[0]):
            best = value, strength, said
    assert best is not None
    _, strength, said = best
    return _corrected(f"ridge, strength {strength:.2g}", 0.0, strength, said - centre, centre, known, cuts)


def logistic(known: Known, cuts: Sequence[Cut], C: float) -> Readout:
    """Multinomial, with an L2 penalty of scikit-learn's strength C for rows of a mean length of 1."""
    parts = []
    for rest, held in cuts:
        part = known.take(rest)
        mean, deviation = _units(part.x)
        weights, bias = _logistic_weights((part.x - mean) / deviation, part, C)
        parts.append((known.x[held] - mean) / deviation @ weights + bias)
    return _corrected(f"logistic regression, C = {C:g}", C, 0.0, np.concatenate(parts), np.zeros(known.Y.shape[1]), known, cuts)


def _corrected(
    told: str, C: float, strength: float, said: NDArray[np.float64], off: NDArray[np.float64], known: Known, cuts: Sequence[Cut]
) -> Readout:
    """said [n', K]: raw held-out answers, less `off` [K]. What each cut's are corrected by is learned from the others': else they would be scored by
    what they themselves told."""
    judge = known.take(np.concatenate([held for _, held in cuts]))
    whose = np.repeat(np.arange(len(cuts)), [len(held) for _, held in cuts])
    held = np.empty_like(said)
    for turn in range(len(cuts)):
        others, own = np.flatnonzero(whose != turn), whose == turn
        leaning, heat = _leaning_and_heat(said[others], judge.take(others))
        held[own] = (said[own] - leaning) / heat
    leaning, heat = _leaning_and_heat(said, judge)
    return Readout(told, C, strength, leaning + off, heat, held)


def _leaning_and_heat(said: NDArray[np.float64], judge: Known) -> tuple[NDArray[np.float64], float]:
    weights = judge.weights
    leaning = _leaning(said, judge, weights)
    return leaning, 1.0 if judge.numbers else temperature(said - leaning, judge.codes, weights)


def _leaning(said: NDArray[np.float64], judge: Known, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """[K] by how much answers lean to each class, classes counted alike; 0 for numbers, and where classes are of like size."""
    if judge.numbers or weights.max() <= UNEVEN * weights.min():
        return np.zeros(said.shape[1])
    mean = weights @ said / weights.sum() - weights @ judge.Y / weights.sum()
    return np.asarray(mean - mean.mean())


def temperature(raw: NDArray[np.float64], codes: NDArray[np.int64], weights: NDArray[np.float64]) -> float:
    """By what raw answers [n, K] to held-out samples are divided so that softmax makes shares of them that are likeliest; weights [n]."""
    n, many = raw.shape
    short = 1 / (n + 2)
    targets = np.full((n, many), short / max(many - 1, 1))
    targets[np.arange(n), codes] = 1 - short
    meant = (targets * raw).sum(1) @ weights
    losses = np.array([np.logaddexp.reduce(raw / heat, axis=1) @ weights - meant / heat for heat in HEATS])
    return float(HEATS[losses <= losses.min() + 1e-9 * weights.sum()].max())  # of equals the least sure


def _units(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of the columns, endless where a column says nothing."""
    mean, deviation = x.mean(0), x.std(0)
    return mean, np.where(deviation > 1e-6 * (np.abs(mean) + 1e-6), deviation, np.inf)


def _ridge(known: Known, new: NDArray[np.float64]) -> Ridge:
    """Of every strength, for embeddings [m, D]."""
    mean, deviation = _units(known.x)
    return Ridge(from_rows((known.x - mean) / deviation, (new - mean) / deviation, known.weights), known.Y)


def _logistic_weights(Z: NDArray[np.float64], known: Known, C: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """([D, K], [K]), two classes in two columns; Z [n, D] standardised."""
    part = LogisticRegression(C=C / max(int(np.count_nonzero(Z.any(0))), 1), max_iter=500, class_weight="balanced")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # one that stops early is judged on held-out labels like any other
        part.fit(Z, known.codes)
    weights, bias = part.coef_.T, part.intercept_
    return (np.concatenate([-weights / 2, weights / 2], 1), np.concatenate([-bias / 2, bias / 2])) if len(bias) == 1 else (weights, bias)

"""Read-out: linear answers to embeddings from few labels, ridge or logistic regression, its strength chosen on held-out labels.

Ridge on classes as on numbers, over embeddings standardised by the labelled samples' statistics. Its strength is that of the least squared error on
held-out labels: of a handful of labels the metric is a few steps high, and says less. Classes count alike; by how much few labels of unequal classes
lean to the larger is taken off, as in an evaluation (see ridge). Raw answers become shares by a temperature at which held-out labels are likeliest
(Guo et al., "On calibration of modern neural networks", 2017, section 4.2), with targets short of 1 and 0 by 1 / (n + 2) (Platt, "Probabilistic
outputs for support vector machines", 1999): ten labels all told right do not prove that none will be wrong.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from tacit.evaluation.metric import UNEVEN
from tacit.evaluation.ridge import DEFAULT, STRENGTHS, Ridge, from_rows, leaning_of

HEATS = np.geomspace(0.02, 1000, 120)

Cut = tuple[NDArray[np.int64], NDArray[np.int64]]  # rows that are learned from, rows that are held out
Head = dict[str, NDArray[Any]]


class Known(NamedTuple):
    """x [n, D] embeddings; Y [n, K] one-hot, or [n, 1] numbers; weights [n], by which classes count alike; codes [n] of the classes, or the numbers;
    groups [n] that are not torn apart, or None."""

    x: NDArray[np.float64]
    Y: NDArray[np.float64]
    weights: NDArray[np.float64]
    codes: NDArray[Any]
    groups: NDArray[Any] | None
    numbers: bool

    @classmethod
    def of(cls, embeddings: NDArray[Any], labels: NDArray[Any], groups: NDArray[Any] | None) -> Known:
        """labels: floats are numbers, all else names classes."""
        x = embeddings.astype(np.float64)
        if labels.dtype.kind == "f":
            return cls(x, labels.astype(np.float64)[:, None], np.ones(len(labels)), labels, groups, True)
        codes = np.unique(labels, return_inverse=True)[1]
        return cls(x, np.eye(codes.max() + 1)[codes], 1.0 / np.bincount(codes)[codes], codes, groups, False)

    def take(self, rows: NDArray[np.int64]) -> Known:
        """The same of some rows."""
        groups = None if self.groups is None else self.groups[rows]
        return Known(self.x[rows], self.Y[rows], self.weights[rows], self.codes[rows], groups, self.numbers)

    @property
    def uneven(self) -> bool:
        return bool(self.weights.max() > UNEVEN * self.weights.min())


class Readout(NamedTuple):
    """told: what was chosen, for people; C of logistic regression, 0 = ridge; at: position of ridge's strength; leaning [K]: what is taken off its
    answers; heat: by what they are divided then; held [n', K]: its answers to what the cuts held out, one cut after the other."""

    told: str
    C: float
    at: int
    leaning: NDArray[np.float64]
    heat: float
    held: NDArray[np.float64]

    def answers(self, known: Known, new: NDArray[np.float64]) -> NDArray[np.float64]:
        """[m, K] for embeddings [m, D]: numbers, or what softmax makes shares of."""
        raw = _by_logistic(known, new, self.C) if self.C else _by_ridge(known, new)[self.at]
        return np.asarray((raw - self.leaning) / self.heat)

    def head(self, known: Known) -> Head:
        """The same as arrays: (embedding - mean) / deviation @ weights + bias."""
        mean, deviation = _units(known.x)
        width = known.x.shape[1]
        ends = np.concatenate([np.zeros((1, width)), np.eye(width)]) * np.where(np.isfinite(deviation), deviation, 0.0) + mean
        said = self.answers(known, ends)  # it is linear: what it says of nothing, and of each column alone
        deviation = np.where(np.isfinite(deviation), deviation, 1.0)
        found = {"weights": (said[1:] - said[0]), "bias": said[0], "mean": mean, "deviation": deviation}
        return {name: value.astype(np.float32) for name, value in found.items()}


def ridge(known: Known, cuts: Sequence[Cut]) -> Readout:
    """With the strength of the least squared error on held-out labels; the usual one where nothing can be held out."""
    centre = np.full(known.Y.shape[1], 0.0 if known.numbers else 1 / known.Y.shape[1])
    if not cuts:
        return Readout(f"ridge, strength {STRENGTHS[DEFAULT]:.2g}", 0.0, DEFAULT, centre, 1.0, np.zeros((0, len(centre))))
    rows = np.concatenate([held for _, held in cuts])
    said = np.concatenate([_by_ridge(known.take(rest), known.x[held]) for rest, held in cuts], axis=1)  # [S, n', K]
    judge = known.take(rows)
    leaning = leaning_of(said, judge.Y, judge.weights) if known.uneven else np.zeros((len(STRENGTHS), len(centre)))
    error = ((said - leaning[:, None] - judge.Y) ** 2).sum(2) @ judge.weights
    at = int(error.argmin())
    off = leaning[at] + centre
    heat = 1.0 if known.numbers else temperature(said[at] - off, judge.codes)
    return Readout(f"ridge, strength {STRENGTHS[at]:.2g}", 0.0, at, off, heat, (said[at] - off) / heat)


def logistic(known: Known, cuts: Sequence[Cut], C: float) -> Readout:
    """Multinomial, with an L2 penalty of scikit-learn's strength C for rows of a mean length of 1."""
    rows = np.concatenate([held for _, held in cuts])
    said = np.concatenate([_by_logistic(known.take(rest), known.x[held], C) for rest, held in cuts])
    codes, off = known.codes[rows], np.zeros(said.shape[1])
    if known.uneven:
        mean = np.mean([said[codes == c].mean(0) for c in np.unique(codes)], axis=0)
        off = mean - mean.mean()
    heat = temperature(said - off, codes)
    return Readout(f"logistic regression, C = {C:g}", C, 0, off, heat, (said - off) / heat)


def temperature(raw: NDArray[np.float64], codes: NDArray[np.int64]) -> float:
    """By what raw answers [n, K] to held-out samples are divided so that softmax makes shares of them that are likeliest."""
    n, many = raw.shape
    short = 1 / (n + 2)
    targets = np.full((n, many), short / max(many - 1, 1))
    targets[np.arange(n), codes] = 1 - short
    losses = [float((logsumexp(raw / heat, axis=1) - (targets * raw / heat).sum(1)).mean()) for heat in HEATS]
    return float(HEATS[int(np.argmin(losses))])


def _units(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of the columns, endless where a column says nothing."""
    mean, deviation = x.mean(0), x.std(0)
    return mean, np.where(deviation > 1e-6 * (np.abs(mean) + 1e-6), deviation, np.inf)


def _by_ridge(known: Known, new: NDArray[np.float64]) -> NDArray[np.float64]:
    """[S, m, K] of every strength."""
    mean, deviation = _units(known.x)
    return Ridge(from_rows((known.x - mean) / deviation, (new - mean) / deviation, known.weights), known.Y).answers()


def _by_logistic(known: Known, new: NDArray[np.float64], C: float) -> NDArray[np.float64]:
    """[m, K], two classes in two columns."""
    mean, deviation = _units(known.x)
    part = LogisticRegression(C=C / max(np.isfinite(deviation).sum(), 1), max_iter=500, class_weight="balanced")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # one that stops early is judged on held-out labels like any other
        said = part.fit((known.x - mean) / deviation, known.codes).decision_function((new - mean) / deviation)
    return np.asarray(np.stack([-said / 2, said / 2], 1) if said.ndim == 1 else said)

"""Contestant: whoever answers the test samples after having been shown labels of some training samples. Ours and the rungs are such.

A frozen one has features, fixed beforehand, in a few variants (layers, poolings, sizes); its read-out is ridge, whose strength and variant have the
best metric on held-out parts of the labels that it was shown. Of fewer than 200 labels the metric is a few steps high: chosen by it ours were no
better than their first variant, and rungs worse (docs/log.md); there the first variant stands, with the strength of the least squared error. All have
the same strengths and at most the same number of variants.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tacit.evaluation.logistic import logistic
from tacit.evaluation.metric import UNEVEN
from tacit.evaluation.ridge import DEFAULT, STRENGTHS, Ridge, Spectrum, from_kernel, from_rows, leaning_of
from tacit.evaluation.setting import Setting

FEW = 2500  # labels up to which folds are held out exactly; from there on one part in five
VARIANTS = 4
CHOOSE = 200  # labels from which the metric chooses: strength, variant, and whether logistic regression is better than ridge


class Answer(NamedTuple):
    """scores [m, K] of the test samples; choice: what was chosen on validation; valued: the metric there, NaN where nothing was held out."""

    scores: NDArray[np.float64]
    choice: str
    valued: float


class Contestant(ABC):
    """name: short, title: for people."""

    def __init__(self, name: str, title: str) -> None:
        self.name, self.title = name, title

    def probed(self, setting: Setting) -> Answer | None:
        """With all labels there are: the linear probe."""
        return self.answers(setting, [np.arange(len(setting.train))])[0]

    @abstractmethod
    def answers(self, setting: Setting, draws: Sequence[NDArray[np.int64]]) -> list[Answer | None]:
        """For each draw of training rows; None for a draw that its budget does not reach."""


class Variant(NamedTuple):
    """train [n, D], test [m, D], seen [p, D]: samples that may be looked at without labels; standardise: each column by the mean and deviation
    of those (none for TF-IDF, where rare must stay small)."""

    train: Any
    test: Any
    seen: Any
    standardise: bool = True

    @classmethod
    def of(cls, parts: Iterable[Any], standardise: bool = True) -> Variant:
        """From train, test, seen in this order."""
        train, test, seen = parts
        return cls(train, test, seen, standardise)


class Frozen(Contestant):
    """Features that do not change, read off by ridge."""

    def __init__(self, name: str, title: str, variants: dict[str, Variant]) -> None:
        super().__init__(name, title)
        self.variants = {key: _standardised(variant) for key, variant in list(variants.items())[:VARIANTS]}

    def answers(self, setting: Setting, draws: Sequence[NDArray[np.int64]]) -> list[Answer | None]:
        drawn = np.unique(np.concatenate(draws))
        at_once = len(draws) > 1 and len(drawn) <= 2 * FEW and max(map(len, draws)) <= FEW
        best: list[Answer | None] = [None] * len(draws)
        for turn, (key, (train, test, *_)) in enumerate(self.variants.items()):
            asked = [i for i, rows in enumerate(draws) if turn == 0 or len(rows) >= CHOOSE]
            kernels = _kernels(train[drawn], test) if at_once and asked else None
            for i in asked:
                rows = draws[i]
                answer = self._answer(setting, rows, key, kernels, np.searchsorted(drawn, rows))
                old = best[i]
                if old is None or answer.valued > old.valued:
                    best[i] = answer
        return best

    def probed(self, setting: Setting) -> Answer | None:
        """Ridge for the variant, then logistic regression on it; what is better on the held-out labels. Sparse ones logistic alone."""
        rows = np.arange(len(setting.train))
        parts = setting.folds(rows)
        if not setting.train.classes or not parts or len(rows) < CHOOSE:
            return super().probed(setting)
        wide = sparse.issparse(next(iter(self.variants.values())).train) and len(rows) > FEW
        best = None if wide else self.answers(setting, [rows])[0]
        keys = list(self.variants) if best is None else [best.choice.rpartition(", strength")[0]]
        for key in keys:
            fitted = logistic(setting, rows, parts[0], self.variants[key].train, self.variants[key].test)
            if best is None or fitted.valued > best.valued:
                best = Answer(fitted.scores, f"{key}, {fitted.choice}", fitted.valued)
        return best

    def _answer(self, setting: Setting, rows: NDArray[np.int64], key: str, kernels: Any, among: NDArray[np.int64]) -> Answer:
        weights, Y = setting.weights(rows), setting.train.targets[rows]
        train, test, *_ = self.variants[key]
        at, valued, spectrum, leaning = DEFAULT, float("nan"), None, None
        parts = setting.folds(rows)
        if parts and len(rows) > FEW:
            at, valued = _choose(setting, rows[parts[0]], _held_part(train, rows, parts[0], weights, Y))
        else:
            spectrum = _spectrum(train, test, rows, weights, kernels, among)
            if parts:
                held = Ridge(spectrum, Y).held_out(parts)
                leaning = leaning_of(held, Y, weights) if weights is not None and weights.max() > UNEVEN * weights.min() else None
                at, valued = _choose(setting, rows, held if leaning is None else held - leaning[:, None])
        if spectrum is None:
            spectrum = _spectrum(train, test, rows, weights, kernels, among)
        answers = Ridge(spectrum, Y).answers(at)
        return Answer(answers if leaning is None else answers - leaning[at], f"{key}, strength {STRENGTHS[at]:.2g}", valued)


def _choose(setting: Setting, rows: NDArray[np.int64], held: NDArray[np.float64]) -> tuple[int, float]:
    """Of held-out answers [S, n, K]: (position of the strength, its metric). By the metric, then the squared error; of few labels by that alone."""
    labels, weights = setting.train.labels[rows], setting.weights(rows)
    error = ((held - setting.train.targets[rows]) ** 2).sum(2) @ (np.ones(len(rows)) if weights is None else weights)
    if len(rows) < CHOOSE:
        at = int(error.argmin())
        return at, setting.metric.score(labels, held[at])
    valued = np.array([setting.metric.score(labels, answers) for answers in held])
    at = int(np.lexsort((error, -valued))[0])
    return at, float(valued[at])


def _held_part(train: Any, rows: NDArray[np.int64], part: NDArray[np.int64], weights: NDArray[Any] | None, Y: NDArray[Any]) -> NDArray[np.float64]:
    """[S, |part|, K]: answered by the rest of the rows."""
    rest = np.setdiff1d(np.arange(len(rows)), part)
    spectrum = _spectrum(train, train[rows[part]], rows[rest], None if weights is None else weights[rest], None, rest)
    return Ridge(spectrum, Y[rest]).answers()


def _spectrum(train: Any, test: Any, rows: NDArray[np.int64], weights: NDArray[Any] | None, kernels: Any, among: NDArray[np.int64]) -> Spectrum:
    if kernels is not None and (sparse.issparse(train) or train.shape[1] >= len(rows)):
        return from_kernel(kernels[0][np.ix_(among, among)], kernels[1][:, among], weights)
    if sparse.issparse(train):
        return from_kernel(*_kernels(train[rows], test), weights)
    return from_rows(train[rows], test, weights)


def _kernels(drawn: Any, test: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Dot products [n, n], [m, n]."""
    pair = (drawn @ drawn.T, test @ drawn.T)
    return tuple(np.asarray(k.todense() if sparse.issparse(k) else k) for k in pair)  # type: ignore[return-value]


def _standardised(variant: Variant) -> Variant:
    if not variant.standardise or sparse.issparse(variant.train):
        return variant
    train, test, seen = (np.asarray(x, np.float32) for x in variant[:3])
    mean, deviation = seen.mean(0), seen.std(0)
    scale = np.where(deviation > 1e-6 * (np.abs(mean) + 1e-6), 1 / np.maximum(deviation, 1e-12), 0).astype(
        np.float32
    )  # a constant column says nothing
    train, test = (np.clip((x - mean) * scale, -20, 20) for x in (train, test))
    return Variant(train, test, train, True)

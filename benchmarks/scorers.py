"""Scorers: every detector behind one door, so that all see the same rows in the same order.

`run(times, values, keys, train)` reads a stream from its first row to its last and answers each row before it
has seen the next: no detector is given a minimum, a maximum, a label or a row of the future. `train` says how
many rows at the start count as history: a detector that cannot learn from a stream (isolation forest) fits on
these alone; the others pass over it. Settings are the peers' own defaults or those named in the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.calibrate import tail_score

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Readings:
    """What a detector said of n rows. surprise: larger is stranger, any scale, NaN during warm-up.

    score: [n] in [0, 1], a tail probability where the detector claims one; shares: [n, F], >= 0, rows sum to 1;
    alert: [n] int64, number of the open episode, 0 = none.
    """

    surprise: Floats
    score: Floats | None = None
    shares: Floats | None = None
    alert: NDArray[np.int64] | None = None

    def calibrated(self) -> Floats:
        """The detector's own score, else the same streaming tail for all of them."""
        return tail_score(self.surprise) if self.score is None else self.score


class Scorer(Protocol):
    """times: [n] int64 ns; values: [n, F] float64, NaN = missing; keys: n strings, None = one key."""

    name: str

    def run(self, times: NDArray[np.int64], values: Floats, keys: Sequence[str] | None = None, train: int = 0) -> Readings: ...


def filled(values: Floats) -> Floats:
    """Missing and infinite values replaced by the last good one before them, 0 at the start. [n, F]"""
    good = np.isfinite(values)
    last = np.maximum.accumulate(np.where(good, np.arange(len(values))[:, None], -1), axis=0)
    out = np.where(last >= 0, np.take_along_axis(values, np.maximum(last, 0), axis=0), 0.0)
    return np.asarray(out, dtype=np.float64)


def each_key(one: Callable[[Floats], Readings], values: Floats, keys: Sequence[str] | None) -> Readings:
    """Runs `one` over every key's rows apart and puts the answers back in arrival order."""
    values = filled(values) if keys is None else values
    if keys is None:
        return one(values)
    named = np.asarray(keys)
    surprise, shares = np.full(len(values), np.nan), np.zeros_like(values)
    explains = True
    for key in np.unique(named):
        rows = np.flatnonzero(named == key)
        got = one(filled(values[rows]))
        surprise[rows] = got.surprise
        explains = explains and got.shares is not None
        if got.shares is not None:
            shares[rows] = got.shares
    return Readings(surprise, shares=shares if explains else None)


def ewma(values: Floats, alpha: float) -> tuple[Floats, Floats]:
    """Exponential mean and deviation *before* each row, start-up bias removed. [n, F] each.

    mean_t = (1-a) mean_{t-1} + a x_t; var likewise over (x_t - mean_{t-1})^2.
    """
    from scipy.signal import lfilter

    n = len(values)
    weight = 1.0 - (1.0 - alpha) ** np.arange(1, n + 1)[:, None]
    mean = lfilter([alpha], [1.0, alpha - 1.0], values, axis=0) / weight
    before = np.vstack([values[:1], mean[:-1]])
    square = lfilter([alpha], [1.0, alpha - 1.0], (values - before) ** 2, axis=0) / weight
    return before, np.sqrt(np.vstack([square[:1], square[:-1]]))


def normalised(shares: Floats) -> Floats:
    total = shares.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(shares, total, out=np.full_like(shares, 1.0 / shares.shape[1]), where=total > 0))


class Ewma:
    """The rung: distance from an exponential mean in exponential deviations; the worst feature speaks.

    alpha: the best of 0.001 … 0.1 for the labelled NAB files in NAB's own protocol, in the rung's favour.
    """

    def __init__(self, alpha: float = 0.01, floor: float = 1e-3, warm: int = 50, worst: bool = True) -> None:
        self.alpha, self.floor, self.warm, self.worst = alpha, floor, warm, worst
        self.name = f"EWMA z-score, alpha {alpha:g}" + ("" if worst else ", mean square")

    def run(self, times: NDArray[np.int64], values: Floats, keys: Sequence[str] | None = None, train: int = 0) -> Readings:
        def one(x: Floats) -> Readings:
            mean, deviation = ewma(x, self.alpha)
            floor = self.floor * np.maximum(np.abs(mean), 1e-9)
            z2 = ((x - mean) / np.maximum(deviation, floor)) ** 2
            surprise = np.sqrt(z2.max(axis=1) if self.worst else z2.mean(axis=1))
            surprise[: self.warm] = np.nan
            return Readings(surprise, shares=normalised(z2))

        return each_key(one, values, keys)


class Gaussian:
    """river's GaussianScorer, one a feature; the largest -log tail speaks. It never forgets (window None)."""

    name = "river GaussianScorer"

    def run(self, times: NDArray[np.int64], values: Floats, keys: Sequence[str] | None = None, train: int = 0) -> Readings:
        from river.anomaly import GaussianScorer

        def one(x: Floats) -> Readings:
            tails = np.zeros_like(x)
            for j in range(x.shape[1]):
                scorer = GaussianScorer()
                for i, value in enumerate(x[:, j].tolist()):
                    tails[i, j] = scorer.score_one(None, value)
                    scorer.learn_one(None, value)
            logs = -np.log(np.maximum(1.0 - tails, 1e-17))
            surprise = logs.max(axis=1)
            surprise[:100] = np.nan  # its grace period
            return Readings(surprise, shares=normalised(logs))

        return each_key(one, values, keys)


class HalfSpace:
    """river's HalfSpaceTrees behind its running min-max scaler, which it needs: values must lie in [0, 1]."""

    def __init__(self, trees: int = 10, height: int = 8, window: int = 250, seed: int = 1) -> None:
        self.settings: dict[str, Any] = {"n_trees": trees, "height": height, "window_size": window, "seed": seed}
        self.name = f"river HalfSpaceTrees {trees}x{height}"

    def run(self, times: NDArray[np.int64], values: Floats, keys: Sequence[str] | None = None, train: int = 0) -> Readings:
        from river.anomaly import HalfSpaceTrees

        def one(x: Floats) -> Readings:
            low, high = np.minimum.accumulate(x), np.maximum.accumulate(x)
            span = np.where(high > low, high - low, 1.0)
            forest, surprise = HalfSpaceTrees(**self.settings), np.full(len(x), np.nan)
            for i, row in enumerate(((x - low) / span).tolist()):
                point = dict(enumerate(row))
                if i >= self.settings["window_size"]:
                    surprise[i] = forest.score_one(point)
                forest.learn_one(point)
            return Readings(surprise)

        return each_key(one, values, keys)


class RandomCut:
    """krcf's random cut forest over running z-values (its cuts follow the scale), 8 rows in one shingle."""

    def __init__(self, trees: int = 30, sample: int = 256, shingle: int = 8, attribution: bool = False, seed: int = 1) -> None:
        self.trees, self.sample, self.shingle, self.attribution, self.seed = trees, sample, shingle, attribution, seed
        self.name = f"krcf {trees}x{sample}" + (" with attribution" if attribution else "")

    def forest(self, features: int) -> Any:
        from krcf import RandomCutForest

        return RandomCutForest(
            {"dimensions": features, "shingle_size": self.shingle, "num_trees": self.trees, "sample_size": self.sample, "random_seed": self.seed}
        )

    def run(self, times: NDArray[np.int64], values: Floats, keys: Sequence[str] | None = None, train: int = 0) -> Readings:
        def one(x: Floats) -> Readings:
            n, features = x.shape
            count = np.arange(1, n + 1)[:, None]
            mean = np.cumsum(x, axis=0) / count
            moved = np.cumsum((x - np.vstack([x[:1], mean[:-1]])) * (x - mean), axis=0)  # Welford: exact, never negative
            rows = ((x - mean) / np.maximum(np.sqrt(np.maximum(moved, 0.0) / count), 1e-9)).tolist()
            forest, surprise, shares = self.forest(features), np.full(n, np.nan), np.zeros((n, features))
            for i, row in enumerate(rows):
                if forest.is_output_ready():
                    if self.attribution:
                        parts = forest.attribution(row)
                        both = np.add(parts["high"], parts["low"]).reshape(-1, features)  # [shingle, F]
                        surprise[i], shares[i] = both.sum(), both.sum(axis=0)
                    else:
                        surprise[i] = forest.score(row)
                forest.update(row)
            return Readings(surprise, shares=normalised(shares) if self.attribution else None)

        return each_key(one, values, keys)


class Forest:
    """scikit-learn's IsolationForest, fitted on the history alone; it learns nothing from the stream."""

    name = "isolation forest"

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed

    def run(self, times: NDArray[np.int64], values: Floats, keys: Sequence[str] | None = None, train: int = 0) -> Readings:
        from sklearn.ensemble import IsolationForest

        x = filled(values)
        history = max(train, min(100, len(x)))
        model = IsolationForest(random_state=self.seed, n_jobs=1).fit(x[:history])
        surprise = -model.score_samples(x)
        surprise[:history] = np.nan
        return Readings(surprise)


class Chance:
    """Uniform noise: what a metric gives for nothing."""

    name = "random"

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed

    def run(self, times: NDArray[np.int64], values: Floats, keys: Sequence[str] | None = None, train: int = 0) -> Readings:
        score = np.random.default_rng(self.seed).uniform(size=len(values))
        return Readings(-np.log1p(-score), score=score)


class Constant:
    """Says the same of every row."""

    name = "constant"

    def run(self, times: NDArray[np.int64], values: Floats, keys: Sequence[str] | None = None, train: int = 0) -> Readings:
        return Readings(np.zeros(len(values)), score=np.full(len(values), math.nan))


PEERS: dict[str, Callable[[], Scorer]] = {
    "constant": Constant,
    "random": Chance,
    "ewma": Ewma,
    "ewma_mean": lambda: Ewma(worst=False),
    "gaussian": Gaussian,
    "hst": HalfSpace,
    "hst_large": lambda: HalfSpace(25, 15),  # about 20 events/s: on request only
    "krcf": RandomCut,
    "krcf_why": lambda: RandomCut(attribution=True),
    "forest": Forest,
}
USUAL = ("constant", "random", "ewma", "ewma_mean", "gaussian", "hst", "krcf", "forest")

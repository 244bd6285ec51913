"""The peers: river, krcf, scikit-learn and the rungs under them, with their own defaults where not said otherwise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.readings import Floats, Readings, each_key, filled


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


def running(values: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation of all rows up to and with each row (Welford: never negative). [n, F] each."""
    count = np.arange(1, len(values) + 1)[:, None]
    mean = np.cumsum(values, axis=0) / count
    moved = np.cumsum((values - np.vstack([values[:1], mean[:-1]])) * (values - mean), axis=0)
    return mean, np.sqrt(np.maximum(moved, 0.0) / count)


def normalised(shares: Floats) -> Floats:
    total = shares.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(shares, total, out=np.full_like(shares, 1.0 / shares.shape[1]), where=total > 0))


class Ewma:
    """The rung: distance from an exponential mean in exponential deviations; the worst feature speaks.

    alpha: the best of 0.001 … 0.1 for the labelled NAB files in NAB's own protocol, in the rung's favour.
    """

    def __init__(self, alpha: float = 0.01, floor: float = 0.01, cap: float = 50.0, warm: int = 50, worst: bool = True) -> None:
        self.alpha, self.floor, self.cap, self.warm, self.worst = alpha, floor, cap, warm, worst
        self.name = f"EWMA z-score, alpha {alpha:g}" + ("" if worst else ", mean square")

    def run(self, times: NDArray[np.int64], values: Floats, keys: Sequence[str] | None = None, train: int = 0) -> Readings:
        def one(x: Floats) -> Readings:
            mean, deviation = ewma(x, self.alpha)
            floor = np.maximum(self.floor * running(x)[1], 1e-12)  # a constant that moves at last is strange, not infinitely so
            z2 = np.minimum(np.abs(x - mean) / np.maximum(deviation, floor), self.cap) ** 2
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
            tails[running(x)[1] == 0] = 0.0  # it scores a column that never moved 1
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
            mean, deviation = running(x)
            rows = ((x - mean) / np.maximum(deviation, 1e-9)).tolist()
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


class Range:
    """The rule that anyone would write: alert when a feature leaves min … max of all before, 3 of 8 readings long.

    It learns nothing else and takes its own decisions; an episode closes after 60 calm readings. Its surprise is how
    far outside the worst feature is, in widths of its range.
    """

    name = "range rule, 3 of 8 readings"

    def run(self, times: NDArray[np.int64], values: Floats, keys: Sequence[str] | None = None, train: int = 0) -> Readings:
        def one(x: Floats) -> Readings:
            n, warm = len(x), max(240, train)
            before = np.maximum(np.arange(n) - 8, 0)
            low, high = np.minimum.accumulate(x)[before], np.maximum.accumulate(x)[before]
            width = np.maximum(high - low, 1e-3 * np.maximum(np.abs(high), 1e-9))
            beyond = np.maximum(np.maximum(x - high, low - x), 0.0) / width
            beyond[:warm] = 0.0
            count = np.cumsum(np.vstack([np.zeros((1, x.shape[1])), beyond > 1e-6]), axis=0)
            stays = (count[np.arange(1, n + 1)] - count[np.maximum(np.arange(n) - 7, 0)] >= 3) & (beyond > 1e-6)
            alert, number, calm = np.zeros(n, dtype=np.int64), 0, 60
            for i, over in enumerate(stays.any(axis=1).tolist()):
                number += over and calm >= 60
                calm = 0 if over else calm + 1
                alert[i] = number if number and calm < 60 else 0
            return Readings(beyond.max(axis=1), shares=normalised(np.where(stays.any(axis=1, keepdims=True), stays * beyond, beyond)), alert=alert)

        if keys is not None and len(set(keys)) > 1:
            raise ValueError("the range rule numbers the episodes of one key")
        return one(filled(values))


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

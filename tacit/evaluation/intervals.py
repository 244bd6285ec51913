"""Intervals: 95 % half widths, over draws by Student's t, over test samples by the bootstrap; paired where two are compared.

Over draws: mean ± t_{n-1} s / √n of the differences draw by draw (the same labels for both). Over test samples: percentiles of the
metric's difference on the same resampled rows (Efron & Tibshirani, "An introduction to the bootstrap", 1993, ch. 13); by whole
entities where there are such, since samples of one patient are not independent. Of few labels that are counted: Wilson's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

from tacit.evaluation.metric import Metric

LEVEL = 0.95
RESAMPLES = 200


def over_draws(values: NDArray[Any] | list[float]) -> tuple[float, float]:
    """(mean, half width); infinite width with one draw."""
    values = np.asarray(values, np.float64)
    if len(values) < 2:
        return float(values.mean()), float("inf")
    quantile = float(student.ppf(0.5 + LEVEL / 2, len(values) - 1))
    return float(values.mean()), quantile * float(values.std(ddof=1)) / len(values) ** 0.5


def within(mean: float, wide: float, span: tuple[float, float]) -> tuple[float, float]:
    """(low, high) of mean ± wide, no further than the measure reaches: Student's knows of no ends. NaN where nothing is known of the width."""
    return (max(mean - wide, span[0]), min(mean + wide, span[1])) if math.isfinite(wide) else (math.nan, math.nan)


def resamples(n: int, rng: np.random.Generator, entity: NDArray[Any] | None = None, many: int = RESAMPLES) -> list[NDArray[np.int64]]:
    """Rows drawn with replacement, `many` times; whole entities where they are given."""
    if entity is None:
        return [rng.integers(0, n, n) for _ in range(many)]
    _, codes = np.unique(entity, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(codes))[:-1])
    return [np.concatenate([rows[i] for i in rng.integers(0, len(rows), len(rows))]) for _ in range(many)]


def over_samples(metric: Metric, labels: NDArray[Any], scores: NDArray[Any], drawn: list[NDArray[np.int64]]) -> NDArray[np.float64]:
    """[many] the metric on each resample; NaN where a resample lacks a class that the metric needs."""
    values = np.full(len(drawn), np.nan)
    for i, rows in enumerate(drawn):
        if not metric.classes or len(np.unique(labels[rows])) > 1:
            values[i] = metric.score(labels[rows], scores[rows])
    return values


def percentiles(values: NDArray[np.float64]) -> tuple[float, float]:
    """The middle 95 %."""
    low, high = np.nanquantile(values, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return float(low), float(high)


def wilson(share: float, n: float) -> tuple[float, float]:
    """Of a share of n answers that are right or wrong, each for itself: sound at 0 and 1, too, where resampling finds no width.

    Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    z = float(norm.ppf(0.5 + LEVEL / 2))
    centre, wide = share + z**2 / (2 * n), z * math.sqrt(max(share * (1 - share), 0.0) / n + (z / (2 * n)) ** 2)
    return max((centre - wide) / (1 + z**2 / n), 0.0), min((centre + wide) / (1 + z**2 / n), 1.0)


def counted(metric: Metric, value: float, labels: NDArray[Any], worth: float = 1.0) -> tuple[float, float]:
    """Wilson's interval of accuracy or balanced accuracy on these labels; (NaN, NaN) of other metrics, which do not count hits.

    worth: what a label counts, less than one where answers hang together. The mean of the recalls of K classes of n_k labels has the variance
    p (1 - p) sum(1 / n_k) / K^2, where each is told as well as the others: that of K^2 / sum(1 / n_k) labels.
    """
    if metric.name not in ("accuracy", "balanced_accuracy") or not len(labels) or not math.isfinite(value):
        return math.nan, math.nan
    counts = np.unique(labels, return_counts=True)[1]
    return wilson(value, worth * (len(labels) if metric.name == "accuracy" else len(counts) ** 2 / float((1 / counts).sum())))

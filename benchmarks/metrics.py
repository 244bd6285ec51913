"""Measures of detection on labelled rows: none of them adjusts points.

Labels are 0/1 a row; a surprise is larger where a row is stranger; NaN (warm-up) ranks below everything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


def ranked(surprise: Floats) -> Floats:
    """NaN → -inf, so that a detector gains nothing from silence."""
    return np.where(np.isnan(surprise), -np.inf, surprise)


def segments(labels: NDArray[np.generic]) -> Rows:
    """First and last row of each run of ones, [k, 2]."""
    edge = np.diff(np.r_[0, (np.asarray(labels) > 0).astype(np.int8), 0])
    return np.column_stack([np.flatnonzero(edge == 1), np.flatnonzero(edge == -1) - 1]).astype(np.int64)


def average_precision(labels: NDArray[np.generic], surprise: Floats) -> float:
    """Σ (recall_k - recall_{k-1}) precision_k over distinct thresholds; NaN without a positive row."""
    positive, order = np.asarray(labels) > 0, np.argsort(-ranked(surprise), kind="stable")
    if not positive.any():
        return float("nan")
    ends = _ties(ranked(surprise)[order])
    hits = np.cumsum(positive[order])[ends]
    return float(np.sum(np.diff(np.r_[0, hits]) / positive.sum() * hits / (ends + 1)))


def best_f1(labels: NDArray[np.generic], surprise: Floats) -> float:
    """F1 at the threshold that the labels like best: for information only, no detector knows it."""
    positive, order = np.asarray(labels) > 0, np.argsort(-ranked(surprise), kind="stable")
    ends = _ties(ranked(surprise)[order])
    hits = np.cumsum(positive[order])[ends]
    return float(np.max(2 * hits / (ends + 1 + max(positive.sum(), 1))))


def _ties(falling: Floats) -> Rows:
    """Last row of each run of equal values in a sorted array."""
    return np.flatnonzero(np.r_[falling[1:] != falling[:-1], True])


def vus_pr(labels: NDArray[np.generic], surprise: Floats, window: int = 100, thresholds: int = 250) -> float:
    """Volume under the precision-recall surface: range-AP averaged over buffer widths 0 … `window`.

    Paparrizos et al., "Volume Under the Surface", 2022. At width w each run of ones is widened by w//2 rows
    on both sides with label sqrt(1 - distance / w) (sums cut at 1; runs that meet become one). With t a threshold:
    TP = Σ label over rows >= t; P = (ones + Σ label over [ones, or rows >= t]) / 2;
    recall = min(TP / P, 1) × share of widened runs that hold a row >= t; precision = TP / rows >= t.
    `thresholds` are values at even ranks, as in the authors' code.
    """
    score, ones = ranked(surprise), segments(labels)
    if not len(ones):
        return float("nan")
    n, order = len(score), np.argsort(-score, kind="stable")
    falling = score[order]
    at = falling[np.linspace(0, n - 1, thresholds).astype(int)]
    predicted = np.searchsorted(-falling, -at, side="right")  # rows >= each threshold
    inside = (np.asarray(labels) > 0).astype(float)
    true_inside = np.cumsum(inside[order])[predicted - 1]
    total = 0.0
    for width in range(window + 1):
        label = widened(inside, ones, width)
        tp = np.cumsum(label[order])[predicted - 1]
        positives = (2 * inside.sum() + tp - true_inside) / 2
        first, last = merged(ones, width // 2, n)
        peak = np.array([score[a : b + 1].max() for a, b in zip(first, last, strict=True)])
        exists = (peak[:, None] >= at).mean(axis=0)
        recall = np.minimum(tp / positives, 1.0) * exists
        total += float(np.sum(np.diff(np.r_[0.0, recall]) * tp / predicted))
    return total / (window + 1)


def widened(inside: Floats, ones: Rows, width: int) -> Floats:
    """Labels with slopes of width // 2 rows on both sides of each run. [n]"""
    label, half, n = inside.copy(), width // 2, len(inside)
    if half:
        far = np.arange(1, half + 1)
        slope = np.sqrt(1.0 - far / width)
        for side, sign in ((ones[:, 0], -1), (ones[:, 1], 1)):
            where = side[:, None] + sign * far  # [k, half]
            valid = (where >= 0) & (where < n)
            np.add.at(label, where[valid], np.broadcast_to(slope, where.shape)[valid])
    return np.minimum(label, 1.0)


def merged(ones: Rows, half: int, n: int) -> tuple[Rows, Rows]:
    """First and last rows of the runs widened by `half`, those that meet made one."""
    apart = ones[:-1, 1] + half < ones[1:, 0] - half
    first = np.maximum(np.r_[ones[0, 0], ones[1:, 0][apart]] - half, 0)
    last = np.minimum(np.r_[ones[:-1, 1][apart], ones[-1, 1]] + half, n - 1)
    return first, last


@dataclass(frozen=True, slots=True)
class Exceedance:
    """How often normal rows pass a score level. ratio 1 = as promised; within [0.5, 2] is the target."""

    level: float
    rows: int
    passed: int

    @property
    def share(self) -> float:
        return self.passed / self.rows if self.rows else float("nan")

    @property
    def ratio(self) -> float:
        return self.share / (1.0 - self.level)


def exceedance(score: Floats, normal: NDArray[np.bool_], levels: tuple[float, ...] = (0.99, 0.999)) -> list[Exceedance]:
    """Counts scores >= level among rows that are normal and scored at all."""
    told = score[normal & np.isfinite(score)]
    return [Exceedance(level, len(told), int((told >= level).sum())) for level in levels]


def far_from_faults(labels: NDArray[np.generic], margin: int) -> NDArray[np.bool_]:
    """Rows with label 0 and no labelled row within `margin` on either side: fault-free time."""
    near = np.cumsum(np.r_[0, np.asarray(labels) > 0])
    n = len(labels)
    low, high = np.maximum(np.arange(n) - margin, 0), np.minimum(np.arange(n) + margin + 1, n)
    return np.asarray(near[high] == near[low])


def delays(labels: NDArray[np.generic], alerts: NDArray[np.bool_], times: Rows) -> Floats:
    """Seconds from each labelled run's first row to the first alert inside it, inf where none. times: ns."""
    out = []
    for first, last in segments(labels):
        rows = np.flatnonzero(alerts[first : last + 1])
        out.append((times[first + rows[0]] - times[first]) / 1e9 if len(rows) else np.inf)
    return np.array(out)

"""Overlap: how sure a mean is over seeds and over splits or draws that share samples.

Splits of one set of labels are not independent: the variance of their mean is s² (1 / J + n_held / n_learned), not s² / J (Nadeau and Bengio,
"Inference for the generalization error", 2003). Student's t with the freedom of what was repeated, seeds or splits, whichever is wider.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student


def standard_error(values: NDArray[np.float64], share: float) -> float:
    """Of the mean of [seeds, splits]: of the seeds' means, and of the splits with the correction for their overlap; the larger. inf for one."""
    seeds, splits = values.shape
    by_seed = float(values.mean(1).std(ddof=1)) / seeds**0.5 if seeds > 1 else math.nan
    by_split = float(values.mean(0).std(ddof=1)) * (1 / splits + share) ** 0.5 if splits > 1 else math.nan
    found = [e for e in (by_seed, by_split) if math.isfinite(e)]
    return max(found) if found else math.inf


def half_width(values: NDArray[np.float64], share: float) -> float:
    """Of the 95 % interval of the mean of [seeds, splits]: Student's, over seeds or over splits with the freedom of each, the wider."""
    seeds, splits = values.shape
    ways = [(standard_error(values.mean(1, keepdims=True), share), seeds), (standard_error(values.mean(0, keepdims=True), share), splits)]
    wide = [float(student.ppf(0.975, n - 1)) * error for error, n in ways if n > 1 and math.isfinite(error)]
    return max(wide) if wide else math.inf


GROUPS = 10  # parts of the test that are left out in turn


class Scored(NamedTuple):
    """One contestant with some labels: values [draws]; without [draws, groups]: the same with a part of the test left out; kept: of the labels
    in the pool a draw takes this share."""

    values: NDArray[np.float64]
    without: NDArray[np.float64]
    kept: float

    def less(self, other: Scored) -> Scored:
        """Draw by draw, where both took part: the same labels and the same test for both."""
        both = np.isfinite(self.values) & np.isfinite(other.values)
        return Scored((self.values - other.values)[both], (self.without - other.without)[both], self.kept)


def over_draws_and_test(parts: Sequence[Scored], signs: Sequence[float] = (1.0,)) -> float:
    """Half width of the 95 % interval of a mean over draws (or of sums of such with signs, whose draws have nothing to do with each other).

    Draws that take the share f of a pool differ by less than draws from everywhere would: what they share is the pool, and its own chance does not
    show in s². For a mean of n of N it is s² f / (1 - f), as in Nadeau and Bengio with what is taken over what is left. The test is the same for
    all draws; its chance is the jackknife's over groups of it. Freedom after Welch and Satterthwaite. inf where a part has one draw alone.
    """
    pieces = []
    for part in parts:
        J = len(part.values)
        if J < 2:
            return math.inf
        pieces.append((float(part.values.var(ddof=1)) * (1 / J + part.kept / max(1 - part.kept, 1e-6)), J - 1))
    groups = sum(sign * part.without.mean(0) for part, sign in zip(parts, signs, strict=True))
    groups = groups[np.isfinite(groups)]
    if len(groups) > 1:
        pieces.append((float(groups.var()) * (len(groups) - 1), len(groups) - 1))
    variance = sum(v for v, _ in pieces)
    if variance <= 0:
        return 0.0
    freedom = variance**2 / sum(v**2 / df for v, df in pieces)
    return float(student.ppf(0.975, freedom)) * math.sqrt(variance)

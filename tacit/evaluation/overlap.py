"""Overlap: how sure a mean is over seeds and over splits or draws that share samples.

Splits of one set of labels are not independent: the variance of their mean is s² (1 / J + n_held / n_learned), not s² / J (Nadeau and Bengio,
"Inference for the generalization error", 2003). Student's t with the freedom of what was repeated, seeds or splits, whichever is wider.
"""

from __future__ import annotations

import math

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

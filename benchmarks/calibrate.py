"""A streaming tail for detectors that have none, so that all stand under one fixed threshold.

Peaks over threshold with an exponential tail: over the 0.98 quantile q of all surprises so far,
P(surprise > x) = 0.02 exp(-(x - q) / mean excess); below it the empirical rank. Siffer et al., "Anomaly
detection in streams with extreme value theory", 2017, with shape 0. Strictly causal: row t is judged by
rows before it; q and the excess are refreshed every `every` rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def tail_score(surprise: NDArray[np.float64], quantile: float = 0.98, warm: int = 100, every: int = 50) -> NDArray[np.float64]:
    """[n] surprises → [n] scores in [0, 1), NaN until `warm` finite surprises were seen."""
    score = np.full(len(surprise), np.nan)
    rows = np.flatnonzero(np.isfinite(surprise))
    seen = surprise[rows]
    for start in range(warm, len(rows), every):
        past = np.sort(seen[:start])
        now = seen[start : start + every]
        q = float(past[min(int(quantile * start), start - 1)])
        over = past[past > q]
        excess = float((over - q).mean()) if len(over) else max(1e-12, 1e-3 * abs(q))
        below = np.searchsorted(past, now, side="left") / (start + 1)  # ties count as not passed
        tail = 1.0 - (1.0 - quantile) * np.exp(-np.maximum(now - q, 0.0) / excess)
        score[rows[start : start + every]] = np.where(now > q, tail, np.minimum(below, quantile))
    return score

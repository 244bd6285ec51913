"""Scale: which measures are shares, told in points of 100, and from where to where a number of them may lie.

Student's interval knows of no ends: of draws that differ much it reaches beyond what there can be, and is told up to there.
"""

from __future__ import annotations

import math
import re

from tacit.ledger.result import GAIN, Result

SHARES = frozenset({"recall", "map", "nmi", "ari", "miou", "rate", "accuracy", "precision", "f1", "auc", "jaccard"})
SIGNED = {"ari": -0.5}  # the least of those that go below 0, where they are worse than chance


def is_share(metric: str) -> bool:
    """By the words of its name: `explained_variance` is none, for all the letters in it."""
    words = set(re.split(r"[^a-z0-9]+", metric.lower()))
    return metric != GAIN and bool(words & SHARES) and "money" not in words


def ends(r: Result) -> tuple[float, float]:
    """(low, high) of a row, no further than its measure reaches. A value that is itself beyond is of another scale: nothing is known of that."""
    least, most = SIGNED.get(r.metric, 0.0), 1.0
    if not is_share(r.metric) or not math.isfinite(r.low) or not least <= r.value <= most:
        return r.low, r.high
    return max(r.low, least), min(r.high, most)

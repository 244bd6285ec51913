"""Gap: between the loss on learned and on held-out samples. One that grows for long is a sign that samples are remembered.

The gap itself tells little: losses on learned samples are smoothed and lag, and layers that drop numbers drop none for the held-out. So its growth is
watched: how far it lies above its least so far, as a share of the held-out loss, and for how many looks in a row.
"""

from __future__ import annotations

import math

SETTLED = 0.25  # share of the run before which the smoothed loss still falls behind, and the gap grows by that alone
GROWN = 0.1  # share of the held-out loss by which a gap above its least so far, or above 0, has grown
LONG = 8  # looks in a row; a whole run has about forty


class GapWatch:
    """Sees a run's lines of the curve in their order. least: smallest gap so far; looks: how many in a row it has been grown for."""

    def __init__(self) -> None:
        self.least, self.looks, self.said = math.inf, 0, False

    def see(self, line: dict[str, float], share: float) -> str:
        """A sentence at the look at which the gap has grown for long, once a run; else "". line: with loss and held_out; share: of the run."""
        gap = line.get("gap", math.nan)
        if share < SETTLED or not math.isfinite(gap):
            return ""
        self.least = min(self.least, gap)
        self.looks = self.looks + 1 if gap - max(self.least, 0.0) > GROWN * abs(line["held_out"]) else 0
        if self.said or self.looks < LONG:
            return ""
        self.said = True
        return (
            f"the gap between the loss on held-out and on learned samples has grown for {self.looks} looks, from {self.least:+.3g} to {gap:+.3g}: "
            "samples may be remembered; more of them, a shorter run or a smaller encoder may serve better than going on"
        )

"""Shadow: the champion's features and a challenger's, side by side on the same events, with heads that start together.

Neither touches what is live. Their capped squared errors at both horizons, event by event, are what promotion is decided on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tacit.heads import scale
from tacit.heads.borrowing import borrowed
from tacit.heads.compiling import compiled
from tacit.heads.encode import Weights
from tacit.heads.layout import HORIZONS, RING, Layout
from tacit.live.kernel import Scratch, borrow_scratch, borrow_weights, learn_lane, read_lane, turn_season

F32 = NDArray[np.float32]
CAP = 9.0
READY = 500  # events of a key before its errors count: fresh heads favour whoever needs less of them


@compiled
def run_shadow(
    slots: NDArray[np.int64],
    times: NDArray[np.int64],
    z: F32,
    values: NDArray[np.float64],
    blocks: int,
    counts: NDArray[np.int64],
    last: NDArray[np.int64],
    lane: F32,
    lay: Layout,
    encoder: Weights,
    omega: NDArray[np.float64],
    s: Scratch,
    losses: F32,
) -> None:
    """One contender over n events; losses [n] is the mean over features and horizons, NaN where it does not count yet."""
    F, far = lay.F, HORIZONS[1]
    forecast = np.zeros(F, np.float32)
    z, values, lane, s, encoder = borrowed(z), borrowed(values), borrowed(lane), borrow_scratch(s), borrow_weights(encoder)
    for i in range(len(slots)):
        slot = slots[i]
        n = counts[slot]
        total, many = 0.0, 0.0
        step = min(max(times[i] - last[slot], 0) * 1e-9, 1e9) if n > 0 else 0.0
        turn_season(omega, times[i] * 1e-9, s)
        last[slot] = times[i]
        for b in range(blocks):
            row = slot * blocks + b
            mine = lane[row]
            for f in range(F):
                s.z[b, f] = z[i, b * F + f]
                s.valid[b, f] = np.isfinite(values[i, b * F + f])
            read_lane(mine, lay, n, s.z[b], s.guess[b])
            then = lay.ring + ((n - far) % RING) * lay.ring_row + lay.P
            for f in range(F):
                if not s.valid[b, f]:
                    continue
                near = s.z[b, f] - s.guess[b, f]
                mine[lay.sigma + f] = scale.learn_spread(near, n, 1.0, mine[lay.sigma + f])
                if n >= far:
                    distant = s.z[b, f] - mine[then + f]
                    mine[lay.sigma + F + f] = scale.learn_spread(distant, n - far, 1.0, mine[lay.sigma + F + f])
                    total += 0.5 * min(near * near, CAP) + 0.5 * min(distant * distant, CAP)
                    many += 1.0
            learn_lane(mine, lay, n, row, s.z[b], s.valid[b], step, 1.0, encoder, s, forecast)
        losses[i] = np.float32(total / many) if n >= READY and many > 0.0 else np.nan
        counts[slot] += 1

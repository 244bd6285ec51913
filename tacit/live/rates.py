"""Counters become rates a second of event time, per key; a counter that falls back has been reset and skips one event."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tacit.heads.compiling import compiled


@compiled
def to_rates(
    slots: NDArray[np.int64],
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    columns: NDArray[np.int64],
    before: NDArray[np.float64],
    when: NDArray[np.int64],
) -> None:
    """In place on values [n, F] for the counter columns [C]; before, when [slots, C] hold the last reading, NaN = none."""
    for i in range(len(slots)):
        for c in range(len(columns)):
            x = values[i, columns[c]]
            if not np.isfinite(x):
                continue
            old, then = before[slots[i], c], when[slots[i], c]
            before[slots[i], c], when[slots[i], c] = x, times[i]
            if np.isfinite(old) and x >= old and times[i] > then:
                values[i, columns[c]] = (x - old) / ((times[i] - then) * 1e-9)
            else:
                values[i, columns[c]] = np.nan

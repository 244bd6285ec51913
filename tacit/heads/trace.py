"""Trace: what a few keys did, thinned so that any stretch of their past fits into as many samples.

A sample is the mean of `THIN` events. A full trace is halved by averaging pairs, and thins by twice as much from there
on; when it has reached back far enough it begins anew, so that short periods are looked for again. The keys are those
of the first slots.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tacit.heads.compiling import hot

KEYS = 4
SAMPLES = 512
WIDEST = 64  # features a key, the first ones
LONGEST = 512  # events a sample at most
CLIP = 4.0
THIN, HELD, INSIDE, LOOKED = range(4)  # of a key's marks: events a sample, samples held, events in the sum, thinned so when last looked at


@hot
def note_event(z: NDArray[np.float32], seconds: float, held: NDArray[np.float32], when: NDArray[np.float64], marks: NDArray[np.float64]) -> None:
    """One event of a key of the trace. z [B, F]; held [SAMPLES + 1, K] and when [SAMPLES + 1], the last row being the sum; marks [4]."""
    F, K = z.shape[1], held.shape[1]
    if marks[THIN] == 0.0:
        marks[THIN] = 1.0
    for k in range(K):
        held[SAMPLES, k] += min(max(z[k // F, k % F], np.float32(-CLIP)), np.float32(CLIP))
    when[SAMPLES] += seconds
    marks[INSIDE] += 1.0
    if marks[INSIDE] < marks[THIN]:
        return
    if marks[HELD] == SAMPLES:
        halve(held, when, marks)
        if marks[INSIDE] < marks[THIN]:
            return
    n = int(marks[HELD])
    share = 1.0 / marks[INSIDE]
    for k in range(K):
        held[n, k] = held[SAMPLES, k] * np.float32(share)
        held[SAMPLES, k] = 0.0
    when[n], when[SAMPLES] = when[SAMPLES] * share, 0.0
    marks[HELD], marks[INSIDE] = n + 1.0, 0.0


@hot
def halve(held: NDArray[np.float32], when: NDArray[np.float64], marks: NDArray[np.float64]) -> None:
    """Room for as many samples again, each of twice as many events; or for all of them, of one event each."""
    if marks[THIN] >= LONGEST:
        marks[THIN], marks[HELD], marks[INSIDE], marks[LOOKED] = 1.0, 0.0, 0.0, 0.0
        held[SAMPLES, :] = 0.0
        when[SAMPLES] = 0.0
        return
    for n in range(SAMPLES // 2):
        for k in range(held.shape[1]):
            held[n, k] = np.float32(0.5) * (held[2 * n, k] + held[2 * n + 1, k])
        when[n] = 0.5 * (when[2 * n] + when[2 * n + 1])
    marks[THIN], marks[HELD] = 2.0 * marks[THIN], SAMPLES // 2

"""Readings: what a detector says of a stream, and the one door that all detectors stand behind.

`run(times, values, keys, train)` reads a stream from its first row to its last and answers each row before it
has seen the next: no detector is given a minimum, a maximum, a label or a row of the future. `train` says how
many rows at the start count as history: a detector that cannot learn from a stream (isolation forest) fits on
these alone; the others pass over it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.calibrate import tail_score

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Readings:
    """What a detector said of n rows. surprise: larger is stranger, any scale, NaN during warm-up.

    score: [n] in [0, 1], a tail probability where the detector claims one; shares: [n, F], >= 0, rows sum to 1;
    alert: [n] int64, number of the open episode, 0 = none; promoted: (encoders put in place, attempts) on the way.
    """

    surprise: Floats
    score: Floats | None = None
    shares: Floats | None = None
    alert: NDArray[np.int64] | None = None
    promoted: tuple[int, int] | None = None

    def calibrated(self) -> Floats:
        """The detector's own score, else the same streaming tail for all of them."""
        return tail_score(self.surprise) if self.score is None else self.score


class Scorer(Protocol):
    """times: [n] int64 ns; values: [n, F] float64, NaN = missing; keys: n strings, None = one key."""

    name: str

    def run(self, times: NDArray[np.int64], values: Floats, keys: Sequence[str] | None = None, train: int = 0) -> Readings: ...


def filled(values: Floats) -> Floats:
    """Missing and infinite values replaced by the last good one before them, 0 at the start. [n, F]"""
    good = np.isfinite(values)
    last = np.maximum.accumulate(np.where(good, np.arange(len(values))[:, None], -1), axis=0)
    out = np.where(last >= 0, np.take_along_axis(values, np.maximum(last, 0), axis=0), 0.0)
    return np.asarray(out, dtype=np.float64)


def each_key(one: Callable[[Floats], Readings], values: Floats, keys: Sequence[str] | None) -> Readings:
    """Runs `one` over every key's rows apart and puts the answers back in arrival order."""
    values = filled(values) if keys is None else values
    if keys is None:
        return one(values)
    named = np.asarray(keys)
    surprise, shares = np.full(len(values), np.nan), np.zeros_like(values)
    explains = True
    for key in np.unique(named):
        rows = np.flatnonzero(named == key)
        got = one(filled(values[rows]))
        surprise[rows] = got.surprise
        explains = explains and got.shares is not None
        if got.shares is not None:
            shares[rows] = got.shares
    return Readings(surprise, shares=shares if explains else None)

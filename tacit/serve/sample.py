"""Sample: which rows of the live stream the dashboard keeps.

A token bucket bounds rows a second, and cells (rows x features) a second, so that 2,000 columns cost no more than
40. Rows of an alert or with a high score draw on a bucket of their own and go first; of the others each key's
newest row is taken, the keys that waited longest first, and what is left of the allowance is spread evenly.
The phase is left to the clock: what a person sees is a sample, never the record (that is a sink).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.events import Feature
from tacit.contracts.insight import Insights

HIGH = 0.999
KEYS = 50_000  # keys whose last turn is remembered

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows on their way to the disk: copies, so that the live path may go on using its arrays.

    data: [n, 5, F] float32: observed, low, middle, high, forecast.
    """

    keys: list[str]
    times: Rows
    positions: Rows
    alert: Rows
    score: NDArray[np.float64]
    surprise: NDArray[np.float64]
    late: NDArray[np.bool_]
    features: tuple[Feature, ...]
    data: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.keys)


def keep(insights: Insights, rows: Rows) -> Kept:
    """Copy the chosen rows. Values that float32 cannot hold become infinite, which JSON shows as null."""
    data = np.empty((len(rows), 5, len(insights.features)), "<f4")
    columns: tuple[NDArray[Any], ...] = (insights.observed, insights.low, insights.middle, insights.high, insights.forecast)
    with np.errstate(over="ignore"):
        for place, values in enumerate(columns):
            data[:, place] = values[rows]
    i, keys = insights, [insights.keys[row] for row in rows.tolist()]
    return Kept(keys, i.times[rows], i.positions[rows], i.alert[rows], i.score[rows], i.odds(rows), i.late[rows], i.features, data)


class Sampler:
    """Chooses rows; `now` is handed in, so that tests need no clock.

    rate: rows a second; cells: values a second; burst: seconds of allowance that may be saved up, so that a
    short file is kept whole.
    """

    def __init__(self, rate: float = 400.0, cells: float = 40_000.0, burst: float = 10.0) -> None:
        self.rate, self.cells, self.burst = rate, cells, burst
        self._tokens = self._urgent = float("inf")  # cut down to the burst at the first call
        self._then = 0.0
        self._turn: dict[str, float] = {}

    def choose(self, insights: Insights, now: float) -> Rows:
        """Rows to keep, ascending."""
        n = len(insights)
        rate = min(self.rate, self.cells / max(len(insights.features), 1))
        gained = rate * max(now - self._then, 0.0)
        self._then = now
        most = max(rate * self.burst, 1.0)
        self._tokens = min(self._tokens + gained, most)
        self._urgent = min(self._urgent + gained, most)
        if n <= self._tokens:
            self._tokens -= n
            return np.arange(n)
        loud = np.flatnonzero((insights.alert > 0) | (insights.score >= HIGH))
        if len(loud) > self._urgent:
            loud = spread(loud, int(self._urgent))
        self._urgent -= len(loud)
        room = int(self._tokens) if self._tokens >= rate / 20 else 0  # small batches in quick succession: a choice now and then
        calm = self._calm(insights, room, now)
        self._tokens -= len(calm)
        return both(n, loud, calm)

    def _calm(self, insights: Insights, room: int, now: float) -> Rows:
        if room <= 0:
            return np.empty(0, np.int64)
        newest = {key: row for row, key in enumerate(insights.keys)}
        turn = self._turn
        if len(newest) > room:
            chosen = heapq.nsmallest(room, newest, key=lambda key: turn.get(key, 0.0))
        else:
            chosen = list(newest)
        if len(turn) > KEYS:
            turn.clear()
        turn.update(dict.fromkeys(chosen, now))
        rows = np.array([newest[key] for key in chosen], np.int64)
        return both(len(insights), rows, spread(np.arange(len(insights)), room - len(rows)))


def both(n: int, some: Rows, more: Rows) -> Rows:
    """The union of two choices among n rows, ascending; several times as fast as np.union1d on short ones."""
    chosen = np.zeros(n, np.bool_)
    chosen[some] = chosen[more] = True
    return np.flatnonzero(chosen)


def spread(rows: Rows, room: int) -> Rows:
    """At most `room` of the rows, evenly spaced, the last one among them."""
    if room >= len(rows):
        return rows
    return rows[len(rows) - 1 - (np.arange(room) * len(rows)) // max(room, 1)][::-1]

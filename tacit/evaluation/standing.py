"""Standing: where a task stands in a tournament, who goes on, who is first, and how surely.

What won on other data counts. Without labels the values of that task are taken PRIOR times, so that only a clear difference passes it; with labels it
is put first among the finalists who are within one standard error of the best, where the labels cannot tell. One split of one seed has no error:
then the labels are taken as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.evaluation.overlap import standard_error

RESAMPLES = 2000
PRIOR = 1.5  # times the label-free measures of the first of auto's list; between sound encoders these differ by less (docs/log.md)


@dataclass
class Standing:
    """One task: values [seeds, splits] of its last round, seconds each of its encoders had, out: the round it left in (0: never), failed: why;
    weight: by how much its values count when tasks are ranked."""

    task: str
    weight: float = 1.0
    values: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    seconds: float = 0.0
    out: int = 0
    failed: str = ""
    models: dict[int, Any] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        return float(self.values.mean()) if self.values.size else -math.inf

    @property
    def sound(self) -> bool:
        """Judged, and not failed since."""
        return bool(self.values.size) and not self.failed

    @property
    def worth(self) -> float:
        """The mean as it counts."""
        return self.weight * self.mean


def halve(running: list[Standing], turn: int, share: float) -> None:
    """The worse half is out, but for those within a standard error of the last that goes on."""
    ranked = sorted(running, key=lambda s: -s.worth)
    kept = max(1, math.ceil(len(ranked) / 2))
    last = ranked[kept - 1]
    for standing in ranked[kept:]:
        error = standard_error(last.weight * last.values - standing.weight * standing.values, share)
        if last.worth - standing.worth > (error if math.isfinite(error) else 0.0):
            standing.out = turn


def place(standings: list[Standing], prior: str, share: float) -> None:
    """In place, the best first; `prior` before whoever is better by less than a standard error."""
    standings.sort(key=lambda s: (bool(s.failed), -s.seconds, -s.worth))
    best, favoured = standings[0], next((s for s in standings if s.task == prior and not s.out and not s.failed), None)
    if favoured is None or favoured is best:
        return
    error = standard_error(best.values - favoured.values, share)
    if best.mean - favoured.mean <= (error if math.isfinite(error) else 0.0):
        standings.remove(favoured)
        standings.insert(0, favoured)


def share_first(finalists: Sequence[Standing]) -> float:
    """Share of resamples, of seeds and of splits, in which the first stays first."""
    if len(finalists) < 2:
        return 1.0
    rng, values = np.random.default_rng(0), [s.weight * s.values for s in finalists]
    seeds, splits = values[0].shape
    wins = 0
    for _ in range(RESAMPLES):
        at_split = rng.integers(0, splits, splits)
        means = [v[rng.integers(0, seeds, seeds)][:, at_split].mean() for v in values]  # seeds of two tasks have nothing in common: drawn apart
        wins += int(np.argmax(means)) == 0
    return wins / RESAMPLES

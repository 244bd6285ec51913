"""Insight: what one event means. `Insights` holds many as arrays; `Insight` is one, for people.

The schema of an insight, as JSON lines, SQLite columns and Python attributes:

| field | type | meaning |
|---|---|---|
| key | string | whose event it was ("" where the source has one key) |
| time | string | event time, ISO 8601 UTC, microseconds |
| position | integer | the event's number in its source; unique with the source's name |
| score | number or null | calibrated tail probability: 0.999 is passed by one normal event in a thousand; null while too little was seen |
| alert | integer or null | the episode's id while an alert is open for this key |
| expected | {feature: [low, middle, high]} | where the value was expected before it was seen; the band holds 98 of 100 normal values |
| forecast | {feature: number} | the value expected at the farthest horizon from here |
| reasons | [[feature, share, observed, low, high]] | what made the score, largest first; shares >= 0 and sum to 1 over all features |
| sentence | string or null | the reasons in words (alerts, or --sentences) |
| drift | number | how far the newest stretch lies from the long run, in [0, 1] |
| model | string | which encoder and heads spoke ("simple" or an encoder's hash) |
| late | boolean | the event's time lies before its key's newest |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.events import Feature

Floats = NDArray[np.float32]
REASONS = 3  # how many reasons an insight lists


@dataclass(frozen=True, slots=True)
class Insight:
    """One event's insight; fields as in the table above."""

    key: str
    time: str
    position: int
    score: float | None
    alert: int | None
    expected: dict[str, tuple[float, float, float]]
    forecast: dict[str, float]
    reasons: list[tuple[str, float, float, float, float]]
    sentence: str | None
    drift: float
    model: str
    late: bool


@dataclass(frozen=True, slots=True)
class Insights:
    """n insights as arrays: [n], or [n, F] by feature. NaN stands for null.

    surprise: [n] float64, the statistic behind the score, a weighted sum of -log p: unbounded, for ranking, not itself a -log p;
    alert: [n] int64, 0 = none; sentences: {row: text} for the rows that have one.
    low, middle, high, forecast, shares: [n, F] float32; observed: [n, F] float64 (rates for counters).
    """

    keys: Sequence[str]
    times: NDArray[np.int64]
    positions: NDArray[np.int64]
    features: tuple[Feature, ...]
    observed: NDArray[np.float64]
    score: NDArray[np.float64]
    surprise: NDArray[np.float64]
    alert: NDArray[np.int64]
    low: Floats
    middle: Floats
    high: Floats
    forecast: Floats
    shares: Floats
    drift: Floats
    late: NDArray[np.bool_]
    model: str
    sentences: dict[int, str]

    def __len__(self) -> int:
        return len(self.times)

    def odds(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """-log of the calibrated tail probability of these rows, at most 36.7; NaN where the score is null."""
        tail: NDArray[np.float64] = -np.log(np.maximum(1.0 - self.score[rows], 1e-16))
        return tail

    def iso(self) -> list[str]:
        """Event times as ISO 8601 in UTC with microseconds, [n]."""
        text = np.datetime_as_string((self.times // 1000).astype("datetime64[us]"), timezone="UTC")
        return text.tolist()  # type: ignore[no-any-return]

    def take(self, rows: NDArray[np.int64]) -> Insights:
        """The chosen rows, for a browser that cannot draw them all."""
        where = {int(r): i for i, r in enumerate(rows)}
        arrays = (
            "times",
            "positions",
            "observed",
            "score",
            "surprise",
            "alert",
            "low",
            "middle",
            "high",
            "forecast",
            "shares",
            "drift",
            "late",
        )
        chosen = {name: getattr(self, name)[rows] for name in arrays}
        sentences = {where[r]: s for r, s in self.sentences.items() if r in where}
        return replace(self, keys=[self.keys[int(r)] for r in rows], sentences=sentences, **chosen)

    def __iter__(self) -> Iterator[Insight]:
        iso = self.iso()
        names = [f.name for f in self.features]
        order = np.argsort(-self.shares, axis=1, kind="stable")[:, :REASONS]
        for i in range(len(self)):
            seen = [j for j in range(len(names)) if np.isfinite(self.middle[i, j])]
            yield Insight(
                key=self.keys[i],
                time=iso[i],
                position=int(self.positions[i]),
                score=None if np.isnan(self.score[i]) else float(self.score[i]),
                alert=int(self.alert[i]) or None,
                expected={names[j]: (float(self.low[i, j]), float(self.middle[i, j]), float(self.high[i, j])) for j in seen},
                forecast={names[j]: float(self.forecast[i, j]) for j in seen if np.isfinite(self.forecast[i, j])},
                reasons=[
                    (names[j], float(self.shares[i, j]), float(self.observed[i, j]), float(self.low[i, j]), float(self.high[i, j]))
                    for j in order[i]
                    if self.shares[i, j] > 0
                ],
                sentence=self.sentences.get(i),
                drift=float(self.drift[i]),
                model=self.model,
                late=bool(self.late[i]),
            )

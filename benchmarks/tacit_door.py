"""tacit behind the door of the benchmarks: the live model on its simple bank, nothing told, nothing tuned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.readings import Floats, Readings
from tacit.contracts.events import Events, Feature
from tacit.contracts.insight import Insights
from tacit.live.model import LiveModel

BATCH = 4096
START = 1_700_000_000 * 10**9


def numbers(features: int) -> tuple[Feature, ...]:
    return tuple(Feature(f"f{j}") for j in range(features))


class Tacit:
    """Test-then-train from the first row, state from nothing; `alerts` a day is the budget of its own decisions."""

    def __init__(self, alerts: float = 3.0) -> None:
        self.alerts = alerts
        self.name = "tacit, simple bank" + ("" if alerts == 3.0 else f", {alerts:g} alerts a day")

    def run(self, times: NDArray[np.int64], values: Floats, keys: Sequence[str] | None = None, train: int = 0) -> Readings:
        n, F = values.shape
        model, features = LiveModel(numbers(F), alerts=self.alerts), numbers(F)
        named = [""] * n if keys is None else list(keys)
        newest: dict[str, int] = {}
        late = np.zeros(n, dtype=bool)
        for i, (key, t) in enumerate(zip(named, times.tolist(), strict=True)):
            late[i] = t < newest.get(key, t)
            newest[key] = max(t, newest.get(key, t))
        surprise, score, alert = np.empty(n), np.empty(n), np.empty(n, dtype=np.int64)
        shares = np.empty((n, F))
        for at in range(0, n, BATCH):
            part = slice(at, min(at + BATCH, n))
            rows = np.arange(part.start, part.stop, dtype=np.int64)
            told = model.process(Events(named[part], times[part], values[part], rows, features, late[part]))
            surprise[part], score[part], alert[part], shares[part] = told.surprise, told.score, told.alert, told.shares
        return Readings(surprise, score, shares, alert)


class Door:
    """The live model for timing: events are made beforehand, then processed; a reading a second for each batch."""

    def __init__(self, features: int, idle: float = 30 * 86_400.0) -> None:
        self.features = numbers(features)
        self.model = LiveModel(self.features, idle=idle)
        self.made = 0

    def events(self, keys: Sequence[str], rows: Floats, seconds: float = 1.0) -> Events:
        """Events of one batch, `seconds` of event time apart each."""
        n = len(rows)
        positions = np.arange(self.made, self.made + n, dtype=np.int64)
        self.made += n
        return Events(keys, START + (positions * (seconds * 1e9)).astype(np.int64), rows, positions, self.features, np.zeros(n, dtype=bool))

    def process(self, events: Events) -> Insights:
        return self.model.process(events)

    def bytes_a_key(self) -> int:
        """Arrays that belong to one key."""
        m = self.model
        per_row = m.scales[0].nbytes + m.base[0].nbytes + m.lane[0].nbytes
        return int(per_row * m.blocks + m.keys.last.itemsize + m.dirty.itemsize)

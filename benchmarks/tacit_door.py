"""tacit behind the door of the benchmarks: the live model on its simple bank, nothing told, nothing tuned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.readings import Floats, Readings
from tacit.contracts.events import Events, Feature, Refusals
from tacit.contracts.insight import Insights
from tacit.contracts.source import Position, Source
from tacit.live.model import LiveModel

BATCH = 4096
START = 1_700_000_000 * 10**9


def numbers(features: int) -> tuple[Feature, ...]:
    return tuple(Feature(f"f{j}") for j in range(features))


class Arrays(Source):
    """A stream of arrays as a source that ends: what a detector is given, without a file between."""

    ends = True
    replayable = False

    def __init__(self, times: NDArray[np.int64], values: Floats, keys: Sequence[str] | None) -> None:
        self.name, self.features, self.refusals, self.notes = "arrays", numbers(values.shape[1]), Refusals(), []
        self.times, self.values, self.keys = times, values, [""] * len(times) if keys is None else list(keys)
        self.late, self.at = np.zeros(len(times), dtype=bool), 0
        newest: dict[str, int] = {}
        for i, (key, t) in enumerate(zip(self.keys, times.tolist(), strict=True)):
            self.late[i] = t < newest.get(key, t)
            newest[key] = max(t, newest.get(key, t))

    def poll(self, limit: int, timeout: float) -> Events | None:
        if self.at >= len(self.times):
            return None
        part = slice(self.at, min(self.at + limit, len(self.times)))
        self.at = part.stop
        rows = np.arange(part.start, part.stop, dtype=np.int64)
        return Events(self.keys[part], self.times[part], self.values[part], rows, self.features, self.late[part])

    def position(self) -> Position:
        return {"next": self.at}

    def seek(self, position: Position) -> None:
        self.at = int(position["next"])


def gathered(parts: list[Insights]) -> Readings:
    """What the benchmarks read of insights."""
    return Readings(
        np.concatenate([p.surprise for p in parts]).astype(np.float64),
        np.concatenate([p.score for p in parts]).astype(np.float64),
        np.concatenate([p.shares for p in parts]).astype(np.float64),
        np.concatenate([p.alert for p in parts]).astype(np.int64),
    )


class Tacit:
    """Test-then-train from the first row, state from nothing; `alerts` a day is the budget of its own decisions."""

    def __init__(self, alerts: float = 3.0) -> None:
        self.alerts = alerts
        self.name = "tacit, simple bank" + ("" if alerts == 3.0 else f", {alerts:g} alerts a day")

    def run(self, times: NDArray[np.int64], values: Floats, keys: Sequence[str] | None = None, train: int = 0) -> Readings:
        source, parts = Arrays(times, values, keys), []
        model = LiveModel(source.features, alerts=self.alerts)
        while (events := source.poll(BATCH, 0.0)) is not None:
            parts.append(model.process(events))
        return gathered(parts)


class Learning:
    """The same with learning inline: an encoder is learned from the stream and promoted only where it earns its place."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.name = "tacit, learning inline"

    def run(self, times: NDArray[np.int64], values: Floats, keys: Sequence[str] | None = None, train: int = 0) -> Readings:
        from tacit.app.assemble import Wish, assemble

        runner, parts = assemble(Wish(Arrays(times, values, keys), learn="inline", seed=self.seed)), []
        try:
            while (insights := runner.step()) is not None:
                parts.append(insights)
            verdicts = [v["decision"] for v in runner.learning.verdicts]
        finally:
            runner.close()
        return replace(gathered([p for p in parts if len(p)]), promoted=(verdicts.count("promoted"), len(verdicts)))


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

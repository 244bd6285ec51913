"""Host: this machine's own telemetry, four readings a second."""

from __future__ import annotations

import math
import time
from typing import ClassVar

import numpy as np

from tacit.connect.schema import Wishes
from tacit.connect.sources.host_reader import HostReader
from tacit.contracts.errors import SchemaError
from tacit.contracts.events import Events, Feature, Refusals
from tacit.contracts.source import Position, Source

MUTED = {"tacit.cpu"}  # our own use of the machine: shown, never alerted on
UNITS = {"cpu": "%", "pressure": "%", "memory.faults": "1/s", "memory.major_faults": "1/s", "memory": "MiB", "swap": "MiB", "disk.used": "MiB"}
UNITS |= {"disk.read": "MiB/s", "disk.write": "MiB/s", "disk.reads": "1/s", "disk.writes": "1/s", "net.packets": "1/s", "net.lo.packets": "1/s"}
UNITS |= {"net": "MiB/s", "switches": "1/s", "interrupts": "1/s", "processes.new": "1/s", "temperature": "°C", "clock.offset": "s", "tacit.cpu": "%"}


class Host(Source):
    """Reads the machine every `interval` seconds. Key "".

    Times are the wall clock at the start plus what the steady clock has gone since, so that a stepped clock
    cannot bend them (it shows as `clock.offset`). A reading that was missed, because nobody polled, is not
    made up for. It cannot be replayed; `seek` goes on counting where an earlier run stopped.
    """

    replayable: ClassVar[bool] = False
    ends: ClassVar[bool] = False
    machine: ClassVar[bool] = True
    live = True

    def __init__(self, wishes: Wishes | None = None, interval: float = 0.25, disk: str = "/") -> None:
        self.name, self.format = "host:", "telemetry"
        self.wishes, self.interval = wishes or Wishes(), interval
        self.refusals = Refusals()
        self._reader = HostReader(disk)
        self._wall, self._steady = time.time_ns(), time.monotonic_ns()
        self._due = time.monotonic() + interval
        self._next = 0
        first = self._reader.read()
        unknown = [c for c in (*self.wishes.wanted(), *self.wishes.unwanted()) if c not in first]
        if unknown:
            raise SchemaError(f"--columns {unknown[0]}: this machine tells no such thing.", f"It tells: {', '.join(first)}.")
        self.features: tuple[Feature, ...] = ()
        self._meet(first)
        self.notes = [f"this machine's telemetry: {len(self.features)} features, every {interval:g} s"]

    def poll(self, limit: int, timeout: float) -> Events | None:
        """The next reading, when it is due; never more than one."""
        wait = self._due - time.monotonic()
        if wait > timeout:
            time.sleep(timeout)
            return self._events([], np.empty((0, len(self.features))))
        if wait > 0:
            time.sleep(wait)
        self._due = max(self._due + self.interval, time.monotonic())
        reading = self._reader.read()
        self._meet(reading)
        values = np.array([[reading.get(f.name, math.nan) for f in self.features]])
        infinite = np.isinf(values[0])
        for j in np.flatnonzero(infinite).tolist():
            self.refusals.add("infinite value", f"reading {self._next}, feature {self.features[j].name!r}", str(values[0, j]))
        values[0, infinite] = math.nan
        return self._events([self._wall + time.monotonic_ns() - self._steady], values)

    def position(self) -> Position:
        """How many readings there were, and of what."""
        return {"next": self._next, "features": [f.name for f in self.features]}

    def seek(self, position: Position) -> None:
        """Go on counting from an earlier run's position; its features keep their numbers, new ones follow."""
        now = [f.name for f in self.features]
        self.features = ()
        self._meet(dict.fromkeys([*position["features"], *now], 0.0))
        self._next = int(position["next"])

    def count_on(self, last: Position) -> None:
        self._next = max(self._next, int(last["next"]))

    def _meet(self, reading: dict[str, float]) -> None:
        """Append the features of this reading that are new."""
        known = {f.name for f in self.features}
        wanted, unwanted = self.wishes.wanted(), self.wishes.unwanted()
        fresh = [n for n in reading if n not in known and (not wanted or n in wanted) and n not in unwanted]
        self.features = (*self.features, *(Feature(n, "number", _unit(n), n in MUTED) for n in fresh)) if fresh else self.features

    def _events(self, times: list[int], values: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Events:
        n = len(times)
        positions = np.arange(self._next, self._next + n, dtype=np.int64)
        self._next += n
        return Events([""] * n, np.array(times, dtype=np.int64), values, positions, self.features, np.zeros(n, dtype=bool))


def _unit(name: str) -> str:
    """The unit of the longest name that this one begins with."""
    parts = name.split(".")
    return next((UNITS[p] for i in range(len(parts), 0, -1) if (p := ".".join(parts[:i])) in UNITS), "")

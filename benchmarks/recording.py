"""A fault recording as arrays: `telemetry.csv.gz` and `labels.csv` as record_host_faults.py writes them.

A recording still being written can be read: what the last flush left is taken. `leaves` is the yardstick of the
target "alerted within 10 s of leaving the quiet range": when a feature of the fault's own kind first went out of
the range it had before, and stayed out long enough to count.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

OWN = ("tacit.*",)  # the recorder's own use of the machine, the faults' processes among it: never judged
RECOVERY = 20.0  # seconds after a fault that are neither fault nor quiet
EDGE = 1.0  # a reading stamped just before a fault may already hold it: such rows are neither
BEFORE = 5.0  # a feature that was out of range already this long before the fault did not leave because of it
WINDOW, OUT = 8, 3  # a feature has left when 3 of 8 readings in a row are outside; one reading may be chance

RIGHT: dict[str, tuple[str, ...]] = {
    "cpu_hog": ("cpu.*", "load*", "pressure.cpu", "processes.running"),
    "memory_leak": ("memory.*", "swap*", "pressure.memory"),
    "disk_filling": ("disk.*", "memory.cached", "memory.dirty", "memory.writeback", "memory.slab", "cpu.iowait", "pressure.io"),
    "disk_storm": ("disk.*", "memory.cached", "memory.dirty", "memory.writeback", "cpu.iowait", "pressure.io", "processes.blocked", "switches"),
    "network_storm": ("net.lo.*",),
    "fork_storm": ("processes*", "switches", "memory.faults"),
    "stopped_service": ("net.lo.*", "cpu.*", "switches", "interrupts"),
    "clock_step": ("clock.offset",),
    "broken_relation": ("cpu.*", "disk.write*", "net.lo.*"),
}
RAMPS = ("memory_leak", "disk_filling")  # slow at magnitudes 0 and 1


@dataclass(frozen=True, slots=True)
class Fault:
    """One labelled stretch, epoch seconds."""

    start: float
    end: float
    name: str
    magnitude: int
    benign: bool
    detail: str

    @property
    def kind(self) -> str:
        """relation, slow or plain: which table it goes into."""
        if self.name == "broken_relation":
            return "relation"
        return "slow" if self.name in RAMPS and self.magnitude < 2 else "plain"

    @property
    def refused(self) -> bool:
        return self.detail.startswith("refused")


@dataclass(frozen=True, slots=True)
class Recording:
    """times: [n] epoch seconds; values: [n, F]; names of the F features; what happened, in order."""

    times: NDArray[np.float64]
    values: NDArray[np.float64]
    names: tuple[str, ...]
    faults: tuple[Fault, ...]

    def columns(self, patterns: tuple[str, ...]) -> NDArray[np.int64]:
        return np.array([j for j, n in enumerate(self.names) if any(fnmatchcase(n, p) for p in patterns)], dtype=np.int64)

    def quiet(self) -> NDArray[np.bool_]:
        """Rows outside every fault and its recovery; benign bursts are quiet. [n]"""
        calm = np.ones(len(self.times), dtype=bool)
        for f in self.faults:
            if not f.benign:
                calm &= (self.times < f.start - EDGE) | (self.times > f.end + RECOVERY)
        return calm


def text(path: Path) -> str:
    """All that can be decompressed of a gzip file, also one still growing."""
    raw, out = path.read_bytes(), b""
    try:
        return gzip.decompress(raw).decode()
    except EOFError:
        out = zlib.decompressobj(31).decompress(raw)
    return out[: out.rfind(b"\n") + 1].decode()


def read(folder: Path) -> Recording:
    """Raises FileNotFoundError where the folder holds no recording."""
    head, *lines = text(folder / "telemetry.csv.gz").splitlines()
    table = np.array([[float(v) for v in line.split(",")] for line in lines])
    names = head.split(",")
    keep = [j for j, n in enumerate(names) if j and not any(fnmatchcase(n, p) for p in OWN)]
    faults = []
    with open(folder / "labels.csv", newline="") as file:
        for r in csv.DictReader(file):
            faults.append(Fault(float(r["start"]), float(r["end"]), r["name"], int(r["magnitude"]), r["benign"] == "1", r["detail"]))
    done = [f for f in faults if f.end <= table[-1, 0]]
    return Recording(table[:, 0], table[:, keep], tuple(names[j] for j in keep), tuple(sorted(done, key=lambda f: f.start)))


def stays_out(outside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """[m, F] readings outside → [m, F] the first of a stretch with OUT of WINDOW readings outside."""
    ahead = np.cumsum(np.vstack([np.zeros((1, outside.shape[1]), dtype=int), outside]), axis=0)
    last = np.minimum(np.arange(len(outside)) + WINDOW, len(outside))
    return np.asarray(outside & (ahead[last] - ahead[:-1] >= OUT))


@dataclass(frozen=True, slots=True)
class Leaving:
    """One feature that left: when (epoch seconds), and how far at most, in widths of the quiet range."""

    feature: str
    column: int
    when: float
    widths: float


def leaves(recording: Recording, start: float, end: float, tails: float = 0.0, calm: NDArray[np.bool_] | None = None) -> list[Leaving]:
    """Features that left their quiet range between start and end, first ones first.

    The range is min … max over quiet time before `start` (`tails` 0), or the `tails` … 1 - `tails` quantiles.
    """
    calm = recording.quiet() if calm is None else calm
    t, x = recording.times, recording.values
    past = x[calm & (t < start - EDGE)]
    if len(past) < WINDOW:
        return []
    low, high = np.nanquantile(past, [tails, 1.0 - tails], axis=0)
    width = np.where(high > low, high - low, np.maximum(np.abs(high) * 1e-3, 1e-9))
    slack = 1e-6 * width  # a constant printed with five figures is no departure
    before = x[(t >= start - BEFORE) & (t < start - EDGE)]
    inside = (t >= start) & (t <= end)
    left = stays_out(beyond(x[inside], low, high) > slack)
    already = stays_out(beyond(before, low, high) > slack).any(axis=0)
    far = np.max(beyond(x[inside], low, high) / width, axis=0, initial=0.0)
    out = []
    for j in np.flatnonzero(left.any(axis=0) & ~already):
        out.append(Leaving(recording.names[j], int(j), float(t[inside][int(np.argmax(left[:, j]))]), float(far[j])))
    return sorted(out, key=lambda one: one.when)


def beyond(x: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far outside, 0 or less inside; a missing value is inside."""
    return np.nan_to_num(np.maximum(x - high, low - x), nan=0.0)

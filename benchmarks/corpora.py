"""The public sets as arrays, from the folder in the environment variable TACIT_DATA.

Streams and labels are read by different functions: a detector is only ever handed a stream. Labels are read
by the scoring part alone, after the detector has spoken.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SECOND = 10**9
SMD = ("machine-1-6", "machine-1-7", "machine-2-1", "machine-3-4")


@dataclass(frozen=True, slots=True)
class Stream:
    """One file: times [n] int64 ns, values [n, F], names of the F features; `train` rows at the start are history."""

    name: str
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    features: tuple[str, ...]
    train: int = 0


def home() -> Path:
    """The data folder; says how to name it where it is missing."""
    try:
        return Path(os.environ["TACIT_DATA"])
    except KeyError:
        raise SystemExit("set TACIT_DATA to the folder that holds ts_nab, ts_smd and ts_skab (see benchmarks/README.md)") from None


def nanoseconds(stamps: list[str]) -> NDArray[np.int64]:
    """'2014-04-01 00:00:00' → ns since 1970, read as UTC."""
    return np.array([s.replace(" ", "T") for s in stamps], dtype="datetime64[ns]").astype(np.int64)


# ---------------------------------------------------------------- NAB
def nab_probation(n: int) -> int:
    """Rows at the start that NAB does not score: 15 %, at most 750."""
    return min(int(0.15 * n), 750)


def nab(labelled: bool = True) -> Iterator[Stream]:
    """The 31 files whose labels are published with the data folder, or all 58 without any."""
    root = home() / "ts_nab" / "data"
    chosen = nab_windows() if labelled else None
    for path in sorted(root.glob("*/*.csv.gz")):
        name = str(path.relative_to(root))[: -len(".gz")]
        if chosen is not None and name not in chosen:
            continue
        with gzip.open(path, "rt", newline="") as file:
            rows = list(csv.reader(file))[1:]
        values = np.array([[float(r[1])] for r in rows])
        yield Stream(name, nanoseconds([r[0] for r in rows]), values, ("value",), nab_probation(len(rows)))


def nab_windows() -> dict[str, list[tuple[int, int]]]:
    """{file: [(start, end) in ns]}: which files have labels, and for scoring."""
    raw = json.loads((home() / "ts_nab" / "labels" / "combined_windows.json").read_text())
    return {name: [(int(a), int(b)) for a, b in (nanoseconds(pair) for pair in pairs)] for name, pairs in raw.items()}


# ---------------------------------------------------------------- SMD
def smd() -> Iterator[Stream]:
    """Each machine: its train part, then its test part, as one stream of one reading a minute."""
    for machine in SMD:
        with np.load(home() / "ts_smd" / f"{machine}.npz") as parts:
            train, test = parts["train"].astype(np.float64), parts["test"].astype(np.float64)
        values = np.vstack([train, test])
        times = np.arange(len(values), dtype=np.int64) * 60 * SECOND
        yield Stream(machine, times, values, tuple(f"metric.{i}" for i in range(values.shape[1])), len(train))


def smd_labels(machine: str) -> NDArray[np.int64]:
    """0/1 for the rows of the test part."""
    with np.load(home() / "ts_smd" / "labels" / f"{machine}.npz") as parts:
        return np.asarray(parts["test_label"] if "test_label" in parts else parts[parts.files[0]], dtype=np.int64).ravel()


# ---------------------------------------------------------------- SKAB
def skab() -> Iterator[Stream]:
    """34 files with a fault each (the first 400 rows are history); readings about a second apart."""
    root = home() / "ts_skab" / "data"
    paths = [p for p in root.glob("*/*.csv") if p.parent.name != "anomaly-free"]
    for path in sorted(paths, key=lambda p: (p.parent.name, int(p.stem))):
        yield skab_file(path, 400)


def skab_fault_free() -> Stream:
    """The recording without faults; its first half is history."""
    stream = skab_file(home() / "ts_skab" / "data" / "anomaly-free" / "anomaly-free.csv", 0)
    return Stream(stream.name, stream.times, stream.values, stream.features, len(stream.times) // 2)


def skab_file(path: Path, train: int) -> Stream:
    with open(path, newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))
    values = np.array([[float(v) for v in r[1:9]] for r in rows[1:]])
    return Stream(f"{path.parent.name}/{path.name}", nanoseconds([r[0] for r in rows[1:]]), values, tuple(rows[0][1:9]), train)


def skab_labels(name: str) -> NDArray[np.int64]:
    """0/1 for all rows of one file."""
    with open(home() / "ts_skab" / "labels" / name, newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))[1:]
    return np.array([int(float(r[1])) for r in rows], dtype=np.int64)

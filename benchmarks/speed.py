"""Speed and memory, one run on one core: CPU time, not wall time, except for latency.

    python -m benchmarks.speed [--parts events keys command latency memory start] [--core 0] [--quick] [--out FILE]

events: one key, 8 features, event by event, score then learn, for every detector: the feed is made beforehand,
a first stretch warms up and is not timed, five stretches follow and the median counts (the slowest beside it).
keys: 1,000 keys in micro-batches of 1,000 events. command: JSON lines in, JSON lines out, CPU time of the child.
latency: 10,000 events/s offered to that command in ticks of 10 ms while a process computes without pause on the
other core; from the moment a line was due to the moment its insight could be read. memory: 10 million events
with keys coming and going. start: `tacit --help` and the first insight after the first line, wall time.
Streams are simulated: first-order autoregression, one row in a thousand shifted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks import speed_command
from benchmarks.peers import HalfSpace, RandomCut
from benchmarks.tables import markdown, write

Floats = NDArray[np.float64]


class Feed(NamedTuple):
    """prepare: rows [m, F] → what the detector takes, outside the clock; one: score and learn one of these."""

    prepare: Callable[[Floats], list[Any]]
    one: Callable[[Any], object]


def simulated(n: int, features: int, seed: int = 0) -> Floats:
    """Autoregression of each feature, with shifts. [n, F]"""
    from scipy.signal import lfilter

    rng = np.random.default_rng(seed)
    x = lfilter([1.0], [1.0, -0.9], rng.normal(size=(n, features)), axis=0) + 50.0
    x[rng.uniform(size=n) < 1e-3] += 15.0
    return np.asarray(x)


# ---------------------------------------------------------------- one event at a time
def ewma_events(features: int) -> Feed:
    """The rung in plain Python, floats in and out."""
    alpha, keep = 0.01, 0.99
    mean, square = [50.0] * features, [1.0] * features

    def one(row: list[float]) -> float:
        worst = 0.0
        for j, value in enumerate(row):
            gap = value - mean[j]
            z = gap * gap / square[j]
            worst = z if z > worst else worst
            mean[j] += alpha * gap
            square[j] = keep * square[j] + alpha * gap * gap
        return worst

    return Feed(lambda rows: rows.tolist(), one)


def gaussian_events(features: int) -> Feed:
    from river.anomaly import GaussianScorer

    scorers = [GaussianScorer() for _ in range(features)]

    def one(row: list[float]) -> None:
        for scorer, value in zip(scorers, row, strict=True):
            scorer.score_one(None, value)
            scorer.learn_one(None, value)

    return Feed(lambda rows: rows.tolist(), one)


def halfspace_events(trees: int, height: int) -> Callable[[int], Feed]:
    def make(features: int) -> Feed:
        from river.anomaly import HalfSpaceTrees

        forest = HalfSpaceTrees(**HalfSpace(trees, height).settings)

        def one(point: dict[int, float]) -> None:
            forest.score_one(point)
            forest.learn_one(point)

        return Feed(lambda rows: [dict(enumerate(r)) for r in np.clip(rows / 100.0, 0.0, 1.0).tolist()], one)

    return make


def cut_events(attribution: bool) -> Callable[[int], Feed]:
    def make(features: int) -> Feed:
        forest = RandomCut().forest(features)
        ask = forest.attribution if attribution else forest.score

        def one(row: list[float]) -> None:
            ask(row)
            forest.update(row)

        return Feed(lambda rows: rows.tolist(), one)

    return make


def tacit_events(size: int) -> Callable[[int], Feed]:
    def make(features: int) -> Feed:
        from benchmarks.tacit_door import Door

        door = Door(features)
        return Feed(lambda rows: [door.events(["k"] * size, rows[i : i + size]) for i in range(0, len(rows), size)], door.process)

    return make


# name: (maker, events a stretch, stretches, events to warm up, what is learned when)
EVENTS: dict[str, tuple[Callable[[int], Feed], int, int, int, str]] = {
    "EWMA z-score, pure Python": (ewma_events, 20_000, 5, 600, "every event"),
    "river GaussianScorer, one a feature": (gaussian_events, 5_000, 5, 600, "every event"),
    "river HalfSpaceTrees 10x8": (halfspace_events(10, 8), 2_000, 5, 600, "every event, masses swap each 250"),
    "river HalfSpaceTrees 25x15": (halfspace_events(25, 15), 250, 1, 260, "every event, masses swap each 250"),
    "krcf 30x256": (cut_events(False), 2_000, 5, 600, "every event"),
    "krcf 30x256, attribution": (cut_events(True), 1_000, 5, 600, "every event"),
    "tacit, one call an event": (tacit_events(1), 20_000, 5, 2_000, "heads every event, no encoder"),
    "tacit, one key, 256 events a call": (tacit_events(256), 51_200, 5, 5_120, "heads every event, no encoder"),
}
EXPLAINS = ("attribution", "tacit")


def rate(feed: Feed, rows: Floats, stretch: int, stretches: int, warm: int) -> tuple[float, float]:
    """(median, slowest) events a CPU second over the stretches. What goes in is made beforehand."""
    for given in feed.prepare(rows[:warm]):
        feed.one(given)
    spent = []
    for k in range(stretches):
        prepared = feed.prepare(rows[warm + k * stretch : warm + (k + 1) * stretch])
        began = time.process_time()
        for given in prepared:
            feed.one(given)
        spent.append(time.process_time() - began)
    return stretch / statistics.median(spent), stretch / max(spent)


def events(quick: bool) -> list[dict[str, object]]:
    table = []
    for name, (make, stretch, stretches, warm, learning) in EVENTS.items():
        if quick and "25x15" in name:
            continue
        n = max(stretch // 10 // 256 * 256, 256) if quick else stretch
        try:
            median, slowest = rate(make(8), simulated(warm + stretches * n, 8), n, stretches, warm)
        except ImportError as e:
            table.append({"detector": name, "events/s": f"not measured: {e.name} is not there"})
            continue
        row = {"detector": name, "events/s": median, "slowest stretch": slowest, "stretches": f"{stretches} x {n}"}
        table.append(row | {"explains": "yes" if any(w in name for w in EXPLAINS) else "no", "learning": learning})
        print(markdown(table[-1:]), flush=True)
    return table


# ---------------------------------------------------------------- many keys, and their memory
def keys(quick: bool) -> list[dict[str, object]]:
    """1,000 keys × 8 features, each batch one event of every key in another order."""
    from benchmarks.tacit_door import Door

    door, rng, many = Door(8), np.random.default_rng(1), 1000
    names = np.array([f"k{i}" for i in range(many)])
    rows = simulated(60 * many, 8)
    spent = []
    for k in range(100):
        part = rows[k % 60 * many : (k % 60 + 1) * many]
        made = door.events(names[rng.permutation(many)].tolist(), part, seconds=1e-3)
        began = time.process_time()
        door.process(made)
        spent.append(time.process_time() - began)
    spent = spent[40:50] if quick else spent[40:]  # 40 readings of each key warm up: every head is solved by then
    row = {"what": "1,000 keys x 8, batches of 1,000", "events/s": many * len(spent) / sum(spent), "median batch": many / statistics.median(spent)}
    row |= {"slowest batch": many / max(spent), "state bytes a key": door.bytes_a_key()}
    return [row, crowd(10_000 if quick else 100_000)]


def crowd(many: int) -> dict[str, object]:
    """Three readings of each of very many keys: resident memory that they take."""
    from benchmarks.tacit_door import Door

    door, rows, before = Door(8), simulated(1000, 8), resident()
    for k in range(3 * many // 1000):
        first = k * 1000 % many
        door.process(door.events([f"k{i}" for i in range(first, first + 1000)], rows, seconds=1e-3))
    took = resident() - before
    return {"what": f"{many:,} keys x 8, three readings each", "state bytes a key": took * (1 << 20) / many, "MiB": took}


def batches(total: int, size: int, alive: int, seed: int = 2) -> Iterator[tuple[list[str], Floats]]:
    """Micro-batches over `alive` keys at a time, a tenth of them replaced every 50 batches."""
    rng, first = np.random.default_rng(seed), 0
    pool = simulated(4 * size, 8, seed)
    for k in range(total // size):
        if k % 50 == 49:
            first += alive // 10
        at = int(rng.integers(0, 3 * size))
        yield [f"k{i}" for i in rng.integers(first, first + alive, size)], pool[at : at + size]


def resident() -> float:
    """MiB resident."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def memory(quick: bool) -> list[dict[str, object]]:
    """Resident memory after warm-up (a fifth of the events) and at the end; event time runs 1 s a batch."""
    from benchmarks.tacit_door import Door

    total, size = (500_000 if quick else 10_000_000), 1000
    door, seen, marks = Door(8, idle=300.0), 0, []
    for names, rows in batches(total, size, alive=1000):
        door.process(door.events(names, rows, seconds=1e-3))
        seen += size
        if seen % (total // 10) == 0:
            marks.append(resident())
    after, most = marks[1], max(marks[1:])
    return [
        {
            "what": f"{total:,} events, keys coming and going",
            "MiB after warm-up": after,
            "most later": most,
            "growth": most - after,
            "last": marks[-1],
        }
    ]


def main() -> None:
    parts = ("events", "keys", "command", "latency", "memory", "start")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--parts", nargs="+", default=["events"], choices=parts)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a tenth of the events: for a look, not for a table")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity") and set(given.parts) & {"events", "keys", "memory"}:
        os.sched_setaffinity(0, {given.core})
    works: dict[str, Callable[[bool], list[dict[str, object]]]] = {"events": events, "keys": keys, "memory": memory}
    works |= {"command": speed_command.command, "latency": speed_command.latency, "start": speed_command.start}
    tables = [(f"## {part}", works[part](given.quick)) for part in given.parts]
    write(given.out, "Speed and memory", (__doc__ or ""), tables)


if __name__ == "__main__":
    main()

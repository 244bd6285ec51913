"""Speed and memory, one run on one core: CPU time, not wall time, except for latency.

    python -m benchmarks.speed [--parts events keys encoder bytes command latency memory start] [--core 0] [--quick] [--out FILE]

events: one key, 8 features, event by event, score then learn, for every detector: the feed is made beforehand,
a first stretch warms up and is not timed, five stretches follow and the median counts (the slowest beside it).
keys: 1,000 keys in micro-batches of 1,000 events. encoder: both with a promoted encoder in place of the simple bank. bytes: what an
event touches of its key's state, reckoned from the layout. command: JSON lines in, JSON lines out, CPU time of the child.
latency: 10,000 events/s offered to that command in ticks of 10 ms while a process computes without pause on the
other core; from the moment a line was due to the moment its insight could be read. memory: 10 million events
with keys coming and going. start: `tacit --help` and the first insight after the first line, wall time.
Streams are simulated: first-order autoregression, one row in a thousand shifted.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import speed_command
from benchmarks.speed_command import on_core
from benchmarks.speed_encoder import bytes_touched, encoder, many_keys
from benchmarks.speed_events import events, simulated
from benchmarks.tables import write

Floats = NDArray[np.float64]


# ---------------------------------------------------------------- many keys, and their memory
def keys(quick: bool) -> list[dict[str, object]]:
    """1,000 keys × 8 features, each batch one event of every key in another order."""
    from benchmarks.tacit_door import Door

    door, many = Door(8), 1000
    spent = many_keys(door, quick, many)
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
    parts = ("events", "keys", "encoder", "bytes", "command", "latency", "memory", "start")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--parts", nargs="+", default=["events"], choices=parts)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a tenth of the events: for a look, not for a table")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    works: dict[str, Callable[[bool], list[dict[str, object]]]] = {
        "events": events,
        "keys": keys,
        "memory": memory,
        "encoder": encoder,
        "bytes": bytes_touched,
    }
    works |= {"command": speed_command.command, "latency": speed_command.latency, "start": speed_command.start}
    tables = []
    for part in given.parts:
        with on_core(given.core) if part in ("events", "keys", "encoder", "memory") else nullcontext():
            tables.append((f"## {part}", works[part](given.quick)))
    write(given.out, "Speed and memory", (__doc__ or ""), tables)


if __name__ == "__main__":
    main()

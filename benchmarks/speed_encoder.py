"""Speed with a promoted encoder in place of the simple bank, and what one event touches of its key's state.

The encoder is the one that streams learn (its speed does not depend on what it learned); it is put in place before the
first event. Bytes are reckoned from the layout, not measured: what is read or written of the key's rows, work that is due
every so many events divided by so many. What all keys share (tables, the encoder's weights) stays in the cache and is named apart.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.speed_events import Feed, rate, simulated
from benchmarks.tacit_door import Door
from tacit.heads import encode
from tacit.heads.layout import CHANNELS, RING, TOGETHER, Layout
from tacit.live.kernel import SOLVE, WHITEN
from tacit.live.model import LiveModel


def touched(lay: Layout) -> dict[str, float]:
    """Bytes an event touches, of one block."""
    F, P, single = lay.F, lay.P, 4
    gram, cross, triangle = P * (P + 1) // 2, P * 2 * F, F * (F + 1) // 2
    parts = {
        "scales": (9 + 5) * F * 8,  # nine, and of the bounds those that are looked at where nothing is outside
        "levels, evidence, spreads": single * (lay.correlation + 3 * F),
        "correlations and whiteners": single * (2 * CHANNELS * triangle + 2 * CHANNELS * triangle / WHITEN),
        "forecast": single * (cross + lay.ring_row + F),
        "memory": single * (lay.sigma - lay.memory),
        "Gram, every eighth event": single * (gram + cross + RING * lay.ring_row) / TOGETHER,
        "solving, every 32nd": single * (gram + 2 * cross) / SOLVE,
    }
    shared = CHANNELS * F * 2 * 64 + 2 * 64  # a cache line of each table and of each count
    return {"of the key": float(sum(parts.values())), **parts, "shared lines": float(shared)}


def promoted(features: int) -> Door:
    """A door whose model stands on an encoder."""
    from tacit.export.twin import to_weights
    from tacit.heads.layout import HALF_LIVES, memories
    from tacit.nets.recurrent import RecurrentEncoder

    door = Door(features)
    weights = to_weights(RecurrentEncoder(features, HALF_LIVES[memories(features)], seed=0))
    place(door.model, weights)
    return door


def place(model: LiveModel, weights: encode.Weights) -> None:
    with tempfile.TemporaryDirectory() as home:
        model.put_in_place("encoder", weights, model.empty_lane(weights), Path(home))


def one_key(size: int, features: int = 8) -> Feed:
    door = promoted(features)
    return Feed(lambda rows: [door.events(["k"] * size, rows[i : i + size]) for i in range(0, len(rows), size)], door.process)


def many_keys(door: Door, quick: bool, many: int = 1000) -> list[float]:
    """Seconds of CPU of each batch, one event of every key in another order; 40 readings of each warm up."""
    rng, rows, spent = np.random.default_rng(1), simulated(60 * many, 8), []
    names = np.array([f"k{i}" for i in range(many)])
    for k in range(100):
        part = rows[k % 60 * many : (k % 60 + 1) * many]
        made = door.events(names[rng.permutation(many)].tolist(), part, seconds=1e-3)
        began = time.process_time()
        door.process(made)
        spent.append(time.process_time() - began)
    return spent[40:50] if quick else spent[40:]  # every head is solved by then


def encoder(quick: bool) -> list[dict[str, object]]:
    """One key event by event and in calls of 256, then 1,000 keys; all with a promoted encoder."""
    table: list[dict[str, object]] = []
    for name, size, stretch, warm in (("one call an event", 1, 20_000, 2_000), ("one key, 256 events a call", 256, 51_200, 5_120)):
        n = max(stretch // 10 // 256 * 256, 256) if quick else stretch
        median, slowest = rate(one_key(size), simulated(warm + 5 * n, 8), n, 5, warm)
        table.append({"what": f"encoder, {name}", "events/s": median, "slowest": slowest})
    door = promoted(8)
    spent = many_keys(door, quick)
    row: dict[str, object] = {"what": "encoder, 1,000 keys x 8, batches of 1,000", "events/s": 1000 * len(spent) / sum(spent)}
    row |= {"slowest": 1000 / max(spent), "median batch": 1000 / statistics.median(spent), "state bytes a key": door.bytes_a_key()}
    return [*table, row | {"units": door.model.layout.hidden}]


def bytes_touched(_: bool) -> list[dict[str, object]]:
    """A row each for the simple bank and the encoder."""
    rows: list[dict[str, object]] = []
    for name, lay in (("simple bank, 8 features", Door(8).model.layout), ("encoder, 8 features", promoted(8).model.layout)):
        rows.append({"bytes an event": name, **{k: round(v) for k, v in touched(lay).items()}})
    return rows

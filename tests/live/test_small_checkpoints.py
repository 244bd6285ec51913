"""Checkpoints of learning hold what changed: a full state and those since make the same as one full state."""

from __future__ import annotations

from typing import Any

import numpy as np
from streams import noise, stream

from tacit.heads.encode import no_encoder
from tacit.live.contest import Contender
from tacit.live.learning import Learning
from tacit.live.model import LiveModel
from tacit.live.reservoir import KEPT, LENGTH, OPEN, WATCHED, Reservoir


def feed(reservoir: Reservoir, rng: Any, n: int, seen: int, keys: int) -> None:
    slots, times = rng.integers(0, keys, n), np.arange(seen, seen + n) * 10**9
    reservoir.watch(slots, times, rng.standard_normal((n, reservoir.features)).astype(np.float32), rng.standard_normal((n, reservoir.features)), seen)


def test_a_reservoir_from_its_parts() -> None:
    rng, one = np.random.default_rng(1), Reservoir(3, 1)
    one.capacity, parts, seen = 16, [], 0
    for name in KEPT:
        setattr(one, name, getattr(one, name)[:16])
    one._saved = one.ended.copy()
    for i in range(12):
        feed(one, rng, 900, seen, 3 if i < 6 else 80)
        seen += 900
        parts.append(one.state(full=i == 2))
    two = Reservoir(3, 1)
    for name in KEPT:
        setattr(two, name, getattr(two, name)[:16])
    two._saved = two.ended.copy()
    two.restore(parts[2:])
    assert (one.ended > 0).all() and one.draw[1] > 40
    for name in (*KEPT, "book", "draw"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes(), name
    open_ = one.book[:, 0] > 0
    for place in open_.nonzero()[0]:
        for name in OPEN:
            filled = one.book[place, 1]
            assert getattr(one, name)[place, :filled].tobytes() == getattr(two, name)[place, :filled].tobytes()


def test_a_part_of_a_quiet_reservoir_is_small() -> None:
    rng, one = np.random.default_rng(1), Reservoir(40, 1)
    feed(one, rng, 60_000, 0, 4)
    full = sum(a.nbytes for a in one.state(full=True).values())
    feed(one, rng, 20, 60_000, 4)
    part = sum(a.nbytes for a in one.state(full=False).values())
    assert full > 10e6 and part < full / 40, (full, part)


def test_a_window_holds_one_key_alone() -> None:
    """A key goes in midst of a window, its slot is the next key's: the window begins anew."""
    model, learns = LiveModel(stream(noise(1, 2)).features), Learning("inline", None, 0)
    learns.attach(model)
    model.process(stream(noise(LENGTH // 2, 2), ["old"] * (LENGTH // 2)))
    assert learns.reservoir is not None and learns.reservoir.book[0, 1] == LENGTH // 2
    model.keys.idle = 1.0
    model._forget(10**20)
    assert "old" not in model.keys.slots
    model.process(stream(noise(LENGTH - 1, 2), ["new"] * (LENGTH - 1), start=LENGTH))
    assert model.keys.slots == {"new": 0} and learns.reservoir.filled == 0 and learns.reservoir.book[0, 1] == LENGTH - 1
    model.process(stream(noise(1, 2), ["new"], start=2 * LENGTH))
    assert learns.reservoir.filled == 1
    learns.close()


def test_a_contender_from_its_parts() -> None:
    model = LiveModel(stream(noise(1, 2)).features)
    one, two = (Contender(model, no_encoder(), "simple") for _ in (1, 2))
    rng, parts = np.random.default_rng(2), []
    z = np.zeros((50, model.columns), np.float32)
    for i in range(6):
        slots = rng.integers(0, 5 + 3 * i, 50)
        z[:, :2] = rng.standard_normal((50, 2))
        one.run(slots, np.arange(50) * 10**9, z, z.astype(float), model.pool.omega)
        if i == 4:
            one.forget(np.array([2 * model.blocks]))
        parts.append(one.state(full=i == 1))
    for part in parts[1:]:
        two.restore(part)
    assert len(parts[-1]["slots"]) < 50 <= WATCHED
    for name in ("lane", "counts", "last"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes(), name

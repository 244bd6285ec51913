"""Warming: the compiled kernels into numba's cache, so that no stream waits for a compiler."""

from __future__ import annotations

from typing import Any

import numpy as np

from tacit.contracts.events import Events, Feature
from tacit.heads import evidence
from tacit.live import kernel
from tacit.live.model import LiveModel


def warm() -> bool:
    """Runs a few events through everything that is compiled. True where it had to be compiled, False where the cache had it."""
    n = 40
    model = LiveModel((Feature("a", "counter"), Feature("b")))
    model.process(
        Events(
            [""] * n,
            np.arange(n, dtype=np.int64) * 10**9,
            np.arange(2 * n, dtype=float).reshape(n, 2),
            np.arange(n),
            model.features,
            np.zeros(n, np.bool_),
        )
    )
    from tacit.live.contest import Contender
    from tacit.live.ladder import Ladder
    from tacit.live.reservoir import Reservoir

    out = np.zeros((n, model.columns), np.float32)
    slots, times = np.zeros(n, np.int64), np.arange(n, dtype=np.int64)
    values = np.zeros((n, model.columns))
    evidence.take_back(model.pool.budget)
    Reservoir(model.columns, 0).watch(slots, times, out, values, 0)
    ladder = Ladder()
    ladder.begin("simple", "none", 1, model.columns)
    ladder.add(slots, out, values, np.zeros(n, np.float32), np.zeros(n, np.float32))
    Contender(model, model.encoder, "simple").run(slots, times, out, values, model.pool.omega)
    run: Any = kernel.run  # of numba's
    return bool(sum(run.stats.cache_misses.values()) > 0)


if __name__ == "__main__":
    warm()

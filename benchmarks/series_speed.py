"""Speed of learning on series: our contextual task against TS2Vec's own loop, the same encoder sizes, windows a second on one core.

    OMP_NUM_THREADS=1 python -m benchmarks.series_speed [--ts2vec FOLDER] [--out benchmarks/results/series_speed.md]

No package of TS2Vec is on the index, so FOLDER names a copy of its repository (github.com/zhihanyue/ts2vec: `ts2vec.py`, `models/`, `utils.py`);
without one its row is left out, and that is said. Equal: batch 16, windows of random numbers, ten residual blocks of 64 channels and one of 320,
half of the steps hidden, overlapping crops of the same mean length, temporal and instance contrast at every scale, AdamW. Both on one thread, in
turns, CPU seconds after a warm-up; the quotient is that of the medians. Ours goes through the Learner as `tacit learn` does, gradient clipping
included; TS2Vec's includes its moving average of the weights, which it uses and ours doesn't need.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.tables import write
from tacit.contracts.layout import Layout
from tacit.learning.learner import Learner
from tacit.nets.encoder import Batch
from tacit.nets.encoders.dilated import Dilated
from tacit.nets.views.series import SeriesViews
from tacit.pretext.contextual import Contextual

BATCH = 16
SHAPES = {"25 x 12 (JapaneseVowels)": (25, 12), "100 x 6 (BasicMotions)": (100, 6), "150 x 1 (GunPoint)": (150, 1)}


def ours(length: int, channels: int) -> Callable[[int], None]:
    """f(steps): learn so many."""
    layout = Layout("series", "number", (length,), channels, mean=(0.0,) * channels, deviation=(1.0,) * channels)
    encoder = Dilated(layout, 0, width=320, hidden=64, depth=11)
    views = SeriesViews(layout, encoder.patch)
    learner = Learner(encoder, {"contextual": Contextual(encoder)}, {"contextual": 1.0}, views, 0)
    x = np.random.default_rng(0).normal(size=(10 * BATCH, length, channels)).astype(np.float32)
    rng = np.random.default_rng(1)

    def go(steps: int) -> None:
        for _ in range(steps):
            learner.step(Batch(torch.from_numpy(x[rng.permutation(len(x))[:BATCH]])))

    return go


def theirs(folder: Path, length: int, channels: int) -> Callable[[int], None]:
    """TS2Vec.fit, as it is."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    made: Any = importlib.import_module("ts2vec")
    np.random.seed(0)  # theirs draws from the global generators
    torch.manual_seed(0)
    model = made.TS2Vec(channels, output_dims=320, hidden_dims=64, depth=10, device="cpu", batch_size=BATCH)
    x = np.random.default_rng(0).normal(size=(10 * BATCH, length, channels)).astype(np.float32)

    def go(steps: int) -> None:
        model.n_epochs = model.n_iters = 0
        model.fit(x, n_iters=steps)

    return go


def rates(runs: dict[str, Callable[[int], None]], steps: int, turns: int) -> dict[str, list[float]]:
    """Windows a CPU second of each, turn by turn."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(turns + 1):
        for name, go in runs.items():
            begun = time.process_time()
            go(steps)
            if turn:  # the first is the warm-up
                found[name].append(steps * BATCH / (time.process_time() - begun))
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--ts2vec", type=Path)
    options.add_argument("--steps", type=int, default=30)
    options.add_argument("--turns", type=int, default=5)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name, (length, channels) in SHAPES.items():
        runs = {"tacit": ours(length, channels)} | ({"ts2vec": theirs(given.ts2vec, length, channels)} if given.ts2vec else {})
        found = rates(runs, given.steps, given.turns)
        median = {who: statistics.median(values) for who, values in found.items()}
        row: dict[str, object] = {
            "windows": name,
            **{f"{who}, windows/s": f"{median[who]:.0f} ({min(v):.0f}–{max(v):.0f})" for who, v in found.items()},
        }
        rows.append(row | {"quotient": median["tacit"] / median["ts2vec"] if given.ts2vec else "no copy of TS2Vec was named"})
    write(given.out, "Speed of learning on series", __doc__ or "", [("One core; medians (least to most) of turns.", rows)])


if __name__ == "__main__":
    main()

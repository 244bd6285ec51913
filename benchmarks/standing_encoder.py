"""tacit with an encoder put in place without a trial: what the heads gain from one that was learned, and from one that was not.

The first half of the history gives the windows, the worker's own training (or none: gates as they were drawn, the closed-form linear read-out)
gives the encoder, heads learn on it in shadow through the second half, and from the end of the history on it stands.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.readings import Floats, Readings
from benchmarks.tacit_door import BATCH, Arrays, gathered
from tacit.contracts.insight import Insights
from tacit.heads.encode import Weights
from tacit.heads.layout import HALF_LIVES, memories
from tacit.live.contest import Contender
from tacit.live.learning import LEAST_WINDOWS, STEPS, TASKS
from tacit.live.model import LiveModel
from tacit.live.reservoir import LENGTH, Reservoir


class Standing:
    """One encoder a stream, drawn by `seed`; learned: by as many steps as an attempt inline has, else none."""

    def __init__(self, seed: int = 0, learned: bool = True) -> None:
        self.seed, self.learned = seed, learned
        self.name = "tacit, encoder in place" if learned else "tacit, untrained encoder in place"

    def run(self, times: NDArray[np.int64], values: Floats, keys: Sequence[str] | None = None, train: int = 0) -> Readings:
        if train < 2 * LEAST_WINDOWS * LENGTH:
            raise ValueError(f"a history of {train} rows is too short to learn an encoder from: {2 * LEAST_WINDOWS * LENGTH} are needed")
        source = Arrays(times, values, keys)
        model = LiveModel(source.features)
        reservoir = Reservoir(model.columns, self.seed)
        model.onlooker = lambda slots, times, out, values: reservoir.watch(slots, times, out.z, values, model.seen - len(slots))
        parts = until(model, source, train // 2)
        weights = self._encoder(reservoir)
        side = Contender(model, weights, "encoder")
        model.onlooker = lambda slots, times, out, values: void(side.run(slots, times, out.z, values, model.pool.omega))
        parts += until(model, source, train)
        model.onlooker = None
        with tempfile.TemporaryDirectory() as empty:
            model.put_in_place("encoder", weights, side.lanes_for(model), Path(empty))
        return gathered(parts + until(model, source, len(times)))

    def _encoder(self, reservoir: Reservoir) -> Weights:
        import torch

        from tacit.export.twin import to_weights
        from tacit.learning.stream_training import train
        from tacit.learning.worker import HELD_OUT, parse_tasks
        from tacit.nets.recurrent import RecurrentEncoder
        from tacit.pretext.streams.stream_task import Windows

        torch.set_num_threads(1)
        kept = reservoir.windows()
        cut = len(kept["z"]) - max(2, int(HELD_OUT * len(kept["z"])))
        whole = [torch.from_numpy(kept[name]) for name in ("z", "valid", "dt")]
        old, new = Windows(*(a[:cut] for a in whole)), Windows(*(a[cut:] for a in whole))
        encoder = RecurrentEncoder(reservoir.features, HALF_LIVES[memories(reservoir.features)], seed=self.seed)
        if self.learned:
            encoder = train(old, new, encoder, parse_tasks(TASKS[0]), self.seed, STEPS).encoder
        else:
            encoder.start_linear(*old)
            encoder.eval()
            encoder.standardise(*Windows(*whole))
        return to_weights(encoder)


def until(model: LiveModel, source: Arrays, stop: int) -> list[Insights]:
    """Everything up to row `stop`."""
    parts = []
    while source.at < stop and (events := source.poll(min(BATCH, stop - source.at), 0.0)) is not None:
        parts.append(model.process(events))
    return parts


def void(_: object) -> None:
    """An onlooker says nothing."""

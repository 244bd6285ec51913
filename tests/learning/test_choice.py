"""Which weights are kept, what they are judged by, and what a loop does that several processes or a short budget must not trip over."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from wave_pool import ListPool, fitted, waves

from tacit.contracts.errors import DataError
from tacit.learning import loop, teaching
from tacit.learning.feeding import Feeder
from tacit.learning.learner import Learner
from tacit.learning.loop import FIRST_LOOK, Loop
from tacit.learning.pacing import Pace
from tacit.learning.recipe import Recipe
from tacit.learning.sampling import Sampler
from tacit.learning.teaching import teach
from tacit.nets.encoder import Batch

SMALL: dict[str, Any] = {"encoder": "dilated", "encoder_options": {"width": 16, "hidden": 16, "depth": 3, "simple": False}, "batch": 16, "seed": 3}


@pytest.mark.parametrize(("task", "turns"), [("masked", True), ("byol", False), ("jepa", False), ("distillation", False)])
def test_a_held_out_loss_decides_where_losses_of_different_steps_can_be_compared(task: str, turns: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss is made to rise from look to look: of a settled task the first look's weights are kept, of a taught one the last."""
    rising = iter(range(1, 1000))
    before = Learner.held_out
    monkeypatch.setattr(Learner, "held_out", lambda *a, **k: before(*a, **k)._replace(loss=torch.tensor(float(next(rising)))))
    monkeypatch.setattr("tacit.learning.loop.JUDGES", 2)
    learned = teach(Recipe(pretext={task: 1.0}, steps=16, **SMALL), waves()[0]).about["learning"]
    assert len(learned["curve"]) > 2
    assert learned["chosen_step"] == (learned["curve"][0]["step"] if turns else 16)


def test_what_is_held_out_is_drawn_from_everywhere() -> None:
    """A folder sorted by class: the first samples held out are all of its first class."""
    pool = waves(600)[0]
    pool.samples = [np.full((48, 2), i, np.float32) for i in range(600)]
    loops: list[Loop] = []
    teach(Recipe(pretext={"masked": 1.0}, steps=1, **SMALL), pool, begun=loops.append)
    held = loops[0].held
    assert held is not None and len(held.values) == 16
    rows = held.values[:, 0, 0]
    assert float(rows.max()) > 400 and float(rows.min()) < 200


def test_samples_are_not_decoded_for_an_encoder_that_does_not_look_at_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = waves(200)[0]
    modality, asked = fitted(pool), []
    feeder = Feeder(pool, modality, limit=0)
    read = feeder.read
    monkeypatch.setattr(feeder, "read", lambda rows: asked.append(len(rows)) or read(rows))
    teach(Recipe(pretext={"masked": 1.0}, steps=2, **SMALL), pool, modality=modality, feeder=feeder)
    assert max(asked) == 16


def test_before_the_first_look_the_rate_is_small_whatever_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a long run begins with a few steps at the full rate, and warms up only then."""
    paces: list[float] = []
    step = Learner.step

    def kept(learner: Learner, batch: Batch, pace: float = 1.0, progress: float = 0.0) -> Any:
        paces.append(pace)
        return step(learner, batch, pace, progress)

    monkeypatch.setattr(Learner, "step", kept)
    monkeypatch.setattr(teaching, "pace_for", lambda *given: Pace(16, torch.get_num_threads()))  # its trial steps are no steps of the run
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: 0.005 * len(paces)))  # a step takes five milliseconds
    teach(Recipe(pretext={"masked": 1.0}, minutes=1 / 120, **SMALL), waves()[0])
    assert len(paces) > FIRST_LOOK and max(paces[:FIRST_LOOK]) <= 0.1 and max(paces) > 0.9


def test_fewer_samples_than_processes_are_refused_and_not_waited_for() -> None:
    with pytest.raises(DataError, match="3 samples cannot be shared out to 4 processes"):
        Sampler(np.arange(3), 2, rank=1, world=4)


def test_every_process_goes_by_the_first_ones_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    loops: list[Loop] = []
    teach(Recipe(pretext={"masked": 1.0}, steps=2, **SMALL), waves()[0], begun=loops.append)
    loop = loops[0]
    loop.world, loop.stop = 2, True
    monkeypatch.setattr(torch.distributed, "broadcast", lambda told, source: told.fill_(0.0))
    assert not loop._over()  # this one would stop; the first goes on
    monkeypatch.setattr(torch.distributed, "broadcast", lambda told, source: told.fill_(1.0))
    loop.stop = False
    assert loop._over()


@pytest.mark.parametrize(("many", "pieces"), [(9, 6), (16, 4), (3, 8)])
def test_the_last_piece_is_known_as_the_last(many: int, pieces: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine samples in six pieces are five: gradients are averaged over the processes with the last one, and with it alone."""
    loops: list[Loop] = []
    teach(Recipe(pretext={"autoencoding": 1.0}, steps=1, **SMALL), waves()[0], begun=loops.append)
    learner = loops[0].learner
    monkeypatch.setattr("tacit.learning.learner.DistributedDataParallel", _Counting)
    learner.called, learner.pieces = _Counting(learner.called), pieces  # type: ignore[assignment]
    samples = Batch.of(loops[0].feeder.read(np.arange(many)))
    outcome = learner.step(samples)
    cut = len(torch.arange(many).chunk(pieces))
    assert learner.called.quiet == cut - 1 and torch.isfinite(outcome.loss)  # type: ignore[attr-defined]


class _Counting(torch.nn.Module):
    """Counts the pieces whose gradients are not shared."""

    def __init__(self, whole: Any) -> None:
        super().__init__()
        self.whole, self.quiet = whole, 0

    def forward(self, puzzles: Any) -> Any:
        return self.whole(puzzles)

    def no_sync(self) -> Any:
        from contextlib import nullcontext

        self.quiet += 1
        return nullcontext()


def test_pieces_that_memory_made_necessary_are_in_the_state() -> None:
    loops: list[Loop] = []
    teach(Recipe(pretext={"masked": 1.0}, steps=1, **SMALL), waves()[0], begun=loops.append)
    learner = loops[0].learner
    learner.pieces = 4
    kept = learner.state()
    learner.pieces = 1
    learner.restore(kept)
    assert learner.pieces == 4


def test_a_stop_leaves_no_look_that_a_whole_run_has_not(tmp_path: Any) -> None:
    from tacit.learning import checkpoint
    from tacit.learning.loop import FILE

    loops: list[Loop] = []

    def begun(loop: Loop) -> None:
        loops.append(loop)
        step = loop.learner.step

        def counted(*args: Any) -> Any:
            loop.stop = loop.learner.steps == 9  # the step after, 10, is none that is looked at
            return step(*args)

        loop.learner.step = counted  # type: ignore[method-assign]

    pool: ListPool = waves()[0]
    whole: list[float] = []
    teach(Recipe(pretext={"masked": 1.0}, steps=24, **SMALL), pool, report=lambda line, share: whole.append(line["step"]))
    teach(Recipe(pretext={"masked": 1.0}, steps=24, **SMALL), pool, tmp_path, begun=begun)
    kept = [line["step"] for line in checkpoint.read(tmp_path / FILE)["curve"]]
    assert loops[0].learner.steps == 10 and kept == whole[: len(kept)] == [4, 8]

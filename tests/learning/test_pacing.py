"""Pacing: the batch follows the budget, and threads that only wait for each other are left out. Clocks are made up: no test asks the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from tacit.connect.open_pool import open_pool
from tacit.learning import pacing, teaching
from tacit.learning.pacing import Pace, threads_for, with_threads
from tacit.learning.recipe import Recipe
from tacit.learning.teaching import teach


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    with with_threads(2):
        yield


def machine(wall: dict[int, float], spent: float) -> tuple[Callable[[], object], Callable[[], float], Callable[[], float], list[int]]:
    """(a step that takes so long by number of threads, its clocks, the threads that it was taken with)."""
    now, used, tried = [0.0], [0.0], list[int]()

    def step() -> None:
        tried.append(torch.get_num_threads())
        now[0] += wall[tried[-1]]
        used[0] += spent

    return step, lambda: now[0], lambda: used[0], tried


@pytest.mark.parametrize(
    ("wall", "spent", "threads", "tries"),
    [
        ({2: 0.9, 1: 0.05}, 0.03, 1, [2, 1]),  # one of two is always away
        ({2: 0.9, 1: 1.5}, 0.5, 2, [2, 1]),  # a busy machine, but the work is worth two
        ({2: 0.5, 1: 0.9}, 0.9, 2, [2]),  # both work
    ],
)
def test_threads_that_wait_are_left_out(wall: dict[int, float], spent: float, threads: int, tries: list[int]) -> None:
    step, clock, used, tried = machine(wall, spent)
    assert threads_for(step, clock, used) == (threads, pytest.approx(wall[threads]))
    assert tried == tries and torch.get_num_threads() == 2


def test_learning_goes_by_what_was_found_and_leaves_the_rest_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teaching, "pace_for", lambda *given: Pace(16, 1))
    seen: list[int] = []
    pool = open_pool(np.random.default_rng(0).standard_normal((64, 32, 2)).astype(np.float32))
    recipe = Recipe(pretext={"contrastive": 1.0}, minutes=0.5 / 60)
    model = teach(recipe, pool, report=lambda line, share: seen.append(torch.get_num_threads()))
    assert set(seen) == {1} and torch.get_num_threads() == 2
    assert model.about["learning"]["threads"] == 1 and model.about["learning"]["batch"] == 16
    named = teach(Recipe(pretext={"contrastive": 1.0}, minutes=0.5 / 60, batch=8), pool)
    assert named.about["learning"]["batch"] == 8


@pytest.mark.parametrize(("seconds", "batch"), [(1.0, 32), (1e9, 256)])
def test_the_batch_leaves_enough_steps(monkeypatch: pytest.MonkeyPatch, seconds: float, batch: int) -> None:
    monkeypatch.setattr(pacing, "threads_for", lambda step: (step() and 1, 0.32))
    asked: list[int] = []

    class Stub:
        device = torch.device("cpu")

        def step(self, given: object) -> int:
            asked.append(len(given.values))  # type: ignore[attr-defined]
            return 1

    pool = open_pool(np.zeros((64, 8, 1), np.float32) + np.arange(8)[:, None])
    feeder = teaching.Feeder(pool, teaching.fit_modality(pool, Recipe()))
    assert pacing.pace_for(seconds, 256, feeder, Stub) == Pace(batch, 1) and asked == [32, 32]  # type: ignore[arg-type]
    assert pacing.pace_for(1e9, 8, feeder, Stub).batch == 8  # type: ignore[arg-type]
    feeder.close()

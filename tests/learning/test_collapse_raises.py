"""A collapse ends a run with advice, also where an encoder's batch norms hide it; sound tasks and high rates that still learn go on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from wave_pool import ListPool

from tacit.contracts.errors import CollapseError
from tacit.learning.health import Health
from tacit.learning.recipe import Recipe
from tacit.learning.teaching import teach


@pytest.fixture(scope="module")
def pictures() -> ListPool:
    """Smooth pictures of 16 x 16."""
    torch.set_num_threads(1)
    rough = torch.randn(160, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.interpolate(rough, size=(16, 16), mode="bilinear")[:, 0]
    pool = ListPool([])
    pool.samples, pool.names, pool.modality = list((128 + 60 * smooth).clamp(0, 255).to(torch.uint8).numpy()), [str(i) for i in range(160)], "image"
    return pool


def learn(pool: ListPool, task: str, rate: float | None = None, steps: int = 80, **options: Any) -> Any:
    recipe = Recipe(
        pretext={task: 1.0}, task_options={task: options}, encoder="convnet", encoder_options={"base": 16}, steps=steps, batch=32, rate=rate,
        precision="float32",
    )  # fmt: skip
    return teach(recipe, pool)


@pytest.mark.parametrize(
    ("task", "options"), [("byol", {"stop_gradient": False}), ("byol", {"stop_gradient": False, "predictor": False}), ("vicreg", {"variance": 0.0})]
)
def test_without_what_holds_it_a_task_collapses(pictures: ListPool, task: str, options: dict[str, Any]) -> None:
    with pytest.raises(CollapseError, match=r"nearly the same projection.*Lower the rate"):
        learn(pictures, task, rate=2e-3, **options)


@pytest.mark.parametrize("task", ["vicreg", "distillation", "rotation", "autoencoding"])  # those of docs/learning.md; it is promised for no others
def test_a_rate_a_hundred_times_too_high_is_a_collapse(pictures: ListPool, task: str) -> None:
    with pytest.raises(CollapseError, match="has collapsed"):
        learn(pictures, task, rate=0.1)


@pytest.mark.parametrize("task", ["byol", "vicreg", "distillation", "contrastive", "isotropic", "jepa"])
def test_as_it_is_it_does_not(pictures: ListPool, task: str) -> None:
    assert learn(pictures, task, steps=40).about["learning"]["finished"]


def test_projections_of_each_task_stand_against_their_own_start() -> None:
    health, rng = Health(), torch.Generator().manual_seed(0)
    sound = torch.randn(128, 16, generator=rng)
    for spread in (0.8, 0.5, 0.3):
        health.see(sound, None, {"byol.spread": spread, "vicreg.spread": 5 * spread, "right": 0.0})
        health.look(1.0, 1.0)
    again = Health()
    again.restore(health.state())
    narrow = torch.cat([sound[:, :4], torch.zeros(128, 12)], 1)  # of directions there are few now, too
    again.see(narrow, None, {"byol.spread": 0.1, "vicreg.spread": 1.0})
    again.look(1.0, 1.0)
    with pytest.raises(CollapseError, match=r"byol.spread 0.100, at the start 0.800"):
        again.look(1.0, 1.0)
    assert np.isfinite(health.look(1.0, 1.0)["rank"])


@pytest.mark.parametrize(("directions", "told"), [(29, False), (27, False), (14, True)])
def test_narrow_projections_are_a_collapse_where_directions_were_lost(directions: int, told: bool) -> None:
    """Distillation on spoken vowels: its projections came to share a direction, while the encoder was as good as any and kept .9 of its rank.
    A first look has fewer samples than later ones, so that its rank is lower by counting alone."""
    health, rng = Health(), torch.Generator().manual_seed(0)
    health.see(torch.randn(24, 32, generator=rng), None, {"distillation.spread": 0.8})
    health.look(1.0, 1.0)
    kept = torch.linalg.qr(torch.randn(32, 32, generator=rng)).Q[:directions]
    for _ in range(20):
        health.see(torch.randn(24, directions, generator=rng) @ kept, None, {"distillation.spread": 0.1})
    health.look(1.0, 1.0)
    if told:
        with pytest.raises(CollapseError, match="nearly the same projection"):
            health.look(1.0, 1.0)
    else:
        assert health.look(1.0, 1.0)["rank"] > 20

"""Without what holds them apart, embeddings shrink to a point; with it they don't."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from tacit.learning.health import effective_rank
from tacit.pretext.byol import Byol
from tacit.pretext.contrastive import Contrastive
from tacit.pretext.distillation import Distillation
from tacit.pretext.isotropic import Isotropic
from tacit.pretext.vicreg import Vicreg


def after(task: Any, made: Any, rate: float, many: int) -> list[dict[str, float]]:
    """Figures before and after so many steps: of the embeddings (rank), and of the projections, where a task collapses first (spread)."""
    encoder, views, batch = made
    moved = [p for p in [*encoder.parameters(), *task.parameters()] if p.requires_grad]
    optimizer = torch.optim.AdamW(moved, lr=rate)
    rng, found = torch.Generator().manual_seed(0), []
    for step in range(many):
        with torch.no_grad():
            puzzle = task.pose(batch, views, rng)
        outcome = task.solve(encoder, puzzle)
        if step in (0, many - 1):
            assert outcome.embeddings is not None
            found.append({"rank": effective_rank(outcome.embeddings), "spread": outcome.metrics["spread"]})
        optimizer.zero_grad()
        outcome.loss.backward()
        torch.nn.utils.clip_grad_norm_(moved, 1.0)
        optimizer.step()
        task.after_step(encoder, step / many)
    return found


HEALTHY = [Byol, Vicreg, Contrastive, Distillation, Isotropic]
COLLAPSING = {
    "byol without its stop-gradient": lambda e: Byol(e, seed=1, stop_gradient=False),
    "byol without stop-gradient and predictor": lambda e: Byol(e, seed=1, stop_gradient=False, predictor=False),
    "vicreg without its variance": lambda e: Vicreg(e, seed=1, variance=0.0),
}


@pytest.mark.parametrize("encoder_name", ["convnet", "patches"])
@pytest.mark.parametrize("case", COLLAPSING)
def test_a_task_collapses_without_what_holds_it(made: Callable[..., Any], encoder_name: str, case: str) -> None:
    things = made(encoder_name, 32)
    first, last = after(COLLAPSING[case](things.encoder), things, 2e-3, 50)
    assert last["spread"] < 0.2 * first["spread"]


@pytest.mark.parametrize("encoder_name", ["convnet", "patches"])
@pytest.mark.parametrize("part", HEALTHY)
def test_as_it_is_it_does_not(made: Callable[..., Any], encoder_name: str, part: Any) -> None:
    things = made(encoder_name, 32)
    first, last = after(part(things.encoder, seed=1), things, 2e-3, 50)
    assert last["spread"] > 0.5 * first["spread"] and last["rank"] > 0.4 * first["rank"]


def test_a_rate_a_hundred_times_too_high_takes_the_rank_away(made: Callable[..., Any]) -> None:
    things = made("convnet", 32)
    first, last = after(Vicreg(things.encoder, seed=1), things, 1e-1, 30)
    assert last["rank"] < 0.3 * first["rank"]

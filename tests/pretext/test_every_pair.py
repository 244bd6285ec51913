"""Every pretext task with every kind of encoder: it learns, or it refuses and says why."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch

from tacit.contracts.catalog import load, names

ENCODERS = ["convnet", "vit", "dilated", "patches", "causal", "transformer", "gpt"]
TASKS = names("pretext task")
IMAGES, SERIES, TEXTS, ONE_WAY, BOTH_WAYS = (
    {"convnet", "vit"},
    {"dilated", "patches", "causal"},
    {"transformer", "gpt"},
    {"causal", "gpt"},
    set(ENCODERS),
)
REFUSED = {  # task: the encoders it can't be set for, and a word of the reason
    "rotation": (SERIES | TEXTS, "rotate"),
    "order": (IMAGES, "order"),
    "colourisation": (SERIES | TEXTS, "colour"),
    "predictive": (BOTH_WAYS - ONE_WAY, "before|onward"),
    "nexttoken": (BOTH_WAYS - ONE_WAY, "before|onward"),
    "nextsentence": (IMAGES | SERIES, "sentences"),
    "contextual": (IMAGES | TEXTS, "overlap"),
}
MARGIN = 0.02  # share of the first loss that has to be gone
STEPS = {"nextsentence": 64}  # the others learn in 32


def mean_loss(task: Any, encoder: Any, batch: Any, views: Any) -> float:
    """Of six puzzles, always the same ones. Modes and buffers are left as they were."""
    task, encoder = copy.deepcopy(task), copy.deepcopy(encoder)
    rng = torch.Generator().manual_seed(99)
    with torch.no_grad():
        return sum(float(task.solve(encoder, task.pose(batch, views, rng)).loss) for _ in range(6)) / 6


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("encoder_name", ENCODERS)
def test_a_task_learns_or_refuses_with_its_reason(made: Callable[..., Any], encoder_name: str, name: str) -> None:
    encoder, views, batch = made(encoder_name)
    part = load("pretext task", name)
    reason = part.refuses(encoder, views)
    unfit, word = REFUSED.get(name, (set(), ""))
    if encoder_name in unfit:
        assert reason is not None
        assert any(w in reason for w in word.split("|")), reason
        return
    assert reason is None
    task = part(encoder, seed=1)
    moved = [p for p in [*encoder.parameters(), *task.parameters()] if p.requires_grad]
    optimizer = torch.optim.AdamW(moved, lr=2e-3)
    rng = torch.Generator().manual_seed(3)
    first = mean_loss(task, encoder, batch, views)
    chance = torch.get_rng_state()
    torch.manual_seed(0)  # dropout draws from the global generator, which is the learner's
    try:
        many = STEPS.get(name, 32)
        for step in range(many):
            with torch.no_grad():
                puzzle = task.pose(batch, views, rng)
            outcome = task.solve(encoder, puzzle)
            assert torch.isfinite(outcome.loss)
            optimizer.zero_grad()
            outcome.loss.backward()
            if step == 1:  # at the very first some layers are at 0 and let nothing through
                silent = [n for n, p in task.named_parameters() if p.requires_grad and (p.grad is None or not bool(p.grad.abs().sum() > 0))]
                assert not silent, f"no gradient reaches {silent}"
                assert any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in encoder.parameters())
                assert outcome.errors is None or outcome.errors.shape == (len(batch),)
                assert all(isinstance(v, float) for v in outcome.metrics.values())
                assert outcome.embeddings is not None and outcome.embeddings.shape == (len(batch), encoder.width)
                assert not outcome.embeddings.requires_grad and (outcome.pairs is None or outcome.pairs.shape == outcome.embeddings.shape)
            optimizer.step()
            task.after_step(encoder, step / many)
    finally:
        torch.set_rng_state(chance)
    last = mean_loss(task, encoder, batch, views)
    assert last < first - MARGIN * abs(first), f"{first:.4f} → {last:.4f}"

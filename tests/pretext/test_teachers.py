"""Teachers follow and are never taught; all that a task remembers is in its state; batches of one and half precision do no harm."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch

from tacit.contracts.catalog import load, names
from tacit.pretext.byol import Byol
from tacit.pretext.distillation import Distillation
from tacit.pretext.jepa import Jepa
from tacit.pretext.moving_teacher import MovingTeacher

TAUGHT_BY_A_TEACHER = [Byol, Distillation, Jepa]


def steps(task: Any, encoder: Any, views: Any, batch: Any, optimizer: Any, rng: torch.Generator, many: int) -> list[float]:
    losses = []
    for step in range(many):
        with torch.no_grad():
            puzzle = task.pose(batch, views, rng)
        outcome = task.solve(encoder, puzzle)
        optimizer.zero_grad()
        outcome.loss.backward()
        optimizer.step()
        task.after_step(encoder, step / many)
        losses.append(float(outcome.loss.detach()))
    return losses


def adamw(*modules: torch.nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW([p for m in modules for p in m.parameters() if p.requires_grad], lr=1e-3)


@pytest.mark.parametrize("part", TAUGHT_BY_A_TEACHER)
def test_a_teacher_starts_as_a_copy_and_follows_at_the_stated_pace(made: Callable[..., Any], part: Any) -> None:
    encoder, views, batch = made("convnet", 16)
    task = part(encoder, seed=1, momentum=0.9)
    teacher: MovingTeacher = task.teacher
    copied = teacher.parts[0]
    assert all(torch.equal(a, b) and a is not b for a, b in zip(copied.state_dict().values(), encoder.state_dict().values(), strict=True))
    assert not any(p.requires_grad for p in teacher.parameters())
    before = [p.clone() for p in copied.parameters()]
    optimizer = adamw(encoder, task)
    task.solve(encoder, task.pose(batch, views, torch.Generator().manual_seed(0))).loss.backward()
    assert all(p.grad is None for p in teacher.parameters())
    optimizer.step()
    task.after_step(encoder, 0.5)  # halfway the cosine has halved the pace
    for old, now, student in zip(before, copied.parameters(), encoder.parameters(), strict=True):
        assert torch.allclose(now, old + 0.05 * (student.detach() - old), atol=1e-6)
    before = [p.clone() for p in copied.parameters()]
    task.after_step(encoder, 1.0)
    assert all(torch.allclose(a, b, atol=1e-7) for a, b in zip(before, copied.parameters(), strict=True))


def test_a_teacher_has_no_dropout_and_its_batch_norms_follow_the_mode() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Dropout(0.9), torch.nn.BatchNorm1d(4))
    teacher = MovingTeacher([net], 0.9).train()
    assert [m.training for m in teacher.parts[0]] == [False, False, True]  # type: ignore[union-attr]
    assert not any(m.training for m in teacher.eval().modules())


@pytest.mark.parametrize("name", names("pretext task"))
@pytest.mark.parametrize("encoder_name", ["convnet", "causal", "gpt"])
def test_a_run_goes_on_exactly_from_its_state(made: Callable[..., Any], encoder_name: str, name: str) -> None:
    """Five steps at once, or three, written down, read into new parts, and two more."""
    encoder, views, batch = made(encoder_name, 12)
    encoder.dropout = 0.0  # draws from the learner's generator, which is not the task's to keep
    for module in encoder.modules():
        if hasattr(module, "share"):
            module.share = 0.0
    part = load("pretext task", name)
    if part.refuses(encoder, views):
        return
    task = part(encoder, seed=1)
    fresh, fresh_task = copy.deepcopy(encoder), part(made(encoder_name, 12, seed=7)[0], seed=9)
    optimizer, rng = adamw(encoder, task), torch.Generator().manual_seed(4)
    steps(task, encoder, views, batch, optimizer, rng, 3)
    saved = copy.deepcopy((encoder.state_dict(), task.state_dict(), optimizer.state_dict(), rng.get_state()))
    wanted = steps(task, encoder, views, batch, optimizer, rng, 2)
    fresh.load_state_dict(saved[0])
    fresh_task.load_state_dict(saved[1])
    again, rng_again = adamw(fresh, fresh_task), torch.Generator()
    again.load_state_dict(saved[2])
    rng_again.set_state(saved[3])
    assert steps(fresh_task, fresh, views, batch, again, rng_again, 2) == wanted
    assert all(torch.equal(a, b) for a, b in zip(task.state_dict().values(), fresh_task.state_dict().values(), strict=True))


@pytest.mark.parametrize("name", names("pretext task"))
@pytest.mark.parametrize("encoder_name", ["vit", "causal", "gpt"])
def test_a_batch_of_one_does_not_crash(made: Callable[..., Any], encoder_name: str, name: str) -> None:
    encoder, views, batch = made(encoder_name, 1)
    part = load("pretext task", name)
    if part.refuses(encoder, views):
        return
    task = part(encoder, seed=1)
    outcome = task.solve(encoder, task.pose(batch, views, torch.Generator().manual_seed(0)))
    outcome.loss.backward()
    assert bool(torch.isfinite(outcome.loss))
    grads = [p.grad for p in [*encoder.parameters(), *task.parameters()] if p.grad is not None]
    assert all(bool(torch.isfinite(g).all()) for g in grads)


@pytest.mark.parametrize("name", names("pretext task"))
@pytest.mark.parametrize("encoder_name", ["convnet", "causal", "gpt"])
def test_under_autocast_the_loss_is_float32_and_about_the_same(made: Callable[..., Any], encoder_name: str, name: str) -> None:
    encoder, views, batch = made(encoder_name, 16)
    part = load("pretext task", name)
    if part.refuses(encoder, views):
        return
    encoder.eval()
    task = part(encoder, seed=1).eval()
    puzzle = task.pose(batch, views, torch.Generator().manual_seed(0))
    whole = task.solve(encoder, puzzle)
    with torch.autocast("cpu", torch.bfloat16):
        half = task.solve(encoder, puzzle)
    assert half.loss.dtype == torch.float32
    assert float(half.loss.detach()) == pytest.approx(float(whole.loss.detach()), rel=0.05, abs=0.02)
    half.loss.backward()
    grads = [p.grad for p in task.parameters() if p.grad is not None]
    assert grads == [] or all(bool(torch.isfinite(g).all()) for g in grads)


@pytest.mark.parametrize("name", names("pretext task"))
def test_first_weights_depend_on_the_seed_alone(made: Callable[..., Any], name: str) -> None:
    part = load("pretext task", name)
    for encoder_name in ("convnet", "causal", "gpt"):
        encoder, views, _ = made(encoder_name, 4)
        if part.refuses(encoder, views):
            continue
        chance = torch.get_rng_state()
        one, two, other = (part(encoder, seed=s).state_dict() for s in (1, 1, 2))
        assert torch.equal(chance, torch.get_rng_state())
        assert all(torch.equal(a, b) for a, b in zip(one.values(), two.values(), strict=True))
        heads = [k for k in one if not k.startswith("teacher") and one[k].ndim > 1]
        assert heads == [] or any(not torch.equal(one[k], other[k]) for k in heads)


def test_a_teacher_at_momentum_0_is_the_student_to_the_end() -> None:
    net = torch.nn.Linear(4, 4)
    teacher = MovingTeacher([net], 0.0)
    for progress in (0.0, 0.5, 1.0):
        with torch.no_grad():
            net.weight.add_(1.0)
        teacher.follow([net], progress)
        assert torch.equal(teacher.parts[0].weight, net.weight)  # type: ignore[arg-type]

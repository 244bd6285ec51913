"""Contextual: the pieces overlap as said, the loss is TS2Vec's, what isn't real is not compared."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch
from tacit.nets.encoders.dilated import Dilated
from tacit.nets.encoders.patches import Patches
from tacit.nets.views.series import SeriesViews
from tacit.pretext.contextual import Contextual, contrasted, hierarchical

LAYOUT = Layout("series", "number", (42,), 2)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbered(valid: bool = False) -> Batch:
    """Each step says its number and its sample."""
    values = torch.stack([torch.arange(42.0).repeat(8, 1), torch.arange(8.0).unsqueeze(1).repeat(1, 42)], -1)
    if not valid:
        return Batch(values)
    real = torch.ones_like(values, dtype=torch.bool)
    real[0, 20:] = False
    real[1, :30] = False
    return Batch(values * real, real)


@pytest.mark.parametrize("patch", [1, 4])
def test_pieces_overlap_where_they_say(patch: int) -> None:
    views, lengths = SeriesViews(LAYOUT, (patch,)), set()
    for seed in range(30):
        one, two, shared = views.overlapping(numbered(), rng(seed))
        assert torch.equal(one.values[:, len(one.values[0]) - shared * patch :], two.values[:, : shared * patch])
        assert (one.values[..., 0].diff(dim=1) == 1).all() and (two.values[:, :, 1] == torch.arange(8.0).unsqueeze(1)).all()
        assert one.values.shape == two.values.shape and one.values.shape[1] % patch == 0
        lengths |= {shared}
        assert views.hidden(one, 0.5, rng()).shape == (8, one.values.shape[1] // patch)
    assert min(lengths) <= 4 and max(lengths) > 24 // patch  # short and long ones
    starts = one.values[:, 0, 0]
    assert len(starts.unique()) > 1 or one.values.shape[1] > 36


def by_the_paper(first: Tensor, second: Tensor) -> float:
    """Equations 1 and 2 and algorithm 1, with loops."""
    total, scales = 0.0, 0
    while True:
        b, n = first.shape[:2]
        for i in range(b):
            for t in range(n):
                for r, other in ((first, second), (second, first)):
                    agree = r[i, t] @ other[i, t]
                    times = [r[i, t] @ other[i, u] for u in range(n)] + [r[i, t] @ r[i, u] for u in range(n) if u != t]
                    samples = [r[i, t] @ other[j, t] for j in range(b)] + [r[i, t] @ r[j, t] for j in range(b) if j != i]
                    total_here = torch.stack(samples).logsumexp(0) - agree
                    if n > 1:
                        total_here = total_here + torch.stack(times).logsumexp(0) - agree
                    total += 0.5 * float(total_here) / (2 * b * n)
        scales += 1
        if n == 1:
            return total / scales
        even = n // 2 * 2
        first, second = (x[:, :even].unflatten(1, (-1, 2)).amax(2) for x in (first, second))


def test_loss_is_that_of_the_paper() -> None:
    first, second = torch.randn(3, 5, 4, generator=rng(1)), torch.randn(3, 5, 4, generator=rng(2))
    found = hierarchical(first, second, None, 256)
    assert found.shape == (3,) and abs(float(found.mean()) - by_the_paper(first, second)) < 1e-5
    all_real = hierarchical(first, second, torch.ones(3, 5, dtype=torch.bool), 256)
    assert torch.allclose(found, all_real, atol=1e-5)


def test_what_is_not_real_is_not_compared() -> None:
    first, second = torch.randn(3, 6, 4, generator=rng(1)), torch.randn(3, 6, 4, generator=rng(2))
    valid = torch.ones(3, 6, dtype=torch.bool)
    valid[0, 2:5] = valid[2] = False
    other = [torch.where(valid.unsqueeze(-1), x, 50.0) for x in (first, second)]
    found = hierarchical(first, second, valid, 256)
    assert torch.isfinite(found).all() and torch.allclose(found, hierarchical(*other, valid, 256))
    short = contrasted(first[:1, [0, 1, 5]], second[:1, [0, 1, 5]], None)
    assert torch.allclose(contrasted(first[:1], second[:1], valid[:1])[:, [0, 1, 5]], short, atol=1e-5)


def test_long_overlaps_are_compared_over_time_once_halved() -> None:
    first, second = torch.randn(2, 64, 4, generator=rng(1)), torch.randn(2, 64, 4, generator=rng(2))
    found = hierarchical(first, second, None, 16)
    assert torch.isfinite(found).all() and not torch.allclose(found, hierarchical(first, second, None, 256))


@pytest.mark.parametrize("valid", [False, True])
@pytest.mark.parametrize("kind", [Dilated, Patches])
def test_it_learns(kind: type[Dilated] | type[Patches], valid: bool) -> None:
    encoder = kind(LAYOUT, 1, width=16, **({"hidden": 8} if kind is Dilated else {"depth": 1, "steps": 2}))
    views, task = SeriesViews(LAYOUT, encoder.patch), Contextual(encoder)
    assert task.refuses(encoder, views) is None
    x = torch.randn(8, 42, 2, generator=rng(4)).cumsum(1)
    b = Batch(x, numbered(True).valid if valid else None)
    optimizer, losses = torch.optim.Adam(encoder.parameters(), 3e-3), []
    for step in range(60):
        outcome = task.solve(encoder, task.pose(b, views, rng(step % 6)))
        optimizer.zero_grad()
        outcome.loss.backward()
        optimizer.step()
        losses.append(float(outcome.loss.detach()))
    assert torch.isfinite(torch.tensor(losses)).all() and sum(losses[-6:]) < 0.9 * sum(losses[:6])
    assert outcome.errors is not None and outcome.errors.shape == (8,)


def test_it_refuses_what_is_too_short() -> None:
    encoder = Dilated(Layout("series", "number", (3,), 1), 1, width=8, hidden=4)
    assert "too short" in (Contextual.refuses(encoder, SeriesViews(encoder.layout, (1,))) or "")

"""Losses of agreement against slow loops, at their corners, and under autocast."""

from __future__ import annotations

import math

import pytest
import torch

from tacit.pretext.agreement_losses import contrast, distance, off_normal, variance_and_covariance


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("decoupled", [False, True])
def test_nt_xent_is_the_one_of_the_paper(decoupled: bool) -> None:
    a, b, heat = random(5, 3), random(5, 3, seed=1), 0.3
    z = torch.cat([a, b])
    z = z / z.norm(dim=1, keepdim=True)
    wanted = []
    for i in range(10):
        j = (i + 5) % 10
        others = [k for k in range(10) if k != i and not (decoupled and k == j)]
        wanted.append(-math.log(math.exp(float(z[i] @ z[j]) / heat) / sum(math.exp(float(z[i] @ z[k]) / heat) for k in others)))
    each, _ = contrast(a, b, heat, decoupled)
    assert torch.allclose(each, 0.5 * (torch.tensor(wanted[:5]) + torch.tensor(wanted[5:])), atol=1e-5)
    swapped, _ = contrast(b, a, heat, decoupled)
    assert torch.allclose(each, swapped, atol=1e-6), "symmetric"


def test_one_pair_has_no_negatives_and_no_loss() -> None:
    a = random(1, 4).requires_grad_()
    each, _ = contrast(a, random(1, 4, seed=1), 0.2, True)
    each.sum().backward()
    assert a.grad is not None and bool(torch.isfinite(a.grad).all()) and float(each.detach().sum()) == pytest.approx(0, abs=1e-5)


def test_losses_are_float32_under_autocast() -> None:
    a, b = random(8, 16).bfloat16(), random(8, 16, seed=1).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = [contrast(a, b, 0.1, False)[0], distance(a, b), *variance_and_covariance(a), off_normal(a, random(16, 8, seed=2))]
    wanted = [contrast(a.float(), b.float(), 0.1, False)[0], distance(a.float(), b.float()), *variance_and_covariance(a.float())]
    assert all(f.dtype == torch.float32 for f in found)
    assert all(torch.allclose(f, w, atol=1e-6) for f, w in zip(found, wanted, strict=False))


def test_distance_is_0_for_one_direction_and_4_for_opposite_ones() -> None:
    a = random(6, 5)
    assert torch.allclose(distance(a, 3 * a), torch.zeros(6), atol=1e-6) and torch.allclose(distance(a, -a), torch.full((6,), 4.0), atol=1e-6)


def test_variance_and_covariance_are_those_of_the_paper() -> None:
    z = random(50, 4)
    lacking, covariance = variance_and_covariance(z)
    cov = torch.cov(z.T)
    assert float(lacking) == pytest.approx(float(torch.relu(1 - (cov.diagonal() + 1e-4).sqrt()).mean()), abs=1e-6)
    assert float(covariance) == pytest.approx(float((cov.square().sum() - cov.diagonal().square().sum()) / 4), abs=1e-6)
    assert float(variance_and_covariance(torch.ones(50, 4))[0]) == pytest.approx(0.99)


def test_a_round_cloud_is_normal_and_a_point_or_a_line_is_not() -> None:
    directions = random(6, 64, seed=3)
    directions = directions / directions.norm(dim=0)
    cloud = random(512, 6)
    line = torch.cat([cloud[:, :1], torch.zeros(512, 5)], 1)
    normal, of_line, of_point = (float(off_normal(z, directions)) for z in (cloud, line, torch.zeros(512, 6)))
    assert normal < 2 < 10 * normal < of_line < of_point

"""The recurrent encoder: step ≡ forward, causal, bounded, its scan's gradients, its starts."""

from __future__ import annotations

import pytest
import torch

from tacit.nets.recurrent import RecurrentEncoder, scan

LIVES = (3.0, 30.0)


def data(batch: int = 3, length: int = 50, features: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(1)
    valid = torch.rand(batch, length, features, generator=g) > 0.1
    return torch.randn(batch, length, features, generator=g) * 2 * valid, valid, torch.rand(batch, length, generator=g) * 10


def encoder_for(layers: int = 2) -> RecurrentEncoder:
    encoder = RecurrentEncoder(5, LIVES, 16, layers, seed=2)
    torch.nn.init.normal_(encoder.linear.weight, std=0.2, generator=torch.Generator().manual_seed(3))
    encoder.standardise(*data(8))
    return encoder


@pytest.mark.parametrize("layers", [1, 2])
def test_step_is_forward(layers: int) -> None:
    encoder, (z, valid, dt) = encoder_for(layers), data()
    tokens, state, found = encoder(z, valid, dt), encoder.start(3), []
    assert tokens.shape == (3, 50, encoder.width == 10 and 10)
    for t in range(50):
        token, state = encoder.step(z[:, t], valid[:, t], dt[:, t], state)
        found.append(token)
    assert torch.allclose(tokens, torch.stack(found, 1), atol=1e-5)
    assert state.shape == (3, encoder.state_width)


def test_causal_and_bounded() -> None:
    encoder, (z, valid, dt) = encoder_for(), data()
    other = z.clone()
    other[:, 30:] = 1e6
    before, after = encoder(z, valid, dt), encoder(other, valid, dt)
    assert torch.equal(before[:, :30], after[:, :30])
    assert torch.isfinite(after).all()
    assert encoder.units_of(encoder.states(other, valid, dt)).abs().max() <= 4


def test_scan_and_its_gradients() -> None:
    g = torch.Generator().manual_seed(0)
    keep, new, start = (torch.rand(s, generator=g, dtype=torch.float64, requires_grad=True) for s in ((2, 6, 3), (2, 6, 3), (2, 3)))
    last, slow = start, []
    for t in range(6):
        last = keep[:, t] * last + new[:, t]
        slow.append(last)
    assert torch.allclose(scan(keep, new, start), torch.stack(slow, 1))
    assert torch.autograd.gradcheck(scan, (keep, new, start))


def test_seeds_make_encoders() -> None:
    one, two, three = (RecurrentEncoder(5, LIVES, 16, 2, seed=s).state_dict() for s in (1, 1, 2))
    assert all(torch.equal(one[k], two[k]) for k in one)
    assert any(not torch.equal(one[k], three[k]) for k in one)


def test_tokens_are_standardised_and_start_as_the_linear_forecast() -> None:
    encoder = RecurrentEncoder(5, LIVES, 16, 2, seed=2)
    z, valid, dt = data(64, 64)
    encoder.start_linear(z, valid, dt)
    assert not encoder.gated.weight.any()
    guess = encoder.forecasts(z, encoder.states(z, valid, dt)).detach()[:, 8:-16, 5:]  # sixteen steps ahead
    moved = z[:, 24:] - z[:, 8:-16]
    assert float(((moved - guess) ** 2).mean()) < 0.9 * float((moved**2).mean())
    encoder.standardise(z, valid, dt)
    tokens = encoder(z, valid, dt)[:, 16:].reshape(-1, 10)
    assert tokens.mean(0).abs().max() < 1e-4 and torch.allclose(tokens.std(0), torch.ones(10), atol=1e-3)

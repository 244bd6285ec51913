"""Encoders of series: shapes, seeds, no look ahead, what is hidden or not real changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tacit.contracts.catalog import load
from tacit.contracts.errors import DataError
from tacit.contracts.layout import Layout, Samples
from tacit.nets.encoder import Batch, Encoder
from tacit.nets.encoders._shares import Shares

LENGTH, CHANNELS = 50, 3
LAYOUT = Layout("series", "number", (LENGTH,), CHANNELS, mean=(0.0, 5.0, -1.0), deviation=(1.0, 10.0, 0.1))
MADE: list[tuple[str, dict[str, Any]]] = [
    ("dilated", {"width": 16, "hidden": 8}),
    ("dilated", {"width": 16, "hidden": 8, "normalise": "instance", "pool": "mean"}),
    ("causal", {"width": 16, "hidden": 8}),
    ("causal", {"width": 16, "hidden": 8, "pool": "largest"}),
    ("patches", {"width": 16, "depth": 2, "steps": 4}),
    ("patches", {"width": 16, "depth": 2, "steps": 4, "normalise": "centred"}),
]


def made(name: str, options: dict[str, Any], seed: int = 1) -> Encoder:
    encoder: Encoder = load("encoder", name)(LAYOUT, seed=seed, **options)
    return encoder.eval()


def batch(valid: bool = False) -> Batch:
    rng = torch.Generator().manual_seed(3)
    values = torch.randn(6, LENGTH, CHANNELS, generator=rng) * torch.tensor(LAYOUT.deviation) + torch.tensor(LAYOUT.mean)
    if not valid:
        return Batch(values)
    real = torch.rand(values.shape, generator=rng) > 0.2
    real[1, 30:] = False  # padding after
    real[2, :20] = False  # and before
    return Batch(values * real, real)


@pytest.mark.parametrize(("name", "options"), MADE)
@pytest.mark.parametrize("valid", [False, True])
def test_shapes_and_gradients(name: str, options: dict[str, Any], valid: bool) -> None:
    encoder, b = made(name, options), batch(valid)
    tokens, pooled, real = encoder(b, torch.zeros(6, *encoder.grid, dtype=torch.bool))
    assert tokens.shape == (6, encoder.grid[0], 16) and pooled.shape == (6, 16)
    assert (real is None) == (not valid)
    if real is not None:
        assert real.shape == tokens.shape[:2] and not real[1, -3:].any() and not real[2, :3].any()
    (pooled.square().sum() + tokens.square().sum()).backward()
    still = [n for n, p in encoder.named_parameters() if p.grad is None or (p.grad == 0).all()]
    assert still == ["mask_token"]  # nothing was hidden


@pytest.mark.parametrize(("name", "options"), MADE)
def test_weights_come_from_the_seed_alone(name: str, options: dict[str, Any]) -> None:
    before = torch.get_rng_state()
    one, two, other = (made(name, options, seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[k], two[k]) for k in one)
    assert any(not torch.equal(one[k], other[k]) for k in one)


@pytest.mark.parametrize(("name", "options"), MADE)
def test_what_is_not_real_changes_nothing(name: str, options: dict[str, Any]) -> None:
    encoder, b = made(name, options), batch(valid=True)
    assert b.valid is not None
    for other in (1e6, float("nan")):
        noise = Batch(torch.where(b.valid, b.values, other), b.valid)
        for found, same in zip(encoder(b), encoder(noise), strict=True):
            assert torch.equal(found, same)


@pytest.mark.parametrize(("name", "options"), MADE)
def test_all_real_is_the_same_as_no_mask(name: str, options: dict[str, Any]) -> None:
    encoder, b = made(name, options), batch()
    full = Batch(b.values, torch.ones_like(b.values, dtype=torch.bool))
    assert torch.allclose(encoder(b).pooled, encoder(full).pooled, atol=1e-5)
    assert torch.allclose(encoder(b).tokens, encoder(full).tokens, atol=1e-5)


@pytest.mark.parametrize(("name", "options"), MADE)
@pytest.mark.parametrize("padded", [2, 40])
def test_how_much_padding_there_is_changes_nothing(name: str, options: dict[str, Any], padded: int) -> None:
    """A series of 50 steps, alone and with padding after it, up to whole pieces."""
    encoder, b = made(name, options), batch()
    valid = torch.zeros(6, LENGTH + padded, CHANNELS, dtype=torch.bool)
    valid[:, :LENGTH] = True
    longer = Batch(torch.nn.functional.pad(b.values, (0, 0, 0, padded), value=7.0), valid)
    short = Batch(b.values, valid[:, :LENGTH])
    assert torch.allclose(encoder(longer).pooled, encoder(short).pooled, atol=1e-4)


@pytest.mark.parametrize(("name", "options"), MADE)
def test_what_is_hidden_is_not_seen(name: str, options: dict[str, Any]) -> None:
    encoder, b = made(name, options), batch()
    hidden = torch.zeros(6, *encoder.grid, dtype=torch.bool)
    hidden[:, 3:6] = True
    steps = hidden.repeat_interleave(encoder.patch[0], 1)[:, :LENGTH].unsqueeze(-1)
    other = Batch(torch.where(steps, 3.0, b.values))
    assert torch.equal(encoder(b, hidden).tokens, encoder(other, hidden).tokens)
    assert torch.equal(encoder(b, hidden).pooled, encoder(other, hidden).pooled)
    assert not torch.allclose(encoder(b, hidden).tokens, encoder(b).tokens)


@pytest.mark.parametrize("valid", [False, True])
@pytest.mark.parametrize("pool", ["last", "largest", "mean"])
def test_causal_does_not_look_ahead(valid: bool, pool: str) -> None:
    encoder, b = made("causal", {"width": 16, "hidden": 8, "pool": pool}), batch(valid)
    later = Batch(b.values.clone(), None if b.valid is None else b.valid.clone())
    later.values[:, 25:] = 9.0
    if later.valid is not None:
        later.valid[:, 25:] = ~later.valid[:, 25:]
    assert encoder.causal
    assert torch.equal(encoder(b).tokens[:, :25], encoder(later).tokens[:, :25])
    assert not torch.allclose(encoder(b).pooled, encoder(later).pooled)


def test_last_is_the_last_real_step() -> None:
    encoder, b = made("causal", {"width": 16, "hidden": 8}), batch(valid=True)
    assert b.valid is not None
    found, last = encoder(b), b.valid.any(-1).long().cumsum(1).argmax(1)
    assert last[1] < 30
    assert torch.equal(found.pooled, found.tokens[torch.arange(6), last])


@pytest.mark.parametrize(("name", "options"), MADE)
def test_a_sample_of_nothing_is_finite(name: str, options: dict[str, Any]) -> None:
    b = batch(valid=True)
    assert b.valid is not None
    b.valid[0] = False
    features = made(name, options)(b)
    assert torch.isfinite(features.pooled).all() and torch.isfinite(features.tokens).all()
    assert features.valid is not None and not features.valid[0].any()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match="reads series"):
        load("encoder", "dilated")(Layout("text", "category", (8,)))
    with pytest.raises(DataError, match="whole length"):
        load("encoder", "causal")(LAYOUT, normalise="instance")
    with pytest.raises(DataError, match="heads"):
        load("encoder", "patches")(LAYOUT, width=10, heads=4)
    with pytest.raises(DataError, match="normalise"):
        load("encoder", "patches")(LAYOUT, normalise="instance")
    with pytest.raises(DataError, match="thresholds"):
        load("encoder", "patches")(LAYOUT, thresholds=0)


def samples_of(b: Batch) -> Samples:
    return Samples(b.values.numpy(), None if b.valid is None else b.valid.numpy())


@pytest.mark.parametrize("valid", [False, True])
def test_centred_tokens_do_not_know_levels_and_the_embedding_does(valid: bool) -> None:
    encoder, b = made("patches", {"width": 16, "steps": 4, "normalise": "centred"}), batch(valid)
    encoder.begin(samples_of(b))
    encoder.settle(samples_of(b))
    higher = Batch(b.values + 2 * torch.tensor(LAYOUT.deviation), b.valid)
    assert torch.allclose(encoder(b).tokens, encoder(higher).tokens, atol=1e-4)
    shares, level = encoder.embedding(b).split((16 * 8, 32), 1)
    same, other = encoder.embedding(higher).split((16 * 8, 32), 1)
    torch.testing.assert_close(shares, same)
    assert encoder.outputs == 16 * 8 + 32 and (level - other).norm(dim=1).min() > 0.1
    torch.testing.assert_close(*(x.sub(x.mean(0)).square().mean() for x in (shares, level)))  # column by column


def test_shares_are_how_often_a_token_is_above_thresholds() -> None:
    shares = Shares(2, 4, seed=0)
    tokens = torch.randn(500, 8, 2, generator=torch.Generator().manual_seed(1)) * 3 + 5
    shares.settle(tokens.flatten(0, 1))
    found = (shares(tokens, None) @ shares.turn.T).view(500, 4, 2)  # turned back
    torch.testing.assert_close(found.mean(0)[:, 0], torch.tensor([0.875, 0.625, 0.375, 0.125]), atol=0.01, rtol=0)
    valid = torch.zeros(500, 8, dtype=torch.bool)
    valid[:, :3] = True
    far = torch.where(valid.unsqueeze(-1), tokens, 1e6)
    torch.testing.assert_close(shares(far, valid), shares(tokens[:, :3], None))
    assert not shares(far, torch.zeros_like(valid)).any()


def test_random_convolutions_can_stand_beside() -> None:
    b = batch(valid=True)
    for name, options, width in (("dilated", {"width": 16, "hidden": 8}, 16), ("patches", {"width": 16, "steps": 4, "thresholds": 2}, 32)):
        encoder = made(name, {**options, "simple": True})
        encoder.begin(samples_of(b))
        encoder.settle(samples_of(b))
        both = encoder.embedding(b)
        assert both.shape == (6, 2 * width) == (6, encoder.outputs)
        assert both[:, width:].abs().max() > 0


@pytest.mark.parametrize("valid", [False, True])
def test_centred_contents_have_no_level_and_the_unit_of_what_moves_within(valid: bool) -> None:
    b = batch(valid)
    views = load("views", "series")(LAYOUT, (5,), within=(0.5, 1.0, 2.0))
    content, real = views.content(b)
    steps = content.view(6, LENGTH, CHANNELS)
    many = LENGTH if real is None else real.view(6, LENGTH, CHANNELS).sum(1).clamp_min(1)
    assert (steps.sum(1) / many).abs().max() < 1e-4
    plain = load("views", "series")(LAYOUT, (5,)).content(b)[0].view(6, LENGTH, CHANNELS)
    first = plain[0, 1] - plain[0, 0]
    if not valid:
        torch.testing.assert_close(steps[0, 1] - steps[0, 0], first / torch.tensor([0.5, 1.0, 2.0]))

"""Encoders of texts: padding changes nothing, hidden tokens can't be seen, causal where they say so, drawn from the seed alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tacit.contracts.errors import DataError
from tacit.contracts.layout import Layout, Samples
from tacit.nets.encoder import Batch, Encoder
from tacit.nets.encoders.bagged import Bagged
from tacit.nets.encoders.gpt import GPT
from tacit.nets.encoders.transformer import Transformer

SPECIAL = {"pad": 0, "mask": 1, "cls": 2, "sep": 3, "unk": 4, "inside": 40}
LAYOUT = Layout("text", "category", (12,), vocabulary=50, special=SPECIAL)


def batch(lengths: tuple[int, ...] = (12, 7, 1, 4), size: int = 12, seed: int = 0) -> Batch:
    valid = torch.arange(size) < torch.tensor(lengths).unsqueeze(1)
    ids = torch.randint(5, 50, (len(lengths), size), generator=torch.Generator().manual_seed(seed))
    return Batch(ids * valid, valid)


def stirred(part: type[Encoder]) -> Encoder:
    """An encoder whose ways back are no zeros, as after some learning."""
    encoder = part(LAYOUT, seed=1, **({} if part is Bagged else {"depth": 2, "heads": 2}), width=16)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return encoder.eval()


PARTS = [Transformer, GPT, Bagged]


@pytest.mark.parametrize("part", PARTS)
def test_shapes_and_grid(part: type[Encoder]) -> None:
    encoder, b = stirred(part), batch()
    features = encoder(b)
    assert features.tokens.shape == (4, 12, 16) and features.pooled.shape == (4, 16) and encoder.grid == (12,)
    assert features.valid is b.valid and torch.isfinite(features.tokens).all()
    assert len(Batch(b.values[:0], b.valid)) == 0 and not isinstance(encoder.mean, torch.nn.Parameter)


@pytest.mark.parametrize("part", PARTS)
def test_padding_changes_nothing(part: type[Encoder]) -> None:
    """A text alone, in company of longer ones, and without its padding."""
    encoder, b = stirred(part), batch()
    together = encoder(b)
    for row, length in enumerate((12, 7, 1, 4)):
        alone = encoder(Batch(b.values[row : row + 1, :length]))
        assert torch.allclose(alone.pooled[0], together.pooled[row], atol=1e-5)
        assert torch.allclose(alone.tokens[0], together.tokens[row, :length], atol=1e-5)


@pytest.mark.parametrize("part", PARTS)
def test_a_hidden_token_cannot_be_seen(part: type[Encoder]) -> None:
    encoder, b = stirred(part), batch()
    hidden = torch.zeros(4, 12, dtype=torch.bool)
    hidden[:2, 3] = True
    other = Batch(b.values.clone(), b.valid)
    other.values[:2, 3] = (other.values[:2, 3] + 1) % 50
    one, two = encoder(b, hidden), encoder(other, hidden)
    assert torch.equal(one.tokens, two.tokens) and not torch.allclose(one.pooled[:2], encoder(b).pooled[:2])


@pytest.mark.parametrize("part", [Transformer, GPT])
def test_what_comes_later_is_seen_by_the_one_and_not_by_the_other(part: type[Encoder]) -> None:
    encoder, b = stirred(part), batch((12, 12))
    later = Batch(b.values.clone(), b.valid)
    later.values[:, 8:] = 7
    same = torch.allclose(encoder(b).tokens[:, :8], encoder(later).tokens[:, :8], atol=1e-6)
    assert same == part.causal
    moved = Batch(b.values.roll(1, 1), b.valid)
    assert not torch.allclose(encoder(b).pooled, encoder(moved).pooled, atol=1e-4), "order must count"


@pytest.mark.parametrize("part", PARTS)
def test_first_weights_come_from_the_seed_alone(part: type[Encoder]) -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    one = part(LAYOUT, seed=3, width=16)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(9)
    two, other = part(LAYOUT, seed=3, width=16), part(LAYOUT, seed=4, width=16)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_the_last_token_can_be_the_embedding() -> None:
    b = batch()
    encoder = GPT(LAYOUT, width=16, pooling="last").eval()
    features = encoder(b)
    assert torch.equal(features.pooled, features.tokens[torch.arange(4), torch.tensor([12, 7, 1, 4]) - 1])


@pytest.mark.parametrize("part", PARTS)
def test_refusals(part: type[Encoder]) -> None:
    with pytest.raises(DataError, match="reads texts, not samples of series"):
        part(Layout("series", "number", (12,)))
    if part is not Bagged:
        with pytest.raises(DataError, match="heads can't share"):
            part(LAYOUT, width=18, heads=4)


def topics(n: int = 300) -> tuple[Samples, np.ndarray]:
    """Texts of eight words each out of one of two sets of twenty, and some that all share; which set."""
    rng = np.random.default_rng(0)
    topic = rng.integers(0, 2, n)
    own = rng.integers(5, 25, (n, 8)) + 20 * topic[:, None]
    ids = np.where(rng.random((n, 8)) < 0.4, rng.integers(45, 50, (n, 8)), own)
    return Samples(np.pad(ids, ((0, 0), (0, 4))).astype(np.int32), np.pad(np.ones((n, 8), np.bool_), ((0, 0), (0, 4)))), topic


def test_bagged_starts_from_which_words_share_texts() -> None:
    samples, topic = topics()
    encoder, other = Bagged(LAYOUT, seed=3, width=16), Bagged(LAYOUT, seed=3, width=16)
    before = torch.get_rng_state()
    encoder.begin(samples)
    other.begin(samples)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(encoder.parameters(), other.parameters(), strict=True))
    weights = encoder.weight.detach()
    assert weights[45:].max() < weights[5:45].min(), "words of all texts weigh less"
    pooled = encoder(Batch.of(samples)).pooled.detach().numpy()
    assert abs(pooled.mean(0)).max() < 0.5 and np.allclose((pooled**2).mean(1), 1, atol=1e-3)
    sides = [pooled[:150][topic[:150] == k].mean(0) for k in (0, 1)]
    guess = (pooled[150:] @ (sides[1] - sides[0])) > 0
    assert (guess == topic[150:]).mean() > 0.95
    spread = pooled.std(0)
    assert spread.max() < 10 * spread.min(), "no column carries all"


def test_bagged_texts_of_one_word_have_no_company() -> None:
    encoder = Bagged(LAYOUT, width=16)
    before = encoder.embed.weight.detach().clone()
    encoder.begin(Samples(np.full((9, 12), 7, np.int32), np.arange(12) < np.ones((9, 1))))
    assert torch.equal(before, encoder.embed.weight) and torch.isfinite(encoder(batch()).pooled).all()

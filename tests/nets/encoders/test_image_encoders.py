"""Encoders of pictures: shapes, first weights from a seed alone, and that what is hidden is not seen."""

from __future__ import annotations

import pytest
import torch

from tacit.contracts.catalog import load
from tacit.contracts.errors import DataError
from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch, Encoder
from tacit.nets.encoders.convnet import ConvNet
from tacit.nets.encoders.resnet18 import ResNet18
from tacit.nets.encoders.vit import ViT

SIZES = [((28, 28), 1), ((32, 32), 3), ((30, 45), 3), ((128, 96), 3)]


def layout(size: tuple[int, int] = (32, 32), channels: int = 3) -> Layout:
    return Layout("image", "number", size, channels, mean=(120.0,) * channels, deviation=(60.0,) * channels)


def make(name: str, size: tuple[int, int] = (32, 32), channels: int = 3, seed: int = 0) -> Encoder:
    options = {"resnet18": {"base": 8}, "convnet": {"base": 8}, "vit": {"width": 32, "depth": 2, "heads": 2}}
    encoder = load("encoder", name)(layout(size, channels), seed, **options[name])
    assert isinstance(encoder, Encoder)
    return encoder.eval()


def pictures(size: tuple[int, int] = (32, 32), channels: int = 3, many: int = 3) -> Batch:
    return Batch(torch.randint(0, 256, (many, channels, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)))


NAMES = ["convnet", "resnet18", "vit"]


@pytest.mark.parametrize(("size", "channels"), SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_tokens_lie_on_the_grid(name: str, size: tuple[int, int], channels: int) -> None:
    encoder = make(name, size, channels)
    features = encoder(pictures(size, channels))
    tokens = encoder.grid[0] * encoder.grid[1]
    assert features.tokens.shape == (3, tokens, encoder.width) and features.pooled.shape == (3, encoder.width)
    assert tokens >= 9 and features.valid is None
    assert torch.isfinite(features.tokens).all() and features.pooled.std(0).mean() > 1e-3
    floats = encoder(Batch(pictures(size, channels).values.float()))
    assert torch.equal(floats.pooled, features.pooled)


@pytest.mark.parametrize("name", NAMES)
def test_first_weights_come_from_the_seed_alone(name: str) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one = make(name)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(6)
    again, other = make(name), make(name, seed=1)
    weights = dict(one.state_dict())
    assert all(torch.equal(w, weights[k]) for k, w in again.state_dict().items())
    assert any(not torch.equal(w, weights[k]) for k, w in other.state_dict().items())


@pytest.mark.parametrize("size", [(32, 32), (30, 45), (128, 96)])
@pytest.mark.parametrize("name", NAMES)
def test_what_is_hidden_is_not_seen(name: str, size: tuple[int, int]) -> None:
    encoder = make(name, size)
    (rows, columns), (high, wide) = encoder.grid, encoder.patch
    hidden = torch.zeros(3, rows, columns, dtype=torch.bool)
    hidden[:, 1, :2] = True
    one, other = pictures(size), pictures(size).values.clone()
    other[:, :, high : 2 * high, : 2 * wide] = 255 - other[:, :, high : 2 * high, : 2 * wide]
    flat = hidden.view(3, -1)
    assert torch.equal(encoder(one, flat).tokens, encoder(Batch(other), flat).tokens)
    assert not torch.equal(encoder(one).tokens, encoder(Batch(other)).tokens)
    assert not torch.equal(encoder(one, flat).tokens, encoder(one).tokens)


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_learns(name: str) -> None:
    encoder = make(name).train()
    hidden = torch.zeros(3, encoder.grid[0] * encoder.grid[1], dtype=torch.bool)
    hidden[:, :3] = True
    features = encoder(pictures(), hidden)
    (features.pooled.square().sum() + features.tokens[:, 1].sum()).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in encoder.parameters())


def test_known_sizes() -> None:
    assert 11_100_000 < sum(p.numel() for p in ResNet18(layout()).parameters()) < 11_200_000
    assert ResNet18(layout()).patch == (8, 8) and ResNet18(layout((96, 96))).patch == (32, 32)
    assert [ViT(layout(s)).patch[0] for s in ((32, 32), (96, 96), (224, 224))] == [4, 8, 16]
    assert ConvNet(layout((28, 28))).patch == (8, 8)


def test_a_class_token_is_none_of_the_tokens() -> None:
    encoder = ViT(layout(), width=32, depth=1, heads=2, pooling="cls").eval()
    features = encoder(pictures())
    assert features.tokens.shape == (3, 64, 32) and not torch.allclose(features.pooled, features.tokens.mean(1))


@pytest.mark.parametrize("name", NAMES)
def test_other_data_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="reads images"):
        load("encoder", name)(Layout("series", "number", (100,), 3))

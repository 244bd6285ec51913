"""Simple features: what they measure, that they stand beside what is learned in balance, and that no task sees them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tacit.contracts.layout import Layout, Samples
from tacit.evaluation.embedding import FrozenEncoder
from tacit.evaluation.rungs.untrained import fresh
from tacit.nets import simple_features
from tacit.nets.encoder import Batch
from tacit.nets.encoders.convnet import ConvNet
from tacit.nets.simple.image import DIRECTIONS, ImageSimple
from tacit.nets.simple.series import SeriesSimple
from tacit.nets.simple_features import Aside, SimpleFeatures

GREY = Layout("image", "number", (32, 32), 1, mean=(100.0,), deviation=(50.0,))
COLOUR = Layout("image", "number", (32, 32), 3, mean=(100.0,) * 3, deviation=(50.0,) * 3)


def pictures(many: int, channels: int = 3, size: tuple[int, int] = (32, 32)) -> Samples:
    """Smooth ones: noise drawn coarsely and enlarged."""
    coarse = torch.rand(many, channels, 4, 4, generator=torch.Generator().manual_seed(1))
    return Samples((255 * torch.nn.functional.interpolate(coarse, size, mode="bilinear")).to(torch.uint8).numpy())


@pytest.mark.parametrize("turned", [False, True])
def test_an_edge_votes_for_its_direction(turned: bool) -> None:
    x = torch.zeros(1, 1, 32, 32)
    x[..., 18:] = 255  # inside a cell: gradients point across
    if turned:
        x = x.transpose(2, 3)
    measure = ImageSimple(GREY)
    shapes = measure(x)[0, : measure.shapes].view(-1, DIRECTIONS)
    voted = {k for k, share in enumerate(shapes.sum(0).tolist()) if share > 1e-3}
    assert voted == ({4} if turned else {0, 8})  # across lies between the first and the last of the circle


def test_colours_are_counted_in_the_whole_and_in_quarters() -> None:
    x = torch.zeros(1, 3, 32, 32)
    x[:, 0, :16, :16] = 255  # red, above left
    measure = ImageSimple(COLOUR)
    shares = measure(x)[0, measure.shapes :].view(5, 64).square()
    red, black = 3 * 16, 0
    torch.testing.assert_close(shares[:, red], torch.tensor([0.25, 1, 0, 0, 0]))
    torch.testing.assert_close(shares[:, black], torch.tensor([0.75, 0, 1, 1, 1]))


@pytest.mark.parametrize(("size", "channels"), [((96, 96), 3), ((5, 90), 1), ((7, 7), 3), ((1, 40), 1)])
def test_all_sizes_are_measured(size: tuple[int, int], channels: int) -> None:
    layout = Layout("image", "number", size, channels, mean=(100.0,) * channels, deviation=(50.0,) * channels)
    measure = ImageSimple(layout)
    found = measure(torch.from_numpy(pictures(3, channels, size).values))
    assert found.shape == (3, measure.measures) and bool(torch.isfinite(found).all())


@pytest.mark.parametrize("many", [5, 200])
def test_both_halves_vary_alike(many: int) -> None:
    encoder, samples = ConvNet(COLOUR, 0, base=8), pictures(many)
    encoder.begin(samples)
    encoder.train()
    encoder.settle(samples)
    assert encoder.training
    x = FrozenEncoder(encoder).embed(samples)
    assert x.shape == (many, encoder.outputs) == (many, 2 * encoder.width)
    learned, simple = ((half - half.mean(0)).astype(float) for half in np.split(x, 2, axis=1))
    assert (learned**2).sum() == pytest.approx((simple**2).sum(), rel=0.01) and (learned**2).sum() > 0
    columns = simple.std(0)
    assert columns.max() < 6 * columns.mean()  # turned: no column has it all


def test_distances_are_those_of_what_was_measured() -> None:
    """The rotation changes none, and 16 directions hold what so few samples have."""
    encoder, samples = ConvNet(COLOUR, 0, base=8), pictures(16)
    encoder.begin(samples)
    measured = ImageSimple(COLOUR)(torch.from_numpy(samples.values))
    second = encoder.embedding(Batch.of(samples))[:, encoder.width :].detach()
    scale = torch.pdist(second) / torch.pdist(measured)
    assert float(scale.std() / scale.mean()) < 1e-3


def test_tasks_do_not_see_them() -> None:
    encoder, samples = ConvNet(COLOUR, 0, base=8), pictures(8)
    encoder.begin(samples)
    assert encoder(Batch.of(samples)).pooled.shape == (8, encoder.width)
    assert not list(encoder.aside.parameters())  # type: ignore[union-attr]


def test_the_untrained_rung_has_the_same() -> None:
    encoder, samples = ConvNet(COLOUR, 0, base=8), pictures(64)
    encoder.begin(samples)
    encoder.settle(samples)
    other = fresh(encoder, samples, 1)
    assert encoder.aside is not None and other.aside is not None
    torch.testing.assert_close(other.aside.turn, encoder.aside.turn)
    x, y = (FrozenEncoder(e).embed(samples)[:, encoder.width :] for e in (encoder, other))
    x, y = (v / np.sqrt((v**2).sum()) for v in (x, y))
    np.testing.assert_allclose(x, y, atol=1e-5)  # the same but for the balance


def test_they_can_be_left_out() -> None:
    encoder, samples = ConvNet(COLOUR, 0, base=8, simple=False), pictures(8)
    encoder.begin(samples)
    encoder.settle(samples)
    assert encoder.aside is None and FrozenEncoder(encoder).embed(samples).shape == (8, encoder.width)


def test_they_travel_with_the_model(tmp_path: Path) -> None:
    import tacit

    x = pictures(64).values
    learned = tacit.learn(x, modality="image", steps=3, encoder="convnet:base=8", out=tmp_path / "m")
    back = tacit.load(tmp_path / "m")
    assert back.width == 2 * learned.model.encoder.width
    np.testing.assert_array_equal(back.embed(x), learned.embed(x))
    assert float(back.model.encoder.aside.balance) > 0 and float(back.model.encoder.aside.turn.abs().sum()) > 0
    further = tacit.learn(x, modality="image", steps=2, start=tmp_path / "m")
    torch.testing.assert_close(further.model.encoder.aside.turn, back.model.encoder.aside.turn)


def test_series_are_measured_by_random_convolutions_and_gaps_are_allowed() -> None:
    layout = Layout("series", "number", (40,), 3, mean=(0.0,) * 3, deviation=(1.0,) * 3)
    x = torch.randn(12, 40, 3, generator=torch.Generator().manual_seed(2)).cumsum(1)
    valid = torch.ones_like(x, dtype=torch.bool)
    valid[3, 30:] = False
    measure = SeriesSimple(layout)
    measure.begin(x, valid)
    found = measure(x, valid)
    assert found.shape == (12, measure.measures) and 0 <= float(found.min()) < float(found.max()) <= 1
    other = SeriesSimple(layout)
    other.load_state_dict(measure.state_dict())
    torch.testing.assert_close(other(x, valid), found)
    assert not torch.equal(SeriesSimple(layout, seed=1)(x), SeriesSimple(layout)(x))


def test_what_hardly_varied_does_not_run_away_on_new_data() -> None:
    layout = Layout("series", "number", (40,), 1, mean=(0.0,), deviation=(1.0,))
    x = torch.sin(torch.arange(40.0) / 3).repeat(30, 1)[..., None] + 0.001 * torch.randn(30, 40, 1, generator=torch.Generator().manual_seed(3))
    aside = Aside(SeriesSimple(layout), 16, 0)
    aside.begin(Samples(x.numpy()))
    new = aside(torch.randn(5, 40, 1, generator=torch.Generator().manual_seed(4)), None, torch.zeros(5, 16))[:, 16:]
    known = aside(x, None, torch.zeros(30, 16))[:, 16:]
    assert float(new.norm(dim=1).max()) < 25 * float(known.norm(dim=1).max())


def test_they_stand_beside_every_reading() -> None:
    encoder, samples = ConvNet(COLOUR, 0, base=8), pictures(40)
    encoder.begin(samples)
    encoder.settle(samples)
    found = FrozenEncoder(encoder).readings(samples)
    assert len(found) >= 3
    for value in found.values():
        np.testing.assert_array_equal(value[:, -encoder.width :], found["embedding"][:, encoder.width :])


def test_a_reader_that_fails_leaves_gradients_on() -> None:
    """Else whatever learns next in this process cannot."""
    encoder, samples = ConvNet(COLOUR, 0, base=8), pictures(40)
    asked = FrozenEncoder(encoder, batch=16).features(samples)
    assert not next(asked).pooled.requires_grad
    assert torch.is_grad_enabled()


class Brightness(SimpleFeatures):
    """One number."""

    measures = 1

    def forward(self, values: Tensor, valid: Tensor | None = None) -> Tensor:
        return values.float().flatten(1).mean(1, keepdim=True)


def test_they_are_found_by_the_name_of_the_modality(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part is one file in its folder."""
    asked: list[tuple[str, str]] = []

    def found(kind: str, name: str) -> type[SimpleFeatures]:
        asked.append((kind, name))
        return Brightness

    monkeypatch.setattr(simple_features, "load", found)
    encoder = ConvNet(COLOUR, 3, base=8)
    assert asked == [("simple features", "image")] and encoder.aside is not None
    assert isinstance(encoder.aside.features, Brightness) and encoder.aside.features.seed == 3

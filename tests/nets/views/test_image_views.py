"""Views of pictures: what they keep, what they change, what `forbidden` takes away, and that a generator decides all of it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tacit.contracts.errors import UnknownName
from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch
from tacit.nets.views._image_colour import hue_turns
from tacit.nets.views.image import ImageViews

ALL = frozenset(ImageViews.kinds)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def layout(channels: int = 3, size: tuple[int, int] = (32, 32)) -> Layout:
    return Layout("image", "number", size, channels, mean=(120.0,) * channels, deviation=(60.0,) * channels)


def smooth(many: int = 8, channels: int = 3, size: tuple[int, int] = (32, 32)) -> Batch:
    """Pictures of a few large blobs: resampling hardly loses anything of them."""
    coarse = torch.rand(many, channels, 4, 4, generator=rng(9)) * 255
    return Batch(torch.nn.functional.interpolate(coarse, size=size, mode="bicubic").clamp(0, 255).to(torch.uint8))


@pytest.mark.parametrize(("channels", "size"), [(3, (32, 32)), (1, (28, 28)), (3, (96, 64)), (2, (30, 40))])
def test_views_keep_shape_and_range_and_follow_the_generator(channels: int, size: tuple[int, int]) -> None:
    batch, views = smooth(8, channels, size), ImageViews(layout(channels, size), (8, 8))
    state = torch.get_rng_state()
    for view in (views.strong, views.weak, views.corrupted):
        one, again, other = (view(batch, rng(s)).values for s in (1, 1, 2))
        assert one.shape == batch.values.shape and one.dtype == torch.float32
        assert one.min() >= 0 and one.max() <= 255
        assert torch.equal(one, again) and not torch.equal(one, other)
    assert torch.equal(state, torch.get_rng_state())


def test_two_strong_views_of_one_picture_are_nearer_than_those_of_two() -> None:
    batch, views = smooth(64), ImageViews(layout(), (8, 8))
    one, two = (views.strong(batch, rng(s)).values.flatten(1) for s in (1, 2))
    far = torch.cdist(one, two)
    assert far.diagonal().mean() < 0.9 * far.mean()


def test_all_forbidden_changes_nothing() -> None:
    batch, views = smooth(), ImageViews(layout(), (8, 8), ALL)
    for view in (views.strong, views.weak):
        assert torch.allclose(view(batch, rng()).values, batch.values.float(), atol=1e-3)


def only(*names: str, size: tuple[int, int] = (32, 32), channels: int = 3) -> ImageViews:
    return ImageViews(layout(channels, size), (8, 8), ALL - set(names))


def test_only_flips_gives_the_picture_or_its_mirror() -> None:
    batch = smooth(64)
    out, own = only("flip").strong(batch, rng()).values, batch.values.float()
    same = torch.isclose(out, own, atol=1e-3).flatten(1).all(1)
    mirrored = torch.isclose(out, own.flip(3), atol=1e-3).flatten(1).all(1)
    assert (same ^ mirrored).all() and 16 < same.sum() < 48


def test_only_crops_is_what_interpolation_of_the_cut_piece_gives() -> None:
    """A piece that begins at whole pixels, enlarged by the reference; inside, where no neighbour of the piece enters."""
    from tacit.nets.views._image_geometry import Window, resampled

    x = smooth(1).values
    start, length, straight = torch.tensor([8.0]), torch.tensor([16.0]), torch.tensor([False])
    ours = resampled(x, Window(start, length, straight), Window(start, length, straight))
    reference = torch.nn.functional.interpolate(x[:, :, 8:24, 8:24].float(), size=(32, 32), mode="bilinear")
    assert torch.allclose(ours[..., 1:-1, 1:-1], reference[..., 1:-1, 1:-1], atol=1e-3)


def test_gray_alone_gives_luma_one_time_in_five() -> None:
    out = only("gray").strong(smooth(400), rng()).values
    drained = (out.amax(1) - out.amin(1)).flatten(1).amax(1) < 1e-2
    assert 50 < drained.sum() < 110


def test_colour_keeps_luma_and_light_keeps_the_hue() -> None:
    batch = Batch(smooth(64).values // 4 + 96)  # far from both ends, so that nothing is cut off
    luma = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    own = batch.values.float()
    coloured = only("colour").strong(batch, rng()).values
    assert torch.allclose((coloured * luma).sum(1), (own * luma).sum(1), atol=0.5)
    assert (coloured - own).abs().mean() > 1
    lit = only("light").strong(batch, rng()).values

    def differences(x: Tensor) -> Tensor:
        return (x[:, 0] - x[:, 1]).flatten(1)

    assert (torch.cosine_similarity(differences(lit), differences(own)) > 0.999).all()


def test_contrast_is_about_the_mean_luma_of_what_it_is_applied_to() -> None:
    from tacit.nets.views._image_colour import Colouring

    x = torch.rand(2, 3, 8, 8, generator=rng()) * 100 + 50
    both = Colouring(2, 3)
    both.brightness(torch.tensor([1.2, 0.8]))
    both.contrast(torch.tensor([0.5, 1.1]))
    lit = x * torch.tensor([1.2, 0.8]).view(2, 1, 1, 1)
    mean = (lit * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True).mean((2, 3), keepdim=True)
    kept = torch.tensor([0.5, 1.1]).view(2, 1, 1, 1)
    assert torch.allclose(both.applied(x), (kept * lit + (1 - kept) * mean).clamp(0, 255), atol=1e-2)


def test_a_third_of_a_hue_turn_takes_red_nearest_to_another_primary() -> None:
    turned = hue_turns(torch.tensor([0.0, 1 / 3, 1.0]))
    assert torch.allclose(turned[0], torch.eye(3), atol=1e-5) and torch.allclose(turned[2], torch.eye(3), atol=1e-5)
    assert int((turned[1] @ torch.tensor([1.0, 0, 0])).argmax()) != 0


def test_blur_is_for_larger_pictures_and_one_in_two() -> None:
    large = smooth(64, size=(64, 64))
    noisy = Batch((torch.rand(64, 3, 64, 64, generator=rng()) * 255).to(torch.uint8))
    out = only("blur", size=(64, 64)).strong(noisy, rng(3)).values
    rougher = out.diff(dim=3).abs().mean((1, 2, 3)) / noisy.values.float().diff(dim=3).abs().mean((1, 2, 3))
    assert 16 < (rougher < 0.9).sum() < 48 and (rougher < 1.001).all()
    assert torch.allclose(out.mean((2, 3)), noisy.values.float().mean((2, 3)), atol=6)
    assert large.values.shape == out.shape
    assert torch.allclose(only("blur").strong(smooth(), rng()).values, smooth().values.float(), atol=1e-3)


def test_one_channel_has_noise_but_no_colour() -> None:
    gray = smooth(8, 1)
    assert not torch.equal(only("noise", channels=1).strong(gray, rng()).values, gray.values.float())
    views = ImageViews(layout(1), (8, 8))
    assert "1 channel" in str(views.why_not("colour")) and views.why_not("views") is None
    assert views.why_not("order") is not None
    assert "square" in str(ImageViews(layout(3, (32, 48)), (8, 8)).why_not("rotate"))
    assert ImageViews(layout(), (8, 8)).why_not("colour") is None


def test_unknown_views_are_refused() -> None:
    with pytest.raises(UnknownName, match="flip"):
        ImageViews(layout(), (8, 8), frozenset({"flipp"}))
    with pytest.raises(UnknownName, match="noise"):
        ImageViews(layout(), (8, 8)).nuisance("nois", 1, smooth(), rng())


@pytest.mark.parametrize("blocks", [False, True])
@pytest.mark.parametrize("share", [0.01, 0.25, 0.6, 1.0])
def test_exactly_the_share_is_hidden(blocks: bool, share: float) -> None:
    views = ImageViews(layout(3, (32, 48)), (4, 4))
    mask = views.hidden(smooth(64, 3, (32, 48)), share, rng(), blocks)
    assert mask.shape == (64, 96) and mask.dtype == torch.bool
    assert (mask.sum(1) == min(max(1, round(share * 96)), 95)).all()
    often = mask.float().mean(0)
    if 0.2 < share < 1:
        assert often.min() > 0.2 * share and (mask[0] != mask[1]).any()


def test_blocks_hang_together() -> None:
    views = ImageViews(layout(), (4, 4))
    alone, blocks = (views.hidden(smooth(64), 0.3, rng(), b).view(64, 8, 8) for b in (False, True))

    def edges(mask: Tensor) -> float:
        return float((mask[:, 1:] != mask[:, :-1]).float().mean() + (mask[:, :, 1:] != mask[:, :, :-1]).float().mean())

    assert edges(blocks) < 0.6 * edges(alone)


def test_content_is_what_the_patch_shows() -> None:
    batch = smooth(2, 3, (30, 40))
    views = ImageViews(layout(3, (30, 40)), (8, 8))
    content, real = views.content(batch)
    assert content.shape == (2, 20, 192) and real is not None and real.shape == content.shape
    z = (batch.values.float() - 120) / 60
    assert torch.allclose(content[1, 7].view(3, 8, 8), z[1, :, 8:16, 16:24])  # second row, third column
    assert real[0, 19].view(3, 8, 8)[:, :6].all() and not real[0, 19].view(3, 8, 8)[:, 6:].any()
    assert ImageViews(layout(), (8, 8)).content(smooth())[1] is None


def test_turns_go_round() -> None:
    batch, views = smooth(4), ImageViews(layout(), (8, 8))
    classes = torch.tensor([0, 1, 2, 3])
    turned = views.turned(batch, classes)
    assert torch.equal(turned.values[0], batch.values[0]) and torch.equal(turned.values[1], torch.rot90(batch.values[1], 1, (1, 2)))
    assert torch.equal(views.turned(turned, (4 - classes) % 4).values, batch.values)


def test_drained_has_luma_in_all_channels() -> None:
    drained = ImageViews(layout(), (8, 8)).drained(smooth()).values
    assert torch.equal(drained[:, 0], drained[:, 1]) and torch.equal(drained[:, 0], drained[:, 2])
    assert torch.allclose(drained[:, 0], (smooth().values.float() * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1), atol=1e-3)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ImageViews(layout(), (8, 8)).nuisances)
def test_nuisances_grow_with_severity(name: str, channels: int) -> None:
    batch, views = smooth(64, channels), ImageViews(layout(channels), (8, 8))
    outs = [views.nuisance(name, severity, batch, rng(1)).values for severity in range(1, 6)]
    assert all(out.shape == batch.values.shape and out.min() >= 0 and out.max() <= 255 for out in outs)
    away = [float((out - batch.values.float()).square().mean()) for out in outs]
    assert away == sorted(away) and away[0] > 0 and away[4] > 1.5 * away[0]
    assert torch.equal(outs[2], views.nuisance(name, 3, batch, rng(1)).values)

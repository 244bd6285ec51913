"""Which views would destroy what pictures show: made pictures with and without a side, and the real sets."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tacit.checks.view_advice import advise


@pytest.fixture(scope="module")
def data() -> Path:
    if "TACIT_DATA" not in os.environ:
        pytest.skip("TACIT_DATA names no folder of real sets")
    return Path(os.environ["TACIT_DATA"])


def arrows(many: int, both_ways: bool) -> NDArray[np.uint8]:
    """Three bars that grow to the right, at random heights and strengths; half of them mirrored, where both ways."""
    rng = np.random.default_rng(4)
    x = rng.integers(60, 100, (many, 1, 24, 24))
    for k in range(many):
        for bar in range(3):
            top, high = rng.integers(0, 10), 4 * (bar + 1)
            x[k, 0, top : top + high, 3 + 7 * bar : 7 + 7 * bar] += rng.integers(80, 150)
    if both_ways:
        x[::2] = x[::2, :, :, ::-1]
    return x.astype(np.uint8)


def test_a_flip_is_off_where_left_and_right_differ() -> None:
    sided = advise(arrows(300, False), np.random.default_rng(0))
    assert "left and right differ" in sided.forbidden["flip"] and sided.figures["own_nearer_than_mirrored"] > 0.8
    assert "flip" not in advise(arrows(300, True), np.random.default_rng(0)).forbidden


def test_the_same_generator_gives_the_same_advice() -> None:
    pictures = arrows(300, True)
    assert advise(pictures, np.random.default_rng(1)) == advise(pictures, np.random.default_rng(1))


def test_gray_in_three_channels_has_no_colour() -> None:
    gray = np.repeat(arrows(60, True), 3, 1)
    assert {"colour", "gray"} <= set(advise(gray, np.random.default_rng(0)).forbidden)
    gray[:, 0] //= 2
    assert not {"colour", "gray"} & set(advise(gray, np.random.default_rng(0)).forbidden)


def test_crops_stay_large_where_things_stand_on_a_plain_ground() -> None:
    plain = np.zeros((60, 1, 24, 24), np.uint8)
    plain[:, :, 6:18, 6:18] = arrows(60, True)[:, :, 6:18, 6:18]
    advice = advise(plain, np.random.default_rng(0))
    assert advice.options == {"least": 0.5} and "plain ground" in advice.reasons["least"]
    assert not advise(arrows(60, True), np.random.default_rng(0)).options


def test_few_pictures_decide_nothing_and_odd_ones_do_not_break_it() -> None:
    assert not advise(arrows(10, False), np.random.default_rng(0)).forbidden
    assert "flip" not in advise(np.zeros((50, 3, 7, 90), np.uint8), np.random.default_rng(0)).forbidden


def unpacked(path: Path, many: int) -> NDArray[np.uint8]:
    with zipfile.ZipFile(path) as archive:
        names = sorted(n for n in archive.namelist() if n.endswith(".jpg"))[:many]
        return np.stack([np.asarray(Image.open(io.BytesIO(archive.read(n))).convert("RGB")) for n in names]).transpose(0, 3, 1, 2)


def test_real_sets(data: Path) -> None:
    """Digits and chest X-rays have a left and a right; things and flowers have none, and have colour."""
    packed = gzip.decompress((data / "image_mnist" / "train-images-idx3-ubyte.gz").read_bytes())
    digits = np.frombuffer(packed, np.uint8, offset=16).reshape(-1, 1, 28, 28)
    x_rays = np.load(data / "image_pneumoniamnist" / "images.npz")["train_images"][:, None]
    things = unpacked(data / "image_cifar10" / "train.zip", 2000)
    flowers = unpacked(data / "image_flowers" / "images.zip", 600)
    advice = {
        name: advise(x, np.random.default_rng(0))
        for name, x in zip(("digits", "x_rays", "things", "flowers"), (digits, x_rays, things, flowers), strict=True)
    }
    assert set(advice["digits"].forbidden) == {"flip"} == set(advice["x_rays"].forbidden)
    assert not advice["things"].forbidden and not advice["flowers"].forbidden
    assert set(advice["digits"].options) == {"least"} and not advice["x_rays"].options and not advice["things"].options

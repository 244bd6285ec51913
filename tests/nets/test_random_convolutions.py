"""Random convolutions: the features are the shares that the paper defines; gaps and padding; accuracy near the published one on real sets."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tacit.nets import random_convolutions
from tacit.nets.random_convolutions import KERNELS, features


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def series(n: int = 12, length: int = 60, channels: int = 3) -> NDArray[np.float32]:
    return rng(5).normal(size=(n, length, channels)).cumsum(1).astype(np.float32) * np.array([1, 100, 0.01][:channels], np.float32)


def test_kernels_and_counts() -> None:
    assert len(KERNELS) == 84 and len({tuple(k) for k in KERNELS}) == 84
    for length in (1, 5, 9, 24, 300):
        found = features(series(4, length), None, rng())(series(4, length), None)
        assert found.shape == (4, 9996) and np.isfinite(found).all()
        assert found.min() >= 0 and found.max() <= 1
    assert features(series(), None, rng(), 500)(series(), None).shape == (12, 420)


def test_a_feature_is_the_share_of_steps_above_the_bias(monkeypatch: pytest.MonkeyPatch) -> None:
    """One channel, by numpy.convolve: each kernel's answers on the whole length, for every other one without the edges."""
    x = series(6, 40, 1)
    kept = {}
    fit = random_convolutions._fit
    monkeypatch.setattr(random_convolutions, "_fit", lambda *a: (fit(*a), kept.update(dilations=a[3], many=a[4], biases=a[7]))[0])
    found = features(x, None, rng(), 840)(x, None)
    z = (x[..., 0] - x.mean(dtype=np.float64)) / x.std(dtype=np.float64)
    at = 0
    for d, dilation in enumerate(kept["dilations"]):
        for j, where in enumerate(KERNELS):
            kernel = np.zeros(8 * dilation + 1)
            kernel[::dilation] = -1
            kernel[where * dilation] = 2
            over = 4 * dilation
            for _ in range(kept["many"][d]):
                for row in (0, 5):
                    out = np.convolve(np.pad(z[row], over), kernel[::-1], "valid")
                    out = out[over:-over] if (d + j) % 2 and len(out) > 2 * over else out
                    near = np.abs(out - kept["biases"][at]) < 1e-4  # rounding decides these
                    assert abs(found[row, at] - (out > kept["biases"][at]).mean()) <= near.mean() + 1e-6
                at += 1
    assert at == found.shape[1]


def test_the_same_generator_gives_the_same() -> None:
    x = series()
    one, two, other = (features(x, None, rng(s))(x, None) for s in (1, 1, 2))
    assert (one == two).all() and (one != other).any()


def test_scale_and_level_of_channels_do_not_matter() -> None:
    x = series()
    other = x * np.array([3, 0.5, 200], np.float32) + np.array([10, -5, 3], np.float32)
    assert np.abs(features(x, None, rng())(x, None) - features(other, None, rng())(other, None)).mean() < 2e-3


def test_what_is_not_real_changes_nothing() -> None:
    x, valid = series(), np.ones((12, 60, 3), np.bool_)
    valid[0, 40:] = valid[1, :10] = valid[2, 20:25, 1] = valid[3, :, 2] = valid[4] = False
    found = []
    for filler in (0.0, 7.0, np.nan):
        other = np.where(valid, x, np.float32(filler))
        found.append(features(other, valid, rng())(other, valid))
    assert (found[0] == found[1]).all() and (found[0] == found[2]).all() and np.isfinite(found[0]).all()


def test_padding_is_not_looked_at() -> None:
    x = series()
    longer, valid = np.pad(x, ((0, 0), (5, 20), (0, 0))), np.zeros((12, 85, 3), np.bool_)
    valid[:, 5:65] = True
    transform = features(x, None, rng())
    assert np.allclose(transform(x, None), transform(longer, valid))


def test_a_constant_channel_says_nothing() -> None:
    x = series()
    x[..., 1] = 4.0
    assert np.isfinite(features(x, None, rng())(x, None)).all()


@pytest.fixture(scope="module")
def data() -> Path:
    if "TACIT_DATA" not in os.environ:
        pytest.skip("TACIT_DATA names no folder of real recordings")
    return Path(os.environ["TACIT_DATA"]) / "ts_ucr_uea"


@pytest.mark.parametrize(("name", "published"), [("BasicMotions", 1.0), ("GunPoint", 0.992), ("ItalyPowerDemand", 0.96), ("JapaneseVowels", 0.98)])
def test_within_a_point_of_the_published_mean(data: Path, name: str, published: float) -> None:
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    arrays, labels = np.load(data / f"{name}.npz"), np.load(data / "labels" / f"{name}.npz")
    train, test = (arrays[part].swapaxes(1, 2) for part in ("train", "test"))
    scores = []
    for seed in range(3):
        transform = features(train, None, rng(seed))
        ridge = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)))
        scores.append(ridge.fit(transform(train, None), labels["train"]).score(transform(test, None), labels["test"]))
    assert np.mean(scores) > published - 0.01

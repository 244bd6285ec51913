"""Series of unequal lengths with holes: padded at the end, what is missing is marked, constant channels are kept and named."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.connect.open_pool import open_pool
from tacit.contracts.errors import DataError
from tacit.contracts.layout import Layout
from tacit.modalities.series import Series, windows

RNG = np.random.default_rng


def test_unequal_lengths_are_padded_and_holes_marked():
    raw = [np.ones((5, 2), np.float32), np.array([[1, np.nan], [np.inf, 4], [5, 6]], np.float32)]
    made = Series.fit(open_pool(raw), RNG(0))
    assert made.layout.size == (5,) and made.layout.channels == 2
    samples, at, refused = made.arrays(raw, ["a", "b"])
    assert at.tolist() == [0, 1] and not refused
    assert samples.valid is not None and samples.values.dtype == np.float32 and np.isfinite(samples.values).all()
    assert samples.valid[1].tolist() == [[True, False], [False, True], [True, True], [False, False], [False, False]]
    assert (samples.values[~samples.valid] == 0).all()
    shown = made.show(samples.values[1], samples.valid[1])
    assert np.array_equal(shown[:3], np.where(np.isfinite(raw[1]), raw[1], np.nan), equal_nan=True) and np.isnan(shown[3:]).all()


def test_statistics_are_of_real_values_alone():
    rng = RNG(0)
    raw = [rng.normal(3e4, 2, (n, 3)).astype(np.float32) for n in rng.integers(5, 60, 40)]
    for s in raw:
        s[rng.random(s.shape) < 0.2] = np.nan
    made, flat = Series.fit(open_pool(raw), RNG(0)), np.concatenate(raw).astype(np.float64)
    assert np.allclose(made.layout.mean, np.nanmean(flat, 0)) and np.allclose(made.layout.deviation, np.nanstd(flat, 0), rtol=1e-4)


def test_a_constant_channel_is_kept_and_named():
    raw = RNG(0).normal(size=(20, 30, 3)).astype(np.float32)
    raw[:, :, 1] = 7.3
    made = Series.fit(open_pool(raw), RNG(0))
    assert made.constant == (1,) and made.layout.channels == 3 and made.layout.deviation[1] == 1 and made.layout.mean[1] == pytest.approx(7.3)
    again = Series.restore(Layout.of(made.layout.facts()), made.files())
    assert again.layout == made.layout and again.constant == (1,)


def test_what_is_no_series_is_refused():
    made = Series.fit(open_pool(RNG(0).normal(size=(4, 10, 2))), RNG(0))
    raw = [np.full((10, 2), np.nan), np.ones((10, 3)), OSError("gone"), np.ones((12, 2)), np.ones((0, 2)), "text"]
    samples, at, refused = made.arrays(raw, list("abcdef"))
    assert at.tolist() == [3] and samples.values.shape == (1, 10, 2)
    assert [r.name for r in refused] == list("abcef")
    assert refused[0].reason == "no finite number in it" and refused[1].reason == "3 channels where 2 are expected" and refused[2].reason == "gone"


def test_nothing_to_fit_is_an_error():
    with pytest.raises(DataError, match="no finite number"):
        Series.fit(open_pool(np.full((4, 10), np.nan)), RNG(0))
    with pytest.raises(DataError, match=r"3,000 steps.*window"):
        Series.fit(open_pool(np.zeros((200, 3000), np.float32) + np.arange(3000)), RNG(0))


def test_windows_are_views_begun_every_stride():
    series = np.arange(20.0).reshape(10, 2)
    cut = windows(series, 4, 3)
    assert cut.shape == (3, 4, 2) and np.shares_memory(cut, series)
    assert all(np.array_equal(cut[k], series[3 * k : 3 * k + 4]) for k in range(3))
    assert windows(series, 4).shape == (4, 4, 2) and windows(series, 11).shape == (0, 11, 2)


def test_a_token_is_named_by_its_steps():
    made = Series(Layout("series", "number", (10,), 2, mean=(0.0, 0.0), deviation=(1.0, 1.0)))
    assert made.where(2, (4,)) == "steps 8 to 9" and made.where(3) == "step 3"

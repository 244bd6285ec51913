"""What is tuned is another encoder, and one sample as an array is one sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import tacit

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 255, (24, 32, 32, 3), np.uint8)
LABELS = ["dark", "light", "none"] * 8


@pytest.fixture(scope="module")
def learned() -> tacit.LearnedEncoder:
    torch.set_num_threads(1)
    found = tacit.learn(PICTURES, steps=1, batch=8)
    assert isinstance(found, tacit.LearnedEncoder)
    return found


@pytest.mark.parametrize("fine_tune", [False, True])
def test_tuning_leaves_the_encoder_that_it_is_given(learned: tacit.LearnedEncoder, tmp_path: Path, fine_tune: bool) -> None:
    learned.save(tmp_path / "m")
    before, hash_ = tacit.embed(learned, PICTURES), learned.model.hash
    tuned = tacit.tune(learned, PICTURES, LABELS, out=tmp_path / "t", fine_tune=fine_tune)
    assert tuned is not learned and tuned.model.folder == tmp_path / "t" and learned.model.folder == tmp_path / "m"
    assert "tuned" not in learned.model.about and learned.model.hash == hash_ and np.array_equal(tacit.embed(learned, PICTURES), before)
    assert (tuned.model.encoder is learned.model.encoder) is not fine_tune and (tuned.model.hash != hash_) is fine_tune
    with pytest.raises(tacit.TacitError, match="never tuned"):
        tacit.predict(learned, PICTURES)
    other = tacit.tune(learned, PICTURES, LABELS[::-1])
    assert list(tuned.model.head) and tuned.model.head is not other.model.head and other.model.folder is None


def test_one_picture_is_one_query(learned: tacit.LearnedEncoder, tmp_path: Path) -> None:
    Image.fromarray(PICTURES[5]).save(tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as picture:
        asked = [PICTURES[5], torch.as_tensor(PICTURES[5]), picture, tmp_path / "p.png", PICTURES[5:6], [PICTURES[5]]]
        found = [tacit.search(learned, PICTURES, query, count=1) for query in asked]
    assert all(len(one) == 1 and one[0][0][0] == "5" for one in found)
    assert len(tacit.search(learned, PICTURES, PICTURES[:3])) == 3 and tacit.embed(learned, PICTURES[5]).shape[0] == 1
    assert len(tacit.search(learned, PICTURES, PICTURES[0, :, :, 0])) == 1 and len(tacit.search(learned, PICTURES, PICTURES[:3, :, :, 0])) == 3


@pytest.mark.parametrize("channels", [1, 3])
def test_one_series_is_one_query(channels: int) -> None:
    series = RNG.normal(size=(20, 16, channels)).astype(np.float32)
    learned = tacit.learn(series, steps=1)
    assert tacit.search(learned, series, series[4], count=1)[0][0][0] == "4" and len(tacit.search(learned, series, series[4])) == 1
    assert len(tacit.search(learned, series, series[:2])) == 2

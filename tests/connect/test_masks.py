"""Masks: matched with samples by name, brought to their size as they are, and refused where they are no numbers of classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tacit.connect.masks import read_masks
from tacit.connect.open_pool import open_pool
from tacit.contracts.errors import DataError

ROWS = np.array([0, 2])


def pictures(folder: Path, many: int = 3, size: tuple[int, int] = (16, 16)) -> Any:
    folder.mkdir()
    for i in range(many):
        Image.fromarray(np.full((*size, 3), 40 * i, np.uint8)).save(folder / f"p{i}.png")
    return open_pool(str(folder))


def test_pictures_of_masks_have_the_names_of_samples(tmp_path: Path) -> None:
    pool = pictures(tmp_path / "photos")
    (tmp_path / "masks").mkdir()
    truth = np.zeros((16, 16), np.uint8)
    truth[:8] = 2
    truth[0, 0] = 255
    Image.fromarray(truth).convert("P").save(tmp_path / "masks" / "p2.png")
    found, notes = read_masks(str(tmp_path / "masks"), pool, ROWS, (16, 16))
    assert (found[0] == -1).all() and found[1, 0, 0] == -1 and (found[1, 1:8] == 2).all() and (found[1, 8:] == 0).all()
    assert any("1 of 2 labelled samples have no mask" in note for note in notes)


def test_a_mask_is_fitted_as_its_picture_and_never_averaged(tmp_path: Path) -> None:
    """Twice as wide as high: the middle is cut out; every number is one that was there."""
    pool = pictures(tmp_path / "photos")
    mask = np.zeros((40, 80), np.int64)
    mask[:, 20:60] = 7
    mask[20:, 20:60] = 3
    found, _ = read_masks(np.stack([mask] * 3), pool, ROWS, (16, 16))
    assert (found[:, :8] == 7).all() and (found[:, 8:] == 3).all()
    larger, _ = read_masks(np.stack([mask] * 3), pool, ROWS, (80, 160))
    assert larger.shape == (2, 80, 160) and set(np.unique(larger)) == {0, 3, 7}


def test_arrays_lie_in_the_order_of_the_samples(tmp_path: Path) -> None:
    pool = pictures(tmp_path / "photos")
    masks = np.arange(3)[:, None, None] * np.ones((16, 16), np.int64)
    np.savez(tmp_path / "m.npz", m=masks)
    np.save(tmp_path / "m.npy", masks)
    for source in (masks, f"{tmp_path}/m.npz:m", str(tmp_path / "m.npy")):
        found, _ = read_masks(source, pool, ROWS, (16, 16))
        np.testing.assert_array_equal(found[:, 0, 0], ROWS)


def test_what_is_no_mask_is_refused(tmp_path: Path) -> None:
    pool = pictures(tmp_path / "photos")
    with pytest.raises(DataError, match=r"mode RGB.*gray or palette"):
        read_masks(str(tmp_path / "photos"), pool, ROWS, (16, 16))
    with pytest.raises(DataError, match="whole numbers of 3 dimensions, the first 3"):
        read_masks(np.zeros((3, 16, 16)), pool, ROWS, (16, 16))
    with pytest.raises(DataError, match="2, 16, 16"):
        read_masks(np.zeros((2, 16, 16), np.int64), pool, ROWS, (16, 16))
    with pytest.raises(DataError, match="Cut masks as the samples are cut"):
        read_masks(np.zeros((3, 20), np.int64), pool, ROWS, (16,))
    (tmp_path / "others").mkdir()
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(tmp_path / "others" / "q.png")
    with pytest.raises(DataError, match=r"no mask .* has the name"):
        read_masks(str(tmp_path / "others"), pool, ROWS, (16, 16))
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(tmp_path / "others" / "p0.jpg")
    with pytest.raises(DataError, match="a JPEG, which blurs numbers"):
        read_masks(str(tmp_path / "others"), pool, ROWS, (16, 16))

"""Pictures of every mode and make become one shape; what is no whole picture is refused by name."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Pillow

from tacit.connect.open_pool import open_pool
from tacit.contracts.errors import DataError
from tacit.contracts.layout import Layout
from tacit.modalities.image import Image

RGB = Layout("image", "number", (16, 16), 3, mean=(0.0,) * 3, deviation=(1.0,) * 3)
GRAY = Layout("image", "number", (16, 16), 1)


def written(picture: Pillow.Image, form: str = "PNG", **options) -> bytes:
    held = io.BytesIO()
    picture.save(held, form, **options)
    return held.getvalue()


def decoded(raw, layout: Layout = RGB) -> np.ndarray:
    samples, at, refused = Image(layout).arrays([raw], ["a"])
    assert not refused and at.tolist() == [0]
    assert samples.values.dtype == np.uint8 and samples.values.shape == (1, layout.channels, *layout.size) and samples.valid is None
    return samples.values[0]


def picture(mode: str, colour) -> Pillow.Image:
    return Pillow.new(mode, (16, 16), colour)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (written(picture("RGB", (200, 100, 50))), (200, 100, 50)),
        (written(picture("L", 77)), (77, 77, 77)),
        (written(picture("1", 1)), (255, 255, 255)),
        (written(picture("P", 0)), (0, 0, 0)),
        (written(picture("RGBA", (200, 100, 50, 0))), (255, 255, 255)),
        (written(picture("LA", (0, 128))), (127, 127, 127)),
        (written(picture("I;16", 65535)), (255, 255, 255)),
        (written(picture("I;16", 257 * 100)), (100, 100, 100)),
        (written(picture("CMYK", (0, 0, 0, 255)), "TIFF"), (0, 0, 0)),
        (written(picture("F", 128.0), "TIFF"), (128, 128, 128)),
        (written(picture("P", 3), "GIF", save_all=True, append_images=[picture("P", 9)] * 3), None),
        (np.full((16, 16), 9, np.uint8), (9, 9, 9)),
        (np.full((16, 16, 1), 9, np.uint8), (9, 9, 9)),
        (np.full((20, 30, 3), 9, np.uint8), (9, 9, 9)),
        (np.full((16, 16, 4), 255, np.uint8), (255, 255, 255)),
    ],
)
def test_every_mode_becomes_colour(raw, expected):
    seen = decoded(raw).reshape(3, -1)
    assert (seen == seen[:, :1]).all()
    if expected is not None:
        assert np.abs(seen[:, 0].astype(int) - expected).max() <= 1


def test_of_an_animation_the_first_frame_counts():
    frames = [picture("RGB", c) for c in ((250, 0, 0), (0, 250, 0))]
    seen = decoded(written(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert seen[0].mean() > 240 and seen[1].mean() < 10


def test_exif_rotation_is_applied():
    raw = np.zeros((16, 16, 3), np.uint8)
    raw[:, :8, 0] = 255  # the left half is red; turned by 90° clockwise (orientation 6) it is the upper half
    exif = Pillow.Exif()
    exif[0x0112] = 6
    seen = decoded(written(Pillow.fromarray(raw), "PNG", exif=exif))
    assert seen[0, :8].mean() > 240 and seen[0, 8:].mean() < 10


def test_the_middle_of_a_wide_picture_is_kept_unstretched():
    raw = np.zeros((32, 96), np.uint8)
    raw[:, 32:64] = 255
    assert decoded(raw, GRAY)[0, :, 1:-1].min() > 250


def test_a_large_jpeg_is_decoded_small_and_true():
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (8, 8, 3), np.uint8)
    large = Pillow.fromarray(coarse).resize((1600, 1600), Pillow.Resampling.BICUBIC)
    small = np.asarray(large.resize((16, 16), Pillow.Resampling.LANCZOS)).transpose(2, 0, 1)
    assert np.abs(decoded(written(large, "JPEG", quality=95)).astype(int) - small).mean() < 4


def test_what_is_no_whole_picture_is_refused_by_name():
    whole = written(Pillow.effect_noise((64, 64), 50), "JPEG")
    raws = [b"", b"no picture", whole[: len(whole) // 2], whole, OSError("permission denied"), np.zeros((2, 2, 2, 2), np.uint8), None]
    samples, at, refused = Image(GRAY).arrays(raws, list("abcdefg"))
    assert at.tolist() == [3] and len(samples.values) == 1
    assert [r.name for r in refused] == list("abcefg") and all(r.reason for r in refused)
    whole_size = written(Pillow.effect_noise((16, 16), 50), "JPEG")
    assert Image(GRAY).arrays([whole_size[:-60]], ["a"])[2], "also where nothing is left to be done but to read it"
    assert refused[0].reason == "empty" and "permission denied" in refused[3].reason and "truncated" in refused[2].reason


def pool_of(tmp_path, pictures: dict[str, bytes]):
    for name, raw in pictures.items():
        (tmp_path / name).write_bytes(raw)
    return open_pool(tmp_path)


def test_the_side_is_what_most_have(tmp_path):
    pool = pool_of(tmp_path, {f"{i}.png": written(Pillow.effect_noise((40, 24), 50)) for i in range(20)})
    made = Image.fit(pool, np.random.default_rng(0))
    assert made.layout.size == (24, 40) and made.layout.channels == 1
    assert abs(made.layout.mean[0] - 128) < 10 and abs(made.layout.deviation[0] - 50) < 10
    assert Image.fit(pool, np.random.default_rng(0), side=32).layout.size == (32, 32)


def test_mixed_sizes_get_a_common_square_and_one_coloured_picture_makes_all_coloured(tmp_path):
    pictures = {f"{i}.png": written(Pillow.effect_noise((30 + i, 50), 50)) for i in range(20)}
    made = Image.fit(pool_of(tmp_path, {**pictures, "c.png": written(picture("RGB", (1, 2, 3)))}), np.random.default_rng(0))
    assert made.layout.size[0] == made.layout.size[1] and made.layout.size[0] % 8 == 0 and 24 <= made.layout.size[0] <= 40
    assert made.layout.channels == 3


def test_one_picture_is_enough_to_fit_and_none_is_an_error(tmp_path):
    assert len(Image.fit(pool_of(tmp_path, {"a.png": written(picture("L", 7))}), np.random.default_rng(0)).layout.mean) == 1
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"none of 1 pictures .* a\.png: empty"):
        Image.fit(open_pool(tmp_path), np.random.default_rng(0))


def test_facts_travel_and_samples_are_shown():
    made = Image(RGB)
    again = Image.restore(Layout.of(made.layout.facts()), made.files())
    assert again.layout == made.layout
    raw = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    assert np.array_equal(made.show(decoded(raw)), raw)
    assert Image(GRAY).show(decoded(raw, GRAY)).shape == (16, 16, 3)
    assert made.where(5, (4, 4)) == "row 2, column 2"

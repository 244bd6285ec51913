"""Every form of data opens as a pool, says what it found, and is clear where it cannot."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from tacit.connect.open_pool import joined, open_pool, subset
from tacit.contracts.errors import DataError


def png(value: int = 0) -> bytes:
    held = io.BytesIO()
    Pillow.new("L", (8, 8), value).save(held, "PNG")
    return held.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, name in enumerate(["b/2.png", "a/1.png", "a/deep/3.PNG"]):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(i))
    return tmp_path / "photos"


def test_a_folder_is_read_at_any_depth_and_its_folders_are_no_labels(folder):
    pool = open_pool(folder)
    assert pool.names == ["a/1.png", "a/deep/3.PNG", "b/2.png"] and pool.modality == "image"
    assert pool.columns["folder"].tolist() == ["a", "a/deep", "b"]
    assert pool.read([2, 0]) == [png(0), png(1)]
    assert "3 image files" in pool.described


def test_what_lies_beside_samples_is_left_out_and_said(folder):
    for name in ("README.txt", "notes.xml", ".hidden.png", "__MACOSX/x.png", "labels/1.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    pool = open_pool(folder)
    assert len(pool) == 3
    said = " ".join(pool.notes)
    assert "README.txt" in said and "1 .xml" in said and "labels" in said


def test_mixed_modalities_must_be_chosen(folder):
    (folder / "a/1.txt").write_text("about the first")
    with pytest.raises(DataError, match=r"3 image files and 1 text files.*--modality"):
        open_pool(folder)
    assert open_pool(folder, "text").read([0]) == ["about the first"]
    assert len(open_pool(folder, "image")) == 3


def test_a_folder_without_samples_says_what_it_holds(tmp_path):
    with pytest.raises(DataError, match="no readable picture or text; found: no file"):
        open_pool(tmp_path)
    (tmp_path / "a.xyz").write_bytes(b"")
    with pytest.raises(DataError, match=r"1 \.xyz.*Known endings: .*\.jpg"):
        open_pool(tmp_path)
    with pytest.raises(DataError, match="there is nothing at"):
        open_pool(tmp_path / "nowhere")


def test_a_file_that_goes_away_is_an_error_in_its_place(folder):
    pool = open_pool(folder)
    (folder / "a/1.png").unlink()
    gone, there = pool.read([0, 2])
    assert isinstance(gone, OSError) and there == png(0)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_an_archive_is_read_like_a_folder_also_in_another_process(tmp_path, method):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w", method) as file:
        for i, name in enumerate(["b/2.png", "a/1.png", "a/"]):
            file.writestr(name, b"" if name.endswith("/") else png(i))
    pool = open_pool(str(path))
    assert pool.names == ["a/1.png", "b/2.png"] and pool.read([0, 1, 0]) == [png(1), png(0), png(1)]
    assert pickle.loads(pickle.dumps(pool)).read([1]) == [png(0)]


def test_a_damaged_archive_is_refused_and_a_damaged_member_stands_alone(tmp_path):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("1.png", png(1))
        file.writestr("2.png", png(2))
    whole = bytearray(path.read_bytes())
    whole[40] ^= 0xFF
    path.write_bytes(whole)
    bad, good = open_pool(path).read([0, 1])
    assert isinstance(bad, OSError) and "checksum" in str(bad) and good == png(2)
    path.write_bytes(whole[:-30])
    with pytest.raises(DataError, match="no whole zip"):
        open_pool(path)


def test_npz_with_several_arrays_must_be_told(tmp_path):
    path = tmp_path / "images.npz"
    np.savez(path, train_images=np.zeros((5, 8, 8), np.uint8), test_images=np.ones((3, 8, 8, 3), np.uint8))
    with pytest.raises(DataError, match=r"2 arrays.*images\.npz:train_images, images\.npz:test_images"):
        open_pool(path)
    with pytest.raises(DataError, match=r"no array 'x'.*images\.npz:train_images"):
        open_pool(f"{path}:x")
    pool = open_pool(f"{path}:test_images")
    assert len(pool) == 3 and pool.modality == "image" and pool.read([1])[0].shape == (8, 8, 3) and pool.names == ["0", "1", "2"]


def test_pickled_arrays_and_cut_files_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="Python objects"):
        open_pool(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", np.zeros((40, 40, 3)))
    (tmp_path / "b.npy").write_bytes((tmp_path / "b.npy").read_bytes()[:500])
    with pytest.raises(DataError, match="cannot be read"):
        open_pool(tmp_path / "b.npy")


def test_idx_whole_and_cut_off(tmp_path):
    values = np.arange(2 * 8 * 9, dtype=np.uint8).reshape(2, 8, 9)
    data = struct.pack(">HBB3I", 0, 8, 3, 2, 8, 9) + values.tobytes()
    (tmp_path / "t-idx3-ubyte").write_bytes(data)
    assert np.array_equal(open_pool(tmp_path / "t-idx3-ubyte").read([1])[0], values[1])
    (tmp_path / "t-idx3-ubyte.gz").write_bytes(gzip.compress(data))
    assert open_pool(tmp_path / "t-idx3-ubyte.gz").modality == "image"
    (tmp_path / "t-idx3-ubyte.gz").write_bytes(gzip.compress(data)[:-9])
    with pytest.raises(DataError, match="damaged or cut off"):
        open_pool(tmp_path / "t-idx3-ubyte.gz")
    (tmp_path / "t-idx3-ubyte").write_bytes(data[:-1])
    with pytest.raises(DataError, match="2 x 8 x 9 values but has 143"):
        open_pool(tmp_path / "t-idx3-ubyte")


def test_arrays_are_told_by_type_and_shape():
    for array, modality, shape in [
        (np.zeros((4, 8, 8), np.uint8), "image", (8, 8)),
        (np.zeros((4, 3, 8, 8), np.uint8), "image", (8, 8, 3)),
        (np.zeros((4, 8, 8, 3), np.float32), "image", (8, 8, 3)),
        (np.zeros((4, 50)), "series", (50, 1)),
        (np.zeros((4, 50, 6)), "series", (50, 6)),
        (np.zeros((4, 6, 50)), "series", (50, 6)),
        ([np.zeros((3, 2)), np.zeros((4, 2))], "series", (3, 2)),
        ([np.zeros((8, 8), np.uint8), np.zeros((9, 9), np.uint8)], "image", (8, 8)),
    ]:
        pool = open_pool(array)
        assert pool.modality == modality and pool.read([0])[0].shape == shape and pool.notes
    assert open_pool(["one", "two"]).read([1]) == ["two"]
    assert open_pool(np.array(["one", "two"])).read([1]) == ["two"]
    assert open_pool([png(1), png(2)]).read([1]) == [png(2)]
    assert open_pool([Pillow.new("RGB", (4, 5))]).read([0])[0].shape == (5, 4, 3)
    assert open_pool(np.zeros((4, 6, 50)), channels_first=False).read([0])[0].shape == (6, 50)


def test_numbers_of_any_range_become_bytes_for_pictures():
    assert open_pool(np.full((2, 8, 8, 3), 0.5)).read([0])[0].max() == 128
    counts = np.arange(17.0).repeat(8).reshape(1, 17, 8)
    assert open_pool(counts, "image").read([0])[0][[0, 16], 0].tolist() == [0, 255]
    assert open_pool(np.array([[[0, 200.0]] * 2]), "image").read([0])[0][0].tolist() == [0, 200]


def test_torch_tensors():
    torch = pytest.importorskip("torch")
    assert open_pool(torch.zeros(4, 3, 8, 8, requires_grad=True)).modality == "image"


@pytest.mark.parametrize("source", [[], np.zeros((0, 8, 8), np.uint8), [1, 2, 3], 7, np.zeros((2, 2), complex), [np.zeros(3), "a"], np.zeros(5)])
def test_what_holds_no_samples_is_refused(source):
    with pytest.raises(DataError):
        open_pool(source)


def test_lines_keep_their_places(tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes("one\r\n\r\nthree\u2028still three\n".encode())
    pool = open_pool(path)
    assert pool.read([0, 1, 2]) == ["one", "", "three\u2028still three"] and pool.names == ["0", "1", "2"]
    assert len(open_pool(path, whole=True)) == 1


def test_wrong_encodings(tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes("schön\nund gut\n".encode("utf-16"))
    assert open_pool(path).read([0]) == ["schön"]
    path.write_bytes("schön\nund gut\n".encode("cp1252"))
    pool = open_pool(path)
    assert pool.read([0]) == ["schön"] and "Windows-1252" in " ".join(pool.notes)
    path.write_bytes(b"\xff\x00\x01\x80" * 50)
    with pytest.raises(DataError, match="no text"):
        open_pool(path)
    path.write_bytes(b"\n \n")
    with pytest.raises(DataError, match="holds no text"):
        open_pool(path)


def test_a_line_of_ten_megabytes(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("x" * 10_000_000 + "\nshort\n")
    assert [len(t) for t in open_pool(path).read([0, 1])] == [10_000_000, 5]


def test_subset_and_joined():
    pool = open_pool(["a", "b", "c", "d"])
    some = subset(pool, np.array([False, True, False, True]))
    assert some.names == ["1", "3"] and some.read([1, 0]) == ["d", "b"] and len(subset(pool, [3])) == 1
    both = joined([some, subset(open_pool(["e", "f"]), [0, 1])])
    assert both.names == ["1/1", "1/3", "2/0", "2/1"]
    assert both.read([3, 0, 2, 1]) == ["f", "b", "e", "d"] and len(set(both.columns["pool"])) == 2
    with pytest.raises(DataError, match="image and text"):
        joined([pool, open_pool(np.zeros((2, 8, 8), np.uint8))])


def test_long_recordings_are_cut_into_windows():
    long = np.arange(1010.0)
    pool = open_pool([long, long[:20]], window=100, stride=50)
    assert len(pool) == 20 and pool.names[1] == "0@50" and pool.names[-1] == "1"
    assert np.array_equal(pool.read([3])[0], long[150:250, None])
    assert pool.columns["series"].tolist() == ["0"] * 19 + ["1"] and "10 steps at the ends" in pool.notes[-1]
    assert len(open_pool([long, long[:20], long])) > 3, "a few long recordings are cut without being asked"
    assert len(open_pool([long, long[:20], long[:30]])) == 3, "one that is longer than the rest is an outlier"


def test_unknown_modality_and_a_wrong_one(folder):
    with pytest.raises(DataError, match="no modality is called 'photo'"):
        open_pool(folder, "photo")
    with pytest.raises(DataError, match="not series"):
        open_pool(folder, "series")

"""Pieces of a pool: raw samples are read ahead of decoding up to stated bytes, whatever the size of a file."""

from __future__ import annotations

import gzip
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tacit.connect import mapped
from tacit.connect.file_bytes import content
from tacit.connect.open_pool import open_pool
from tacit.connect.pools import idx, recordings
from tacit.contracts.errors import DataError
from tacit.contracts.layout import Samples, joined
from tacit.contracts.pool import Pool
from tacit.learning.feeding import AHEAD, Feeder
from tacit.learning.sampling import Sampler
from tacit.modalities.image import Image
from tacit.modalities.text import Text


class Counted(Pool):
    """Pictures of 64 x 64 with `weight` bytes each; knows how many bytes were handed out and are still held by somebody."""

    modality, described, notes = "image", "counted pictures", ()

    def __init__(self, many: int, weight: int) -> None:
        self.names, self.columns = [str(i) for i in range(many)], {}
        self.weight, self.most = weight, 0
        self._out: list[Any] = []

    @classmethod
    def accepts(cls, source: Any) -> bool:
        return False

    def read(self, at: Sequence[int] | NDArray[np.int64]) -> list[Any]:
        import sys

        found = []
        for i in at:
            whole = np.random.default_rng(int(i)).integers(0, 255, (self.weight // 96, 32, 3), np.uint8)
            self._out.append(whole)
            found.append(whole)
        self._out = [a for a in self._out if sys.getrefcount(a) > 3]
        self.most = max(self.most, sum(a.nbytes for a in self._out))
        return found


def test_pieces_end_at_a_number_of_bytes() -> None:
    pool = open_pool(["a" * n for n in (10, 10, 100, 1, 1, 1, 50)])
    pieces = [(positions.tolist(), [len(t) for t in raw]) for positions, raw in pool.pieces([6, 0, 1, 2, 3, 4, 5], held=60, most=3)]
    assert pieces == [([6, 0], [50, 10]), ([1, 2], [10, 100]), ([3, 4, 5], [1, 1, 1])]
    assert [1 for _ in pool.pieces([])] == []


def test_reading_piece_by_piece_is_reading_at_once() -> None:
    texts = [f"text {i} " * (i % 7 + 1) for i in range(40)] + [""]
    pool = open_pool(texts)
    modality = Text.fit(pool, np.random.default_rng(0), length=8)
    at = np.array([40, 3, 3, 12, 0])
    expected, rows, refused = modality.arrays(pool.read(at), [pool.names[i] for i in at])
    found, kept, bad = modality.read(pool, at)
    np.testing.assert_array_equal(found.values, expected.values)
    np.testing.assert_array_equal(kept, rows)
    assert bad == refused and len(bad) == 1 and kept.tolist() == [1, 2, 3, 4]


def test_joined_keeps_masks_and_empties_its_parts() -> None:
    parts = [Samples(np.full((2, 3), 1)), Samples(np.full((1, 3), 2), np.array([[True, False, True]]))]
    both = joined(parts)
    assert both.values[:, 0].tolist() == [1, 1, 2] and both.valid is not None
    assert both.valid.tolist() == [[True] * 3, [True] * 3, [True, False, True]] and parts == []


def test_a_feeder_holds_no_more_than_its_pieces(monkeypatch) -> None:
    """200 pictures of 960 KB, batches of 50: read as whole batches they would be 48 MB a thread; the decoded ones are small."""
    weight, held = 960_000, 4_000_000
    monkeypatch.setattr(Pool.pieces, "__defaults__", (held, 512))
    pool = Counted(200, weight)
    modality = Image.fit(pool, np.random.default_rng(0), side=16)
    assert pool.most <= held + 2 * weight
    pool.most = 0
    feeder = Feeder(pool, modality, limit=100_000)  # all of them are 154 kB: read on the way
    feeder.begin(Sampler(np.arange(200), 50))
    for _ in range(4):
        assert len(feeder.next().values) == 50
        waiting = sum(future.result().values.nbytes for future, _ in feeder._queue)
        assert len(feeder._queue) <= AHEAD and waiting <= AHEAD * 50 * 16 * 16 * 3
    feeder.close()
    assert pool.most <= 2 * (held + 2 * weight)  # two threads
    pool.most = 0
    whole = Feeder(pool, modality)
    whole.close()
    assert len(whole.rows) == 200 and pool.most <= 2 * (held + 2 * weight)


def test_large_arrays_in_files_stay_on_disk(tmp_path, monkeypatch) -> None:
    """With small limits: what was stored is mapped in place, what was packed goes through a temporary file; the numbers are the same."""
    for module in (mapped, idx, recordings):
        monkeypatch.setattr(module, "SMALL", 100)
    monkeypatch.setattr(mapped, "HELD", 200)
    monkeypatch.setattr(mapped, "LET_GO", 4096)
    monkeypatch.setattr(mapped, "AROUND", 1)
    array = np.random.default_rng(0).integers(0, 255, (50, 16, 16, 3), np.uint8)
    np.savez(tmp_path / "stored.npz", other=array[:2], pictures=array)
    np.savez_compressed(tmp_path / "packed.npz", pictures=array)
    np.save(tmp_path / "plain.npy", array)
    (tmp_path / "x-idx4-ubyte").write_bytes(bytes([0, 0, 8, 4]) + np.array(array.shape, ">u4").tobytes() + array.tobytes())
    for name in ("stored.npz:pictures", "packed.npz", "plain.npy", "x-idx4-ubyte"):
        pool = open_pool(str(tmp_path / name))
        touched = pool._samples._touched  # type: ignore[attr-defined]
        assert touched.map is not None, name
        for i in (49, *range(50)):
            np.testing.assert_array_equal(pool.read([i])[0], array[i])
        assert touched.size < 4096  # it let go on the way
    assert open_pool(array).read([3])[0].base is not None  # an array in memory is handed out as it is
    (tmp_path / "runs").mkdir()
    run = np.cumsum(np.random.default_rng(1).standard_normal((3000, 2)), 0)
    np.save(tmp_path / "runs" / "a.npy", run)
    windows = open_pool(str(tmp_path / "runs"), window=100)
    assert isinstance(windows.pool.read([0])[0], np.memmap)  # type: ignore[attr-defined]
    for at in range(20):
        np.testing.assert_array_equal(windows.read([at])[0], run[50 * at : 50 * at + 100])
    touched = windows._last[2]  # type: ignore[attr-defined]
    assert touched.map is not None and touched.size < 4096  # of twenty windows, 32,000 bytes
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(windows)).read([3])[0], run[150:250])


def test_what_was_written_to_a_private_map_is_not_let_go(tmp_path, monkeypatch) -> None:
    """np.load(…, mmap_mode="c"): changes are in memory alone."""
    monkeypatch.setattr(mapped, "LET_GO", 4096)
    array = np.random.default_rng(0).integers(0, 255, (50, 16, 16, 3), np.uint8)
    np.save(tmp_path / "a.npy", array)
    private, shared = (np.load(tmp_path / "a.npy", mmap_mode=mode) for mode in ("c", "r+"))
    private[3] = 7
    pool = open_pool(private)
    for i in range(50):
        pool.read([i])
    assert (private[3] == 7).all() and (pool.read([3])[0] == 7).all()
    assert mapped.Touched.of(np.asarray(private)[2:]).map is None
    shared[3] = 9  # the file's: nothing is lost by letting go
    touched = mapped.Touched.of(np.asarray(shared)[2:])
    assert touched.map is not None
    touched.add(1 << 20)
    assert (shared[3] == 9).all() and np.array_equal(shared[4], array[4])


def test_packed_text_is_not_unpacked_without_end(tmp_path) -> None:
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"id,text\n" + b"1," + b"x" * 100_000))
    assert len(content(tmp_path / "t.csv.gz")) == 100_010
    for name, data in (("t.csv.gz", None), ("t.csv", b"y" * 5_001)):
        if data:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match="holds more than"):
            content(tmp_path / name, 5_000)

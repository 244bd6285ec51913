"""Windows of an engine's run: its last cycles, padded in front, and how many are left."""

from __future__ import annotations

import numpy as np

from benchmarks.series_sets import _windows


def test_windows_of_a_run() -> None:
    rows = np.array([[engine, cycle, 10 * engine + cycle] for engine in (1, 2) for cycle in range(1, 6)], np.float32)
    values, valid, left = _windows(rows, 2, np.array([2]), 3, 1)
    assert values[..., 0].tolist() == [[0, 0, 21], [0, 21, 22], [21, 22, 23], [22, 23, 24], [23, 24, 25]]
    assert valid[..., 0].tolist() == [[False, False, True], [False, True, True], *[[True] * 3] * 3]
    assert left.tolist() == [4, 3, 2, 1, 0]
    assert _windows(rows, 2, np.array([2]), 3, 2)[2].tolist() == [4, 2, 0]  # every second one, the last among them


def test_the_last_window_alone() -> None:
    rows = np.array([[1, cycle, cycle] for cycle in range(1, 3)], np.float32)
    values, valid, _ = _windows(rows, 1, np.array([2]), 4, 0)
    assert values[..., 0].tolist() == [[0, 0, 1, 2]] and valid[0, :, 0].tolist() == [False, False, True, True]

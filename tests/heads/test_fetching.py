"""Fetching ahead changes nothing but time, for rows of any length and type."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from tacit.heads.fetching import fetch


@numba.njit
def fetched(row: np.ndarray, start: int, stop: int) -> float:
    fetch(row, start, stop)
    return float(row[start])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(("start", "stop"), [(0, 1), (0, 97), (5, 6), (31, 97), (16, 64)])
def test_a_row_is_as_it_was(kind: type, start: int, stop: int) -> None:
    row = np.arange(97, dtype=kind)
    assert fetched(row, start, stop) == start
    assert np.array_equal(row, np.arange(97, dtype=kind))


def test_the_processor_is_asked_for_every_line() -> None:
    fetched(np.zeros(97, np.float32), 0, 97)
    assert any("prefetch" in made for made in fetched.inspect_asm().values())

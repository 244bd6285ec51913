"""Fetching ahead asks for every line of a stretch, wherever it begins, and changes nothing."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from tacit.heads.fetching import MOST, asked, fetch, prefetch
from tacit.heads.layout import LINE


@numba.njit
def fetched(row: np.ndarray, other: np.ndarray, start: int, stop: int) -> None:
    fetch(row, start, stop)
    prefetch(row, start)
    prefetch(other, start)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(("start", "stop"), [(0, 1), (0, 97), (5, 6), (31, 97), (16, 64)])
def test_a_row_is_as_it_was(kind: type, start: int, stop: int) -> None:
    row = np.arange(97, dtype=kind)
    fetched(row, np.arange(97), start, stop)
    assert np.array_equal(row, np.arange(97, dtype=kind))


@pytest.mark.parametrize("step", [8, 16])
@pytest.mark.parametrize("address", [0, 3, 7])
@pytest.mark.parametrize(("start", "stop"), [(0, 1), (0, 97), (5, 6), (31, 97), (16, 64), (16, 65), (1, 16), (15, 17)])
def test_every_line_is_asked_for(step: int, address: int, start: int, stop: int) -> None:
    """address: of the row's first element within its line."""
    places = [asked(start, stop, step, k) for k in range((stop - start + step - 1) // step + 1)]
    assert {(address + p) // step for p in places} == {(address + p) // step for p in range(start, stop)}


def test_the_processor_is_asked() -> None:
    fetched(np.zeros(97, np.float32), np.zeros(97), 0, 97)
    assert all("llvm.prefetch" in made for made in fetched.inspect_llvm().values())
    assert LINE * MOST < 16_384, "of the inner cache's 32 KB"

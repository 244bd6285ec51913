"""Rows of keys begin with cache lines, and so does what is read together within them; a pool that has seen nothing lets every statistic speak."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.contracts.events import Feature
from tacit.heads import tail
from tacit.heads.encode import Weights, no_encoder
from tacit.heads.layout import LINE, layout_for, padded
from tacit.live.contest import Contender
from tacit.live.memory import from_a_line, new_pool
from tacit.live.model import LiveModel


@pytest.mark.parametrize("hidden", [0, 145])
@pytest.mark.parametrize("features", [1, 2, 3, 5, 8, 11, 64])
def test_parts_of_a_row_begin_with_a_line_and_do_not_overlap(features: int, hidden: int) -> None:
    lay = layout_for(features, hidden)
    F, P = lay.F, lay.P
    starts = [lay.ring, lay.gram, lay.cross, lay.weights, lay.memory, lay.sigma, lay.near, lay.lane]
    sizes = [24 * lay.ring_row, P * (P + 1) // 2, P * 2 * F, P * 2 * F, max(lay.M * F, hidden), 2 * F, F]
    assert all(4 * at % LINE == 0 for at in (*starts, lay.ring_row, lay.base)) and lay.ring_row >= P + F + 1
    assert all(0 <= after - at - size < LINE // 4 for at, after, size in zip(starts[:-1], starts[1:], sizes, strict=True))
    assert [padded(n) for n in (0, 1, 16, 17)] == [0, 16, 16, 32]


def test_rows_of_a_model_begin_with_a_line() -> None:
    model = LiveModel(tuple(Feature(f"f{i}") for i in range(8)))
    other = Contender(model, no_encoder(), "simple")
    for rows in (model.scales, model.base, model.lane, other.lane, model.empty_lane(eight())):
        assert rows.ctypes.data % LINE == 0 and rows.strides[0] % LINE == 0 and rows.flags.c_contiguous and not rows[:3].any()
    assert {from_a_line((3, 5), np.float64).ctypes.data % LINE for _ in range(20)} == {0}


def eight() -> Weights:
    """Of an encoder of eight features: the sizes alone."""
    flat, wide = np.zeros(4, np.float32), np.zeros
    return Weights(
        flat, wide((17, 8), np.float32), wide(8, np.float32), wide((0, 0), np.float32), wide(0, np.float32), wide((45, 16), np.float32), flat
    )


def test_a_new_pool_lets_every_statistic_speak_as_it_is() -> None:
    head = new_pool(1, 3, 3.0).head
    assert [tail.level_out(2.5, k, head, False, 0) for k in range(6)] == [2.5] * 6

"""Layout: where each statistic of a key lies in its two rows of float32.

All that a key has learned is rows of plain numbers: `base` (levels, correlations, evidence) and
`lane` (the features and the ridge heads on them). One row is one contiguous read; a checkpoint of a
key is a copy of its rows; a promotion swaps lanes and leaves the base.

A stream of more than MAX_WIDTH features is cut into blocks of equal width, and a key has one row pair a
block. F = features of a block, M = memories a feature, P = width of the feature bank, H = 2 horizons.
"""

from __future__ import annotations

from typing import NamedTuple

MAX_WIDTH = 64
HORIZONS = (1, 16)
SEASON = 8
CHANNELS = 3  # innovation (against the forecast), departure (from the last hundred events), level (against the long run)
VOICES = 4  # these and the shift: a short mean against its own last few hundred; it speaks for each feature alone
TOGETHER = 8  # events whose pairs enter the Gram at once: it is the largest thing an event would touch
RING = HORIZONS[1] + TOGETHER
HEADER = 16
LINE = 64  # bytes of a cache line: what is read together begins with one

# columns of the header of a base row
COUNT, GAP, EVIDENCE, PEAK, EPISODE, QUIET, CROSSED, JOINTLY, SINGLY = range(9)
HELD, STILL, LOUDEST, DULL_99, DULL_999, AGE, STIRRED = range(9, 16)


class Layout(NamedTuple):
    """Offsets into the rows, in float32. Build with `layout_for`."""

    F: int
    M: int
    P: int
    hidden: int  # width of the encoder's state; 0 on the simple bank
    # base
    level: int
    drift: int
    level_scale: int
    correlation: int
    whitener: int
    base: int
    # lane
    ring: int
    ring_row: int
    gram: int
    cross: int
    weights: int
    memory: int
    sigma: int
    near: int  # the forecast of the next event, made with the last one
    lane: int


def memories(features: int) -> int:
    """How many memories a feature gets: many for few features, so that the bank stays about as wide."""
    return 8 if features <= 2 else 4 if features <= 4 else 2


def padded(numbers: int) -> int:
    """So many float32, and those that are left of their last cache line."""
    line = LINE // 4
    return -(-numbers // line) * line


HALF_LIVES = {8: (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0), 4: (2.0, 8.0, 32.0, 128.0), 2: (3.0, 30.0)}  # in events


def layout_for(features: int, hidden: int = 0) -> Layout:
    """The layout of one block of `features` features whose encoder (if any) keeps `hidden` numbers a key."""
    F, M = features, memories(features)
    P = 1 + F + M * F + SEASON
    triangle = F * (F + 1) // 2
    at = HEADER
    base = []
    for size in (F, F, F, CHANNELS * triangle, CHANNELS * triangle):
        base.append(at)
        at += size
    ring_row = padded(P + F + 1)  # features, the far forecast from here, the event's weight
    lane, at_lane = [], 0
    for size in (RING * ring_row, P * (P + 1) // 2, P * 2 * F, P * 2 * F, max(M * F, hidden), 2 * F, F):
        lane.append(at_lane)
        at_lane += padded(size)
    return Layout._make([F, M, P, hidden, *base, padded(at), lane[0], ring_row, *lane[1:], at_lane])


def blocks_for(features: int) -> tuple[int, int]:
    """(number of blocks, features a block) for a stream of `features` features."""
    n = max(1, -(-features // MAX_WIDTH))
    return n, max(1, -(-features // n))

"""The arrays that a model is made of: rows a key, what all keys share, scratch and output."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.events import Feature
from tacit.heads import bounds, evidence, tail, trace
from tacit.heads.layout import CHANNELS, HALF_LIVES, LINE, SEASON, TOGETHER, VOICES, Layout
from tacit.live.kernel import Out, Pool, Scratch

WEEK = 7 * 86_400.0


def from_a_line(shape: tuple[int, ...], dtype: type[Any]) -> NDArray[Any]:
    """Zeros that begin with a cache line, so that rows that are whole lines long do, too: one that straddles a line more costs it at every event.

    Rows of the base and of lanes are padded to whole lines (see layout); those of the scales are where features are a multiple of eight.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    room = np.zeros(size + LINE, np.uint8)
    start = -room.ctypes.data % LINE
    rows: NDArray[Any] = room[start : start + size].view(dtype).reshape(shape)
    return rows


def new_pool(blocks: int, features: int, budget: float) -> Pool:
    """A pool that has seen nothing; `budget` in alerts a day."""
    B, F = blocks, features
    omega = np.array([2 * np.pi / 86_400.0, 4 * np.pi / 86_400.0, 2 * np.pi / WEEK, *np.zeros(5)])
    head = np.zeros(evidence.HEADER)
    head[evidence.BUDGET] = budget
    return Pool(
        mean=np.zeros((B, F)),
        scale=np.zeros((B, F)),
        reach=np.zeros((B, F)),
        seen=np.zeros((B, F)),
        least=np.full((B, F), np.inf),
        counts=np.zeros((B, VOICES, F, tail.BINS), np.float32),
        table=np.zeros((B, VOICES, F, tail.BINS + 1), np.float32),
        bands=np.zeros((B, F), np.float32),
        muted=np.zeros((B, F), np.bool_),
        outer=np.zeros(tail.OUTER, np.float32),
        tail=np.zeros(tail.OUTER + 1, np.float32),
        head=np.concatenate((np.zeros(tail.CHANNEL), np.ones(6))),
        peaks=np.zeros(evidence.BINS),
        budget=head,
        omega=omega,
        trace=np.zeros((trace.KEYS, trace.SAMPLES + 1, min(B * F, trace.WIDEST)), np.float32),
        trace_when=np.zeros((trace.KEYS, trace.SAMPLES + 1)),
        trace_marks=np.zeros((trace.KEYS, 4)),
        episodes=np.zeros(1, np.int64),
        clock=np.zeros(5),
    )


def new_scratch(blocks: int, lay: Layout, sums: int = 1) -> Scratch:
    """Room to work in for one block layout; `sums`: what the encoder needs (`scratch_for`)."""
    B, F, P, C, V = blocks, lay.F, lay.P, CHANNELS, VOICES

    def single(*shape: int) -> NDArray[np.float32]:
        return np.zeros(shape, np.float32)

    def double(*shape: int) -> NDArray[np.float64]:
        return np.zeros(shape, np.float64)

    return Scratch(
        z=single(B, F),
        valid=np.zeros((B, F), np.bool_),
        late=np.zeros((B, F), np.bool_),
        guess=single(B, F),
        spread=single(B, F),
        residual=single(B, V, F),
        places=np.zeros((B, V, F), np.int32),
        far=single(B, F),
        g=single(B, V, F),
        squares=single(B, C, F),
        outside=double(bounds.SETS, B, F),
        alone=np.zeros(V, np.bool_),
        rates=np.array([1.0 - 0.5 ** (1.0 / h) for h in HALF_LIVES[lay.M]], np.float32),
        when=np.full(1, np.nan),
        season=single(SEASON),
        work=single(F),
        ahead=single(2 * F),
        sums=single(sums),
        pairs=single(TOGETHER, P),
        target=single(TOGETHER, 2 * F),
        weight=single(TOGETHER),
        A=double(P, P),
        X=double(P, 2 * F),
        panel=double(4, P),
        Y=double(F, F),
        Z=double(F, F),
        T=double(F, F),
        U=double(F, F),
    )


def new_out(n: int, columns: int) -> Out:
    """Output for n events of `columns` features."""
    wide = np.empty((6, n, columns), np.float32)
    return Out(
        score=np.empty(n),
        surprise=np.empty(n),
        alert=np.empty(n, np.int64),
        opened=np.empty(n, np.int8),
        low=wide[0],
        middle=wide[1],
        high=wide[2],
        forecast=wide[3],
        shares=wide[4],
        drift=np.empty(n, np.float32),
        z=wide[5],
        channel=np.zeros(n, np.int8),
    )


def mute(pool: Pool, features: tuple[Feature, ...]) -> None:
    """Marks the features that are never alerted on."""
    flat: NDArray[np.bool_] = pool.muted.reshape(-1)
    for i, feature in enumerate(features):
        flat[i] = feature.muted

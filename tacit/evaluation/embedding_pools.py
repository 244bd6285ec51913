"""Embedding pools: samples decoded ahead in threads while the encoder works; memory is bounded by a few pieces."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from tacit.contracts.layout import Samples
from tacit.contracts.modality import Modality
from tacit.contracts.pool import Pool, Refused
from tacit.evaluation.embedding import FrozenEncoder
from tacit.nets.encoder import Encoder

PIECE = 512
AHEAD = 3
Piece = tuple[Samples, NDArray[np.int64], list[Refused]]


def embed_pool(
    encoder: Encoder, modality: Modality, pool: Pool, progress: Callable[[int, int], None] | None = None, device: str | None = None
) -> tuple[NDArray[np.float32], NDArray[np.int64], list[Refused]]:
    """(embeddings [N, D], positions in the pool that they came from [N], refused). Raises nothing for single samples."""
    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    frozen = FrozenEncoder(encoder.to(place), device=place)
    refused: list[Refused] = []
    parts: list[NDArray[np.float32]] = []
    rows: list[NDArray[np.int64]] = []

    def decode(start: int) -> Piece:
        at = np.arange(start, min(start + PIECE, len(pool)))
        samples, kept, bad = modality.read(pool, at)
        return samples, at[kept], bad

    starts = deque(range(0, len(pool), PIECE))
    waiting: deque[Future[Piece]] = deque()
    with ThreadPoolExecutor(1, "tacit-decode") as threads:
        while starts or waiting:
            while starts and len(waiting) < AHEAD:
                waiting.append(threads.submit(decode, starts.popleft()))
            samples, kept, bad = waiting.popleft().result()
            refused += bad
            if len(kept):
                parts.append(frozen.embed(samples))
                rows.append(kept)
            if progress is not None:
                progress(min(len(pool), sum(map(len, rows)) + len(refused)), len(pool))
    encoder.to("cpu")
    if not parts:
        return np.zeros((0, encoder.outputs), np.float32), np.zeros(0, np.int64), refused
    return np.concatenate(parts), np.concatenate(rows), refused

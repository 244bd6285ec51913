"""Look: what all checks go by, taken in one pass over a stated number of samples: refusals, digests, sketches, plain measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.checks.measures import measures
from tacit.checks.sketches import Sketch, digest, sketches
from tacit.contracts.layout import Layout
from tacit.contracts.modality import Modality
from tacit.contracts.pool import Pool, Refused

LIMIT = 20_000  # samples decoded
LETTERS = 2_000  # of a text that are kept to compare by


@dataclass(frozen=True)
class Look:
    """pool, modality; at [n]: positions of the samples that could be decoded, rising; tried: how many were read; refused: the others.

    digests: one each; sketch [n, D]; measured: {name: [n]}; texts: beginnings, where these are texts; spread, level: [n, C] deviation and mean
    of each sample's channels (numbers only).
    """

    pool: Pool
    modality: Modality
    at: NDArray[np.int64]
    tried: int
    refused: list[Refused]
    digests: list[bytes]
    sketch: Sketch
    measured: dict[str, NDArray[np.float64]]
    texts: list[str]
    level: NDArray[np.float32]
    spread: NDArray[np.float32]

    @property
    def layout(self) -> Layout:
        return self.modality.layout

    def __len__(self) -> int:
        return len(self.at)

    def names(self, rows: Any) -> tuple[str, ...]:
        """Of rows of this look."""
        return tuple(self.pool.names[int(self.at[int(r)])] for r in rows)

    @property
    def of(self) -> str:
        """ "20,000 of 50,000 samples", or "1,187 samples"."""
        return f"{self.tried:,} samples" if self.tried == len(self.pool) else f"{self.tried:,} of {len(self.pool):,} samples"


def take_look(pool: Pool, modality: Modality, rng: np.random.Generator, limit: int = LIMIT) -> Look:
    """At all samples, or at `limit` chosen by chance."""
    chosen = np.arange(len(pool)) if len(pool) <= limit else np.sort(rng.choice(len(pool), limit, replace=False))
    parts: list[tuple[Any, ...]] = []
    refused: list[Refused] = []
    for positions, raw in pool.pieces(chosen):
        samples, where, bad = modality.arrays(raw, [pool.names[int(i)] for i in positions])
        refused += bad
        where, first = np.unique(where, return_index=True)  # a long text may have given several rows: its first counts
        if not len(where):
            continue
        samples, good = samples.take(first), [raw[int(i)] for i in where]
        text = modality.name == "text"
        nothing = np.zeros((len(good), 1), np.float32)
        level, spread = (nothing, nothing) if text else _moments(samples.values, samples.valid, modality.name)
        parts.append(
            (
                positions[where],
                [digest(r, modality.name) for r in good],
                sketches(samples, good, modality.layout),
                measures(samples, good, modality.name),
                [str(r)[:LETTERS] for r in good] if text else [],
                level,
                spread,
            )
        )
    if not parts:
        none = np.zeros((0, 1), np.float32)
        return Look(pool, modality, np.zeros(0, np.int64), len(chosen), refused, [], none, {}, [], none, none)
    at, digests, sketch, measured, texts, levels, spreads = zip(*parts, strict=True)
    return Look(
        pool,
        modality,
        np.concatenate(at),
        len(chosen),
        refused,
        [d for part in digests for d in part],
        np.concatenate(sketch),
        {name: np.concatenate([m[name] for m in measured]) for name in measured[0]},
        [t for part in texts for t in part],
        np.concatenate(levels),
        np.concatenate(spreads),
    )


def _moments(values: NDArray[Any], valid: NDArray[np.bool_] | None, modality: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(mean, deviation) of each sample's channels, [B, C], over what is real; 0 where nothing is."""
    x = values.reshape(*values.shape[:2], -1).transpose(0, 2, 1) if modality == "image" else values  # [B, places, C]
    if valid is None:
        return x.mean(1, dtype=np.float32), x.std(1, dtype=np.float32)
    n = np.maximum(valid.sum(1), 1)
    mean = np.where(valid, x, 0).sum(1, dtype=np.float64) / n  # in double: a level of 518.67 that never changes must show none
    deviation = np.sqrt((np.square(np.where(valid, x - mean[:, None], 0))).sum(1) / n)
    return mean.astype(np.float32), deviation.astype(np.float32)

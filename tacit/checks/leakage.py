"""Leakage: test samples that are also in the pool that was learned from, to the bit or nearly: what is measured on them is memory."""

from __future__ import annotations

import numpy as np

from tacit.checks.check import Finding, some
from tacit.checks.look import LIMIT, Look, take_look
from tacit.checks.nearness import Pairs, near_pairs, near_texts
from tacit.checks.sketches import digest
from tacit.contracts.modality import Modality
from tacit.contracts.pool import Pool

TOLERATED = 0.01  # share of the test samples that is said, not refused: more could carry a difference worth claiming
EXACT_LIMIT = 200_000  # samples of each side compared to the bit


def leakage(pool: Pool, test: Pool, modality: Modality, rng: np.random.Generator | None = None, limit: int = LIMIT) -> Finding | None:
    """What the test shares with the pool: an error where it is more than one sample in a hundred, else a warning; None for nothing.

    Up to 200,000 samples of each side are compared to the bit, `limit` of each nearly. groups: (in the pool, in the test).
    """
    rng = rng or np.random.default_rng(0)
    in_pool = {d: name for name, d in _digests(pool, modality.name, rng)}
    shared = [(in_pool[d], name) for name, d in _digests(test, modality.name, rng) if d in in_pool]
    exact = {name for _, name in shared}
    first, second = take_look(pool, modality, rng, limit), take_look(test, modality, rng, limit)
    for i, j in _near(first, second, rng).tolist():
        shared += [(first.names([i])[0], second.names([j])[0])]
    near = {name for _, name in shared} - exact
    if not exact and not near:
        return None
    share = (len(exact) + len(near)) / len(test)
    names = (*sorted(exact), *sorted(near))
    pairs = {inside: outside for outside, inside in shared}  # one partner each is enough to see it
    example = f"{names[0]} is {pairs[names[0]]} of the pool"
    sentence = (
        f"{len(exact) + len(near):,} of {len(test):,} test samples ({share:.1%}) are in the pool that is learned from: {len(exact):,} to the bit, "
        f"{len(near):,} nearly; for instance {example}: {some(names)}."
    )
    figures = {"exact": len(exact), "near": len(near), "share": share}
    return Finding("leakage", "error" if share > TOLERATED else "warning", sentence, names, tuple((pairs[n], n) for n in names[:100]), figures)


def _digests(pool: Pool, modality: str, rng: np.random.Generator) -> list[tuple[str, bytes]]:
    """(name, digest) of every sample that can be read. Empty texts, the same to all, are left to the modality to refuse."""
    at = np.arange(len(pool)) if len(pool) <= EXACT_LIMIT else np.sort(rng.choice(len(pool), EXACT_LIMIT, replace=False))
    out: list[tuple[str, bytes]] = []
    for positions, samples in pool.pieces(at):
        for i, raw in zip(positions, samples, strict=True):
            if raw is not None and not isinstance(raw, OSError) and not (isinstance(raw, str) and not raw.strip()):
                out.append((pool.names[int(i)], digest(raw, modality)))
    return out


def _near(first: Look, second: Look, rng: np.random.Generator) -> Pairs:
    if not len(first) or not len(second):
        return np.zeros((0, 2), np.int64)
    if first.layout.modality == "text":
        return near_texts(first.texts, second.texts, rng)
    return near_pairs(first.sketch, second.sketch, first.layout.modality, rng)[0]

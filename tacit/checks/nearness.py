"""Nearness: pairs of samples that are nearly the same, by sketches or, for texts, by the words they share.

Sketches: nearer than a quarter of the distance to the tenth neighbour, both the usual one and its own, so that what is alike by nature
(digits, X-rays, a sensor at rest) is not called doubled. Distances are bounded from below in the 32 widest directions and only then taken in full.
Texts: MinHash of three-word shingles, candidates by bands (Broder, "On the resemblance and containment of documents", 1997).
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tacit.checks.sketches import WORDS, Sketch

Pairs = NDArray[np.int64]  # [P, 2]: row of the first, row of the second
SHARE = 0.25
WIDEST = {
    "image": 0.12,
    "series": 0.05,
}  # of the data's own width: copies that were stored anew or resized lie within, recordings of like movements do not
ASKED = 400  # samples that the usual distance comes from
NEIGHBOUR = 10
DIRECTIONS = 32
BLOCK = 1024
MOST = 1_000_000  # pairs; beyond, the data are one great repetition and the first ones say so
SHINGLE, LEAST_WORDS = 3, 8
BANDS, ROWS = 16, 4  # shares of 0.5 are found in two cases of three, 0.8 in all
ALIKE = 0.85  # of the signature's 64 places


def near_pairs(first: Sketch, second: Sketch | None, modality: str, rng: np.random.Generator) -> tuple[Pairs, float]:
    """(pairs that are nearly the same, the most that their distance may be). Without `second`: pairs i < j within `first`."""
    other = first if second is None else second
    width = float(np.sqrt(((first - first.mean(0)) ** 2).sum(1).mean())) if len(first) else 0.0
    limit = min(SHARE * usual_distance(first, rng), WIDEST[modality] * width)
    if not limit > 0 or not len(other):
        return np.zeros((0, 2), np.int64), 0.0
    basis = _widest(first, rng)  # [D, 32], orthonormal: a projection never lengthens a distance
    a, b = first @ basis, other @ basis
    squares_b = (b**2).sum(1)
    found: list[Pairs] = []
    count = 0
    for start in range(0, len(a), BLOCK):
        part = a[start : start + BLOCK]
        stop = start if second is None else 0  # the triangle above the diagonal
        square = (part**2).sum(1)[:, None] + squares_b[None, stop:] - 2 * part @ b[stop:].T
        i, j = np.nonzero(square < limit**2 * 1.001)
        i, j = i + start, j + stop
        keep = i < j if second is None else np.ones(len(i), np.bool_)
        i, j = i[keep][:MOST], j[keep][:MOST]
        near = np.concatenate([((first[p] - other[q]) ** 2).sum(1) for p, q in zip(_cut(i), _cut(j), strict=True)]) < limit**2
        found.append(np.stack([i[near], j[near]], 1))
        count += int(near.sum())
        if count >= MOST:
            break
    pairs = np.concatenate(found)
    if not len(pairs):
        return pairs, limit
    # where samples lie close together by nature (the digit 1, a sensor at rest), only what is nearer than those counts
    distance = np.concatenate([np.sqrt(((first[p] - other[q]) ** 2).sum(1)) for p, q in zip(_cut(pairs[:, 0]), _cut(pairs[:, 1]), strict=True)])
    rows, where = np.unique(pairs[:, 0], return_inverse=True)
    local = _nth_distance(first[rows], first)[where]
    return pairs[distance < SHARE * local], limit


def usual_distance(sketch: Sketch, rng: np.random.Generator) -> float:
    """Median distance to the tenth neighbour (fewer, where there are few), among some asked; 0 where there are not three samples.

    The tenth, since copies of a sample are its first neighbours.
    """
    if len(sketch) < 3:
        return 0.0
    return float(np.median(_nth_distance(sketch[rng.permutation(len(sketch))[:ASKED]], sketch)))


def _nth_distance(asked: Sketch, sketch: Sketch) -> Sketch:
    """[A] distance of each to its tenth neighbour, itself not counted: `asked` are rows of `sketch`."""
    nth = min(NEIGHBOUR, max(1, len(sketch) // 4))
    squares = (sketch**2).sum(1)
    out = [
        np.partition((part**2).sum(1)[:, None] + squares[None] - 2 * part @ sketch.T, nth, axis=1)[:, nth]
        for part in (asked[s : s + BLOCK] for s in range(0, len(asked), BLOCK))
    ]
    distances: Sketch = np.sqrt(np.maximum(np.concatenate(out), 0))
    return distances


def near_texts(first: Sequence[str], second: Sequence[str] | None, rng: np.random.Generator) -> Pairs:
    """Pairs of texts of eight words and more that share nearly all shingles."""
    multipliers = rng.integers(0, 1 << 64, (BANDS * ROWS, 2), dtype=np.uint64) | np.uint64(1)  # products run over: that is the hash
    a = _signatures(first, multipliers)
    b = a if second is None else _signatures(second, multipliers)
    found: set[tuple[int, int]] = set()
    for band in range(BANDS):
        rows: dict[bytes, list[int]] = {}
        for i, signature in enumerate(a):
            if signature is not None:
                rows.setdefault(signature[band * ROWS : band * ROWS + ROWS].tobytes(), []).append(i)
        for j, signature in enumerate(b):
            if signature is None:
                continue
            for i in rows.get(signature[band * ROWS : band * ROWS + ROWS].tobytes(), ())[:100]:
                if (second is not None or i < j) and (i, j) not in found:
                    mine = a[i]
                    assert mine is not None
                    if (mine == signature).mean() >= ALIKE:
                        found.add((i, j))
    return np.array(sorted(found), np.int64).reshape(-1, 2)


def groups_of(pairs: Pairs) -> list[list[int]]:
    """Rows that hang together through pairs, each group rising, the largest first."""
    parent: dict[int, int] = {}

    def root(i: int) -> int:
        while parent.setdefault(i, i) != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in pairs.tolist():
        parent[root(j)] = root(i)
    groups: dict[int, list[int]] = {}
    for i in sorted(parent):
        groups.setdefault(root(i), []).append(i)
    return sorted(groups.values(), key=len, reverse=True)


def _widest(sketch: Sketch, rng: np.random.Generator) -> Sketch:
    some = sketch[rng.permutation(len(sketch))[:2000]]
    _, vectors = np.linalg.eigh(np.cov(some, rowvar=False).reshape(some.shape[1], -1))
    return np.ascontiguousarray(vectors[:, ::-1][:, :DIRECTIONS], np.float32)


def _cut(rows: NDArray[np.int64], size: int = 50_000) -> list[NDArray[np.int64]]:
    return [rows[s : s + size] for s in range(0, max(1, len(rows)), size)]


def _signatures(texts: Sequence[str], multipliers: NDArray[np.uint64]) -> list[NDArray[np.uint64] | None]:
    """[64] smallest hashes of each text's shingles; None where it is too short to be told from another by them."""
    out: list[NDArray[np.uint64] | None] = []
    for text in texts:
        words = WORDS.findall(text.casefold())
        if len(words) < LEAST_WORDS:
            out.append(None)
            continue
        codes = np.array([crc32(" ".join(words[k : k + SHINGLE]).encode("utf-8", "replace")) for k in range(len(words) - SHINGLE + 1)], np.uint64)
        hashed = (np.unique(codes)[None] * multipliers[:, :1] + multipliers[:, 1:]) >> np.uint64(24)
        out.append(hashed.min(1))
    return out

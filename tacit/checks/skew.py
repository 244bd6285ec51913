"""Skew: sources (folders, groups) that make up most of the pool, and how different the samples are.

Diversity is told by k-means on sketches: the number of clusters that the samples really fill, exp of the entropy of their shares.
Lloyd, "Least squares quantization in PCM", 1982; begun by k-means++, Arthur & Vassilvitskii, 2007.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tacit.checks.check import Finding, Severity, some
from tacit.checks.look import Look
from tacit.checks.sketches import Sketch

LOOKED_AT = 5000
CLUSTERS = 20
ROUNDS = 15
MOST = 0.8  # share of one source, or one cluster, that is a warning
SOURCES = 1000  # a column of more different values names samples, not sources


def check(look: Look, rng: np.random.Generator) -> list[Finding]:
    """Of each column of texts, and of the clusters."""
    found = [f for name, values in look.pool.columns.items() if (f := _source(look, name, values)) is not None]
    if len(look) >= 10 * CLUSTERS:
        rows = np.sort(rng.permutation(len(look))[:LOOKED_AT])
        found.append(_diversity(look, rows, clusters(look.sketch[rows], CLUSTERS, rng)))
    return found


def clusters(sketch: Sketch, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """[n] cluster of each row, 0 to count - 1."""
    squares = (sketch**2).sum(1)
    centres = sketch[[int(rng.integers(len(sketch)))]]
    nearest = np.full(len(sketch), np.inf)
    for _ in range(count - 1):
        nearest = np.minimum(nearest, np.maximum(squares + (centres[-1] ** 2).sum() - 2 * sketch @ centres[-1], 0))
        if not nearest.sum() > 0:
            break
        centres = np.concatenate([centres, sketch[[int(rng.choice(len(sketch), p=nearest / nearest.sum()))]]])
    mine = np.zeros(len(sketch), np.int64)
    for _ in range(ROUNDS):
        before, mine = mine, np.asarray(((centres**2).sum(1)[None] - 2 * sketch @ centres.T).argmin(1), np.int64)
        if (before == mine).all():
            break
        for k in np.unique(mine):
            centres[k] = sketch[mine == k].mean(0)
    return mine


def _source(look: Look, name: str, values: NDArray[np.generic]) -> Finding | None:
    if values.dtype.kind not in "OUSTb" or name == "pool":
        return None
    texts, counts = np.unique([str(v) for v in values], return_counts=True)
    share = counts.max() / counts.sum()
    if not 1 < len(texts) <= SOURCES or share < MOST:
        return None
    largest = str(texts[counts.argmax()])
    sentence = f"{share:.0%} of the samples are of one {name!r} ({largest}); the other {len(texts) - 1} hardly count in learning."
    return Finding("skew", "warning", sentence, figures={"sources": len(texts), "share": float(share)})


def _diversity(look: Look, rows: NDArray[np.int64], mine: NDArray[np.int64]) -> Finding:
    counts = np.bincount(mine, minlength=CLUSTERS)
    shares = counts[counts > 0] / counts.sum()
    filled = float(np.exp(-(shares * np.log(shares)).sum()))
    largest, share = int(counts.argmax()), float(shares.max())
    names = look.names(rows[np.flatnonzero(mine == largest)[:12]])
    severity: Severity = "warning" if share >= MOST else "note"
    like = f"; {share:.0%} are much alike, such as {some(names)}" if share >= MOST else ""
    sentence = (
        f"Diversity: sorted by likeness into {CLUSTERS} groups, the samples spread as over {filled:.1f} of like size "
        f"({CLUSTERS}: as varied as can be; effective number of clusters){like}."
    )
    return Finding("diversity", severity, sentence, names if share >= MOST else (), figures={"filled": filled, "largest": share})

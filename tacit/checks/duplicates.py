"""Duplicates: samples that stand in the pool twice, to the bit or nearly. They count double in learning, and leak between splits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tacit.checks.check import Finding, some
from tacit.checks.look import Look
from tacit.checks.nearness import Pairs, groups_of, near_pairs, near_texts

MUCH = 0.05  # share of doubled samples that is a warning; below it is noted


def check(look: Look, rng: np.random.Generator) -> list[Finding]:
    """Exact ones, and near ones that are not exact."""
    places: dict[bytes, list[int]] = {}
    for row, digest in enumerate(look.digests):
        places.setdefault(digest, []).append(row)
    exact = sorted((rows for rows in places.values() if len(rows) > 1), key=len, reverse=True)
    first = np.array([rows[0] for rows in places.values()], np.int64)
    pairs = near_pairs_of(look, first, rng)
    return [f for f in (_finding(look, exact, "exact"), _finding(look, groups_of(pairs), "near")) if f is not None]


def near_pairs_of(look: Look, rows: NDArray[np.int64], rng: np.random.Generator) -> Pairs:
    """Among these rows, which are all different; pairs of rows of the look."""
    if look.layout.modality == "text":
        return rows[near_texts([look.texts[int(r)] for r in rows], None, rng)]
    return rows[near_pairs(look.sketch[rows], None, look.layout.modality, rng)[0]]


def _finding(look: Look, groups: list[list[int]], which: str) -> Finding | None:
    if not groups:
        return None
    surplus = sum(map(len, groups)) - len(groups)
    share = surplus / len(look)
    named = tuple(look.names(rows[:10]) for rows in groups[:100])
    what = "to the bit" if which == "exact" else "nearly"
    sentence = (
        f"{surplus:,} of {look.of} repeat another {what} ({share:.1%}), in {len(groups):,} groups; for instance {some(named[0])}. "
        "They count double; keep one of each."
    )
    return Finding(
        f"{which} duplicates",
        "warning" if share >= MUCH else "note",
        sentence,
        tuple(n for g in named for n in g),
        named,
        {"surplus": surplus, "share": share},
    )

"""Flat: samples as plain rows of numbers, without anything learned. The input of the rungs "raw input" and "PCA".

Pictures are averaged down to at most 4,096 numbers; series are their steps with missing ones at the channel's mean; a text is the count of its
tokens, log(1 + n), since positions of words say nothing by themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tacit.contracts.layout import Layout, Samples

MOST = 4096  # numbers of a picture


def flat(samples: Samples, layout: Layout) -> Any:
    """[n, P] float32; scipy's sparse [n, V] for text."""
    if layout.modality == "text":
        return _counts(samples, layout)
    if layout.modality == "image":
        values = shrunken(samples.values)
        return values.reshape(len(values), -1)
    values = np.asarray((samples.values - np.array(layout.mean, np.float32)) / np.array(layout.deviation, np.float32), np.float32)
    if samples.valid is not None:
        values = values * samples.valid
    return values.reshape(len(values), -1)


def shrunken(values: NDArray[Any]) -> NDArray[np.float32]:
    """Pictures [n, C, H, W] averaged over squares, in 0..1, so that one has at most 4,096 numbers."""
    n, C, H, W = values.shape
    step = 1
    while C * (H // step) * (W // step) > MOST:
        step += 1
    h, w = H // step, W // step
    out = np.empty((n, C, h, w), np.float32)
    for start in range(0, n, 512):
        part = values[start : start + 512, :, : h * step, : w * step].astype(np.float32)
        out[start : start + 512] = part.reshape(len(part), C, h, step, w, step).mean((3, 5)) / 255
    return out


def words(samples: Samples, layout: Layout) -> list[list[str]]:
    """Token ids as words, without padding and special ones: where raw texts are not at hand."""
    special = set(layout.special.values())
    valid = np.ones(samples.values.shape, np.bool_) if samples.valid is None else samples.valid
    return [[str(t) for t in row[real].tolist() if t not in special] for row, real in zip(samples.values, valid, strict=True)]


def _counts(samples: Samples, layout: Layout) -> Any:
    ids = samples.values
    keep = ~np.isin(ids, list(layout.special.values()))
    if samples.valid is not None:
        keep &= samples.valid
    rows = np.repeat(np.arange(len(ids)), ids.shape[1]).reshape(ids.shape)[keep]
    table = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, ids[keep])), shape=(len(ids), max(layout.vocabulary, int(ids.max()) + 1)))
    table.data = np.log1p(table.data)
    return table

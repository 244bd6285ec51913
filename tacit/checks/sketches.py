"""Sketches: a short row of numbers a sample that is near for samples that look alike; a digest that is equal for equal ones.

image: luma at 16 x 16, without its mean. series: each channel at up to 32 places, by the learning data's mean and deviation; 256 numbers at most.
text: word counts hashed into 256 places (Weinberger et al., "Feature hashing for large scale multitask learning", 2009), on the unit sphere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.layout import Layout, Samples

SIDE = 16
PLACES = 32
WIDTH = 256
WORDS = re.compile(r"\w+")
Sketch = NDArray[np.float32]


def digest(raw: Any, modality: str) -> bytes:
    """Equal for equal samples: of the bytes of a file, the numbers of an array, the words of a text whatever their case and spacing."""
    if modality == "text":
        data = " ".join(str(raw).casefold().split()).encode("utf-8", "replace")
    elif isinstance(raw, np.ndarray):
        plain = np.asarray(raw, np.float32) if modality == "series" else raw
        data = str(raw.shape).encode() + np.ascontiguousarray(plain).tobytes()
    else:
        data = bytes(raw)
    return blake2b(data, digest_size=12).digest()


def sketches(samples: Samples, raw: Sequence[Any], layout: Layout) -> Sketch:
    """[B, at most 256]. raw: the texts, where these are texts."""
    if layout.modality == "image":
        return _pictures(samples.values)
    if layout.modality == "series":
        return _series(samples, layout)
    return _texts([str(t) for t in raw])


def _pictures(values: NDArray[Any]) -> Sketch:
    """[B, C, H, W] → [B, SIDE * SIDE]"""
    luma = values.mean(1, dtype=np.float32)
    rows, columns = (averages(n, SIDE) for n in luma.shape[1:])
    small: Sketch = (rows @ luma @ columns.T).reshape(len(luma), -1)
    small -= small.mean(1, keepdims=True)
    return small


def _series(samples: Samples, layout: Layout) -> Sketch:
    """[B, L, C] → [B, places * C], of the channels that fit."""
    mean, deviation = np.array(layout.mean, np.float32), np.array(layout.deviation, np.float32)
    z = (samples.values - mean) / deviation
    if samples.valid is not None:
        z = np.where(samples.valid, z, 0)
    length, channels = z.shape[1:]
    places = max(4, min(PLACES, length, WIDTH // channels))
    z = z[:, :, : max(1, WIDTH // places)]
    reduced: Sketch = np.einsum("pl,blc->bpc", averages(length, places), z.astype(np.float32)).reshape(len(z), -1)
    return reduced


def _texts(texts: Sequence[str]) -> Sketch:
    out = np.zeros((len(texts), WIDTH), np.float32)
    for row, text in zip(out, texts, strict=True):
        codes = np.array([crc32(w.encode("utf-8", "replace")) for w in WORDS.findall(text[:20_000].casefold())], np.int64)
        np.add.at(row, codes % WIDTH, np.where(codes >> 16 & 1, 1.0, -1.0))
    out = np.sign(out) * np.sqrt(np.abs(out))
    unit: Sketch = out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)
    return unit


def averages(size: int, places: int) -> Sketch:
    """[places, size]: row i takes the mean of the i-th part."""
    edges = np.linspace(0, size, places + 1)
    at = np.arange(size)
    cover = np.clip(np.minimum(edges[1:, None], at + 1) - np.maximum(edges[:-1, None], at), 0, None)
    means: Sketch = (cover / cover.sum(1, keepdims=True)).astype(np.float32)
    return means

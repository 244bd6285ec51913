"""Measures: a few plain numbers a sample that people can read: size, light, colour, length, share missing. Outliers are told by them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.layout import Samples

Measured = dict[str, NDArray[np.float64]]


def measures(samples: Samples, raw: Sequence[Any], modality: str) -> Measured:
    """{name: [B]}. raw: what the samples were before they were brought to one size."""
    if modality == "image":
        return _pictures(samples, raw)
    return _series(samples, raw) if modality == "series" else _texts([str(t) for t in raw])


def _pictures(samples: Samples, raw: Sequence[Any]) -> Measured:
    from tacit.modalities.image_decode import facts

    sizes = np.array([facts(r)[:2] for r in raw], np.float64)
    x = samples.values
    return {
        "pixels": sizes.prod(1),
        "width : height": sizes[:, 1] / sizes[:, 0],
        "brightness": x.mean((1, 2, 3), dtype=np.float64),
        "contrast": x.std((2, 3), dtype=np.float32).mean(1, dtype=np.float64),
        "colour": np.ptp(x.mean((2, 3), dtype=np.float64), axis=1),
    }


def _series(samples: Samples, raw: Sequence[Any]) -> Measured:
    lengths = np.array([len(r) for r in raw], np.float64)
    missing = np.array([1 - np.isfinite(r).mean() for r in raw])
    real = np.ones(samples.values.shape, np.bool_) if samples.valid is None else samples.valid
    x = np.where(real, samples.values, np.nan)
    with np.errstate(all="ignore"):
        scale = np.maximum(np.nanstd(x, axis=(0, 1)), 1e-12) if real.any() else 1.0
        steps = np.abs(np.diff(np.where(real, samples.values, 0), axis=1)) / scale
        steps = np.where(real[:, 1:] & real[:, :-1], steps, 0)
        level = np.where(real, samples.values, 0) / scale
    return {
        "steps": lengths,
        "share missing": missing,
        "largest jump": steps.max((1, 2), initial=0),
        "largest value": np.abs(level).max((1, 2), initial=0),
    }


def _texts(texts: Sequence[str]) -> Measured:
    words = [t.split() for t in texts]
    return {
        "characters": np.array([len(t) for t in texts], np.float64),
        "longest word": np.array([max(map(len, w), default=0) for w in words], np.float64),
        "share of letters": np.array([sum(map(str.isalpha, t[:2000])) / max(1, len(t[:2000].replace(" ", ""))) for t in texts]),
        "different words": np.array([len(set(w[:500])) / max(1, len(w[:500])) for w in words]),
    }

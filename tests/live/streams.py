"""Events to test with, cuts into batches, and insights compared to the bit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tacit.contracts.events import Events, Feature
from tacit.contracts.insight import Insights
from tacit.live.model import LiveModel, join

ARRAYS = ("times", "positions", "observed", "score", "surprise", "alert", "low", "middle", "high", "forecast", "shares", "drift", "late")


def stream(
    values: Any, keys: Sequence[str] | None = None, times: Any = None, start: int = 0, features: tuple[Feature, ...] = (), step: float = 1.0
) -> Events:
    """values [n, F] as events, one a second unless told otherwise."""
    values = np.atleast_2d(np.asarray(values, np.float64))
    n, F = values.shape
    positions = np.arange(start, start + n, dtype=np.int64)
    when = 1_700_000_000 * 10**9 + (positions * step * 1e9).astype(np.int64) if times is None else np.asarray(times, np.int64)
    named = features or tuple(Feature(f"f{j}") for j in range(F))
    return Events(list(keys) if keys is not None else [""] * n, when, values, positions, named, np.zeros(n, np.bool_))


def rows(events: Events, start: int, stop: int, features: int | None = None) -> Events:
    """Some of them; with fewer features where a source had not met the others yet."""
    F = len(events.features) if features is None else features
    part = slice(start, stop)
    return Events(
        list(events.keys[start:stop]), events.times[part], events.values[part, :F], events.positions[part], events.features[:F], events.late[part]
    )


def cuts(n: int, sizes: Iterable[int]) -> list[tuple[int, int]]:
    """0 … n in pieces of these sizes, over and over."""
    out, at, some = [], 0, list(sizes) or [n]
    while at < n:
        size = some[len(out) % len(some)]
        out.append((at, min(n, at + size)))
        at += size
    return out


def score(model: LiveModel, events: Events, sizes: Iterable[int] = ()) -> Insights:
    """All insights, batch by batch, as one."""
    parts = [model.process(rows(events, a, b)) for a, b in cuts(len(events), sizes)]
    return join(parts, events)


def differences(a: Insights, b: Insights) -> list[str]:
    """Names of what is not the same to the bit."""
    out = [name for name in ARRAYS if getattr(a, name).tobytes() != getattr(b, name).tobytes()]
    out += [] if list(a.keys) == list(b.keys) else ["keys"]
    return out + ([] if a.sentences == b.sentences else ["sentences"])


def noise(n: int, F: int = 3, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Independent standard normal values [n, F]."""
    return np.random.default_rng(seed).standard_normal((n, F))

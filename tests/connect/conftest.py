"""Files to read, sources that are closed again, and a way to read all of a source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tacit.connect.open
from tacit.contracts.events import Events
from tacit.contracts.source import Source


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Any], str]:
    """write(name, text or bytes) → path."""

    def make(name: str, content: Any) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return make


@pytest.fixture
def open_source() -> Iterator[Callable[..., Source]]:
    """open_source as it is, but what it opened is closed after the test."""
    opened: list[Source] = []

    def make(spec: Any, **options: Any) -> Source:
        opened.append(tacit.connect.open.open_source(spec, **options))
        return opened[-1]

    yield make
    for source in opened:
        source.close()


def drain(source: Source, limit: int = 1000) -> Events:
    """All events of a source that ends, as one; earlier rows are NaN where a feature was not there yet."""
    parts = []
    while (events := source.poll(limit, 0.2)) is not None:
        parts.append(events)
    return join(parts, source)


def join(parts: list[Events], source: Source) -> Events:
    """Batches as one."""
    width = len(source.features)
    values = [np.pad(p.values, ((0, 0), (0, width - p.values.shape[1])), constant_values=np.nan) for p in parts]
    keys = [k for p in parts for k in p.keys]
    empty = np.empty(0, np.int64)
    return Events(
        keys,
        np.concatenate([p.times for p in parts]) if parts else empty,
        np.concatenate(values) if parts else np.empty((0, width)),
        np.concatenate([p.positions for p in parts]) if parts else empty,
        source.features,
        np.concatenate([p.late for p in parts]) if parts else np.empty(0, bool),
    )


def same(a: Events, b: Events) -> bool:
    """Whether two are equal to the bit."""
    arrays = ("times", "values", "positions", "late")
    return (
        list(a.keys) == list(b.keys)
        and a.features == b.features
        and all(np.array_equal(getattr(a, n), getattr(b, n), equal_nan=n == "values") for n in arrays)
    )

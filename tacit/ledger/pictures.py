"""Pictures: what a report draws besides numbers, as plain arrays that the evaluation collects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Neighbours(NamedTuple):
    """A sample that asks and those found, as people see them (uint8 [H, W, 3], float [L, C] or str), with their labels."""

    asked: Any
    found: list[Any]
    label: str
    labels: list[str]


class Posed(NamedTuple):
    """A pretext task's puzzle: the sample, and what the encoder was shown of it."""

    task: str
    sample: Any
    shown: list[Any]


@dataclass
class Pictures:
    """points: [n, 2] a map of embeddings, with `classes` by `labels` code (or numbers), and how it was made; curve: the learning's lines."""

    points: NDArray[Any] | None = None
    labels: NDArray[Any] | None = None
    classes: tuple[str, ...] = ()
    how: str = ""
    neighbours: list[Neighbours] = field(default_factory=list)
    posed: list[Posed] = field(default_factory=list)
    curve: list[dict[str, float]] = field(default_factory=list)
    reliability: dict[str, dict[str, list[float]]] = field(default_factory=dict)


def series_of(curve: list[dict[str, float]]) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """{name: (steps, values)} of a learning's lines; a line may lack a name."""
    names = dict.fromkeys(name for line in curve for name in line if name not in ("step", "seconds", "share", "progress"))
    found = {}
    for name in names:
        pairs = [(line.get("step", i), line[name]) for i, line in enumerate(curve) if name in line]
        found[name] = (np.array([p[0] for p in pairs], np.float64), np.array([p[1] for p in pairs], np.float64))
    return found

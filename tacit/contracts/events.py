"""Events: many records as arrays, in the order in which they arrived.

The hot path never sees one object per event. `values` has one column per feature of `schema`; NaN is a
missing value. Features are only ever appended to a schema, so a column keeps its number for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["number", "counter", "boolean", "indicator"]


@dataclass(frozen=True, slots=True)
class Feature:
    """One number that an event may carry.

    kind: number as it is; counter: only grows, the live path turns it into a rate a second of event time;
    boolean 0/1; indicator 0/1 of one category ("state=failed").
    muted: shown and modelled, never alerted on (our own use of the machine).
    """

    name: str
    kind: Kind = "number"
    unit: str = ""
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Events:
    """n events of one source, in arrival order.

    keys: n strings; times: [n] int64, nanoseconds since 1970 UTC; values: [n, F] float64, NaN = missing;
    positions: [n] int64, strictly growing through the source's life (0, 1, 2 … over accepted events);
    late: [n] bool, True where an event's time lies before its key's newest.
    """

    keys: Sequence[str]
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    positions: NDArray[np.int64]
    features: tuple[Feature, ...]
    late: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.times)


@dataclass(slots=True)
class Refusals:
    """What could not be used: counted by reason, the first few of each kept as samples. Nothing is dropped silently."""

    counts: dict[str, int] = field(default_factory=dict)
    samples: list[tuple[str, str, str]] = field(default_factory=list)  # (reason, where, excerpt)
    per_reason: int = 3
    excerpt: int = 200

    def add(self, reason: str, where: str, sample: str = "", n: int = 1) -> None:
        """Count `n` refusals for `reason`; `where` says line, column or key."""
        before = self.counts.get(reason, 0)
        self.counts[reason] = before + n
        if before < self.per_reason:
            self.samples.append((reason, where, sample[: self.excerpt]))

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def state(self) -> dict[str, Any]:
        return {"counts": dict(self.counts), "samples": [list(s) for s in self.samples]}

    def restore(self, state: dict[str, Any]) -> None:
        self.counts = {str(k): int(v) for k, v in state["counts"].items()}
        self.samples = [(str(a), str(b), str(c)) for a, b, c in state["samples"]]

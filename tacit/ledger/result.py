"""Result: one number with all that it takes to believe it. A row of the ledger."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any

GAIN = "gain_over_best_rung"  # the metric of a row that holds a verdict


@dataclass(frozen=True)
class Result:
    """model: hash of the weights; dataset, split ("by entity", "random, across entities" …), protocol, metric: what was measured and how;
    contestant: whose number it is ("ours", or a rung's name); labels: per class (0: all; for numbers in all); n: test samples;
    low, high: 95 % interval, NaN where there is none, and `interval`: over what; seeds: draws it is a mean of;
    unit: "" or the severity, group or part that it is of; failed: why there is no number; extra: choices and the like.
    """

    protocol: str
    metric: str
    value: float
    contestant: str = "ours"
    title: str = ""
    model: str = ""
    dataset: str = ""
    split: str = ""
    unit: str = ""
    labels: int = 0
    n: int = 0
    seed: int = 0
    seeds: int = 1
    low: float = math.nan
    high: float = math.nan
    interval: str = ""
    failed: str = ""
    versions: str = ""
    command: str = ""
    time: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """Plain values, `extra` as JSON, NaN as None."""
        told = asdict(self)
        told["extra"] = json.dumps(self.extra, sort_keys=True, default=str)
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in told.items()}

    @classmethod
    def of(cls, row: dict[str, Any]) -> Result:
        """The way back from `row`."""
        known: dict[str, Any] = {k: math.nan if v is None else v for k, v in row.items()}
        known["extra"] = json.loads(known["extra"])
        return cls(**known)

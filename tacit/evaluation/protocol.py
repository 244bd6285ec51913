"""Protocol: one way to judge an encoder. A part is one file in `protocols/`; it returns rows for the ledger, arrays to draw and a verdict."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.catalog import load, names
from tacit.contracts.errors import DataError, UnknownName
from tacit.evaluation.contestant import Contestant, Frozen
from tacit.evaluation.intervals import over_samples, percentiles, resamples
from tacit.evaluation.setting import Setting
from tacit.evaluation.verdict import Verdict, verdict
from tacit.ledger.result import Result

TRY = "Look at the metric, and at the samples of each class there are; another metric is stated in the goal."


@dataclass
class Finding:
    """rows: for the ledger; verdict: where it was measured against the ladder; shown: arrays for the report, by name; notes: for people."""

    rows: list[Result] = field(default_factory=list)
    verdict: Verdict | None = None
    shown: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Protocol(ABC):
    """ladder: whether rungs take part."""

    ladder: ClassVar[bool] = True

    def why_not(self, setting: Setting) -> str | None:
        """Why it cannot be run here, or None."""
        return None

    @abstractmethod
    def run(self, setting: Setting, ours: Frozen, rungs: list[Contestant]) -> Finding:
        """ours: the encoder's readings, frozen."""


SPELLED = {"fewshot": "few_shot", "finetune": "fine_tune"}  # files of parts have no underscores; people and ledgers do


def protocol_named(name: str) -> Protocol:
    """Raises UnknownName, with the nearest known name."""
    known = {SPELLED.get(file, file): file for file in names("protocol")}
    if name not in known:
        raise UnknownName("protocol", name, sorted(known))
    made: Protocol = load("protocol", known[name])()
    return made


def measured(
    protocol: str, setting: Setting, answers: dict[tuple[str, str], NDArray[Any]], on: str, choices: dict[str, str] | None = None
) -> tuple[list[Result], Verdict]:
    """Rows and verdict of scores [m, K] by (name, title), "ours" among them: intervals over test samples, the same resamples for all."""
    drawn = resamples(len(setting.test), setting.rng(6), setting.test.entity)
    metric, labels, rows = setting.metric, setting.test.labels, []
    values: dict[tuple[str, str], float] = {}
    boots: dict[tuple[str, str], NDArray[np.float64]] = {}
    over = "95 %, bootstrap over " + ("test samples" if setting.test.entity is None else "entities of the test")
    for (name, title), scores in answers.items():
        values[name, title] = metric.score(labels, scores)
        if not np.isfinite(values[name, title]):
            rows.append(unmeasured(protocol, setting, name, title))
            continue
        boots[name, title] = over_samples(metric, labels, scores, drawn)
        low, high = percentiles(boots[name, title])
        extra = {"choice": (choices or {}).get(name, "")}
        rows.append(
            Result(
                protocol,
                metric.name,
                values[name, title],
                name,
                title,
                split=setting.how,
                n=len(labels),
                low=low,
                high=high,
                interval=over,
                extra=extra,
            )
        )
    mine = next((key for key in boots if key[0] == "ours"), None)
    if mine is None:
        raise DataError(f"{metric.title} is no number for the answers of ours.", TRY)
    rivals = [key for key in boots if key[0] != "ours"]
    if not rivals:
        return rows, Verdict("unknown", float("nan"), float("nan"), "", on, "", f"cannot be said {on}: no rung was run.")
    rival = max(rivals, key=lambda key: values[key])
    low, high = percentiles(boots[mine] - boots[rival])
    return rows, verdict(values[mine] - values[rival], low, high, rival[1], metric.points, metric.title, on, over)


def unmeasured(protocol: str, setting: Setting, name: str, title: str) -> Result:
    """The row of a contestant for whose answers the metric is no number: it is out of the comparison, and counted."""
    reason = f"{setting.metric.title} is no number for {title}"
    return Result(protocol, setting.metric.name, float("nan"), name, title, split=setting.how, n=len(setting.test), failed=reason)

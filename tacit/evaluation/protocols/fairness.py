"""Fairness: are errors spread evenly over the groups of a column. Gap: the largest error rate of a group less the smallest, with its interval.

For two classes the rates of false alarms and of misses too (equalised odds: Hardt, Price and Srebro, 2016). A small group's rate is mostly chance,
and a largest difference is above zero by chance: the interval (bootstrap within groups) and the gap under drawn groups tell how much.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.evaluation.contestant import Contestant, Frozen
from tacit.evaluation.intervals import RESAMPLES, percentiles
from tacit.evaluation.protocol import Finding, Protocol
from tacit.evaluation.setting import Setting
from tacit.ledger.result import Result

LEAST = 10  # samples of a group for its rate to count


class Fairness(Protocol):
    """Of ours and of every rung, read off with all labels."""

    def why_not(self, setting: Setting) -> str | None:
        if setting.test.group is None:
            return "the goal names no group column"
        return None if setting.train.classes else "labels are numbers: there are no error rates"

    def run(self, setting: Setting, ours: Frozen, rungs: list[Contestant]) -> Finding:
        finding = Finding()
        for contestant in (ours, *rungs):
            if (answer := contestant.probed(setting)) is not None:
                self._of(setting, finding, contestant, setting.metric.decisions(answer.scores))
        return finding

    def _of(self, setting: Setting, finding: Finding, contestant: Contestant, said: NDArray[np.int64]) -> None:
        labels, group = setting.test.labels, np.asarray(setting.test.group)
        who: dict[str, Any] = {"contestant": contestant.name, "title": contestant.title}
        kinds = {"error_rate": np.ones(len(labels), np.bool_)}
        if len(setting.train.classes) == 2:
            positive = setting.metric.positive
            kinds |= {"false_alarm_rate": labels != positive, "miss_rate": labels == positive}
        for metric, counted in kinds.items():
            parts = {str(g): (said != labels)[counted & (group == g)] for g in np.unique(group)}
            small = [g for g, wrong in parts.items() if len(wrong) < LEAST]
            rates = {g: wrong for g, wrong in parts.items() if len(wrong) >= LEAST}
            if small and contestant.name == "ours":
                finding.notes.append(f"{metric.replace('_', ' ')} of {', '.join(small)}: fewer than {LEAST} samples, left out of the gap")
            finding.rows += [Result("fairness", metric, float(w.mean()), unit=g, n=len(w), **who) for g, w in rates.items()]
            if len(rates) < 2:
                continue
            value, low, high, chance = gap(list(rates.values()), setting.rng(12))
            over = "95 %, bootstrap within groups"
            extra = {"by_chance": chance}
            n = sum(map(len, rates.values()))
            finding.rows.append(Result("fairness", f"{metric}_gap", value, unit="gap", n=n, low=low, high=high, interval=over, extra=extra, **who))
            if contestant.name == "ours":
                finding.notes.append(
                    f"gap of the {metric.replace('_', ' ')} {100 * value:.1f} points ({100 * low:.1f} to {100 * high:.1f}); "
                    f"groups of these sizes drawn at random differ by {100 * chance:.1f}"
                )


def gap(wrong: list[NDArray[np.bool_]], rng: np.random.Generator) -> tuple[float, float, float, float]:
    """(largest rate less smallest, low, high, median gap of groups of these sizes drawn from all together)."""

    def spread(draw: Callable[[NDArray[np.bool_]], NDArray[np.bool_]]) -> float:
        rates = [float(draw(w).mean()) for w in wrong]
        return max(rates) - min(rates)

    everyone = np.concatenate(wrong)
    boots = np.array([spread(lambda w: rng.choice(w, len(w))) for _ in range(RESAMPLES)])
    chance = float(np.median([spread(lambda w: rng.choice(everyone, len(w))) for _ in range(RESAMPLES)]))
    return spread(lambda w: w), *percentiles(boots), chance

"""Few-shot curves: how good with 1, 3, 5, 10, 30 … labels a class, and how many labels that saves.

The same draws for all. Labels saved at n: labels that the best rung needs for the score that ours has with n, by interpolating its curve over
log n, less n; where its curve does not get there, at least its last n is told. Interval: over draws, paired.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.evaluation.contestant import Contestant, Frozen
from tacit.evaluation.intervals import over_draws
from tacit.evaluation.protocol import Finding, Protocol
from tacit.evaluation.setting import Setting
from tacit.evaluation.splits import draw
from tacit.evaluation.verdict import by_draws
from tacit.ledger.result import Result

SIZES = (1, 3, 5, 10, 30, 100, 300)
MOST = 2500  # labels in all
SMALL, LEAST_SEEDS = 500, 3  # beyond so many labels draws differ little and cost much
SAID_AT = 10  # labels a class that the verdict is about


class Fewshot(Protocol):
    """Curves of ours and every rung."""

    def why_not(self, setting: Setting) -> str | None:
        return None if self._draws(setting) else "there are too few training labels to draw some of them"

    def _draws(self, setting: Setting) -> dict[int, list[NDArray[np.int64]]]:
        """{labels a class (in all, for numbers): rows of each seed}."""
        classes = max(1, len(setting.train.classes))
        sizes = SIZES if setting.train.classes else tuple(10 * s for s in SIZES)
        found = {}
        for size in sizes:
            drawn = [
                draw(setting.train, size, setting.rng(8, size, seed))
                for seed in range(setting.goal.seeds if size * classes <= SMALL else LEAST_SEEDS)
            ]
            if size * classes <= min(MOST, 0.9 * len(setting.train)) and all(rows is not None for rows in drawn):
                found[size] = [rows for rows in drawn if rows is not None]
        return found

    def run(self, setting: Setting, ours: Frozen, rungs: list[Contestant]) -> Finding:
        draws = self._draws(setting)
        finding, curves = Finding(), {}
        for contestant in (ours, *rungs):
            said = contestant.answers(setting, [rows for drawn in draws.values() for rows in drawn])
            scores = iter([np.nan if a is None else setting.score(a.scores) for a in said])
            curves[contestant.title] = {size: np.array([next(scores) for _ in drawn]) for size, drawn in draws.items()}
            finding.rows += [
                self._row(setting, contestant, size, values) for size, values in curves[contestant.title].items() if np.isfinite(values).any()
            ]
        mine = curves.pop(ours.title)
        at = max((s for s in mine if s <= (SAID_AT if setting.train.classes else 10 * SAID_AT)), default=min(mine))
        each = "a class" if setting.train.classes else "in all"
        finding.verdict = by_draws(
            mine[at], {title: curve[at] for title, curve in curves.items()}, setting.metric.points, setting.metric.title, f"at {at} labels {each}"
        )
        finding.rows += self._savings(setting, finding, mine, curves)
        return finding

    def _row(self, setting: Setting, contestant: Contestant, size: int, values: NDArray[np.float64]) -> Result:
        values = values[np.isfinite(values)]
        mean, wide = over_draws(values)
        low, high = (mean - wide, mean + wide) if len(values) >= LEAST_SEEDS else (np.nan, np.nan)  # of two draws it would say nothing
        name, title = contestant.name, contestant.title
        extra = {"values": values.tolist()}
        over = "95 %, Student's over draws of labels"
        return Result(
            "fewshot", setting.metric.name, mean, name, title, split=setting.how, labels=size, n=len(setting.test), seeds=len(values),
            low=low, high=high, interval=over, extra=extra,
        )  # fmt: skip

    def _savings(
        self, setting: Setting, finding: Finding, mine: dict[int, NDArray[np.float64]], curves: dict[str, dict[int, NDArray[np.float64]]]
    ) -> list[Result]:
        """Labels (and money) saved at each size, against the best rung there is at the score reached."""
        classes = max(1, len(setting.train.classes))
        complete = {t: {s: float(np.nanmean(v)) for s, v in c.items() if np.isfinite(v).any()} for t, c in curves.items()}
        rows = []
        for size, values in mine.items():
            needs = {title: labels_needed(curve, float(values.mean())) for title, curve in complete.items() if curve}
            if not needs:
                continue
            rival = min(needs, key=lambda title: needs[title])
            need = needs[rival]
            reached = np.isfinite(need)
            last = max(complete[rival])
            saved = ((need if reached else last) - size) * classes
            extra = {"rung": rival, "at_least": not reached}
            common: dict[str, Any] = {"split": setting.how, "labels": size, "n": len(setting.test), "seeds": len(values), "extra": extra}
            rows.append(Result("fewshot", "labels_saved", saved, **common))
            if setting.goal.label_cost:
                rows.append(Result("fewshot", "money_saved", saved * setting.goal.label_cost, unit=setting.goal.currency, **common))
            if saved >= 0.5:  # less is told as none
                more = "" if reached else "at least "
                money = f" ({setting.goal.label_cost * saved:,.0f} {setting.goal.currency or 'in cost'})" if setting.goal.label_cost else ""
                finding.notes.append(
                    f"{size * classes} labels do what {rival} needs {more}{saved + size * classes:,.0f} for: {more}{saved:,.0f} labels saved{money}."
                )
        return rows


def labels_needed(curve: dict[int, float], score: float) -> float:
    """Labels at which a curve {labels: score} first reaches a score, linear over log labels; infinite where it never does, its first
    size where it starts there."""
    sizes = sorted(curve)
    if curve[sizes[0]] >= score:
        return float(sizes[0])
    for few, more in itertools.pairwise(sizes):
        if curve[more] >= score:
            share = (score - curve[few]) / (curve[more] - curve[few])
            return float(few * (more / few) ** share)
    return float("inf")

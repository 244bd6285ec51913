"""Few-shot curves: how good with 1, 3, 5, 10, 30 … labels a class, and how many labels that saves.

The same draws for all. Labels saved at n: labels that the best rung needs for the score that ours has with n, by interpolating its curve over
log n, less n; where its curve does not get there, at least its last n is told. Intervals are over draws, corrected for the pool that draws share,
and over test samples (see overlap); gains are paired. Labels saved: from where the rung's curve less ours might be 0 to where it must be.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.errors import DataError
from tacit.evaluation.contestant import Answer, Contestant, Frozen
from tacit.evaluation.intervals import within
from tacit.evaluation.overlap import GROUPS, Scored, over_draws_and_test
from tacit.evaluation.protocol import TRY, Finding, Protocol, unmeasured
from tacit.evaluation.setting import Setting
from tacit.evaluation.splits import draw, parts_of
from tacit.evaluation.verdict import against_best
from tacit.ledger.report import saved_range
from tacit.ledger.result import Result

SIZES = (1, 3, 5, 10, 30, 100, 300)
MOST = 2500  # labels in all
SMALL, LEAST_SEEDS = 500, 3  # beyond so many labels draws differ little and cost much
SAID_AT = 10  # labels a class that the verdict is about
OVER = "95 %, over draws of labels (corrected for the pool they share) and test samples"

Curve = dict[int, Scored]


class Fewshot(Protocol):
    """Curves of ours and every rung."""

    def why_not(self, setting: Setting) -> str | None:
        classes = len(setting.train.classes)
        if 0 < setting.goal.labels < (classes or 10):
            return f"the goal has {setting.goal.labels} labels, and the least that is drawn is {'one a class' if classes else 'ten'}"
        return None if self._draws(setting) else "there are too few training labels to draw some of them"

    def _draws(self, setting: Setting) -> dict[int, list[NDArray[np.int64]]]:
        """{labels a class (in all, for numbers): rows of each seed}."""
        classes = max(1, len(setting.train.classes))
        sizes = SIZES if setting.train.classes else tuple(10 * s for s in SIZES)
        if setting.goal.labels:  # more there will not be
            sizes = tuple(size for size in sizes if size * classes <= setting.goal.labels)
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
        groups = parts_of(setting.test, setting.goal, setting.rng(23), GROUPS)
        finding, curves = Finding(), dict[str, Curve]()
        for contestant in (ours, *rungs):
            setting.told(contestant.title)
            said = iter(contestant.answers(setting, [rows for drawn in draws.values() for rows in drawn]))
            curve = {size: scored(setting, [next(said) for _ in drawn], groups, size) for size, drawn in draws.items()}
            curves[contestant.title] = {size: part for size, part in curve.items() if np.isfinite(part.values).any()}
            finding.rows += [self._row(setting, contestant, size, part) for size, part in curves[contestant.title].items()]
            if not curves[contestant.title]:
                finding.rows.append(unmeasured("few_shot", setting, contestant.name, contestant.title))
        mine = curves.pop(ours.title)
        if not mine:
            raise DataError(f"{setting.metric.title} is no number for ours with any number of labels.", TRY)
        at = max((s for s in mine if s <= (SAID_AT if setting.train.classes else 10 * SAID_AT)), default=min(mine))
        on = f"at {at} labels {'a class' if setting.train.classes else 'in all'}"
        there = {title: curve[at] for title, curve in curves.items() if at in curve}
        finding.verdict = against_best(mine[at], there, setting.metric.points, setting.metric.title, on)
        finding.rows += self._savings(setting, finding, mine, curves)
        return finding

    def _row(self, setting: Setting, contestant: Contestant, size: int, part: Scored) -> Result:
        part = part.less(Scored(np.zeros_like(part.values), np.zeros_like(part.without), part.kept))  # without draws that were not run
        mean = float(part.values.mean())
        wide = over_draws_and_test([part]) if len(part.values) >= LEAST_SEEDS else np.nan  # of two draws it would say nothing
        name, title = contestant.name, contestant.title
        low, high = within(mean, wide, setting.metric.span)
        extra = {"values": part.values.tolist()}
        return Result(
            "few_shot", setting.metric.name, mean, name, title, split=setting.how, labels=size, n=len(setting.test), seeds=len(part.values),
            low=low, high=high, interval=OVER, extra=extra,
        )  # fmt: skip

    def _savings(self, setting: Setting, finding: Finding, mine: Curve, curves: dict[str, Curve]) -> list[Result]:
        """Labels (and money) saved at each size, against the best rung there is at the score reached."""
        classes = max(1, len(setting.train.classes))
        rows = []
        for size, part in mine.items():
            needs = {title: needed(curve, size, part) for title, curve in curves.items() if curve}
            if not needs:
                continue
            rival = min(needs, key=lambda title: needs[title])
            need, low, high = needs[rival]
            reached, last = bool(np.isfinite(need)), max(curves[rival])
            saved, low, high = (((n if np.isfinite(n) else last) - size) * classes for n in (need, low, high))
            extra = {"rung": rival, "at_least": not reached, "no_end": not np.isfinite(needs[rival][2])}
            common: dict[str, Any] = {"split": setting.how, "labels": size, "n": len(setting.test), "seeds": len(part.values), "interval": OVER}
            row = Result("few_shot", "labels_saved", saved, low=low, high=high, extra=extra, **common)
            rows.append(row)
            if setting.goal.label_cost:
                each = setting.goal.label_cost
                common |= {"unit": setting.goal.currency, "extra": extra}
                rows.append(Result("few_shot", "money_saved", saved * each, low=low * each, high=high * each, **common))
            if saved >= 0.5 and low > 0:  # less, or what might be none, is told as none
                more = "" if reached else "at least "
                money = f" ({setting.goal.label_cost * saved:,.0f} {setting.goal.currency or 'in cost'})" if setting.goal.label_cost else ""
                finding.notes.append(
                    f"{size * classes} labels do what {rival} needs {more}{saved + size * classes:,.0f} for: "
                    f"{more}{saved:,.0f} labels saved{saved_range(row)}{money}."
                )
        return rows


def scored(setting: Setting, said: Sequence[Answer | None], groups: Sequence[NDArray[np.int64]], size: int) -> Scored:
    """Answers to all draws of one size, NaN for one that was not run; groups: parts of the test."""
    labels = setting.test.labels
    rest = [np.setdiff1d(np.arange(len(labels)), part) for part in groups]
    values, without = np.full(len(said), np.nan), np.full((len(said), len(groups)), np.nan)
    for i, answer in enumerate(said):
        if answer is not None:
            values[i] = setting.score(answer.scores)
            if len(groups) > 1:
                without[i] = [setting.metric.score(labels[rows], answer.scores[rows]) if _differ(setting, labels[rows]) else np.nan for rows in rest]
    return Scored(values, without, kept(setting, size))


def _differ(setting: Setting, labels: NDArray[Any]) -> bool:
    return not setting.train.classes or len(np.unique(labels)) > 1


def kept(setting: Setting, size: int) -> float:
    """The share of the pool's labels that a draw takes, the mean over classes."""
    if not setting.train.classes:
        return size / len(setting.train)
    counts = np.bincount(setting.train.labels, minlength=len(setting.train.classes))
    return float((size / counts).mean())


def needed(curve: Curve, size: int, part: Scored) -> tuple[float, float, float]:
    """(labels with which a rung does what ours does with `size`, from, to): from where the two differ by no more than their interval, to where the
    rung is surely as good; infinite where its curve does not get there."""
    score = float(np.nanmean(part.values))
    means = {at: float(np.nanmean(other.values)) for at, other in curve.items()}
    wide = {at: _apart(part, other, at == size) for at, other in curve.items()}
    high = labels_needed({at: mean - wide[at] for at, mean in means.items()}, score)
    return labels_needed(means, score), labels_needed({at: mean + wide[at] for at, mean in means.items()}, score), high


def _apart(part: Scored, other: Scored, paired: bool) -> float:
    """Half width of a difference: of the same draws where both have as many labels, of draws that have nothing to do with each other where not."""
    none = [Scored(x.values[real := np.isfinite(x.values)], x.without[real], x.kept) for x in (part, other)]
    return over_draws_and_test([part.less(other)]) if paired else over_draws_and_test(none, (1.0, -1.0))


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

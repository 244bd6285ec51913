"""Tournament: which pretext task on your own data, with equal time, the same encoder, several seeds, by successive halving.

Every round all that are left have had the same time and are judged on the same splits; the better half goes on, with whoever is within one
standard error of it (Jamieson and Talwalkar, "Non-stochastic best arm identification", 2016). The rungs of the null ladder take part.
Whether the winner helps is not read off the rounds that chose it: see confirming.
What won on other data counts (see standing): little where labels speak, much where there are none.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.errors import DataError
from tacit.evaluation.confirming import FAILURES, Confirmed, Learn, confirm, seeds_told, set_beside
from tacit.evaluation.intervals import within
from tacit.evaluation.judging import Judge
from tacit.evaluation.overlap import half_width, standard_error
from tacit.evaluation.standing import PRIOR, Standing, halve, place, share_first
from tacit.evaluation.verdict import Verdict
from tacit.ledger.result import Result
from tacit.ledger.sections import Section, as_html_page, as_markdown_page

Progress = Callable[[str, float], None]
CONFIRMED = "by what did not choose it"
SURE = 0.9


@dataclass
class Comparison:
    """standings: best first; rungs: {title: [splits]}, lost: why there are none; sure: share of resamples in which the winner stays first;
    spent: seconds in all; confirmed: the winner by what did not choose it."""

    standings: list[Standing]
    rungs: dict[str, NDArray[np.float64]]
    confirmed: Confirmed
    sure: float
    spent: float
    seconds: float
    seeds: int
    judge: Judge
    dataset: str = ""
    lost: str = ""

    @property
    def verdict(self) -> Verdict:
        return self.confirmed.verdict

    @property
    def winner(self) -> str:
        return self.standings[0].task

    @property
    def model(self) -> Any:
        """The winner's encoder of the seed that judged best, ready to be kept."""
        best = self.standings[0]
        return best.models[list(best.models)[int(best.values.mean(1).argmax())]]

    def rows(self) -> list[Result]:
        """For the ledger."""
        rounds = ["failed" if s.failed else f"out in round {s.out}" if s.out else "final" for s in self.standings]
        out = [_row(self, s.task, s.task, s.values, unit, s) for s, unit in zip(self.standings, rounds, strict=True)]
        out += [_row(self, "rung", title, values[None, :], "rung") for title, values in self.rungs.items()]
        if not self.judge.labelled:
            return out
        new = [(self.winner, self.winner, self.confirmed.values), *(("rung", t, v[None, :]) for t, v in self.confirmed.rungs.items())]
        return out + [_row(self, contestant, title, values, CONFIRMED) for contestant, title, values in new]

    def sections(self) -> list[Section]:
        """The one page: which, why, how sure, what it costs, what would change the answer."""
        first = self.standings[0]
        others = [s for s in self.standings[1:] if s.sound]
        told = f"{first.task}: {_told(self, first.mean)}" + (f", then {others[0].task}: {_told(self, others[0].mean)}" if others else "")
        use = f"Use {first.task}" if self.verdict.state == "helps" else f"Not worth it yet. The best task is {first.task}"
        answer = f"{use}; it {self.verdict.sentence}" if self.judge.labelled else self._unlabelled(first)
        lost = [f"{s.task} failed: {s.failed}" for s in self.standings if s.failed]
        lost += [f"The rungs could not be set beside the tasks: {self.lost}"] if self.lost else []
        return [
            Section("Which task", [answer]),
            Section("Why", [f"By {self.judge.title}, mean over {seeds_told(self.seeds)}: {told}.", *lost], self.rows()),
            Section("How sure", [self._sure(), *self.confirmed.told(first.task), self.judge.trust]),
            Section("What it costs", [self._costs()]),
            Section("What would change the answer", self._change()),
        ]

    def _unlabelled(self, first: Standing) -> str:
        """Without labels nothing is said to help."""
        told = f"{first.task} ({_told(self, first.mean)} times the untrained encoder's, views found and uniformity together)"
        if first.mean <= 1:
            return f"Not one that can be named: without labels the best that can be seen is {told}, which is no better than untrained."
        return f"{first.task}, as far as can be told without labels; whether it helps cannot be. By what can be seen: {told}."

    def _costs(self) -> str:
        again = f", {self.confirmed.seconds:,.0f} s of it for the winner's new seeds" if self.confirmed.seconds else ""
        return f"{self.standings[0].seconds:,.0f} s of learning for the encoder kept; {self.spent:,.0f} s for the whole comparison{again}."

    def _sure(self) -> str:
        if len(self.standings) == 1:
            return f"{self.winner} alone was tried: whether another task would do better is not known (--pretext NAME,NAME tries others)."
        if not self.judge.labelled:
            first = f"{self.winner} stays first in {self.sure:.0%} of resamples of seeds, by these measures"
            favoured = [f" {s.task} counts {s.weight:g} times, since it won on other data." for s in self.standings if s.weight != 1]
            return f"{first}: that is not how likely it is to serve you best.{''.join(favoured)}"
        if self.standings[0].out:
            return f"Whatever went on after round {self.standings[0].out} failed: {self.winner} is the best of those that were left there."
        if not math.isfinite(standard_error(self.standings[0].values, self.judge.share)):
            return f"{self.winner} is first by one seed and one split, which have no error: how much of that is chance is not known."
        ahead = max((s for s in self.standings if s.sound and not s.out), key=lambda s: s.mean)
        if ahead.mean > self.standings[0].mean:
            gap = f"{ahead.task} is {_told(self, ahead.mean - self.standings[0].mean)} ahead by these labels, within a standard error"
            return f"{gap}: {self.winner}, which won on other data, is put before it. Either may be the better one."
        if self.sure >= SURE:
            return f"{self.winner} stays first in {self.sure:.0%} of resamples of seeds and splits."
        near = [s.task for s in self.standings[1:] if s.sound and not s.out][:2]
        return f"{self.winner} stays first in only {self.sure:.0%} of resamples of seeds and splits: {', '.join(near) or 'another'} may be as good."

    def _change(self) -> list[str]:
        left = [s.task for s in self.standings if s.out]
        lines = [f"More time: {', '.join(left)} left after a part of it, and may be slow starters." if left else "More time for all."]
        lines.append("More seeds and more labels, where the first two are close." if self.judge.labelled else "Labels: twenty a class would decide.")
        if self.judge.labelled and self.verdict.state != "helps" and self.verdict.rung:
            lines.append(f"More unlabelled data or a longer run, for a learned encoder to get past {self.verdict.rung}.")
        return lines

    def markdown(self) -> str:
        return as_markdown_page(f"Comparison of pretext tasks: {self.dataset}", self.sections())

    def html(self) -> str:
        return as_html_page(f"Comparison of pretext tasks: {self.dataset}", self.sections())


def compare(
    learn: Learn,
    tasks: Sequence[str],
    seconds: float,
    judge: Judge,
    seeds: int = 3,
    dataset: str = "",
    progress: Progress | None = None,
    prior: str = "",
) -> Comparison:
    """seconds: that each finalist's encoder has had in the end; prior: the task that won on other data. Raises DataError where no task can be
    learned at all."""
    told, began = progress or (lambda what, share: None), time.monotonic()
    standings = [Standing(task, PRIOR if task == prior and not judge.labelled else 1.0) for task in dict.fromkeys(tasks)]
    rounds = max(1, math.ceil(math.log2(len(standings)))) if len(standings) > 1 else 1
    road = [seconds / 2 ** (rounds - turn) for turn in range(1, rounds + 1)]
    rungs, lost, stood = dict[str, NDArray[np.float64]](), "", False
    for turn, budget in enumerate(road, 1):
        running = [s for s in standings if not s.out and not s.failed]
        for i, standing in enumerate(running):
            told(f"round {turn} of {rounds}: {standing.task}, {budget:.0f} s", (turn - 1 + i / len(running)) / (rounds + 1))
            _play(standing, learn, judge, budget, seeds)
            if not stood and standing.models:
                told(f"round {turn} of {rounds}: the rungs of the ladder", (turn - 1 + (i + 1) / len(running)) / (rounds + 1))
                rungs, lost = set_beside(judge, next(iter(standing.models.values())))
                stood = True
        if turn < rounds:
            halve([s for s in standings if not s.out and not s.failed], turn, judge.share)
    place(standings, prior if judge.labelled else "", judge.share)
    first = standings[0]
    if first.failed:
        raise DataError(f"no task could be learned: {'; '.join(f'{s.task}: {s.failed}' for s in standings)}.", "Check the data with `tacit inspect`.")
    finalists = [s for s in standings if not s.failed and not s.out]
    told(f"{first.task} by what did not choose it", rounds / (rounds + 1))
    confirmed = confirm(first.task, list(first.models.values()), learn, road, judge, len(standings) > 1)
    told("done", 1.0)
    return Comparison(standings, rungs, confirmed, share_first(finalists), time.monotonic() - began, seconds, seeds, judge, dataset, lost)


def _play(standing: Standing, learn: Learn, judge: Judge, budget: float, seeds: int) -> None:
    """All seeds of one task up to this budget. A collapse puts it out, with the reason."""
    values = []
    for seed in range(seeds):
        try:
            standing.models[seed] = learn(standing.task, budget, seed, standing.models.get(seed))
            values.append(judge.values(standing.models[seed].encoder))
        except FAILURES as e:
            standing.failed = f"{type(e).__name__}: {e}"
            return
    standing.values, standing.seconds = np.array(values), budget


def _row(c: Comparison, contestant: str, title: str, values: NDArray[np.float64], unit: str, task: Standing | None = None) -> Result:
    """values [seeds, splits]; a rung has one row of them."""
    failed = task.failed if task else ""
    if failed:  # later on: what it was worth before says nothing of it
        values = np.zeros((0, 0))
    real = values[:, np.isfinite(values).all(0)] if values.size else values
    value = float(real.mean()) if real.size else math.nan
    low, high = within(value, half_width(real, c.judge.share) if real.size else math.nan, c.judge.span)
    metric = c.judge.title.split(",")[0].replace(" ", "_")
    extra = {"seconds": task.seconds if task else 0.0, "values": real.tolist()}
    over = "95 %, Student's over seeds or splits, whichever is wider"
    return Result(
        "compare", metric, value, contestant, title, dataset=c.dataset, unit=unit, seeds=len(real), low=low, high=high, interval=over,
        failed=failed, extra=extra,
    )  # fmt: skip


def _told(c: Comparison, value: float) -> str:
    return f"{value * c.judge.points:.1f}" if c.judge.points > 1 else f"{value:.3g}"

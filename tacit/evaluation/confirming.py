"""Confirming: a tournament's winner against the ladder, by what did not choose it: encoders of new seeds, labels that were held back.

The best of several noisy scores is too good by what chance gave it (Cawley and Talbot, "On over-fitting in model selection", 2010). So the winner is
learned anew, by the same road and with the same time, with seeds that nobody has seen, and scored on labels that took no part in any round. Where
one task alone was tried there was no choice of seeds, and its encoders are taken as they are. Nothing that fails here takes the winner away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.errors import TacitError
from tacit.evaluation.judging import Judge
from tacit.evaluation.overlap import half_width
from tacit.evaluation.verdict import Verdict, unknown, verdict

FAILURES = (TacitError, RuntimeError, ValueError, np.linalg.LinAlgError)  # of one task or one encoder: told, and the others go on
ON = "on this data"
Learn = Callable[[str, float, int, Any], Any]  # (task, seconds in all, seed, the model it goes on from or None) → model with .encoder


@dataclass
class Confirmed:
    """values: [seeds, splits] of the winner, no seeds where none could be learned and judged; rungs: {title: [splits]}; learned: seeds that were
    to be learned for it; failed: why some are missing; judge: by whom; apart: on labels that chose nothing; seconds: of learning that it took;
    lost: why there are no rungs, "" where there are."""

    values: NDArray[np.float64]
    rungs: dict[str, NDArray[np.float64]]
    judge: Judge
    learned: int
    failed: list[str]
    apart: bool
    seconds: float
    lost: str = ""

    @property
    def verdict(self) -> Verdict:
        if not len(self.values):
            return unknown(ON, f"none of the {'new ' if self.learned else ''}seeds could be learned and judged")
        return against_rungs(self.values, self.rungs, self.judge)

    def told(self, task: str) -> list[str]:
        """What the verdict stands on."""
        if not self.judge.labelled:
            return []
        tried = len(self.values) + len(self.failed)
        lost = [f"The rungs could not be set beside it: {self.lost}"] if self.lost else []
        if not len(self.values):
            new = " that chose nothing" if self.learned else ""
            return [
                f"Whether {task} helps is not known: of {seeds_told(tried)}{new} none could be learned and judged: {'; '.join(self.failed)}",
                *lost,
            ]
        seeds = (
            f"{seeds_told(len(self.values))} that chose nothing" if self.learned else f"{seeds_told(len(self.values))}, {task} being the only task"
        )
        labels = "labels that were held back from choosing" if self.apart else "the very labels that chose it, too few to hold some back: it flatters"
        failures = [f"{len(self.failed)} of {tried} of those seeds failed: {'; '.join(self.failed)}"] if self.failed else []
        return [f"Whether {task} helps is judged by {seeds}, on {labels}.", *failures, *lost]


def confirm(task: str, models: Sequence[Any], learn: Learn, road: Sequence[float], judge: Judge, chosen: bool) -> Confirmed:
    """models: the winner's of the seeds that chose it; road: the seconds in all after each round; chosen: whether there were others."""
    final, failed, learned, seeds = judge.fresh or judge, list[str](), 0, len(models)
    encoders = [m.encoder for m in models]
    if chosen and judge.labelled:  # without labels nothing is said to help, and there is nothing to confirm
        encoders, learned = [], seeds
        for seed in range(seeds, 2 * seeds):
            try:
                model: Any = None
                for seconds in road:
                    model = learn(task, seconds, seed, model)
            except FAILURES as e:
                failed.append(f"{type(e).__name__}: {e}")
            else:
                encoders.append(model.encoder)
    (rungs, lost), values = set_beside(final, models[0]), list[NDArray[np.float64]]()
    for encoder in encoders:
        try:
            values.append(final.values(encoder))
        except FAILURES as e:
            failed.append(f"{type(e).__name__}: {e}")
    scored = np.array(values) if values else np.zeros((0, 0))
    return Confirmed(scored, rungs, final, learned, failed, judge.fresh is not None, learned * road[-1], lost)


def set_beside(judge: Judge, model: Any) -> tuple[dict[str, NDArray[np.float64]], str]:
    """(the rungs of the ladder as this judge scores them, "") or ({}, why there are none)."""
    try:
        return judge.rungs(model.encoder), ""
    except FAILURES as e:
        return {}, f"{type(e).__name__}: {e}"


def against_rungs(mine: NDArray[np.float64], rungs: dict[str, NDArray[np.float64]], judge: Judge) -> Verdict:
    """The winner against the best rung, paired by split; a rung that ran fewer splits is compared on those, one without a number on none."""
    rungs = {title: values for title, values in rungs.items() if np.isfinite(values).any()}
    if not rungs:
        return unknown(ON, "no rung was run")
    rival = max(rungs, key=lambda title: float(np.nanmean(rungs[title])))
    both = np.isfinite(rungs[rival])
    gains = mine[:, both] - rungs[rival][both][None, :]
    wide = half_width(gains, judge.share)
    gain = float(gains.mean())
    by = f"95 %, over {seeds_told(gains.shape[0])} and {gains.shape[1]} splits, paired"
    return verdict(gain, gain - wide, gain + wide, rival, judge.points, judge.title, ON, by)


def seeds_told(n: int) -> str:
    return "1 seed" if n == 1 else f"{n} seeds"

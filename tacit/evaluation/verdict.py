"""Verdict: does the learned encoder help, as one sentence. It is compared with the best rung, whichever turns out best on the test itself:
choosing the rival there favours the rival, so what helps in spite of it helps.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tacit.evaluation.intervals import over_draws
from tacit.evaluation.overlap import Scored, over_draws_and_test


class Verdict(NamedTuple):
    """gain ± wide: ours minus the best rung, in the metric; on: what it was measured on; by: what the interval is over."""

    state: Literal["helps", "no difference", "does not help", "unknown"]
    gain: float
    wide: float
    rung: str
    on: str
    by: str
    sentence: str


def verdict(gain: float, low: float, high: float, rung: str, points: float, metric: str, on: str, by: str, of: str = "it") -> Verdict:
    """From the difference to the best rung with its interval. points: 100 where the metric is a share."""
    wide = (high - low) / 2
    unit = f"points of {metric}" if points > 1 else metric
    digits = 1 if points > 1 else 4
    if not math.isfinite(gain) or not math.isfinite(wide):
        return Verdict("unknown", gain, wide, rung, on, by, f"cannot be said {on}: no interval can be had from one draw. Best rung: {rung}.")
    told = f"{gain * points:+.{digits}f} ± {wide * points:.{digits}f} {unit}"
    if low > 0:
        return Verdict("helps", gain, wide, rung, on, by, f"helps {on}: {told} over the best rung ({rung}); interval {by}.")
    if high < 0:
        return Verdict("does not help", gain, wide, rung, on, by, f"does not help {on}; use {rung} ({told} against it; interval {by}).")
    return Verdict(
        "no difference",
        gain,
        wide,
        rung,
        on,
        by,
        f"does not help {on} as far as can be told; {rung} does as well ({told} against it; interval {by}).",
    )


def unknown(on: str, why: str) -> Verdict:
    """Nothing to compare, or nothing to compare with."""
    return Verdict("unknown", float("nan"), float("nan"), "", on, "", f"cannot be said {on}: {why}.")


def by_draws(ours: NDArray[np.float64], rungs: dict[str, NDArray[np.float64]], points: float, metric: str, on: str) -> Verdict:
    """ours [draws], rungs {title: [draws], NaN where a draw was not run}: paired over the draws that both ran."""
    rungs = {title: values for title, values in rungs.items() if (np.isfinite(values) & np.isfinite(ours)).any()}
    if not rungs:
        return unknown(on, "no rung was run")
    rival = max(rungs, key=lambda title: float(np.nanmean(rungs[title])))
    both = np.isfinite(rungs[rival]) & np.isfinite(ours)
    gain, wide = over_draws((ours - rungs[rival])[both])
    return verdict(gain, gain - wide, gain + wide, rival, points, metric, on, f"95 %, paired over {int(both.sum())} draws of labels")


def against_best(ours: Scored, rungs: dict[str, Scored], points: float, metric: str, on: str) -> Verdict:
    """Few labels: paired over the draws that both ran and over the test samples, corrected for the pool that draws share."""
    rungs = {title: part for title, part in rungs.items() if len(ours.less(part).values)}
    if not rungs:
        return unknown(on, "no rung was run")
    rival = max(rungs, key=lambda title: float(np.nanmean(rungs[title].values)))
    paired = ours.less(rungs[rival])
    gain, wide = float(paired.values.mean()), over_draws_and_test([paired])
    by = f"95 %, paired over {len(paired.values)} draws of labels and over test samples"
    return verdict(gain, gain - wide, gain + wide, rival, points, metric, on, by)

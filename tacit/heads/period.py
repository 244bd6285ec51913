"""Found periods: the one frequency that stands out of the spectrum of a trace, if any does.

Trend, the seasons that are modelled already and a first-order memory are taken out, so that what is left of noise or of a
random walk has a flat spectrum; a peak counts where it towers over the mean level of its neighbours (Vaughan, "A simple
test for periodic signals in red noise", 2005). Periodogram ordinates of noise are exponential: exp(-PEAK) a frequency.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tacit.heads import trace

Floats = NDArray[np.float64]

PEAK = 50.0  # times the level around it
EULER = 0.5772
LEAST_SHARE = 0.05  # of a feature's variance: less is not worth two columns
LEAST_ROUNDS = 5  # a trace holds at least so many periods ...
LEAST_SAMPLES = 4  # ... and a period at least so many samples
AROUND, APART = 16, 2  # bins on each side that make the level, and those next to the peak that do not
RATHER = 2.0  # another period takes the place of the one in use where its share is so many times as large
# of the season's row: three known frequencies, then what was found: frequency, since when, phase there, share, seconds it was seen over
FOUND, SINCE, PHASE, SHARE, SPAN = range(3, 8)


class Found(NamedTuple):
    """omega in rad/s, the share of the best feature's variance, and the seconds that it was seen over."""

    omega: float
    share: float
    span: float


def find(x: Any, when: Floats, known: Floats) -> Found | None:
    """The frequency that stands out of x [m, K] at times `when` [m] in seconds, beside those `known`; None where none does."""
    m, t = len(x), when - when[0]
    span = float(t[-1]) * m / max(m - 1, 1)
    if m < 8 * AROUND or not span > 0.0 or not np.isfinite(t).all():
        return None
    fixed = [np.ones(m), t / span]
    for w in known[known * span > math.pi].tolist():
        fixed += [np.sin(w * t), np.cos(w * t)]
    x = without(np.asarray(x, np.float64), fixed)
    moving = (x * x).mean(axis=0) > 1e-9
    if not moving.any():
        return None
    x = x[:, moving]
    memory = (x[1:] * x[:-1]).sum(axis=0) / (x * x).sum(axis=0)
    white = (x[1:] - memory * x[:-1]) * np.hanning(m + 1)[1:-1, None]
    power = np.abs(np.fft.rfft(white, axis=0)) ** 2  # [m / 2, K]
    ratio = power / level_of(power)
    low, high = LEAST_ROUNDS, m // LEAST_SAMPLES
    k, j = np.unravel_index(int(np.argmax(ratio[low:high])), ratio[low:high].shape)
    if ratio[low + k, j] < PEAK:
        return None
    centre = 2.0 * math.pi * (low + k) / span
    fine = centre + 2.0 * math.pi / span * np.linspace(-1.0, 1.0, 41)
    found = np.abs((np.exp(-1j * np.multiply.outer(fine, t[1:])) * white[:, j]).sum(axis=1)) ** 2
    if found.max() < 0.5 * power[low + k, j]:  # it is one of the order of events, not of time
        return None
    omega = float(fine[int(found.argmax())])
    share = 1.0 - float((without(x[:, j : j + 1], [np.sin(omega * t), np.cos(omega * t)]) ** 2).sum() / (x[:, j] ** 2).sum())
    return Found(omega, share, span) if share >= LEAST_SHARE else None


def without(x: Floats, columns: list[Floats]) -> Floats:
    """x [m, K] less its least squares on the columns [m], by Gram and Schmidt: sums in one order, whatever the library's threads."""
    basis: list[Floats] = []
    for column in columns:
        size = math.sqrt(float((column * column).sum()))
        for unit in basis:
            column = column - unit * float((unit * column).sum())
        left = math.sqrt(float((column * column).sum()))
        if left > 1e-6 * size:
            basis.append(column / left)
    for unit in basis:
        x = x - unit[:, None] * (unit[:, None] * x).sum(axis=0)
    return x


def level_of(power: Floats) -> Floats:
    """What a frequency's power would be of noise, from the geometric mean of those around it; [bins, K]."""
    logs = np.log(power + 1e-12 * power.mean(axis=0) + 1e-300)
    sums = np.cumsum(np.pad(logs, ((AROUND + 1, AROUND), (0, 0)), mode="reflect"), axis=0)
    n, wide, near = len(logs), 2 * AROUND + 1, 2 * APART + 1
    whole = sums[wide : wide + n] - sums[:n]
    inner = sums[AROUND + APART + 1 : AROUND + APART + 1 + n] - sums[AROUND - APART : AROUND - APART + n]
    level: Floats = np.exp((whole - inner) / (wide - near) + EULER)  # the mean log of an exponential lies so far below the log of its mean
    return level


def adopt(season: Floats, found: Found, now: float) -> bool:
    """Takes a found period into the season's row [8]; True where it is another than before. The same one, seen for longer, is refined.

    The phase goes on through a refinement, so that what the heads have learned of the period stays true.
    """
    before = season[FOUND]
    if before > 0.0 and abs(found.omega - before) * max(found.span, season[SPAN]) < 2.0 * math.pi:
        season[SHARE] = found.share
        if found.span < season[SPAN]:
            return False
        season[PHASE] = math.fmod(before * (now - season[SINCE]) + season[PHASE], 2.0 * math.pi)
        season[FOUND], season[SINCE], season[SPAN] = found.omega, now, found.span
        return False
    if before > 0.0 and found.share < RATHER * season[SHARE]:
        return False
    season[FOUND], season[SINCE], season[PHASE], season[SHARE], season[SPAN] = found.omega, now, 0.0, found.share, found.span
    return True


def look(held: Any, when: Floats, marks: Floats, season: Floats, now: float) -> bool:
    """Looks at every trace that has thinned since it was looked at and is nearly full; True where another period was found.

    held [KEYS, SAMPLES + 1, K], when [KEYS, SAMPLES + 1], marks [KEYS, 4], season [8].
    """
    new = False
    for i in range(len(marks)):
        thin, n = marks[i, trace.THIN], int(marks[i, trace.HELD])
        if 4 * n < 3 * trace.SAMPLES or thin == marks[i, trace.LOOKED]:
            continue
        marks[i, trace.LOOKED] = thin
        found = find(held[i, :n], when[i, :n], season[:FOUND])
        if found is not None:
            new |= adopt(season, found, now)
    return new

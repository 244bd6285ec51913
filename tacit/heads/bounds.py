"""Bounds of each feature: the least and the most it was, and how far outside them it is now, in their width.

A residual's tail says how rare a deviation is; after a day with faults in it no deviation is rare. The bounds say whether a value
was ever here before. What comes in waits LAG events, then as many again, before it widens them, so that what grows slowly cannot
carry them along; while a feature is told to be outside, nothing of it widens them, unless it lasts. They draw in again by half in HALF_LIFE events.

A feature that leaps is not told for its next leap of that size: bounds that were widened at once by so many widths ask for as many of them
from then on (LEAPT), and each telling for twice as much (ASKED), both for a while. Two readings close together must be outside; one is chance.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tacit.heads.compiling import hot

Doubles = NDArray[np.float64]

LOW, HIGH, SOON_LOW, SOON_HIGH, THEN_LOW, THEN_HIGH, LEAPT, ASKED, OUTSIDE, SINCE, FRESH, KEPT = range(12)
ROWS = 12
LAG = 128  # events
SPEAKS = 2048.0  # events of the feature before it is told
BAR, NEW = 0.5, 1000.0  # widths that are far; and that one more is asked for until so many events have gone by
HALF_LIFE = 20_000.0  # events, of the bounds
LEAP_FADES, ASKED_FADES = 4096.0, 10_000.0  # events, by half
TWICE = 1.1  # of readings outside, each counting half as much with the next: two of the last four
APART = 40.0  # events inside after which being outside is news again
NEWS = 8.0  # events that it stays news
INSIDE = 120.0  # events inside after which what was told is over
FOREVER = 1e6
NOTHING = 0.001  # of the least that it was
SHORT = 1.0 - 0.5 ** (1 / 10.0)  # a mean that looks back 10 events


@hot
def start(known: Doubles, x: float, f: int, at: int) -> None:
    """The first value of feature f; `at` is where the bounds' rows begin in known [rows, F]."""
    known[at + LOW, f], known[at + HIGH, f] = x, x
    wait_for_none(known, f, at)
    known[at + LEAPT, f], known[at + ASKED, f], known[at + OUTSIDE, f] = 0.0, 1.0, 0.0
    known[at + SINCE, f], known[at + FRESH, f], known[at + KEPT, f] = FOREVER, 0.0, 0.0


@hot
def follow(known: Doubles, x: float, many: float, f: int, at: int, mean: int) -> float:
    """A mean of the last values in known[mean, f], no value of which counts as more than a width outside."""
    low, high = known[at + LOW, f], known[at + HIGH, f]
    if many >= SPEAKS and not low <= x <= high:
        width = high - low
        x = min(max(x, low - width), high + width)
    known[mean, f] += SHORT * (x - known[mean, f])
    return known[mean, f]


@hot
def outside(known: Doubles, x: float, many: float, f: int, at: int) -> float:
    """How far x lies outside, in widths and in what is asked of this feature: told from 1 on; 0 inside or while little was seen."""
    low, high = known[at + LOW, f], known[at + HIGH, f]
    if low <= x <= high or many < SPEAKS:
        return 0.0
    width = high - low
    if not width > 1e-12 * max(abs(low), abs(high)):
        return 0.0  # it never moved: how far is far is not known
    if x < low and low > 0.0:  # of what is positive, towards nothing: in octaves
        far = math.log(low / max(x, NOTHING * low)) / math.log(high / low)
    else:
        far = (x - high if x > high else low - x) / width
    return min(far / ((1.0 + known[at + LEAPT, f]) * (BAR + NEW / many) * known[at + ASKED, f]), 1e12)


@hot
def tell(known: Doubles, far: float, f: int, at: int) -> bool:
    """Takes note of whether this event is outside; True where that is news now. To be asked for INSIDE events and one more after any was."""
    if far <= 1.0:
        if known[at + SINCE, f] < FOREVER:
            known[at + SINCE, f] += 1.0
            known[at + OUTSIDE, f] *= 0.5
            known[at + FRESH, f] = max(known[at + FRESH, f] - 1.0, 0.0)
            if known[at + SINCE, f] > INSIDE:
                known[at + KEPT, f], known[at + SINCE, f], known[at + FRESH, f] = 0.0, FOREVER, 0.0
        return False
    known[at + FRESH, f] = NEWS if known[at + SINCE, f] > APART else max(known[at + FRESH, f] - 1.0, 0.0)
    known[at + SINCE, f] = 0.0
    known[at + OUTSIDE, f] = 0.5 * known[at + OUTSIDE, f] + 1.0
    if known[at + OUTSIDE, f] > TWICE and known[at + FRESH, f] > 0.0 and known[at + KEPT, f] == 0.0:
        known[at + FRESH, f], known[at + KEPT, f] = 0.0, 1.0
        wait_for_none(known, f, at)
        return True
    return False


@hot
def ask_more(known: Doubles, f: int, at: int) -> None:
    """Feature f was told: the next time it takes twice as much."""
    known[at + ASKED, f] *= 2.0


@hot
def wait_for_none(known: Doubles, f: int, at: int) -> None:
    """Nothing waits to widen the bounds."""
    known[at + SOON_LOW, f], known[at + SOON_HIGH, f] = np.inf, -np.inf
    known[at + THEN_LOW, f], known[at + THEN_HIGH, f] = np.inf, -np.inf


@hot
def widen(known: Doubles, x: float, many: float, patience: float, f: int, at: int) -> None:
    """Takes x in after many events, unless it was told; but what has been outside for so many events is what it is like now."""
    if not known[at + LOW, f] <= x <= known[at + HIGH, f]:
        if known[at + KEPT, f] == 0.0:
            known[at + SOON_LOW, f], known[at + SOON_HIGH, f] = min(known[at + SOON_LOW, f], x), max(known[at + SOON_HIGH, f], x)
        else:
            known[at + KEPT, f] += 1.0
            if known[at + KEPT, f] >= min(patience, max(many - known[at + KEPT, f], 200.0)):
                known[at + LOW, f], known[at + HIGH, f] = min(known[at + LOW, f], x), max(known[at + HIGH, f], x)
    if int(many) % LAG == LAG - 1:
        settle(known, f, at)


@hot
def settle(known: Doubles, f: int, at: int) -> None:
    """What came in LAG to two LAG events ago enters the bounds."""
    low, high = known[at + LOW, f], known[at + HIGH, f]
    width = high - low
    leapt = min(max(known[at + THEN_HIGH, f] - high, low - known[at + THEN_LOW, f], 0.0) / width, 1e12) if width > 0.0 else 0.0
    known[at + LEAPT, f] = max(known[at + LEAPT, f] * 0.5 ** (LAG / LEAP_FADES), leapt)
    known[at + ASKED, f] = 1.0 + (known[at + ASKED, f] - 1.0) * 0.5 ** (LAG / ASKED_FADES)
    drawn = 0.5 * (1.0 - 0.5 ** (LAG / HALF_LIFE))
    if low > 0.0:
        low *= (high / low) ** drawn  # in octaves, as `outside` counts there
    elif low < 0.0:
        low += drawn * width  # nothing at all stays what it is
    known[at + LOW, f] = min(low, known[at + THEN_LOW, f])
    known[at + HIGH, f] = max(high - drawn * width, known[at + THEN_HIGH, f])
    known[at + THEN_LOW, f], known[at + THEN_HIGH, f] = known[at + SOON_LOW, f], known[at + SOON_HIGH, f]
    known[at + SOON_LOW, f], known[at + SOON_HIGH, f] = np.inf, -np.inf

"""Bounds of each feature: the least and the most it was of late, and how far outside them it is now, in their width.

A residual's tail says how rare a deviation is; after a day with faults in it no deviation is rare. Bounds say whether the value, or its mean
over some ten events, was ever here. What comes in waits LAG events, then as many again, before it widens them, so that what grows by more than
a few thousandths of the width an event cannot carry them along. A feature that has been told is kept apart, and widens nothing, until it has been
inside for a while or has lasted. Bounds draw in again by half in HALF_LIFE events.

Two readings close together must be outside, for the mean two while it is out there; one is chance, and widens bounds that have settled by MOST
widths at most. What stands outside when they begin to speak counts as told. A feature that leaps by itself must leap further: bounds that were
widened at once by so many widths ask for as many from then on (LEAPT), and each telling for twice as much on that side (BELOW, ABOVE), both for a
while. A feature's rows: ROWS for the value, ROWS for its mean, then what is known of its telling.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tacit.heads.compiling import hot

Doubles = NDArray[np.float64]

LOW, HIGH, SOON_LOW, SOON_HIGH, THEN_LOW, THEN_HIGH, LEAPT, OUTSIDE = range(8)
ROWS, SETS = 8, 2
# events since told or 0; of them the last inside; the side, ± 1 where told by itself, less where part of another alert; how far of late;
# the asking below and above; the mean
KEPT, SINCE, SIDE, PEAK, BELOW, ABOVE, MEAN = range(SETS * ROWS, SETS * ROWS + 7)
SIZE = SETS * ROWS + 7
LAG = 128  # events
YOUNG, SETTLED = 8.0, 3.0 * LAG  # events after which the mean has forgotten its first value, and after which one reading no more makes the bounds
SPEAKS = 2048.0  # events of the feature before it is told
BAR, NEW = 0.5, 1000.0  # widths that are far; and that one more is asked for until so many events have gone by
HALF_LIFE = 20_000.0  # events, of the bounds
LEAP_FADES = 4096.0  # events, by half
ASKED_FADES, DAY = 10_000.0, 86_400.0  # events and seconds, by half in the longer of both
SHORT = 1.0 - 0.5 ** (1 / 10.0)  # the mean looks back 10 events
STIRS = 0.05  # of readings outside: less is none
TWICE = 1.1  # of readings outside, each counting half as much with the next: two of the last four
INSIDE, APART = 120.0, 40.0  # events inside after which what was told is over: while an alert is open, and while none is
MOST = 3.0  # widths that one reading widens the bounds by
LARGEST, SMALLEST = 1e150, 1e-150  # what lies beyond is as large, or nothing
FURTHEST = 1e3  # what lies beyond is as far: a budget that is spent can still hold it
ROUNDING = 1e-6  # of the value: what is outside by no more is inside
NEAR = 20.0  # times the least that it was is the most: of what came nearer to nothing the way there is no news
OVER = 0.5  # as far as must be to be told: what was told is over when it is nearer
GROWN, FORGETS = 30.0, 0.98  # times as far as it was of late: that is another fault; an event
PART = 0.5  # the side of what is part of an alert
# what may be said: nothing yet; part of the alert that has just opened; an alert beside it; or while none is open
SILENT, JOINS, OPENS, FREE = range(4)


@hot
def within(x: float) -> float:
    """x in a range that can be subtracted and divided."""
    return 0.0 if abs(x) < SMALLEST else min(max(x, -LARGEST), LARGEST)


@hot
def start(known: Doubles, x: float, f: int, at: int) -> None:
    """The first value of a set of feature f; `at` is where its rows begin in known [rows, F]."""
    known[at + LOW, f], known[at + HIGH, f] = x, x
    known[at + LEAPT, f], known[at + OUTSIDE, f] = 0.0, 0.0
    wait_for_none(known, f, at)


@hot
def begin(known: Doubles, x: float, f: int, at: int) -> None:
    """The first value of feature f."""
    for k in range(SETS):
        start(known, within(x), f, at + k * ROWS)
    known[at + KEPT, f], known[at + SINCE, f], known[at + SIDE, f], known[at + PEAK, f] = 0.0, 0.0, 0.0, 0.0
    known[at + BELOW, f], known[at + ABOVE, f], known[at + MEAN, f] = 1.0, 1.0, within(x)


@hot
def follow(known: Doubles, x: float, many: float, f: int, at: int) -> float:
    """The mean, x with it; no value counts for more than what was within the bounds, whose own business it is."""
    x = within(x)
    if many >= SPEAKS:
        x = min(max(x, known[at + LOW, f]), known[at + HIGH, f])
    known[at + MEAN, f] += max(SHORT, 1.0 / (many + 1.0)) * (x - known[at + MEAN, f])
    return known[at + MEAN, f]


@hot
def outside(known: Doubles, x: float, many: float, f: int, at: int) -> float:
    """How far x lies outside a set's bounds, in widths and in what is asked of any feature: far beyond ± 1, 0 inside or while little was seen."""
    low, high = known[at + LOW, f], known[at + HIGH, f]
    if low <= x <= high or many < SPEAKS:
        return 0.0
    x = within(x)
    width = high - low
    distance = x - high if x > high else low - x
    if not width > 1e-12 * max(abs(low), abs(high)) or distance < ROUNDING * max(abs(low), abs(high)):
        return 0.0  # it never moved, and how far is far is not known; or that was rounding
    if width > 0.5 and x == math.floor(x):
        distance = max(distance - 1.0, 0.0)  # a count may be one more
    far = distance / width
    if x < low and high < NEAR * low:  # of what was never near nothing, towards it: in octaves
        far = max(far, math.log(low / max(low - distance, 1e-6 * low)) / math.log(high / low))
    far = min(far / ((1.0 + known[at + LEAPT, f]) * (BAR + NEW / many)), FURTHEST)
    return far if x > high else -far


@hot
def mean_outside(known: Doubles, x: float, many: float, f: int, at: int) -> float:
    """As `outside`, of the mean, where x lies out there as well: one reading moves the mean for the next thirty, and is not thirty readings."""
    low, high, mean = known[at + ROWS + LOW, f], known[at + ROWS + HIGH, f], known[at + MEAN, f]
    if (mean > high and x > high) or (mean < low and x < low):
        return outside(known, mean, many, f, at + ROWS)
    return 0.0


@hot
def tell(known: Doubles, first: float, second: float, ask: float, may: int, f: int, at: int) -> bool:
    """Takes note of how far the value and the mean are outside; whether that opens an alert. `ask` times as far counts before it is told.

    To be asked at every event of the feature while `stirred`. What leaves in the first events of an alert is part of it.
    """
    kept, side = known[at + KEPT, f] > 0.0, known[at + SIDE, f]
    if kept and known[at + SINCE, f] > (APART if may == FREE else INSIDE):
        let_go(known, f, at)
        kept = False
    news = False
    for k in range(SETS):
        far = first if k == 0 else second
        out = abs(far) > ask * known[at + (ABOVE if far > 0.0 else BELOW), f]
        if kept:  # what was told is news on its other side, or where it has grown
            out &= far * side < 0.0 or abs(far) > GROWN * known[at + PEAK, f]
        left = k == 1 and not known[at + ROWS + LOW, f] <= known[at + MEAN, f] <= known[at + ROWS + HIGH, f]
        stays = 1.0 - SHORT if left else 0.5  # while the mean remembers them, readings add up
        known[at + k * ROWS + OUTSIDE, f] = stays * known[at + k * ROWS + OUTSIDE, f] + (1.0 if out else 0.0)
        news |= out and known[at + k * ROWS + OUTSIDE, f] > TWICE
    if news and may != SILENT:
        if kept:
            let_go(known, f, at)
        up = (first if abs(first) >= abs(second) else second) > 0.0
        keep(known, (1.0 if may != JOINS else PART) * (1.0 if up else -1.0), max(abs(first), abs(second)), f, at)
        return may != JOINS
    if kept:
        still = max(abs(first), abs(second)) if side == 0.0 else max(first * side, second * side) / abs(side)  # as far on the side that was told
        known[at + KEPT, f] += 1.0
        known[at + SINCE, f] = 0.0 if still > OVER else known[at + SINCE, f] + 1.0
        if known[at + OUTSIDE, f] < STIRS and known[at + ROWS + OUTSIDE, f] < STIRS:
            known[at + PEAK, f] = max(FORGETS * known[at + PEAK, f], still, 1.0)
    return False


@hot
def let_go(known: Doubles, f: int, at: int) -> None:
    """What was told is over; where it was told by itself the next time takes twice as much."""
    if known[at + SIDE, f] == 1.0:
        known[at + ABOVE, f] = min(2.0 * known[at + ABOVE, f], 1e6)
    elif known[at + SIDE, f] == -1.0:
        known[at + BELOW, f] = min(2.0 * known[at + BELOW, f], 1e6)
    known[at + KEPT, f] = 0.0


@hot
def surprise(far: float, many: float) -> float:
    """-log P of the first reading so far outside after so many: with an exponential tail each width is worth as much as all that came before it."""
    return min((1.0 + BAR * far) * math.log(max(many, 2.0)), 30.0)


@hot
def keep(known: Doubles, side: float, far: float, f: int, at: int) -> None:
    """Feature f is told: nothing of it waits to widen its bounds."""
    known[at + KEPT, f], known[at + SINCE, f], known[at + SIDE, f], known[at + PEAK, f] = 1.0, 0.0, side, max(far, 1.0)
    for k in range(SETS):
        known[at + k * ROWS + OUTSIDE, f] = 0.0
        wait_for_none(known, f, at + k * ROWS)


@hot
def stirred(known: Doubles, f: int, at: int) -> bool:
    """Whether feature f must be asked at its next event, wherever that lies."""
    return known[at + KEPT, f] > 0.0 or known[at + OUTSIDE, f] > STIRS or known[at + ROWS + OUTSIDE, f] > STIRS


@hot
def wait_for_none(known: Doubles, f: int, at: int) -> None:
    """Nothing waits to widen a set's bounds."""
    known[at + SOON_LOW, f], known[at + SOON_HIGH, f] = np.inf, -np.inf
    known[at + THEN_LOW, f], known[at + THEN_HIGH, f] = np.inf, -np.inf


@hot
def learn(known: Doubles, x: float, many: float, patience: float, gap: float, f: int, at: int) -> None:
    """Takes x and the mean into the bounds; many events came before, `gap` seconds apart."""
    mean = known[at + MEAN, f]
    if YOUNG <= many < 2.0 * YOUNG:
        start(known, mean, f, at + ROWS)
    if not (known[at + LOW, f] <= x <= known[at + HIGH, f] and known[at + ROWS + LOW, f] <= mean <= known[at + ROWS + HIGH, f]):
        kept = known[at + KEPT, f]
        lasting = kept >= min(patience, max(many - kept, 200.0))
        widen(known, within(x), many, kept > 0.0, lasting, f, at)
        widen(known, mean, many, kept > 0.0, lasting, f, at + ROWS)
    if int(many) % LAG == LAG - 1:
        settle(known, f, at)
        settle(known, f, at + ROWS)
        if many == SPEAKS - 1.0:
            begin_to_speak(known, x, f, at)
        fades = max(ASKED_FADES, DAY / gap if gap > 1e-9 else 0.0)
        known[at + BELOW, f] = 1.0 + (known[at + BELOW, f] - 1.0) * 0.5 ** (LAG / fades)
        known[at + ABOVE, f] = 1.0 + (known[at + ABOVE, f] - 1.0) * 0.5 ** (LAG / fades)


@hot
def begin_to_speak(known: Doubles, x: float, f: int, at: int) -> None:
    """What has just come is no news: what waits is inside from the first, and what even so lies outside counts as told."""
    settle(known, f, at)
    settle(known, f, at + ROWS)
    far = max(abs(outside(known, x, SPEAKS, f, at)), abs(outside(known, known[at + MEAN, f], SPEAKS, f, at + ROWS)))
    if far > 0.0:  # it lay further out than one reading may widen them by
        keep(known, 0.0, far, f, at)


@hot
def widen(known: Doubles, x: float, many: float, kept: bool, lasting: bool, f: int, at: int) -> None:
    """x waits, unless its feature was told; but what has been told for so long is what it is like now."""
    low, high = known[at + LOW, f], known[at + HIGH, f]
    if low <= x <= high:
        return
    if many >= SETTLED and high > low:
        most = MOST * (high - low)
        x = min(max(x, low - most), high + most)
    if not kept:
        known[at + SOON_LOW, f], known[at + SOON_HIGH, f] = min(known[at + SOON_LOW, f], x), max(known[at + SOON_HIGH, f], x)
    elif lasting:
        known[at + LOW, f], known[at + HIGH, f] = min(low, x), max(high, x)


@hot
def settle(known: Doubles, f: int, at: int) -> None:
    """What came in LAG to two LAG events ago enters the bounds."""
    low, high = known[at + LOW, f], known[at + HIGH, f]
    width = high - low
    leapt = min(max(known[at + THEN_HIGH, f] - high, low - known[at + THEN_LOW, f], 0.0) / width, MOST) if width > 0.0 else 0.0
    known[at + LEAPT, f] = max(known[at + LEAPT, f] * 0.5 ** (LAG / LEAP_FADES), leapt)
    drawn = 0.5 * (1.0 - 0.5 ** (LAG / HALF_LIFE))
    if low > 0.0:
        low = math.exp(math.log(low) + drawn * (math.log(high) - math.log(low)))  # in octaves, as `outside` counts there
    elif low < 0.0:
        low = min(low + drawn * width, 0.0)  # nothing at all stays what it is
    known[at + LOW, f] = min(low, known[at + THEN_LOW, f])
    known[at + HIGH, f] = max(high - drawn * width, known[at + THEN_HIGH, f])
    known[at + THEN_LOW, f], known[at + THEN_HIGH, f] = known[at + SOON_LOW, f], known[at + SOON_HIGH, f]
    known[at + SOON_LOW, f], known[at + SOON_HIGH, f] = np.inf, -np.inf

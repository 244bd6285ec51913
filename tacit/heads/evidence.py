"""Evidence: surprise summed over a key's events, and how much of it is worth an alert under a budget.

A <- max(0, A + min(v, CAP) - DRAG), v = -log p: Page's cumulative sum (1954) with a reference value above the mean of
v on normal data (1), so that one great surprise or many middling ones add up and quiet lets go. The threshold follows
from the budget: the heights that A reaches between two zeros fall off exponentially, P(peak > h) = exp(-h / beta),
on correlated data too, only with another beta. Both the rate of peaks and beta are learned from the peaks that did
not alert, starting from what independent events would give; where alerts come faster than the budget the threshold
rises, so that a storm is cut down to its largest.

Two thresholds come of it. Above the one, never under LEAST, a key is held: what it does now is no longer taken for normal.
The other is what an alert needs, besides being loud: the event's statistics must add up to LOUD, in units in which one event in
a hundred passes 4.6 with each of them. These units move by a count of events, not by how far they went, so no fault dulls them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tacit.heads.compiling import compiled, hot

Doubles = NDArray[np.float64]

DRAG = 2.3
CAP = 20.0
MOST = 100.0
LEAST = 10.0  # a key is held from here on at the earliest, however generous the budget
THETA = 0.86  # of independent events: the root of exp(-theta DRAG) = 1 - theta
BINS = 400  # of peak heights, a quarter each
PRIOR = 20.0
PRESSURE = 1.0  # how much of itself the threshold rises by for each budget's worth of alerts over the budget
YOUNG = 2000.0  # events after which the threshold is down to twice its size: what is new to us is not yet news
LOUD = 10.0  # what an event's statistics must add up to for an alert
NEW = 100.0  # events after which that is down to twice its size
RISE, APART = 0.25, 1000.0  # each alert asks more of the next ones, and so many events take it back: slow streams have few events a day
LOUDER = 1.5  # times as loud as all that an episode was, once it is past its opening: a new one
SETTLED = 7.0  # evidence under which, and under half of what an alert needs, an episode calms down
# header: [threshold, budget a day, peaks, events a day, holds decayed, time of the last, events, evidence that an alert needs, alerts decayed,
# time of the last, by how much more than LOUD]; times are seconds that the stream has gone on, whatever its dates
THRESHOLD, BUDGET, PEAKS, PER_DAY, HOLDS, LAST, EVENTS, NEEDED, ALERTS, LAST_ALERT, MORE = range(11)
HEADER = 11
FADE = 1.0 - 1.0 / 2000.0  # a peak, of the counts before it
DAY = 86_400.0


@hot
def add_evidence(evidence: float, surprise: float) -> float:
    """The cumulative sum after an event, within [0, MOST]."""
    return min(max(0.0, evidence + min(surprise, CAP) - DRAG), MOST)


@compiled
def learn_peak(height: float, counts: Doubles, head: Doubles) -> None:
    """One excursion ended below the threshold; its height enters the counts [BINS]. Those above are not noise."""
    head[PEAKS] += 1.0
    for j in range(BINS):
        counts[j] *= FADE
    counts[min(int(height * 4.0), BINS - 1)] += 1.0


@compiled
def set_thresholds(counts: Doubles, head: Doubles, now: float) -> None:
    """Both thresholds, from the height that normal data pass `budget` times a day, from peaks so far and the prior.

    now: seconds that the stream has gone on.
    """
    span = max(now, 1.0)
    rate = head[EVENTS] / span * DAY  # events a day, over all keys
    head[PER_DAY] = rate
    total = 0.0
    for j in range(BINS):
        total += counts[j]
    # beta: median excess over the median peak / ln 2, with a prior of PRIOR peaks of independent events
    beta, base = 1.0 / THETA, 0.0
    if total > 0.0:
        running, j = 0.0, 0
        while running < 0.5 * total:
            running += counts[j]
            j += 1
        base = 0.25 * j
        upper = running + 0.5 * (total - running)
        while running < upper and j < BINS:
            running += counts[j]
            j += 1
        learned = max((0.25 * j - base) / math.log(2.0), 0.5 / THETA)
        beta = (PRIOR * beta + total * learned) / (PRIOR + total)
    share = total / (total + PRIOR)
    # peaks a day, above `base`: as counted; as independent events would give it: a peak in about every 20 events
    counted = 0.5 * head[PEAKS] / span * DAY
    independent = 0.05 * rate * math.exp(-base / beta)
    peaks = math.exp(share * math.log(max(counted, 1e-9)) + (1.0 - share) * math.log(max(independent, 1e-9)))
    quiet = base + beta * math.log(max(peaks / head[BUDGET], 1.0))
    young = YOUNG / max(head[EVENTS], 1.0)
    held = 1.0 + young + PRESSURE * over_budget(head[HOLDS], head[LAST], head[BUDGET], now)
    told = 1.0 + young + PRESSURE * over_budget(head[ALERTS], head[LAST_ALERT], head[BUDGET], now)
    independent = math.log(max(0.05 * rate / head[BUDGET], 1.0)) / THETA  # what chance alone reaches as often as the budget allows
    head[THRESHOLD] = min(max(quiet, LEAST) * held, 0.9 * MOST)
    head[NEEDED] = min(max(quiet, independent) * told, 0.9 * MOST)


@hot
def over_budget(count: float, last: float, budget: float, now: float) -> float:
    """By how many budgets of a day the decayed count exceeds the budget."""
    return max(count * math.exp(-max(now - last, 0.0) / DAY) - budget, 0.0) / budget


@hot
def is_loud(news: float, head: Doubles) -> bool:
    """Loud enough for an alert."""
    return news > LOUD * (1.0 + NEW / max(head[EVENTS], 1.0)) + head[MORE]


@hot
def asked(head: Doubles, now: float) -> float:
    """How many times as far something must be for an alert as it would have to without those before."""
    pressure = 1.0 + PRESSURE * over_budget(head[ALERTS], head[LAST_ALERT], head[BUDGET], now)
    return (1.0 + head[MORE] / LOUD) * pressure * pressure * pressure  # how far is not bounded as evidence is


@compiled
def take_back(head: Doubles) -> None:
    """The alert just counted was none that anybody sees: it costs nothing."""
    head[ALERTS] = max(head[ALERTS] - 1.0, 0.0)
    head[MORE] = max(head[MORE] - RISE, 0.0)


@hot
def note_alert(head: Doubles, seconds: float) -> None:
    """Counts an alert: the next ones must be louder, and where the budget is spent need more evidence."""
    head[MORE] = min(head[MORE] + RISE, LOUD)
    head[ALERTS] = head[ALERTS] * math.exp(-max(seconds - head[LAST_ALERT], 0.0) / DAY) + 1.0
    head[LAST_ALERT] = max(head[LAST_ALERT], seconds)

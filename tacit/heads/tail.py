"""Tails: how rare a value of this size is, from decayed counts, the same meaning on every stream.

Two sketches. The inner one, per feature and channel, turns |residual| / sigma into a Gaussian surprise g (two-sided):
128 bins, four an octave from 2^-6 to 2^26, pooled over keys, with a Cauchy prior of PRIOR events, so that it
is sane before data and never sure beyond them. The outer one turns the event's statistic q into the tail
probability that becomes the score: linear bins of q (itself a -log p), an exponential tail fitted to the excesses over its upper
two per cent (peaks over threshold; Pickands 1975), and a correction held by feedback from the exceedances that really
came (adaptive conformal inference: Gibbs & Candes, 2021), so that 0.99 and 0.999 stay passed by 1 in 100 and 1 in 1,000.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tacit.heads.compiling import compiled, hot
from tacit.heads.normal import upper_quantile_at

Row = NDArray[np.float32]
Doubles = NDArray[np.float64]

BINS = 128
LOWEST = -6  # log2 of the first edge
PER_OCTAVE = 4
LOG_2 = math.log(2.0)
FIRST_BITS, A_BIN = (1023 + LOWEST) << 52, PER_OCTAVE / 2.0**52  # of a float64: bits of the first edge, bins a bit
PRIOR = 4.0
FEW = 16.0  # events of which no tail is read
TAIL_PRIOR, HILL = 4.0, 10.0  # exponent of the tail before data, and how many exceedances that is worth
HALF_LIFE = 20_000.0  # events, of both sketches
REFRESH = 512  # events between two readings of a sketch into its table

OUTER = 512  # bins of q from 0 to Q_HIGH
Q_HIGH = 64.0
Q_BIN = Q_HIGH / OUTER
# header of the outer sketch, a float64 row: [total, cut, mass over cut, mean excess, shift at .99, at .999, spare, spare, the six statistics' units]
TOTAL, CUT, OVER, EXCESS, SHIFT_99, SHIFT_999, *_ = range(8)
LOG_99, LOG_999 = -math.log(0.01), -math.log(0.001)
CHANNEL, STEP_CHANNEL = 8, 0.03  # the statistics' units, in the head from there on, as what each is multiplied by
HASTE, SETTLES = 30.0, 300.0  # their steps (in logarithms) begin at HASTE / SETTLES and fall with the events seen
LEAST_UNIT, GREATEST_UNIT = math.exp(-8.0), math.exp(0.7)
SETTLED_DOWN, SETTLED_UP = math.exp(-0.99 * STEP_CHANNEL), math.exp(0.01 * STEP_CHANNEL)  # a step once enough was seen: passed, and not
NEAREST, FURTHEST = -0.7, 4.0  # of the anchors, in logarithms
STEP_99, STEP_999 = 0.05, 0.15  # of the feedback, in logarithms of the anchor, an exceedance


# |u| at the inner bins' edges, piecewise linear in the octave, as the bits of a float are
EDGES = np.array([0.0, *(2.0 ** (LOWEST + j // PER_OCTAVE) * (1.0 + j % PER_OCTAVE / PER_OCTAVE) for j in range(1, BINS + 1))])
LOGS = np.log(np.maximum(EDGES, 2.0**LOWEST))
MIDDLES = np.log(0.5 * (np.maximum(EDGES[:-1], 2.0**LOWEST) + EDGES[1:]))
# P(|T| > u) of a Cauchy with a median |T| of 0.67, as a Gaussian's: what has never been seen is rare, not impossible
PRIOR_TAILS = 1.0 - 2.0 / np.pi * np.arctan(EDGES / 0.6745)
LEAST_TAIL = 1.0 - 2.0 / math.pi * math.atan(2.0**LOWEST / 0.6745)  # where the power law begins in the first bin


@hot
def place(u: float) -> float:
    """Where |u| lies on the inner axis, in bins, 0 to BINS."""
    if not u > 2.0**LOWEST:
        return 0.0
    x = (np.float64(u).view(np.int64) - FIRST_BITS) * A_BIN  # the bits of a float are octaves and parts of them
    return min(x, BINS - 1e-3)


@compiled
def read_inner(counts: Row, table: Row, fade: float) -> float:
    """Reads counts [BINS] into table [BINS + 1] of g at the bins' edges, and fades the counts; returns how many there were.

    Up to the upper three per cent as counted; beyond, p falls off as a power of u, whose exponent is Hill's estimator
    (1975) of the counts there, drawn towards TAIL_PRIOR while they are few: heavy tails stay heavy, light ones light.
    Before FEW events there is the prior alone.
    """
    total = 0.0
    for j in range(BINS):
        total += counts[j]
    want = max(0.03 * (total + PRIOR), PRIOR)
    above, cut = 0.0, BINS
    while cut > 0 and above + PRIOR * PRIOR_TAILS[cut] < want:
        cut -= 1
        above += counts[cut]
    logs = 0.0
    for j in range(cut, BINS):
        if counts[j] > 0.0:
            logs += counts[j] * max(MIDDLES[j] - LOGS[cut], 0.0)
    alpha = min(max((above + HILL) / (logs + HILL / TAIL_PRIOR), 0.5), 12.0)
    prior = PRIOR_TAILS[cut] if cut > 0 else LEAST_TAIL
    log_cut = -math.log(min((above + PRIOR * prior) / (total + PRIOR), 1.0))
    if total < FEW:
        above, cut = 0.0, BINS
    for j in range(cut + 1, BINS + 1):
        table[j] = max(0.0, upper_quantile_at(log_cut + alpha * (LOGS[j] - LOGS[cut]) + LOG_2))
    for j in range(cut, -1, -1):
        if j < cut:
            above += counts[j]
        p = (above + PRIOR * PRIOR_TAILS[j]) / (total + PRIOR)
        table[j] = max(0.0, upper_quantile_at(LOG_2 - math.log(min(p, 1.0))))
    for j in range(BINS):
        counts[j] *= fade
    return total


@hot
def gaussian(x: float, table: NDArray[np.float32], b: int, c: int, f: int) -> float:
    """g at place x of table [B, C, F, BINS + 1]: linear between the edges."""
    j = int(x)
    low = table[b, c, f, j]
    return low + (x - j) * (table[b, c, f, j + 1] - low)


@compiled
def band(table: Row, g: float) -> float:
    """The u at which g is reached: half-width of an expected band, in sigma. The inverse of `gaussian`."""
    for j in range(BINS):
        if table[j + 1] >= g:
            part = (g - table[j]) / max(table[j + 1] - table[j], 1e-9)
            return EDGES[j] + part * (EDGES[j + 1] - EDGES[j])
    return EDGES[BINS]


@compiled
def read_outer(counts: Row, tail: Row, head: Doubles, fade: float) -> None:
    """Reads counts [OUTER] into tail [OUTER + 1] of -log P(q >= edge), fits the exponential tail, fades the counts."""
    total = 0.0
    for j in range(OUTER):
        total += counts[j]
    head[TOTAL] = total
    want = max(0.02 * total, 10.0)
    above, weighted, cut = 0.0, 0.0, OUTER
    for j in range(OUTER - 1, -1, -1):
        if above < want:
            above += counts[j]
            weighted += counts[j] * (j + 0.5)
            cut = j
    prior = 10.0
    head[CUT] = cut * Q_BIN
    head[OVER] = max(above, 1.0)
    mean = (weighted - above * cut) * Q_BIN
    # the prior says what holds for a -log p of independent events: excesses are 1 long
    head[EXCESS] = max((mean + prior) / (above + prior), 0.1)
    start = -math.log(min((above + 0.5) / (total + 1.0), 1.0))
    above = 0.0
    for j in range(OUTER, -1, -1):
        if j < OUTER:
            above += counts[j]
        if j >= cut:
            tail[j] = start + (j - cut) * Q_BIN / head[EXCESS]
        else:
            tail[j] = -math.log(min((above + 0.5) / (total + 1.0), 1.0))
    for j in range(OUTER):
        counts[j] *= fade


@hot
def level_out(q: float, k: int, head: Doubles, learn: bool, seen: int) -> float:
    """Statistic k in units in which one event in a hundred passes -log .01, whatever its dependence on others.

    The unit follows by the same feedback as the score's anchors, faster while few events were seen.
    """
    alike = q * head[CHANNEL + k]
    if learn:
        over = alike > LOG_99
        if STEP_CHANNEL * (seen + SETTLES) < HASTE:
            factor = math.exp(HASTE / (seen + SETTLES) * (-0.99 if over else 0.01))
        else:
            factor = SETTLED_DOWN if over else SETTLED_UP
        head[CHANNEL + k] = min(max(head[CHANNEL + k] * factor, LEAST_UNIT), GREATEST_UNIT)
    return alike


@hot
def raw_surprise(q: float, tail: Row, head: Doubles) -> float:
    """-log P(Q >= q) by the table, unbounded beyond it."""
    x = q / Q_BIN
    if x <= 0.0:
        return 0.0
    if x >= OUTER:
        return tail[OUTER] + (x - OUTER) * Q_BIN / head[EXCESS]
    j = int(x)
    return tail[j] + (x - j) * (tail[j + 1] - tail[j])


@hot
def corrected(raw: float, head: Doubles, dull_99: float, dull_999: float) -> float:
    """The surprise after the feedback: monotone, through the two anchors, which lie where -log .01 and -log .001 now are.

    dull_99, dull_999: how much further out they lie for a key of which a fault has hold.
    """
    low = LOG_99 * math.exp(min(head[SHIFT_99] + dull_99, FURTHEST))
    if raw <= low:
        return raw * LOG_99 / low
    high = max(LOG_999 * math.exp(min(head[SHIFT_999] + dull_999, FURTHEST)), 1.05 * low)
    slope = (LOG_999 - LOG_99) / (high - low)
    if raw <= high:
        return LOG_99 + (raw - low) * slope
    return LOG_999 + (raw - high) * min(slope, 1.0)


@hot
def learn_outer(q: float, counts: Row, weight: float) -> None:
    """Counts q."""
    counts[min(int(q / Q_BIN), OUTER - 1)] += weight


@hot
def moved(shift_99: float, shift_999: float, surprise: float, least: float) -> tuple[float, float]:
    """The anchors' shifts (in logarithms) after an event: up by a step for what exceeded, down by the share that should have."""
    shift_99 += STEP_99 * ((1.0 if surprise > LOG_99 else 0.0) - 0.01)
    shift_999 += STEP_999 * ((1.0 if surprise > LOG_999 else 0.0) - 0.001)
    return min(max(shift_99, least), FURTHEST), min(max(shift_999, least), FURTHEST)

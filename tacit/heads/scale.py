"""Running location and scale of each feature, robust, and the squash that bounds what enters the heads.

z = squash((x - mean) / scale): linear to 3, logarithmic beyond, so that 1e300 is about 700 and no single value
can take a sum of squares hostage. Mean and variance are exponentially weighted; a value counts for
the mean as at most 3 scales away and for the variance as at most 64 variances (Huber's psi), so one outlier does not blind the scale.
"""

from __future__ import annotations

import math

import numpy as np

from tacit.heads.compiling import hot

KNEE = 3.0
CLIP_MEAN = 3.0
CLIP_SQUARE = 64.0
RATE = 1.0 / 2000.0  # slowest learning rate: half of the weight is 1,386 events old
PRIOR = 3.0  # the first values count as if so many had come before
FLOOR = 1e-30
REACH = 0.02  # of the greatest distance of late: the least that a scale may be
FORGET = 1.0 / 20_000.0  # of the reach, an event
LEAP = 1e9  # of the mean, or of 1: how far off a value counts where nothing has varied yet


@hot
def squash(v: float) -> float:
    """Identity on [-3, 3], sign(v) (3 + log(|v| - 2)) beyond: smooth, monotone, invertible."""
    a = abs(v)
    if a <= KNEE:
        return v
    a = KNEE + math.log(a - KNEE + 1.0)
    return a if v > 0 else -a


@hot
def unsquash(z: float) -> float:
    """The inverse of squash, exact; kept finite."""
    a = abs(z)
    if a <= KNEE:
        return z
    a = KNEE - 1.0 + math.exp(min(a - KNEE, 700.0))
    return a if z > 0 else -a


@hot
def learn_scale(x: float, n: float, weight: float, mean: float, scale: float, reach: float) -> tuple[float, float, float]:
    """Mean, scale and reach after x has been seen; n events came before. At n = 0 takes x and a tenth of it.

    reach is the greatest distance from the mean of late; a feature that rests for hours and then moves (a disk) keeps
    a scale of at least a fiftieth of it.
    """
    if n == 0 and scale == 0.0:
        return x, 0.1 * abs(x), 0.0
    rate = weight * max(1.0 / (n + PRIOR), RATE)
    wide = max(scale, FLOOR)
    far = min(abs(x - mean), 1e200)
    d = (x - mean) / wide
    if n >= 16:
        step = min(max(d, -CLIP_MEAN), CLIP_MEAN)
        square = min(d * d, CLIP_SQUARE)
    else:
        step = min(max(d, -1e3), 1e3)
        square = min(d * d, 1e6)
    far = min(far, 4.0 * reach if reach > 0.0 and n >= 16 else LEAP * max(abs(mean), 1.0))
    reach = max(reach * (1.0 - weight * FORGET), far)
    variance = wide * wide * (1.0 + rate * (square - 1.0))
    mean += rate * step * wide
    return mean, max(math.sqrt(variance), 1e-7 * abs(mean), REACH * reach), reach


@hot
def is_stray(x: float, n: float, first: float) -> bool:
    """Whether x, the second value, says that the first was none: a hundred times as large, and great (1e300, a -9999 that means nothing)."""
    return n == 1.0 and abs(first) > 100.0 * max(abs(x), 1.0)


@hot
def is_absurd(x: float, n: float, mean: float) -> bool:
    """Whether x, among the first sixteen values, is a thousand million times what came before: nothing is learned from that."""
    return 1.0 <= n < 16.0 and abs(x) > LEAP * max(abs(mean), 1.0)


@hot
def learn_spread(r: float, n: float, weight: float, spread: float) -> float:
    """Root mean square of residuals around 0, robust in the same way; n events came before."""
    rate = weight * max(1.0 / (n + 2.0), RATE)
    square = spread * spread
    most = 16.0 * square if n >= 16 else 1e6
    return math.sqrt(square + rate * (min(r * r, most) - square) + 1e-10)


@hot
def scaled(x: float, mean: float, scale: float) -> float:
    """z of x: finite for every finite x, 0 where the scale is still 0 and x is the mean."""
    d = x - mean
    if d == 0.0:
        return 0.0
    wide = max(scale, FLOOR)
    if abs(d) > 1e150 and wide < 1e-150:
        return 700.0 if d > 0 else -700.0
    v = d / wide
    if not np.isfinite(v):
        return 700.0 if d > 0 else -700.0
    return squash(v)

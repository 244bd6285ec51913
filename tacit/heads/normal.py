"""Normal: tails of the normal and the chi-square distribution as -log P, without underflow, and without the library's slower functions.

An event asks for seven of them; by erfc, logarithm and power they would be a tenth of it.
"""

from __future__ import annotations

import math

import numpy as np

from tacit.heads.compiling import hot

FROM, UNTIL, A_UNIT = -8.0, 7.0, 32.0  # below 0 to 1e-15, beyond the asymptote; a linear piece of 1/32 is off by 1.2e-4 at most
LOG_TAILS = np.array([-math.log(0.5 * math.erfc((FROM + j / A_UNIT) / math.sqrt(2.0))) for j in range(int((UNTIL - FROM) * A_UNIT) + 2)])
THIRD_BITS = 715_094_163 << 32  # two thirds of a float64's bias, less what is lost between powers of two (Kahan, "Computing a real cube root", 1991)


@hot
def upper_quantile_at(surprise: float) -> float:
    """x with -log P(N(0,1) > x) = surprise, for at least log 2; |error| < 4.5e-4 (Abramowitz & Stegun 26.2.23)."""
    t = math.sqrt(2.0 * min(surprise, 690.0))
    return t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)))


@hot
def minus_log_tail(x: float) -> float:
    """-log P(N(0,1) > x), for any x without underflow: a table to 7."""
    if x < UNTIL:
        if not x > FROM:
            return 0.0
        place = (x - FROM) * A_UNIT
        j = int(place)
        return LOG_TAILS[j] + (place - j) * (LOG_TAILS[j + 1] - LOG_TAILS[j])
    return 0.5 * x * x + math.log(x * math.sqrt(2.0 * math.pi)) + 1.0 / (x * x)


@hot
def chi_square_surprise(energy: float, k: float) -> float:
    """-log P(chi2_k > energy) by Wilson & Hilferty's cube root, 1931."""
    if k < 1.0:
        return 0.0
    spread = 2.0 / (9.0 * k)
    return minus_log_tail((cube_root(energy / k) - 1.0 + spread) / math.sqrt(spread))


@hot
def cube_root(x: float) -> float:
    """Of x >= 0, within 1e-13 of it: a third of the exponent's bits is near (3 in 100), and Halley's step twice makes 6e-15 of that."""
    if not x > 1e-300:
        return 0.0
    y = np.int64(np.float64(x).view(np.int64) // 3 + THIRD_BITS).view(np.float64)
    for _ in range(2):
        cube = y * y * y
        y *= (cube + 2.0 * x) / (2.0 * cube + x)
    return y

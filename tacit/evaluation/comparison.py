"""Comparison: champion against challenger on the same events, decided once, with a stated chance of promoting noise.

Paired losses are averaged over cells of 16 events. gain = 1 - mean(challenger) / mean(champion); its deviation is the
circular block bootstrap's (Politis & Romano, 1992), which for a linearised ratio needs no resampling: with
r_i = (champion_i - challenger_i - gain champion_i) / mean(champion) and blocks of b cells, se^2 = (b / n) mean over all n circular blocks of
(block's mean of r)^2 / (1 - b / n), the last factor for the mean that was taken off. b is three times that of Politis & White, 2004, eq. 9
and 14, from the autocorrelation of r; the quantile is Student's with n / b - 1 degrees of freedom, and with fewer than 9 nothing is
promoted (at one time b noise was promoted in 11 % of trials of strongly autocorrelated losses, so in 1 to 2 %). Losses are looked
at few times, at counts fixed beforehand, and attempt k may err with probability alpha 6 / (pi^2 k^2),
shared by its looks: over all attempts that ever will be, alpha.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import NormalDist
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

CELL = 16  # events
ALPHA = 0.05  # over all attempts together
GROWTH = 2.0  # from look to look
LEAST_FREEDOM = 9.0  # independent blocks, less one, before anything is decided
SAFETY = 3  # times the block length that is best for the variance: what is wanted is coverage
TINY = 1e-12

State = Literal["undecided", "promote", "refuse"]


class Verdict(NamedTuple):
    """gain: share of the champion's loss that the challenger saves, between low and high; n: pairs that it stands on."""

    state: State
    gain: float
    low: float
    high: float
    n: int
    reason: str


class Trial:
    """One attempt of a challenger. attempt: 1, 2, …; minimum, maximum: pairs at the first and the last look, in whole cells."""

    def __init__(self, attempt: int, minimum: int = 2_000, maximum: int = 60_000) -> None:
        if attempt < 1 or minimum < CELL or maximum < minimum:
            raise ValueError(f"attempt {attempt} from 1, minimum {minimum} from {CELL}, maximum {maximum} from minimum")
        self.attempt, self.minimum, self.maximum = attempt, minimum, maximum
        self.looks = _looks(minimum, maximum)
        self.alpha = ALPHA * 6 / (math.pi * attempt) ** 2 / len(self.looks)  # of each look, one-sided
        self.n = 0
        self._cells: list[tuple[float, float]] = []  # means of champion, challenger
        self._open = np.zeros((0, 2))  # pairs of the cell that is not full
        self._looked = 0
        self._verdict = Verdict("undecided", 0.0, -1.0, 1.0, 0, f"the first look comes after {self.looks[0]} events.")

    def add(self, champion: float | Iterable[float] | NDArray[Any], challenger: float | Iterable[float] | NDArray[Any]) -> None:
        """Pairs of losses in order of arrival, one or many; both finite, at least 0, and capped by the caller."""
        pairs = np.stack([np.atleast_1d(np.asarray(side, np.float64)) for side in (champion, challenger)], axis=1)  # [n, 2]
        if not np.isfinite(pairs).all() or (pairs < 0).any():
            raise ValueError("losses must be finite and at least 0")
        self.n += len(pairs)
        pairs = np.concatenate([self._open, pairs])
        whole = len(pairs) // CELL * CELL
        self._cells.extend((a, b) for a, b in pairs[:whole].reshape(-1, CELL, 2).mean(axis=1).tolist())
        self._open = pairs[whole:]

    @property
    def next_look(self) -> int:
        """The count of pairs at which the next verdict may differ; the last look's once all have been."""
        return self.looks[min(self._looked, len(self.looks) - 1)]

    def verdict(self) -> Verdict:
        """What is known: it changes at looks alone, and no more once it is promote or refuse. Depends on the pairs, not on when it is called."""
        while self._verdict.state == "undecided" and self._looked < len(self.looks) and self.n >= self.looks[self._looked]:
            n = self.looks[self._looked]
            self._looked += 1
            self._verdict = self._look(n, self._looked == len(self.looks))
        return self._verdict

    def _look(self, n: int, last: bool) -> Verdict:
        gain, deviation, freedom = relative_gain(np.array(self._cells[: n // CELL]))
        wide = student_quantile(1 - self.alpha, freedom) * deviation
        low, high = gain - wide, gain + wide
        told = f"{gain:+.1%} of the champion's loss, between {low:+.1%} and {high:+.1%}, over {n} events"
        enough = freedom >= LEAST_FREEDOM
        if enough and low > 0:
            return Verdict("promote", gain, low, high, n, f"better: saves {told} (attempt {self.attempt}).")
        if enough and high < 0:
            return Verdict("refuse", gain, low, high, n, f"worse: saves {told} (attempt {self.attempt}).")
        if last:
            return Verdict("refuse", gain, low, high, n, f"not shown to be better: saves {told} (attempt {self.attempt}).")
        return Verdict("undecided", gain, low, high, n, f"not decided yet: saves {told} (attempt {self.attempt}).")

    def state(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "attempt": self.attempt,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "n": self.n,
            "cells": [list(c) for c in self._cells],
            "open": self._open.tolist(),
            "looked": self._looked,
            "verdict": list(self._verdict),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on exactly from there."""
        self.__init__(state["attempt"], state["minimum"], state["maximum"])  # type: ignore[misc]
        self.n, self._looked = int(state["n"]), int(state["looked"])
        self._cells = [(float(a), float(b)) for a, b in state["cells"]]
        self._open = np.array(state["open"], np.float64).reshape(-1, 2)
        self._verdict = Verdict(*state["verdict"])


def _looks(minimum: int, maximum: int) -> list[int]:
    """Counts of looks: minimum, twice that and so on, and maximum; whole cells."""
    looks, n = [], float(minimum)
    while n * math.sqrt(GROWTH) < maximum:
        looks.append(int(n) // CELL * CELL)
        n *= GROWTH
    return [*looks, maximum // CELL * CELL]


def relative_gain(cells: NDArray[np.float64]) -> tuple[float, float, float]:
    """(gain, its deviation, degrees of freedom) from cells [n, 2] of champion's and challenger's mean losses."""
    champion, challenger = cells[:, 0], cells[:, 1]
    base = float(champion.mean())
    if base < TINY:
        return 0.0, 1.0, 0.0  # a champion without errors cannot be beaten
    gain = 1 - float(challenger.mean()) / base
    r = (champion - challenger - gain * champion) / base  # [n], mean 0
    n, length = len(r), block_length(r)
    around = np.concatenate([[0.0], np.cumsum(np.concatenate([r, r[: length - 1]]))])
    means = (around[length:] - around[:-length]) / length  # [n] circular blocks
    variance = length / n * float((means**2).mean()) / max(1 - length / n, 0.05)
    return gain, math.sqrt(variance), n / length - 1


def block_length(r: NDArray[np.float64]) -> int:
    """Cells in a block of the circular bootstrap: Politis & White, "Automatic block-length selection", 2004; tripled, at least 4.

    b = (2 G^2 / D)^(1/3) n^(1/3), G = sum lambda(k / M) |k| R(k), D = 4/3 (sum lambda(k / M) R(k))^2, flat-top lambda, M twice
    the lag behind which the autocorrelation stays insignificant.
    """
    n = len(r)
    x = r - r.mean()
    power = np.abs(np.fft.rfft(x, 2 * n)) ** 2
    covariance = np.fft.irfft(power)[: n // 2 + 1] / n  # [lags]
    if covariance[0] < TINY**2:
        return min(4, n)
    run, edge = max(5, math.ceil(math.sqrt(math.log10(n)))), 2 * math.sqrt(math.log10(n) / n)
    big = np.flatnonzero(np.abs(covariance[1:]) > edge * covariance[0]) + 1  # lags that matter
    last = 0
    for lag in big.tolist():
        if lag > last + run:
            break
        last = lag
    M = min(max(1, 2 * last), len(covariance) - 1)
    k = np.arange(1, M + 1)
    flat = np.clip(2 * (1 - k / M), 0, 1)
    G = 2 * float((flat * k * covariance[1 : M + 1]).sum())
    D = 4 / 3 * float(covariance[0] + 2 * (flat * covariance[1 : M + 1]).sum()) ** 2
    length = (2 * G * G / max(D, TINY**2) * n) ** (1 / 3)
    return int(min(max(4, SAFETY * math.ceil(length)), n))


def student_quantile(p: float, freedom: float) -> float:
    """Student's t quantile by its expansion around the normal one (Abramowitz & Stegun, 26.7.5); infinite without freedom."""
    if freedom < 1:
        return math.inf
    z = NormalDist().inv_cdf(p)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3

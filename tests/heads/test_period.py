"""Traces keep their means through halving; periods are found where there are some, and nothing in noise, walks and memories."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tacit.heads import period, trace

KNOWN = np.array([2 * np.pi / 86_400.0, 4 * np.pi / 86_400.0, 2 * np.pi / (7 * 86_400.0)])
START = 1.7e9


def traced(z: Any, step: float = 1.0) -> tuple[Any, Any, Any]:
    """z [n, K] noted event by event: (held, when, marks)."""
    held = np.zeros((trace.SAMPLES + 1, z.shape[1]), np.float32)
    when, marks = np.zeros(trace.SAMPLES + 1), np.zeros(4)
    for i in range(len(z)):
        trace.note_event(z[i : i + 1].astype(np.float32), START + step * i, held, when, marks)
    return held, when, marks


@pytest.mark.parametrize("n", [1, 511, 512, 513, 1024, 1025, 3000, 40_000])
def test_a_trace_is_means_of_what_came(n: int) -> None:
    z = np.random.default_rng(n).uniform(-3, 3, (n, 2))
    held, when, marks = traced(z)
    thin, many, inside = (int(marks[i]) for i in (trace.THIN, trace.HELD, trace.INSIDE))
    assert many <= trace.SAMPLES and thin * many + inside == n and (thin == 1 or 2 * many >= trace.SAMPLES)
    means = z[: thin * many].reshape(many, thin, 2).mean(axis=1)
    assert np.allclose(held[:many], means, atol=1e-5)
    assert np.allclose(when[:many] - START, np.arange(n)[: thin * many].reshape(many, thin).mean(axis=1), atol=1e-5)


def test_a_trace_begins_anew_when_it_has_reached_back_far_enough() -> None:
    n = trace.SAMPLES * trace.LONGEST
    held, when, marks = traced(np.ones((n + trace.LONGEST + 3, 1)))
    assert marks.tolist() == [1.0, 3.0, 0.0, 0.0] and held[:3].tolist() == [[1.0]] * 3
    assert np.allclose(when[:3] - START, [n + trace.LONGEST + i for i in range(3)])


def seasonal(rounds: float, height: float, seed: int, K: int = 3) -> Any:
    """[512, K] noise, the last column with a wave of so many periods; times a step of 7 s apart."""
    t = np.arange(512.0)
    x = np.random.default_rng(seed).standard_normal((512, K))
    x[:, -1] += height * np.sin(2 * np.pi * rounds * t / 512 + seed)
    return x, START + 7.0 * t


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rounds", [8.4, 11.0, 37.3, 90.5])
def test_a_wave_in_noise_is_found_at_its_frequency(rounds: float, seed: int) -> None:
    found = period.find(*seasonal(rounds, 1.5, seed), KNOWN)
    assert found is not None
    assert found.omega == pytest.approx(2 * np.pi * rounds / 512 / 7, rel=0.03 / math.sqrt(rounds))
    assert found.share == pytest.approx(1.125 / 2.125, abs=0.1) and found.span == pytest.approx(7 * 512)


@pytest.mark.parametrize("kind", ["white", "walk", "memory", "heavy"])
def test_nothing_is_found_where_there_is_nothing(kind: str) -> None:
    rng, hits = np.random.default_rng(3), 0
    for _ in range(50):
        e = rng.standard_normal((2048, 6)) if kind != "heavy" else np.clip(rng.standard_t(2, (2048, 6)), -4, 4)
        if kind == "walk":
            e = np.cumsum(e, axis=0) / 30
        if kind == "memory":
            for i in range(1, len(e)):
                e[i] += 0.95 * e[i - 1]
        for thin in (1, 4):
            hits += period.find(e[: 512 * thin].reshape(512, thin, 6).mean(axis=1), START + thin * np.arange(512.0), KNOWN) is not None
    assert hits == 0


def test_what_is_modelled_already_is_not_found_again() -> None:
    t = START + 1800.0 * np.arange(512)
    x = np.random.default_rng(0).standard_normal((512, 1)) + 3 * np.sin(KNOWN[0] * t)[:, None]
    assert period.find(x, t, KNOWN) is None
    assert period.find(x, t, KNOWN[:0]) is not None


def test_a_constant_and_times_that_stand_still_have_no_period() -> None:
    x, t = seasonal(20, 2, 0)
    assert period.find(np.full((512, 3), 2.0), t, KNOWN) is None
    assert period.find(x, np.full(512, START), KNOWN) is None
    assert period.find(x[:50], t[:50], KNOWN) is None


def test_order_alone_is_no_period_in_time() -> None:
    """A wave over the count of events whose times are scattered: the season is of time."""
    x, _ = seasonal(40, 3, 1)
    t = START + np.cumsum(np.random.default_rng(1).pareto(1.1, 512) + 0.01)
    assert period.find(x, t, KNOWN) is None


def test_a_refined_period_keeps_its_phase_and_another_must_be_much_stronger() -> None:
    season = np.array([*KNOWN, *np.zeros(5)])
    assert period.adopt(season, period.Found(0.02, 0.3, 2000.0), START)

    def phase(at: float) -> float:
        return math.cos(season[period.FOUND] * (at - season[period.SINCE]) + season[period.PHASE])

    before = phase(START + 5000.0)
    assert not period.adopt(season, period.Found(0.0201, 0.3, 4000.0), START + 5000.0)
    assert season[period.FOUND] == 0.0201 and phase(START + 5000.0) == pytest.approx(before, abs=1e-6)
    assert not period.adopt(season, period.Found(0.0202, 0.3, 1000.0), START + 6000.0) and season[period.FOUND] == 0.0201
    assert not period.adopt(season, period.Found(0.05, 0.5, 4000.0), START + 7000.0) and season[period.FOUND] == 0.0201
    assert period.adopt(season, period.Found(0.05, 0.7, 4000.0), START + 8000.0) and season[period.FOUND] == 0.05

"""NAB's scoring on cases worked by hand, and against the rules told row by row."""

import math

import numpy as np
import pytest

from benchmarks.nab import PROFILES, Profile, best, fixed, normalised, onsets, reward, rising, sweep, totals

MINUTE = 60 * 10**9
N = 200  # probation: 30 rows


def times(n=N):
    return np.arange(n, dtype=np.int64) * MINUTE


WINDOWS = [(50 * MINUTE, 69 * MINUTE), (120 * MINUTE, 129 * MINUTE)]


def told_row_by_row(n, windows, detected, profile):
    """The rules as prose: walk the rows, remember the last window left."""
    left, caught, total = None, {}, 0.0
    for i in range(n):
        now = next(((k, a, b) for k, (a, b) in enumerate(windows) if a <= i <= b), None)
        if now is not None:
            k, a, b = now
            caught.setdefault(k, -profile.fn)
            x = -(b - i + 1) / (b - a + 1)
            worth = (2 / (1 + math.exp(5 * x)) - 1) / (2 / (1 + math.exp(-5)) - 1)
            if detected[i] and i >= min(int(0.15 * n), 750):
                caught[k] = max(caught[k], profile.tp * worth)
            if i == b:
                left = (b, b - a + 1)
        elif detected[i] and i >= min(int(0.15 * n), 750):
            x = 3.0 if left is None else (i - left[0]) / (left[1] - 1)
            total += profile.fp * (-1.0 if x >= 3 else 2 / (1 + math.exp(5 * x)) - 1)
    return total + sum(caught.values())


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.name)
def test_perfect_is_100_and_null_is_0(profile):
    s = sweep(times(), WINDOWS)
    perfect = np.zeros(N, dtype=bool)
    perfect[[50, 120]] = True
    assert fixed([s], [perfect], profile, 2) == pytest.approx(100)
    assert fixed([s], [np.zeros(N, dtype=bool)], profile, 2) == pytest.approx(0)
    assert best([s], [perfect.astype(float)], profile, 2)[0] == pytest.approx(100)


def test_constant_detector_is_0():
    assert best([sweep(times(), WINDOWS)], [np.full(N, 0.5)], PROFILES[0], 2) == (pytest.approx(0), math.inf)


def test_silence_is_no_detection():
    _, scores = totals([sweep(times(), WINDOWS)], [np.full(N, np.nan)], PROFILES[0])
    assert scores.tolist() == [-2.0]


@pytest.mark.parametrize("profile", [*PROFILES, Profile("odd", 0.7, 0.3, 1.9)], ids=lambda p: p.name)
@pytest.mark.parametrize("seed", range(5))
def test_rules_row_by_row(profile, seed):
    rng = np.random.default_rng(seed)
    detected = rng.uniform(size=N) < rng.choice([0.02, 0.2, 0.9])
    rows = [(a // MINUTE, b // MINUTE) for a, b in WINDOWS]
    slow = told_row_by_row(N, rows, detected, profile)
    assert fixed([sweep(times(), WINDOWS)], [detected], profile, 2) == pytest.approx(normalised(slow, profile, 2))


def test_threshold_over_two_files_is_the_best_of_all():
    rng = np.random.default_rng(0)
    sweeps = [sweep(times(), WINDOWS), sweep(times(300), [(100 * MINUTE, 140 * MINUTE)])]
    surprises = [np.round(rng.normal(size=200), 1), np.round(rng.normal(size=300), 1)]
    score, threshold = best(sweeps, surprises, PROFILES[0], 3)
    every = [fixed(sweeps, [s >= t for s in surprises], PROFILES[0], 3) for t in np.unique(np.concatenate(surprises))]
    assert score == pytest.approx(max(0.0, *every))
    assert fixed(sweeps, [s >= threshold for s in surprises], PROFILES[0], 3) == pytest.approx(score)


def test_false_alarms_before_and_long_after_a_window_cost_most():
    s = sweep(times(), WINDOWS)
    gain = dict(zip(s.rows.tolist(), s.gain, strict=True))
    assert gain[40] == -1.0  # before any window
    assert -0.2 < gain[70] < 0  # just behind
    assert gain[119] < -0.99
    assert 30 in gain and 29 not in gain  # probation
    assert reward(np.array(-1.0)) == pytest.approx(2 / (1 + math.exp(-5)) - 1)


def test_onsets():
    assert onsets(np.array([1, 1, 0, 1], dtype=bool)).tolist() == [True, False, False, True]


def test_rising_keeps_records_of_the_last_rows():
    got = rising(np.array([np.nan, 1.0, 2.0, 2.0, 1.0, 1.5, 3.0]), back=2)
    np.testing.assert_array_equal(got, [np.nan, 1.0, 2.0, np.nan, np.nan, np.nan, 3.0])

"""The measures against slow definitions, libraries and small cases worked by hand."""

import math

import numpy as np
import pytest

from benchmarks.calibrate import tail_score
from benchmarks.metrics import average_precision, best_f1, delays, exceedance, far_from_faults, segments, vus_pr


def slow_vus_pr(labels, score, window, thresholds):
    """The definition, row by row and threshold by threshold."""
    n = len(labels)
    runs = [(int(a), int(b)) for a, b in segments(labels)]
    volume = 0.0
    for w in range(window + 1):
        half = w // 2
        label = [float(v) for v in labels]
        for a, b in runs:
            for d in range(1, half + 1):
                for i in (a - d, b + d):
                    if 0 <= i < n:
                        label[i] += math.sqrt(1 - d / w)
        label = [min(v, 1.0) for v in label]
        wide = []
        for a, b in runs:
            if wide and a - half <= wide[-1][1]:
                wide[-1][1] = b + half
            else:
                wide.append([a - half, b + half])
        before, area = 0.0, 0.0
        falling = sorted(score, reverse=True)
        for k in np.linspace(0, n - 1, thresholds).astype(int):
            hit = [s >= falling[k] for s in score]
            tp = sum(v for v, h in zip(label, hit, strict=True) if h)
            seen = sum(v for v, h, y in zip(label, hit, labels, strict=True) if h or y)
            found = sum(any(hit[max(a, 0) : b + 1]) for a, b in wide) / len(wide)
            recall = min(tp / ((sum(labels) + seen) / 2), 1.0) * found
            area += (recall - before) * tp / sum(hit)
            before = recall
        volume += area
    return volume / (window + 1)


@pytest.mark.parametrize("seed", range(6))
def test_vus_pr_is_the_slow_definition(seed):
    rng = np.random.default_rng(seed)
    n = 90
    labels = np.zeros(n, dtype=int)
    for start in rng.integers(0, n, 4):
        labels[start : start + rng.integers(1, 9)] = 1
    score = rng.normal(size=n) + labels * rng.uniform(0, 3)
    if seed % 2:
        score = np.round(score)  # ties
    fast = vus_pr(labels, score, window=17, thresholds=40)
    assert fast == pytest.approx(slow_vus_pr(labels.tolist(), score.tolist(), 17, 40), abs=1e-12)


def test_vus_pr_ends():
    labels = np.zeros(400, dtype=int)
    labels[100:140] = 1
    perfect = vus_pr(labels, labels + np.linspace(0, 1e-6, 400), window=20)
    noise = vus_pr(labels, np.random.default_rng(0).uniform(size=400), window=20)
    shifted = vus_pr(labels, np.roll(labels, 5) + np.linspace(0, 1e-6, 400), window=20)
    assert perfect > 0.9
    assert noise < 0.3
    assert noise < shifted < perfect + 1e-9
    assert math.isnan(vus_pr(np.zeros(10), np.arange(10.0)))


def test_average_precision_is_the_library_s():
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    for _ in range(10):
        labels = rng.uniform(size=60) < 0.2
        labels[0] = True
        score = np.round(rng.normal(size=60) + labels, 1)
        assert average_precision(labels, score) == pytest.approx(sklearn.average_precision_score(labels, score))


def test_silence_gains_nothing():
    labels = np.array([1, 0, 0, 1])
    assert average_precision(labels, np.array([np.nan, 1.0, 2.0, 3.0])) == pytest.approx(0.5 * 1 + 0.5 * 2 / 4)


def test_best_f1_by_hand():
    assert best_f1(np.array([1, 0, 1, 0]), np.array([4.0, 3.0, 2.0, 1.0])) == pytest.approx(2 * 2 / (3 + 2))
    assert best_f1(np.array([0, 1]), np.array([0.0, 1.0])) == 1.0


def test_exceedance_counts_normal_scored_rows():
    score = np.array([0.5, 0.995, np.nan, 0.9995, 0.9999])
    normal = np.array([True, True, True, True, False])
    first, second = exceedance(score, normal)
    assert (first.rows, first.passed, second.passed) == (3, 2, 1)
    assert second.ratio == pytest.approx(1 / 3 / 0.001)


def test_far_from_faults():
    assert far_from_faults(np.array([0, 0, 0, 1, 0, 0, 0]), 1).tolist() == [True, True, False, False, False, True, True]


def test_delays_in_seconds():
    labels = np.array([0, 1, 1, 1, 0, 1])
    alerts = np.array([1, 0, 0, 1, 0, 0], dtype=bool)
    assert delays(labels, alerts, np.arange(6) * 10**9).tolist() == [2.0, math.inf]


def test_tail_score_is_causal_and_calibrated():
    rng = np.random.default_rng(3)
    surprise = rng.exponential(size=20_000)
    score = tail_score(surprise)
    assert np.array_equal(score[:5000], tail_score(surprise[:5000]), equal_nan=True)
    for e in exceedance(score, np.arange(20_000) > 2000):
        assert 0.5 < e.ratio < 2


def test_tail_score_of_a_constant_never_alerts():
    assert np.nanmax(tail_score(np.zeros(1000))) <= 0.98

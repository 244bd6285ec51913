"""Each head against a slow reference: the same numbers as plain numpy gives, or the property that defines it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.heads import correlation, evidence, normal, ridge, scale, tail

F32 = np.float32


def triangle(packed: Any, n: int) -> Any:
    """[n(n+1)/2] packed by rows → symmetric [n, n]."""
    out = np.zeros((n, n))
    out[np.tril_indices(n)] = packed
    return out + np.tril(out, -1).T


# ------------------------------------------------------------------ ridge
def learned(seed: int, P: int, K: int, n: int) -> Any:
    """n pairs through learn_gram, eight at a time: (gram, cross, phi, target, weight)."""
    rng = np.random.default_rng(seed)
    phi, target = rng.standard_normal((n, P)).astype(F32), rng.standard_normal((n, K)).astype(F32)
    target[:, 0] += phi[:, 0] * 2
    weight = rng.uniform(0.1, 1, n).astype(F32)
    gram, cross = np.zeros(P * (P + 1) // 2, F32), np.zeros(P * K, F32)
    for i in range(0, n, 8):
        ridge.learn_gram(gram, cross, phi[i : i + 8], target[i : i + 8], weight[i : i + 8], P, K)
    return gram, cross, phi, target, weight


@pytest.mark.parametrize(("P", "K", "n"), [(1, 1, 8), (5, 2, 40), (29, 8, 2000), (64, 6, 400)])
def test_gram_is_the_weighted_sum_that_it_says(P: int, K: int, n: int) -> None:
    gram, cross, phi, target, weight = learned(P, P, K, n)
    fading = weight.astype(float) * ridge.FORGET ** np.arange(n - 1, -1, -1)
    assert np.allclose(triangle(gram, P), (phi * fading[:, None]).T @ phi, rtol=1e-4, atol=1e-3 * math.sqrt(n))
    assert np.allclose(cross.reshape(P, K), (phi * fading[:, None]).T @ target, rtol=1e-4, atol=1e-3 * math.sqrt(n))


@pytest.mark.parametrize(("P", "K", "n"), [(1, 1, 8), (2, 1, 8), (3, 2, 16), (5, 2, 40), (6, 1, 40), (7, 3, 40), (29, 8, 2000), (64, 6, 40)])
def test_ridge_is_weighted_least_squares_with_a_floor(P: int, K: int, n: int) -> None:
    """The same as numpy's lstsq on the weighted rows with sqrt(rho) I below them; rho is read off the solution."""
    gram, cross, phi, target, weight = learned(P + 1, P, K, n)
    weights = np.zeros(P * K, F32)
    assert ridge.solve(gram, cross, weights, P, K, np.zeros((P, P)), np.zeros((P, K)), np.zeros((4, P)))
    G, C, W = triangle(gram, P), cross.reshape(P, K).astype(float), weights.reshape(P, K).astype(float)
    rest = C - G @ W  # = rho W
    rho = float((rest * W).sum() / (W * W).sum())
    assert rho > 0 and np.allclose(rest, rho * W, atol=1e-3 * np.abs(C).max())
    fading = np.sqrt(weight.astype(float) * ridge.FORGET ** np.arange(n - 1, -1, -1))[:, None]
    rows = np.vstack([phi * fading, math.sqrt(rho) * np.eye(P)])
    reference = np.linalg.lstsq(rows, np.vstack([target * fading, np.zeros((P, K))]), rcond=None)[0]
    assert np.allclose(W, reference, rtol=1e-3, atol=1e-4)


def test_ridge_shrinks_to_no_change_where_nothing_was_seen() -> None:
    P, K = 6, 2
    weights = np.ones(P * K, F32)
    assert ridge.solve(np.zeros(21, F32), np.zeros(12, F32), weights, P, K, np.zeros((P, P)), np.zeros((P, K)), np.zeros((4, P)))
    assert (weights == 0).all()


def test_a_gram_that_is_none_keeps_the_old_weights() -> None:
    P, K = 2, 1
    weights = np.array([3, 4], F32)
    assert not ridge.solve(np.array([1, np.nan, 1], F32), np.ones(2, F32), weights, P, K, np.zeros((P, P)), np.zeros((P, K)), np.zeros((4, P)))
    assert weights.tolist() == [3, 4]
    for at, wrong in ((20, np.nan), (20, np.inf), (9, -1e9)):  # in the second panel of four, in the first
        gram, kept = np.eye(6, dtype=F32)[np.tril_indices(6)], np.full(6, 7, F32)
        gram[at] = wrong
        assert not ridge.solve(gram, np.ones(6, F32), kept, 6, 1, np.zeros((6, 6)), np.zeros((6, 1)), np.zeros((4, 6))), wrong
        assert (kept == 7).all()


def test_predict_is_a_product() -> None:
    rng = np.random.default_rng(3)
    for P, K in ((17, 6), (3, 2), (33, 16), (10, 1)):
        W, phi, out = rng.standard_normal((P, K)).astype(F32), rng.standard_normal(P).astype(F32), np.empty(K, F32)
        ridge.predict(W.ravel(), phi, out, P, K)
        assert np.allclose(out, W.T @ phi, atol=1e-5)


# ------------------------------------------------------------------ correlation
def whitened(seed: int, F: int, n: int) -> Any:
    """(packed moments, packed whitener) after n correlated rows; the rows."""
    rng = np.random.default_rng(seed)
    mix = rng.standard_normal((F, F))
    g = np.clip(rng.standard_normal((n, F)) @ mix / math.sqrt(F), -correlation.CLIP, correlation.CLIP).astype(F32)
    packed, whitener = np.zeros(F * (F + 1) // 2, F32), np.zeros(F * (F + 1) // 2, F32)
    for i in range(n):
        correlation.learn_correlation(packed, g[i], np.empty(F, F32), float(i), 1.0, F)
    room = [np.zeros((F, F)) for _ in range(4)]
    correlation.whiten(packed, whitener, float(n), F, *room)
    return packed, whitener, g


def shrunken(packed: Any, F: int, n: int) -> Any:
    """The correlation that whiten inverts, by its own words."""
    M = triangle(packed, F)
    size = np.sqrt(np.maximum(np.diag(M), 1e-6))
    shrink = min(1.0, correlation.SHRINK + F / (min(n, 1 / correlation.RATE) + F))
    R = (1 - shrink) * M / np.outer(size, size)
    np.fill_diagonal(R, 1.0)
    return R


@pytest.mark.parametrize(("F", "n"), [(1, 50), (2, 20), (5, 500), (16, 3000), (63, 1000)])
def test_whitener_is_the_inverse_square_root(F: int, n: int) -> None:
    packed, whitener, _ = whitened(F, F, n)
    values, vectors = np.linalg.eigh(shrunken(packed, F, n))
    reference = vectors / np.sqrt(values) @ vectors.T
    assert np.allclose(triangle(whitener, F), reference, rtol=1e-3, atol=1e-3)


def test_squares_share_out_the_distance() -> None:
    F, n = 7, 2000
    packed, whitener, g = whitened(1, F, n)
    out = np.empty(F, F32)
    correlation.decorrelate(whitener, g[-1], out, F)
    distance = g[-1].astype(float) @ np.linalg.solve(shrunken(packed, F, n), g[-1].astype(float))
    assert np.isclose(float((out.astype(float) ** 2).sum()), distance, rtol=1e-3)
    assert np.allclose(out, triangle(whitener, F) @ g[-1], atol=1e-4)


def test_moments_are_the_mean_while_young_and_clipped() -> None:
    F, n = 3, 200
    packed, _, g = whitened(2, F, n)
    assert np.allclose(triangle(packed, F) * (n + 1) / n, g.T @ g / n, rtol=2e-2, atol=2e-2)
    before = packed.copy()
    correlation.learn_correlation(packed, np.array([1e6, 0, 0], F32), np.empty(F, F32), float(n), 1.0, F)
    assert packed[0] - before[0] <= correlation.CLIP**2 / n


# ------------------------------------------------------------------ scale
@given(st.floats(-1e300, 1e300))
def test_squash_has_an_inverse(v: float) -> None:
    assert math.isclose(scale.unsquash(scale.squash(v)), v, rel_tol=1e-9, abs_tol=1e-12)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_squash_keeps_the_order_and_is_odd(a: float, b: float) -> None:
    assert (scale.squash(a) <= scale.squash(b)) or not a <= b
    assert scale.squash(-a) == -scale.squash(a)
    assert abs(scale.squash(a)) <= abs(a)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False), st.floats(0, 1e300))
def test_z_is_finite_for_every_finite_value(x: float, mean: float, wide: float) -> None:
    assert abs(scale.scaled(x, mean, wide)) < 1500
    assert scale.scaled(mean, mean, wide) == 0


def test_location_and_scale_come_out() -> None:
    rng = np.random.default_rng(0)
    mean, wide, reach = 0.0, 0.0, 0.0
    for n, x in enumerate(100 + 5 * rng.standard_normal(20_000)):
        mean, wide, reach = scale.learn_scale(x, float(n), 1.0, mean, wide, reach)
    assert abs(mean - 100) < 1 and abs(wide - 5) < 0.5 and 10 < reach < 40


def test_one_outlier_moves_the_mean_by_three_scales_of_one_event() -> None:
    mean, wide, _ = scale.learn_scale(1e12, 10_000.0, 1.0, 0.0, 1.0, 4.0)
    assert mean <= 3.0 * scale.RATE * 1.001 and wide < 10


def test_spread_is_the_root_mean_square() -> None:
    rng = np.random.default_rng(1)
    spread, residuals = 0.0, 2 * rng.standard_normal(20_000)
    for n, r in enumerate(residuals):
        spread = scale.learn_spread(r, float(n), 1.0, spread)
    assert abs(spread - 2) < 0.2


# ------------------------------------------------------------------ tails
def upper_tail(x: float) -> float:
    return 0.5 * math.erfc(x / math.sqrt(2.0))


def test_quantile_and_tail_are_inverse() -> None:
    for p in (0.4999, 0.25, 0.05, 0.01, 1e-3, 1e-6):
        assert abs(math.log(upper_tail(normal.upper_quantile_at(-math.log(p))) / p)) < 5e-3
    assert 37.0 < normal.upper_quantile_at(1e9) < 38.0


@given(st.floats(-8, 40), st.floats(-8, 40))
def test_surprise_of_a_gaussian_is_monotone(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert normal.minus_log_tail(low) <= normal.minus_log_tail(high) + 1e-6


def test_surprise_of_a_gaussian_is_the_tail_where_it_can_be_computed() -> None:
    for x in (-3.0, 0.0, 1.0, 5.0, 6.9, 7.1, 12.0):
        expected = -math.log(0.5 * math.erfc(x / math.sqrt(2)))
        assert abs(normal.minus_log_tail(x) - expected) < 0.01 * max(expected, 0.1)


def test_cube_roots_are_those_of_the_library() -> None:
    for x in (*np.geomspace(1e-290, 1e290, 4001).tolist(), 1.0, 8.0, 27.0):
        assert normal.cube_root(x) == pytest.approx(float(np.cbrt(x)), rel=1e-13)
    assert normal.cube_root(0.0) == 0.0 and normal.cube_root(float("nan")) == 0.0


def test_a_statistic_is_levelled_until_one_event_in_a_hundred_passes() -> None:
    rng, head = np.random.default_rng(7), np.ones(14)
    passed = [tail.level_out(float(q), 3, head, True, i) > tail.LOG_99 for i, q in enumerate(rng.exponential(5.0, 40_000))]
    assert np.mean(passed[10_000:]) == pytest.approx(0.01, abs=0.002)
    assert head[tail.CHANNEL + 3] == pytest.approx(0.2, rel=0.25), "five times as long: a fifth of it"
    assert (np.delete(head, tail.CHANNEL + 3) == 1.0).all()


@pytest.mark.parametrize("k", [1, 3, 8, 40])
def test_chi_square_surprise_against_simulation(k: int) -> None:
    draws = np.sort((np.random.default_rng(k).standard_normal((200_000, k)) ** 2).sum(axis=1))
    for p in (0.1, 0.01, 0.001):
        assert abs(normal.chi_square_surprise(float(draws[int((1 - p) * len(draws))]), float(k)) + math.log(p)) < 0.3


def test_edges_and_places_are_inverse() -> None:
    assert [round(tail.place(tail.EDGES[j] * (1 + 1e-9)), 4) for j in range(1, tail.BINS)] == list(range(1, tail.BINS))
    assert tail.place(0.0) == 0 and tail.place(1e300) < tail.BINS and tail.place(float("nan")) == 0


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([0, 5, 300, 20_000]), st.sampled_from([0.1, 1.0, 5.0]))
def test_the_inner_table_is_monotone_whatever_was_counted(seed: int, n: int, size: float) -> None:
    counts, table = np.zeros(tail.BINS, F32), np.zeros(tail.BINS + 1, F32)
    for u in np.abs(size * np.random.default_rng(seed).standard_t(3, n)):
        counts[int(tail.place(u))] += 1
    tail.read_inner(counts, table, 1.0)
    assert (np.diff(table) >= -1e-6).all() and table[0] >= 0 and np.isfinite(table).all()


def test_the_inner_table_turns_any_spread_into_a_gaussian() -> None:
    rng = np.random.default_rng(4)
    counts, table = np.zeros(tail.BINS, F32), np.zeros(tail.BINS + 1, F32)
    draws = np.abs(rng.standard_t(3, 50_000))
    for u in draws:
        counts[int(tail.place(u))] += 1
    tail.read_inner(counts, table, 1.0)
    whole = table.reshape(1, 1, 1, -1)
    for p in (0.5, 0.1, 0.01):
        u = float(np.quantile(draws, 1 - p))
        assert abs(2 * upper_tail(tail.gaussian(tail.place(u), whole, 0, 0, 0)) / p - 1) < 0.2
    assert abs(tail.band(table, 2.3263) - np.quantile(draws, 0.98)) < 0.5


def outer(draws: Any) -> Any:
    counts, table, head = np.zeros(tail.OUTER, F32), np.zeros(tail.OUTER + 1, F32), np.zeros(16)
    for q in draws:
        counts[min(int(q / tail.Q_BIN), tail.OUTER - 1)] += 1
    tail.read_outer(counts, table, head, 1.0)
    return table, head


def test_the_outer_tail_is_monotone_and_says_minus_log_p() -> None:
    table, head = outer(np.random.default_rng(5).exponential(1.0, 50_000))
    q = np.linspace(0, 4 * tail.Q_HIGH, 4000)
    surprise = np.array([tail.raw_surprise(x, table, head) for x in q])
    assert (np.diff(surprise) >= -1e-6).all()
    for p in (0.1, 0.01, 0.001, 1e-5):
        assert abs(tail.raw_surprise(-math.log(p), table, head) + math.log(p)) < 0.15 * -math.log(p) + 0.1


@given(st.floats(-0.7, 4.0), st.floats(-0.7, 4.0), st.floats(0, 100), st.floats(0, 100))
def test_the_correction_keeps_the_order(low: float, high: float, a: float, b: float) -> None:
    head = np.zeros(16)
    head[tail.SHIFT_99], head[tail.SHIFT_999] = low, high
    a, b = sorted((a, b))
    for dull in (0.0, 1.5):
        assert 0 <= tail.corrected(a, head, dull, dull) <= tail.corrected(b, head, dull, dull) + 1e-9
    assert tail.corrected(a, head, 1.0, 1.0) <= tail.corrected(a, head, 0.0, 0.0) + 1e-9, "a fault dulls, it never sharpens"


def test_feedback_brings_the_exceedances_to_their_share() -> None:
    """A statistic twice as surprising as it should be: after a while one in a hundred passes again."""
    rng = np.random.default_rng(6)
    head, over = np.zeros(16), []
    for q in 2 * rng.exponential(1.0, 60_000):
        surprise = tail.corrected(q, head, 0.0, 0.0)
        head[tail.SHIFT_99], head[tail.SHIFT_999] = tail.moved(head[tail.SHIFT_99], head[tail.SHIFT_999], surprise, tail.NEAREST)
        over.append((surprise > tail.LOG_99, surprise > tail.LOG_999))
    late = np.array(over[20_000:]).mean(axis=0)
    assert 0.007 < late[0] < 0.014 and 0.0006 < late[1] < 0.0016


# ------------------------------------------------------------------ evidence
def test_evidence_adds_up_and_lets_go() -> None:
    a = 0.0
    for _ in range(5):
        a = evidence.add_evidence(a, 8.0)
    assert math.isclose(a, 5 * (8.0 - evidence.DRAG))
    for _ in range(25):
        a = evidence.add_evidence(a, 1.0)
    assert a == 0.0
    assert evidence.add_evidence(0.0, 1e9) == evidence.CAP - evidence.DRAG
    assert evidence.add_evidence(evidence.MOST, 1e9) == evidence.MOST


def threshold(budget: float, peaks: Any, per_day: float = 86_400.0, days: float = 10.0) -> float:
    """The learned threshold after these peaks among `days` of events."""
    counts, head = np.zeros(evidence.BINS), np.zeros(evidence.HEADER)
    head[evidence.BUDGET] = budget
    head[evidence.EVENTS] = per_day * days
    for height in peaks:
        evidence.learn_peak(float(height), counts, head)
    evidence.set_thresholds(counts, head, days * 86_400.0)
    return float(head[evidence.THRESHOLD])


def test_the_threshold_is_where_the_peaks_leave_the_budget() -> None:
    """Exponential peaks, 2,000 a day: the height that `budget` of them pass in a day, within a quarter."""
    beta, a_day = 2.0, 2000.0
    peaks = np.random.default_rng(7).exponential(beta, int(a_day * 10))
    for budget in (1.0, 3.0, 24.0):
        assert abs(threshold(budget, peaks) / (beta * math.log(a_day / budget)) - 1) < 0.25


def test_the_threshold_falls_with_the_budget_and_rises_with_the_noise() -> None:
    rng = np.random.default_rng(8)
    quiet, loud = rng.exponential(3.0, 3000), rng.exponential(9.0, 3000)
    assert threshold(0.5, quiet) > threshold(3.0, quiet) > threshold(50.0, quiet)
    assert threshold(3.0, loud) > 1.5 * threshold(3.0, quiet)
    assert threshold(1e9, quiet) >= evidence.LEAST
    assert threshold(1e-9, loud) <= 0.9 * evidence.MOST


def test_each_alert_asks_more_of_the_next() -> None:
    head = np.zeros(evidence.HEADER)
    head[evidence.EVENTS] = 1e6
    assert evidence.is_loud(1.1 * evidence.LOUD, head) and not evidence.is_loud(0.9 * evidence.LOUD, head)
    for _ in range(1000):
        evidence.note_alert(head, 0.0)
    assert not evidence.is_loud(1.9 * evidence.LOUD, head) and evidence.is_loud(2.1 * evidence.LOUD, head), "a storm never silences for good"


def test_a_fast_stream_needs_more_evidence_than_a_slow_one() -> None:
    """What chance alone reaches three times a day, before any peak was learned."""
    needed = []
    for per_day in (288.0, 86_400.0):
        counts, head = np.zeros(evidence.BINS), np.zeros(evidence.HEADER)
        head[evidence.BUDGET], head[evidence.EVENTS] = 3.0, 100 * per_day
        evidence.set_thresholds(counts, head, 100 * evidence.DAY)
        needed.append(float(head[evidence.NEEDED]))
    assert needed[0] < 0.5 * needed[1] < evidence.LEAST

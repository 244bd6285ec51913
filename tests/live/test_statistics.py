"""What the numbers mean: scores calibrated, shares that share, relations seen, nothing that a value can break."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import noise, score, stream

from tacit.contracts.events import Feature
from tacit.contracts.insight import Insights
from tacit.live import kernel
from tacit.live.model import WARM, LiveModel


def related(seed: int, n: int, broken: int) -> Any:
    """Two features that follow one slow walk, and a third of its own; from `broken` on the second follows another of the same kind."""
    rng = np.random.default_rng(seed)
    steps = rng.standard_normal((n, 2))
    walks = np.zeros((n, 2))
    for i in range(1, n):
        walks[i] = 0.9 * walks[i - 1] + steps[i]
    walks[broken:, 1] = np.clip(walks[broken:, 1], walks[:broken, 0].min(), walks[:broken, 0].max())
    second = np.where(np.arange(n) < broken, walks[:, 0], walks[:, 1])
    return np.stack([walks[:, 0], second, np.zeros(n)], axis=1) + [0.1, 0.1, 1.0] * rng.standard_normal((n, 3))


def holds(insights: Insights) -> None:
    """What is true of every insight, whatever came in."""
    seen = np.isfinite(insights.score)
    assert ((insights.score[seen] >= 0) & (insights.score[seen] <= 1)).all()
    assert (insights.surprise[seen] >= 0).all()
    assert (insights.shares >= 0).all()
    total = insights.shares.sum(axis=1)
    assert (np.isclose(total, 1, atol=1e-5) | (total == 0)).all()
    assert ((insights.drift >= 0) & (insights.drift <= 1)).all()
    expected = np.isfinite(insights.middle)
    assert (insights.low[expected] <= insights.middle[expected]).all() and (insights.middle[expected] <= insights.high[expected]).all()
    assert not np.isinf(insights.low).any() and not np.isinf(insights.high).any() and not np.isinf(insights.forecast).any()


# ------------------------------------------------------------------ scores
def test_no_score_until_it_can_mean_something() -> None:
    insights = score(LiveModel((Feature("f0"),)), stream(noise(400, 1), [f"k{i % 4}" for i in range(400)]))
    assert np.isnan(insights.score[:WARM]).all() and np.isfinite(insights.score[WARM:]).all()
    assert [i.score for i in insights][:3] == [None, None, None]
    assert not insights.alert[:WARM].any()


def test_a_new_key_waits_for_its_own_first_events() -> None:
    keys = ["old"] * 300 + ["new"] * 40
    insights = score(LiveModel((Feature("f0"),)), stream(noise(340, 1), keys))
    assert np.isnan(insights.score[300:316]).all() and np.isfinite(insights.score[316:]).all()


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_calibrated_on_noise(seed: int) -> None:
    insights = score(LiveModel(tuple(Feature(f"f{j}") for j in range(3))), stream(noise(40_000, 3, seed)))
    known = insights.score[np.isfinite(insights.score)]
    assert 0.005 < (known > 0.99).mean() < 0.02
    assert 0.0005 < (known > 0.999).mean() < 0.002
    holds(insights)


def test_scores_are_calibrated_on_what_is_not_normal() -> None:
    """Heavy tails, a memory, integers, many keys: the same meaning."""
    rng = np.random.default_rng(5)
    walk = np.zeros(40_000)
    for i in range(1, len(walk)):
        walk[i] = 0.8 * walk[i - 1] + rng.standard_t(3)
    values = np.stack([walk, rng.poisson(2, 40_000), rng.gamma(0.5, 1e6, 40_000)], axis=1)
    insights = score(LiveModel(tuple(Feature(f"f{j}") for j in range(3))), stream(values, [f"k{i % 20}" for i in range(40_000)]))
    known = insights.score[10_000:]
    assert 0.005 < (known > 0.99).mean() < 0.02
    assert 0.0005 < (known > 0.999).mean() < 0.002


def test_the_band_holds_what_it_says() -> None:
    """98 of 100 normal values."""
    insights = score(LiveModel((Feature("a"), Feature("b"))), stream(noise(20_000, 2, 6)))
    inside = (insights.observed >= insights.low) & (insights.observed <= insights.high)
    assert (np.abs(inside[5000:].mean(axis=0) - 0.98) < 0.012).all()


# ------------------------------------------------------------------ shares
def test_shares_are_parts_of_one() -> None:
    insights = score(LiveModel(tuple(Feature(f"f{j}") for j in range(6))), stream(noise(2000, 6, 7)))
    holds(insights)
    assert np.isclose(insights.shares[200:].sum(axis=1), 1, atol=1e-5).all()
    for insight in list(insights)[-5:]:
        assert [r[1] for r in insight.reasons] == sorted((r[1] for r in insight.reasons), reverse=True)
        assert sum(r[1] for r in insight.reasons) <= 1 + 1e-5


def test_the_feature_that_moved_gets_the_largest_share() -> None:
    values = noise(3000, 5, 8)
    values[2900, 3] += 12
    insights = score(LiveModel(tuple(Feature(f"f{j}") for j in range(5))), stream(values))
    assert insights.score[2900] > 0.99 and insights.shares[2900].argmax() == 3 and insights.shares[2900, 3] > 0.7
    assert insights.shares[2901].argmax() != 3 or insights.shares[2901, 3] < 0.95


def test_a_missing_feature_has_no_share() -> None:
    values = noise(2000, 3, 9)
    values[1000::3, 1] = np.nan
    insights = score(LiveModel(tuple(Feature(f"f{j}") for j in range(3))), stream(values))
    assert (insights.shares[1000::3, 1] == 0).all() and insights.shares[1001::3, 1].mean() > 0.1
    holds(insights)


# ------------------------------------------------------------------ relations
def test_a_broken_relation_is_seen_though_each_feature_is_in_its_own_band() -> None:
    """The two together alert within half a minute and are the reasons, but for one stream in ten; the one that changed, alone, stays silent."""
    named = 0
    for seed in range(10):
        values = related(seed, 5000, 4000)
        together = LiveModel(tuple(Feature(f"f{j}") for j in range(3)))
        insights = score(together, stream(values))
        opened = [e for e in together.episodes.all.values() if 4000 <= e.position < 4030]
        assert len(opened) == 1
        named += {r[0] for r in opened[0].reasons[:2]} == {"f0", "f1"}
        after = slice(4000, 4030)
        inside = (insights.observed[after] >= insights.low[after]) & (insights.observed[after] <= insights.high[after])
        assert inside.mean() > 0.6
        alone = score(LiveModel((Feature("f1"),)), stream(values[:, 1:2]))
        assert not alone.alert[after].any()
        assert (insights.score[after] > 0.99).mean() > 5 * max((alone.score[after] > 0.99).mean(), 0.01)
    assert named >= 9


# ------------------------------------------------------------------ strange values
STRANGE = [1e300, -1e300, np.nan, np.inf, -np.inf, 0.0, 1e-300, 5e-324, 1.7e308, -1.7e308, 1e16]


@settings(max_examples=40)
@given(
    where=st.lists(st.tuples(st.integers(0, 599), st.integers(0, 2), st.sampled_from(STRANGE)), max_size=80),
    seed=st.integers(0, 1000),
)
def test_no_value_breaks_anything(where: list[tuple[int, int, float]], seed: int) -> None:
    values = noise(600, 3, seed)
    for i, j, x in where:
        values[i, j] = x
    holds(score(LiveModel(tuple(Feature(f"f{j}") for j in range(3))), stream(values), [50]))


@pytest.mark.parametrize("x", [1e300, -1e300, 1.7e308])
def test_a_monstrous_value_is_surprising_and_does_not_blind(x: float) -> None:
    values = noise(6000, 2, 10)
    values[3000, 0] = x
    values[[3100, 5000], 0] += 12
    insights = score(LiveModel((Feature("f0"), Feature("f1"))), stream(values))
    assert insights.score[3000] > 0.999 and insights.shares[3000, 0] > 0.8
    for i in (3100, 5000):
        assert insights.score[i] > 0.99 and insights.shares[i, 0] > 0.8, "what is great beside the usual is still seen"
    assert 0.002 < (insights.score[3100:] > 0.99).mean() < 0.05


@pytest.mark.parametrize(("at", "x"), [(0, 1e300), (0, -9999.0), (1, 1e300), (3, -1e300), (12, 1e300)])
def test_nor_does_it_where_it_is_among_the_first(at: int, x: float) -> None:
    """Of one key and of those that come later: what is great beside the usual is seen soon after, by each of the ways of looking."""
    values, keys = noise(6000, 2, 10) + [20.0, 0.0], ["early"] * 3000 + ["late"] * 3000
    values[at, 0] = x
    great = [1000, 2900, 4000, 5900]
    values[great, 0] += 12
    model = LiveModel((Feature("f0"), Feature("f1")))
    insights = score(model, stream(values, keys))
    assert (insights.score[great] > 0.99).all() and (insights.shares[great, 0] > 0.7).all()
    for key in ("early", "late"):
        known = model.scales[model.keys.slots[key], :, 0]
        assert 0.3 < known[kernel.SCALE] < 3 and known[kernel.RECENT_SPREAD] < 5 and known[kernel.SHIFT_SPREAD] < 5
    assert 0.002 < (insights.score[1000:] > 0.99).mean() < 0.05


def test_a_monstrous_value_in_what_stood_still() -> None:
    """After hundreds of equal values: the feature is back in use before long."""
    values = noise(9000, 2, 4)
    values[:500, 0] = 5.0
    values[500, 0] = 1e300
    values[8000, 0] += 12
    model = LiveModel((Feature("f0"), Feature("f1")))
    insights = score(model, stream(values))
    assert insights.score[500] > 0.9 and np.isfinite(insights.middle).all()
    assert 0.002 < (insights.score[3000:] > 0.99).mean() < 0.05


def test_a_constant_column_is_never_a_reason_until_it_moves() -> None:
    values = noise(4000, 2, 11)
    values[:, 1] = 7.0
    values[3500:, 1] = 7.5
    insights = score(LiveModel((Feature("f0"), Feature("still"))), stream(values))
    assert insights.shares[500:3500, 1].max() < 0.5
    assert insights.score[3500] > 0.999 and insights.shares[3500, 1] > 0.5


def test_everything_constant_stays_quiet() -> None:
    model = LiveModel((Feature("f0"), Feature("f1")))
    insights = score(model, stream(np.full((3000, 2), 3.0)))
    assert not insights.alert.any() and not model.episodes.all
    assert np.allclose(insights.low[-1], 3.0, rtol=0.02) and np.allclose(insights.high[-1], 3.0, rtol=0.02)
    holds(insights)


def test_nothing_but_missing_values() -> None:
    insights = score(LiveModel((Feature("f0"),)), stream(np.full((400, 1), np.nan)))
    holds(insights)
    assert not insights.alert.any() and [i.expected for i in insights][-1] == {}


def test_one_row_and_none() -> None:
    model = LiveModel((Feature("f0"), Feature("f1")))
    assert len(model.process(stream(np.empty((0, 2))))) == 0
    insights = model.process(stream([[1.0, np.nan]]))
    (only,) = list(insights)
    assert only.score is None and only.alert is None and only.position == 0 and only.reasons == []
    holds(insights)


def test_two_thousand_columns() -> None:
    """They are told apart: of all of them the one that moved is among the first reasons."""
    values = noise(900, 2000, 12)
    values[850, 1234] += 100
    insights = score(LiveModel(tuple(Feature(f"f{j}") for j in range(2000))), stream(values), [100])
    holds(insights)
    assert 1234 in np.argsort(-insights.shares[850])[:10] and insights.surprise[850] > np.median(insights.surprise[600:])


def test_times_that_repeat_and_run_backwards() -> None:
    rng = np.random.default_rng(13)
    times = 1_700_000_000 * 10**9 + rng.integers(-(10**13), 10**13, 2000)
    times[500:700] = times[500]
    events = stream(noise(2000, 2, 13), [f"k{i % 3}" for i in range(2000)], times)
    insights = score(LiveModel(events.features), events)
    holds(insights)
    assert np.isfinite(insights.score[500:]).all() and (insights.times == times).all()


def test_no_features_at_all() -> None:
    assert len(LiveModel(()).process(stream(np.empty((5, 0))))) == 5

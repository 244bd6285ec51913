"""The state is a function of the order of events alone: whatever the cuts, the keys, the gaps, the same insights to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import cuts, differences, noise, rows, score, stream

from tacit.contracts.events import Feature
from tacit.heads import evidence
from tacit.heads.layout import GAP
from tacit.live import model as live_model
from tacit.live.keys import SWEEP
from tacit.live.model import LiveModel, join

FEATURES = (Feature("a"), Feature("b", "counter"), Feature("c"), Feature("d", muted=True))


def made(seed: int, n: int, keys: int, missing: float, appears: int) -> Any:
    """Four features, one a counter, one that appears late; several keys; values missing."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n, 4)) * [1, 3, 1e6, 1e-3]
    values[:, 1] = np.cumsum(np.abs(values[:, 1]))
    values[rng.random((n, 4)) < missing] = np.nan
    values[:appears, 3] = np.nan
    return stream(values, [f"k{i}" for i in rng.integers(0, keys, n)], features=FEATURES)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    keys=st.integers(1, 5),
    missing=st.sampled_from([0.0, 0.1, 0.6]),
    appears=st.integers(1, 600),
    sizes=st.lists(st.integers(1, 300), min_size=1, max_size=6),
)
def test_any_batches_give_the_same_insights(seed: int, keys: int, missing: float, appears: int, sizes: list[int]) -> None:
    n = 700
    events = made(seed, n, keys, missing, appears)
    whole, cut = (LiveModel(FEATURES[:3], sentences=True) for _ in range(2))
    first = join([whole.process(rows(events, 0, appears, 3)), whole.process(rows(events, appears, n))], events)
    parts = []
    for a, b in cuts(n, sizes):
        parts.append(cut.process(rows(events, a, b, 3 if b <= appears else 4)))
    second = join(parts, events)
    assert differences(first, second) == []
    assert whole.seen == cut.seen == n and np.isfinite(first.score).sum() > 300 - 16 * 2 * keys


def test_one_by_one_equals_all_at_once() -> None:
    events = stream(noise(3000, 5, 1), [f"k{i % 3}" for i in range(3000)])
    assert differences(score(LiveModel(events.features), events), score(LiveModel(events.features), events, [1])) == []


def test_batches_do_not_matter_when_keys_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_model, "MOST_KEYS", 32)
    rng = np.random.default_rng(2)
    events = stream(noise(5000, 2, 3), [f"k{i}" for i in (rng.pareto(0.7, 5000) * 3).astype(int) % 200])
    one, other = LiveModel(events.features), LiveModel(events.features)
    assert differences(score(one, events), score(other, events, [1, 7, 640, 33])) == []
    assert one.keys.expired == other.keys.expired > 100
    assert len(one.keys.slots) <= 32


def test_a_key_depends_on_its_own_events_for_its_forecasts() -> None:
    """Two keys on separate scales: the forecasts of one stay near its own values, whatever the other does."""
    values = noise(4000, 1, 4)
    values[1::2] += 1e6
    insights = score(LiveModel((Feature("f0"),)), stream(values, ["low", "high"] * 2000))
    assert np.abs(insights.middle[2000::2]).max() < 1e3 and np.abs(insights.middle[2001::2] - 1e6).max() < 1e3


# ------------------------------------------------------------------ counters
def test_counters_become_rates_a_second() -> None:
    """Per key, over a missing reading, and never across a reset."""
    features = (Feature("c", "counter"),)
    count = [[0], [100], [30], [130], [np.nan], [290], [5], [85]]
    keys = ["a", "b", "a", "b", "a", "b", "a", "b"]
    times = [t * 10**9 for t in (0, 0, 10, 10, 20, 20, 30, 30)]
    got = LiveModel(features).process(stream(count, keys, times, features=features)).observed[:, 0]
    assert np.array_equal(got, [np.nan, np.nan, 3, 3, np.nan, 16, np.nan, np.nan], equal_nan=True)


def test_a_counter_read_twice_at_one_time_is_no_rate() -> None:
    features = (Feature("c", "counter"),)
    got = LiveModel(features).process(stream([[0], [5], [9]], times=[0, 0, 2 * 10**9], features=features)).observed[:, 0]
    assert np.array_equal(got, [np.nan, np.nan, 2], equal_nan=True)


# ------------------------------------------------------------------ keys
def test_an_idle_key_expires_and_may_come_back() -> None:
    n = SWEEP + 2000
    keys = ["gone" if i < 40 and i % 2 else "busy" for i in range(n)]
    events = stream(noise(n, 1, 5), keys, step=0.01)
    model = LiveModel(events.features, idle=60.0)
    first = score(model, events)
    assert set(model.keys.slots) == {"busy"} and model.keys.expired == 1
    again = model.process(stream(noise(40, 1, 6), ["gone"] * 40, start=n, step=0.01))
    assert np.isnan(again.score[:16]).all() and np.isfinite(again.score[16:]).all(), "it starts anew"
    assert np.isfinite(first.score[200:]).all()


def test_where_all_slots_are_taken_the_longest_silent_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_model, "MOST_KEYS", 32)
    model = LiveModel((Feature("f0"),))
    keys = [f"k{i}" for i in range(32)] + ["k0", "k1", "new"]
    model.process(stream(noise(35, 1), keys))
    assert model.keys.expired == 2
    assert {"k0", "k1", "new"} <= set(model.keys.slots) and not {"k2", "k3"} & set(model.keys.slots)


# ------------------------------------------------------------------ the clock
def test_an_event_dated_next_year_does_not_move_the_clock() -> None:
    n = SWEEP + 100
    events = stream(noise(n, 1, 7), ["b" if i % 2 else "a" for i in range(n)])
    times = events.times.copy()
    times[1000] += 366 * 86_400 * 10**9
    odd = stream(events.values, events.keys, times)
    model, plain = LiveModel(events.features, idle=3600.0), LiveModel(events.features, idle=3600.0)
    found, expected = score(model, odd), score(plain, events)
    assert model.pool.clock[0] == plain.pool.clock[0] == events.times[-1] / 1e9
    assert model.keys.expired == 0 and set(model.keys.slots) == {"a", "b"}
    assert np.abs(found.score[1200:] - expected.score[1200:]).max() < 0.2
    assert np.array_equal(found.alert[1100:] > 0, expected.alert[1100:] > 0)


def test_a_clock_that_really_moved_is_followed() -> None:
    events = stream(noise(400, 1, 8))
    times = events.times.copy()
    times[200:] += 366 * 86_400 * 10**9
    model = LiveModel(events.features)
    model.process(stream(events.values, times=times))
    assert model.pool.clock[0] == times[-1] / 1e9


@pytest.mark.parametrize("first", [-366 * 86_400, 366 * 86_400, None])
def test_a_wrong_first_date_does_not_bend_the_budget(first: int | None) -> None:
    """A year early, a year late, or at 1970 (a device without a clock): evidence needed and events a day are those of the plain stream."""
    events = stream(noise(20_000, 2, 9))
    times = events.times.copy()
    times[0] = 0 if first is None else times[0] + first * 10**9
    model, plain = LiveModel(events.features), LiveModel(events.features)
    score(model, stream(events.values, times=times))
    score(plain, events)
    for what in (evidence.PER_DAY, evidence.NEEDED, evidence.THRESHOLD):
        assert model.pool.budget[what] == pytest.approx(plain.pool.budget[what], rel=0.3)
    assert plain.pool.budget[evidence.PER_DAY] == pytest.approx(86_400, rel=0.01)


def test_a_silence_is_not_counted_as_quiet() -> None:
    """A stream that stands still for a month has not gone on for a month: what it says in a day is what it was."""
    events = stream(noise(4000, 2, 9))
    times = events.times.copy()
    times[2000:] += 30 * 86_400 * 10**9
    model = LiveModel(events.features)
    score(model, stream(events.values, times=times))
    assert 40_000 < model.pool.budget[evidence.PER_DAY] < 100_000


@pytest.mark.parametrize("behind", [0.0, 3.0, 900.0])
def test_keys_whose_clocks_differ_have_their_own_steps(behind: float) -> None:
    """b's clock is behind a's for good: its fault ends as a's does, and its steps are a second."""
    n = 8000
    values = noise(n, 2, 11)
    keys = ["b" if i % 2 else "a" for i in range(n)]
    seconds = np.arange(n) // 2 - np.where(np.arange(n) % 2, behind, 0.0)
    values[5000:5200] += 9
    model = LiveModel((Feature("f0"), Feature("f1")))
    insights = score(model, stream(values, keys, 1_700_000_000 * 10**9 + (seconds * 1e9).astype(np.int64)))
    for key in ("a", "b"):
        found = [e for e in model.episodes.all.values() if e.key == key and 5000 <= e.position < 5200]
        assert len(found) == 1 and found[0].closed is not None
        assert model.base[model.keys.slots[key], GAP] == pytest.approx(1.0, rel=0.01)
    assert not insights.alert[5600:].any()

"""Alerts and holds, rule by rule: what opens an episode or another inside it, what ends it, what it costs, and what a fault does to the score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tacit.heads import evidence, tail
from tacit.heads.layout import AGE, CROSSED, DULL_99, DULL_999, EPISODE, EVIDENCE, GAP, HEADER, HELD, LOUDEST, PEAK
from tacit.live import kernel
from tacit.live.memory import new_pool


def standing(needed: float = 8.0, held: float = 1e9, gap: float = 1.0) -> tuple[Any, Any]:
    """(pool, one key's header) long after the beginning, with these thresholds, a second's `gap` between events."""
    pool, base = new_pool(1, 1, 3.0), np.zeros(HEADER, np.float32)
    head = pool.budget
    head[evidence.EVENTS], head[evidence.NEEDED], head[evidence.THRESHOLD] = 1e6, needed, held
    base[GAP] = gap
    return pool, base


def test_an_alert_needs_evidence_and_a_loud_event() -> None:
    pool, base = standing(8.0)
    assert kernel.decide(base, 0.0, 50.0, 0.0, True, pool, False, False) == (0, 0), "loud, and nothing else"
    for i in range(5):
        assert kernel.decide(base, 6.0, 9.9, float(i), True, pool, False, False) == (0, 0), "evidence, and nothing loud"
    assert kernel.decide(base, 6.0, 10.1, 5.0, True, pool, False, False) == (1, 1)


def test_an_episode_opens_anew_where_half_as_loud_again_comes_past_its_opening() -> None:
    pool, base = standing(8.0)
    assert kernel.decide(base, 12.0, 12.0, 0.0, True, pool, False, False) == (1, 1)
    assert kernel.decide(base, 12.0, 19.2, 1.0, True, pool, False, False) == (1, 0), "still opening: it is as loud as it gets"
    for i in range(2, 46):
        assert kernel.decide(base, 12.0, 12.0, float(i), True, pool, False, False) == (1, 0)
    assert kernel.decide(base, 12.0, 28.6, 46.0, True, pool, False, False) == (1, 0), "1.49 times as loud"
    assert kernel.decide(base, 12.0, 43.3, 47.0, True, pool, False, False) == (2, 1)
    assert base[AGE] == 0 and pool.budget[evidence.ALERTS] == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize(
    ("needed", "height", "gap", "closes"),
    [(4, 6.9, 1, 40), (4, 7.1, 1, None), (30, 14, 1, 40), (30, 16, 1, None), (4, 6.9, 0.25, 60), (4, 6.9, 0.0, 40)],
)
def test_an_episode_ends_after_forty_calm_events_and_fifteen_seconds(needed: float, height: float, gap: float, closes: int | None) -> None:
    """Calm is under half of what an alert needs, and under 7; where times tell nothing, events alone count."""
    pool, base = standing(needed, gap=gap)
    base[EPISODE], base[EVIDENCE], base[LOUDEST] = 1, height, 12
    ends = [kernel.decide(base, evidence.DRAG, 0.0, float(i), True, pool, False, False)[1] for i in range(100)]
    assert (ends.index(2) + 1 if 2 in ends else None) == closes


def test_a_thousand_events_take_back_what_an_alert_asks_of_the_next() -> None:
    pool, base = standing()
    pool.budget[evidence.MORE] = 0.5
    for _ in range(1000):
        kernel.decide(base, 0.0, 0.0, 0.0, True, pool, False, False)
    assert pool.budget[evidence.MORE] == pytest.approx(0.25)


def test_an_alert_that_nobody_sees_costs_nothing() -> None:
    pool, base = standing(8.0)
    before = pool.budget.copy()
    assert kernel.decide(base, 12.0, 12.0, 5.0, True, pool, False, False) == (1, 1)
    evidence.take_back(pool.budget)
    for what in (evidence.ALERTS, evidence.MORE):
        assert pool.budget[what] == pytest.approx(before[what])


def test_a_hold_begins_at_its_threshold_and_ends_when_calm() -> None:
    pool, base = standing(1e9, 20.0)
    kernel.decide(base, 20.0, 0.0, 0.0, True, pool, False, False)
    assert base[HELD] == 0, "17.7 is under 20"
    kernel.decide(base, 20.0, 0.0, 1.0, True, pool, False, False)
    assert base[HELD] == 1 == pool.budget[evidence.HOLDS]
    steps = 0
    while base[HELD]:
        kernel.decide(base, 0.0, 0.0, 2.0 + steps, True, pool, False, False)
        steps += 1
        assert steps < 100
    falls = int(np.ceil((2 * 17.7 - 10.0) / evidence.DRAG))  # events until the evidence is under half of the threshold
    assert falls + 39 <= steps <= falls + 41 and base[CROSSED] == 0


@pytest.mark.parametrize(("peak", "learned"), [(5.0, 1), (25.0, 0)])
def test_only_peaks_that_did_not_hold_are_noise(peak: float, learned: int) -> None:
    pool, base = standing(1e9, 20.0)
    base[PEAK], base[EVIDENCE] = peak, 1.0
    kernel.decide(base, 0.0, 0.0, 0.0, True, pool, False, False)
    assert pool.budget[evidence.PEAKS] == learned


@pytest.mark.parametrize("why", [HELD, EPISODE])
def test_a_fault_moves_the_score_for_its_key_alone_and_it_is_taken_back(why: int) -> None:
    pool, key = new_pool(1, 1, 3.0), np.zeros(HEADER, np.float32)
    key[why] = 1
    for _ in range(10):
        kernel.learn_score(key, 1.0, 20.0, 1.0, False, pool)
    assert key[DULL_99] == pytest.approx(10 * tail.STEP_99 * 0.99, rel=1e-5) and key[DULL_999] > 1.4
    assert pool.head[tail.SHIFT_99] == pool.head[tail.SHIFT_999] == 0, "other keys' scores mean what they meant"
    key[why] = 0
    kernel.learn_score(key, 1.0, 0.5, 1.0, False, pool)
    assert key[DULL_99] == key[DULL_999] == 0
    assert pool.head[tail.SHIFT_99] == pytest.approx(-0.01 * tail.STEP_99)


def test_what_has_lasted_is_the_new_normal_and_takes_its_shift_back_too() -> None:
    """Else the shared anchors would learn from scores that hold the key's own shift."""
    pool, key = new_pool(1, 1, 3.0), np.zeros(HEADER, np.float32)
    key[HELD], key[DULL_99], key[DULL_999] = 1, 1.0, 1.0
    kernel.learn_score(key, 1.0, 0.5, 1.0, True, pool)
    assert key[DULL_99] == key[DULL_999] == 0 and pool.head[tail.SHIFT_99] < 0


@pytest.mark.parametrize(
    ("count", "last", "rises", "stays"),
    [
        (evidence.ALERTS, evidence.LAST_ALERT, evidence.NEEDED, evidence.THRESHOLD),
        (evidence.HOLDS, evidence.LAST, evidence.THRESHOLD, evidence.NEEDED),
    ],
)
def test_alerts_and_holds_over_the_budget_each_raise_their_own(count: int, last: int, rises: int, stays: int) -> None:
    counts, head, now = np.zeros(evidence.BINS), np.zeros(evidence.HEADER), 10 * evidence.DAY
    head[evidence.BUDGET], head[evidence.EVENTS] = 3.0, 1e9
    evidence.set_thresholds(counts, head, now)
    before = head.copy()
    head[count], head[last] = 9.0, now
    evidence.set_thresholds(counts, head, now)
    assert head[rises] == pytest.approx(min(3 * before[rises], 0.9 * evidence.MOST), rel=1e-3) and head[stays] == before[stays]
    evidence.set_thresholds(counts, head, now + 2 * evidence.DAY)
    assert head[rises] < 1.1 * before[rises], "two quiet days take it back"


def test_what_is_new_must_be_louder_and_needs_twice_as_much() -> None:
    head = np.zeros(evidence.HEADER)
    head[evidence.EVENTS] = evidence.NEW
    assert not evidence.is_loud(19.9, head) and evidence.is_loud(20.1, head)

    def at(events: float) -> Any:
        made = np.zeros(evidence.HEADER)
        made[evidence.BUDGET], made[evidence.EVENTS] = 3.0, events
        evidence.set_thresholds(np.zeros(evidence.BINS), made, events)  # an event a second
        return made

    for threshold in (evidence.NEEDED, evidence.THRESHOLD):
        assert at(evidence.YOUNG)[threshold] == pytest.approx(2 * at(1e9)[threshold], rel=1e-3)


def test_pressure_decays_and_never_grows_when_the_clock_runs_back() -> None:
    assert evidence.over_budget(6.0, 0.0, 3.0, 0.0) == 1 == evidence.over_budget(6.0, evidence.DAY, 3.0, 0.0)
    assert evidence.over_budget(6.0, 0.0, 3.0, evidence.DAY) == 0

"""Bounds: what was not there of late is told once, what waits does not carry them along, what lasts becomes usual, nothing makes them deaf."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tacit.heads import bounds
from tacit.heads.bounds import ABOVE, FREE, HIGH, JOINS, KEPT, LEAPT, LOW, MEAN, OPENS, ROWS, SILENT, SOON_HIGH

START = int(bounds.SPEAKS)


class Feature:
    """One feature, event by event: read, told, learned, as the kernel does it; asked at every event, which says nothing where nothing is stirred."""

    def __init__(self, patience: float = 4000.0) -> None:
        self.known, self.many, self.patience = np.zeros((bounds.SIZE, 1)), 0.0, patience
        self.far = (0.0, 0.0)

    def see(self, x: float, ask: float = 1.0, may: int = OPENS) -> bool:
        """Whether that opens an alert."""
        known, told = self.known, False
        if self.many == 0.0:
            bounds.begin(known, x, 0, 0)
        else:
            bounds.follow(known, x, self.many, 0, 0)
            self.far = (bounds.outside(known, x, self.many, 0, 0), bounds.mean_outside(known, x, self.many, 0, 0))
            told = bounds.tell(known, *self.far, ask, may, 0, 0)
            bounds.learn(known, x, self.many, self.patience, 1.0, 0, 0)
        self.many += 1.0
        return bool(told)

    def settle(self, x: float = 15.0, events: int = 3 * bounds.LAG) -> None:
        for _ in range(events):
            self.see(x)

    def at(self, row: int) -> float:
        return float(self.known[row, 0])


def usual(seed: int = 0, events: int = 3 * START, low: float = 10.0, high: float = 20.0, patience: float = 4000.0) -> Feature:
    """A feature that has lain between two values for long."""
    feature = Feature(patience)
    for x in np.random.default_rng(seed).uniform(low, high, events):
        feature.see(float(x))
    return feature


def test_nothing_is_told_of_what_stays_within() -> None:
    feature = Feature()
    assert not any(feature.see(float(x)) for x in np.random.default_rng(1).uniform(10, 20, 6 * START))
    assert 9.5 < feature.at(LOW) < 10.5 and 19.5 < feature.at(HIGH) < 20.5
    assert 12.5 < feature.at(ROWS + LOW) < feature.at(ROWS + HIGH) < 17.5, "a mean moves less"


@pytest.mark.parametrize("there", [35.5, 1e9, 1.5, 0.0, -1e12, math.nextafter(math.inf, 0), -1.7e308])
def test_two_readings_far_outside_are_told_once_and_one_is_not(there: float) -> None:
    feature = usual()
    assert not feature.see(there), "one reading is chance"
    assert feature.see(there)
    assert not any(feature.see(there) for _ in range(1000)), "it was told already"
    assert feature.at(LOW) > 9.5 and feature.at(HIGH) < 20.5, "what was told widens nothing"
    single = usual()
    assert not any(single.see(there if k % 60 == 0 else 15.0) for k in range(200)), "single readings far apart"


@pytest.mark.parametrize("there", [40.0, 200.0, 1e9, -20.0, -100.0])
@pytest.mark.parametrize("before", [10, 100, 400])
def test_bounds_do_not_begin_with_what_has_just_come_outside(there: float, before: int) -> None:
    feature = usual(events=START - before)
    assert not any(feature.see(there) for _ in range(1000)), "nobody knows yet which of the two is usual"
    feature.settle(events=int(bounds.INSIDE) + 3 * bounds.LAG)
    assert feature.at(KEPT) == 0.0
    assert sum(feature.see(3e9) for _ in range(100)) == 1, "nor is it deaf after it"
    feature = usual(events=START)
    assert sum(feature.see(there) for _ in range(1000)) == 1


def test_what_waits_when_bounds_begin_is_inside_to_the_bit() -> None:
    feature = usual(events=START - 100)
    feature.settle(40.0, events=100)
    assert feature.at(HIGH) == 40.0


@pytest.mark.parametrize("way", [1.0, -1.0])
def test_a_lone_reading_is_no_news_in_the_mean_but_a_few_are(way: float) -> None:
    def idle() -> Feature:
        feature = usual(low=0.0, high=10.0) if way > 0.0 else usual(low=-10.0, high=0.0)
        feature.known[[ROWS + LOW, ROWS + HIGH, MEAN], 0] = min(0.1 * way, 0.0), max(0.1 * way, 0.0), 0.0  # at rest, but for what was told
        return feature

    feature = idle()
    assert not any(feature.see(9.0 * way if k % 60 == 0 else 0.0) for k in range(200))
    assert feature.at(HIGH if way > 0.0 else LOW) * way > 9.5, "the value itself lies inside"
    for every in (2, 4, 5):
        feature = idle()
        assert sum(feature.see(2.0 * way if k % every == 0 else 0.0) for k in range(60)) == 1, every
    feature = idle()
    feature.see(9.0 * way)
    assert not any(feature.see(-0.5 * way) for _ in range(8)), "the mean is on one side, the readings on the other"


def test_what_is_told_stays_told_though_its_next_telling_takes_more() -> None:
    feature = usual()
    told = [feature.see(29.5, ask=1.0 if k < 2 else 10.0) for k in range(1000)]  # 1.5 times the bar; and the budget is spent by then
    assert sum(told) == 1
    assert feature.at(KEPT) > 900 and feature.at(HIGH) < 20.5
    feature.settle(events=int(bounds.INSIDE) + 40)
    assert feature.at(KEPT) == 0.0 and feature.at(ABOVE) == pytest.approx(2.0, rel=0.02)
    assert not any(feature.see(29.5) for _ in range(3)), "and half as far again is no news for a while"


def test_single_readings_outside_do_not_spend_the_news_of_a_fault() -> None:
    feature = usual()
    assert not any(feature.see(60.5 if k % 20 == 0 else 15.0) for k in range(80))
    assert any(feature.see(60.5) for _ in range(3))


def test_one_glitch_does_not_make_a_feature_deaf() -> None:
    feature = usual()
    feature.see(1e9)
    feature.settle()
    assert feature.at(HIGH) < 20.0 + 1.1 * bounds.MOST * 10.0 and feature.at(LEAPT) <= bounds.MOST * 1.01
    assert any(feature.see(1e6) for _ in range(3))


def test_little_outside_is_not_told_and_widens_the_bounds_after_a_while() -> None:
    feature = usual()
    assert not any(feature.see(x) for x in [22.5, 22.5, 22.5])
    assert feature.at(HIGH) < 20.5, "it waits"
    feature.settle()
    assert 21.5 < feature.at(HIGH) <= 22.5


def test_what_grows_within_some_hundred_events_does_not_carry_its_bounds_along() -> None:
    feature = usual()
    told = [feature.see(20.05 + 0.1 * k) for k in range(200)]  # a hundredth of the width every event
    assert any(told) and int(np.argmax(told)) < 100
    assert sum(told) == 1, "the value and its mean are one feature"


def test_what_lasts_longer_than_patience_is_what_is_usual() -> None:
    feature = usual(patience=400.0)
    for _ in range(700):
        feature.see(100.5)
    assert feature.at(HIGH) >= 99.0 and feature.far[0] < 0.1


def test_what_goes_over_to_the_other_side_is_told_again() -> None:
    feature = usual()
    assert any(feature.see(60.5) for _ in range(3))
    feature.settle(60.5, 50)
    assert not feature.see(-40.5) and not any(feature.see(60.5) for _ in range(20)), "one reading over there"
    assert any(feature.see(-40.5) for _ in range(3))
    tellings = sum(feature.see(60.5 if k // 50 % 2 else -40.5) for k in range(5000))
    assert tellings < 9, "to and fro: each takes twice as much"


def test_what_grows_a_hundredfold_while_it_is_told_is_told_again() -> None:
    feature = usual()
    assert any(feature.see(30.5) for _ in range(3))
    feature.settle(29.9, 100)
    assert not any(feature.see(90.5) for _ in range(100)), "no other fault for a few times as much"
    assert any(feature.see(9e6) for _ in range(3))
    feature.settle(29.9, 400)
    assert any(feature.see(9e6) for _ in range(3)), "it was hardly outside any more"


def test_what_comes_back_beyond_the_other_side_is_no_longer_told() -> None:
    feature = usual()
    assert any(feature.see(1e6) for _ in range(3))
    feature.settle(1.5, int(bounds.INSIDE) + 40)  # outside, but not by what the other side asks
    assert any(feature.see(1e6) for _ in range(3))


def test_a_blip_that_was_part_of_an_alert_does_not_make_it_deaf() -> None:
    feature = usual()
    bounds.keep(feature.known, 0.0, 0.0, 0, 0)  # an alert was about it
    for _ in range(50):
        feature.see(15.0, may=OPENS)
    assert any(feature.see(60.5, may=FREE) for _ in range(3)), "no alert is open any more"
    assert feature.at(ABOVE) == pytest.approx(1.0), "it was not told by its bounds then"


def test_each_telling_asks_for_twice_as_much_and_that_fades() -> None:
    feature = usual()
    for _ in range(3):
        feature.see(100.5)
    feature.settle(events=int(bounds.INSIDE) + 40)
    assert feature.at(ABOVE) == pytest.approx(2.0, rel=0.02)
    for x in np.random.default_rng(2).uniform(10, 20, 90_000):
        feature.see(float(x))
    assert feature.at(ABOVE) == pytest.approx(1.5, rel=0.05), "by half in a day"


def test_what_may_not_be_said_yet_waits_and_what_joins_an_alert_opens_none() -> None:
    feature = usual()
    assert not any(feature.see(60.5, may=SILENT) for _ in range(20))
    assert feature.see(60.5), "it is still there"
    joined = usual()
    assert not any(joined.see(60.5, may=JOINS) for _ in range(3))
    assert joined.at(KEPT) > 0.0
    assert not any(joined.see(60.5) for _ in range(50)), "it is part of that one"


def test_a_feature_that_leaps_must_leap_further_to_be_told() -> None:
    calm, leaping = usual(), usual()
    leaping.see(24.5)  # too little to be told; its bounds are widened by nearly half at once
    leaping.settle()
    assert leaping.at(LEAPT) == pytest.approx(0.45, abs=0.06)
    calm.see(30.5)
    leaping.see(35.0)
    assert leaping.far[0] < calm.far[0], "as far beyond its own bounds"


def test_what_never_moved_is_not_told_nor_what_rounding_moved() -> None:
    for step, then in ((0.0, 25.5), (1e-7, 20.00001)):
        feature = Feature()
        assert not any(feature.see(20.0 * (1.0 + step * (k % 2))) for k in range(3 * START))
        assert not any(feature.see(then) for _ in range(3))
    assert any(feature.see(20.001) for _ in range(3)), "what moves little is told when it moves much"


@pytest.mark.parametrize(("low", "high", "quiet", "loud"), [(0, 1, 2, 4), (211, 212, 210, 205), (1, 2, 0, 9)])
def test_a_count_may_be_one_more_or_less(low: int, high: int, quiet: int, loud: int) -> None:
    rng, feature = np.random.default_rng(3), Feature()
    for x in rng.integers(low, high + 1, 3 * START):
        feature.see(float(x))
    assert not any(feature.see(float(quiet)) for _ in range(3))
    assert any(feature.see(float(loud)) for _ in range(3))


def test_a_longer_silence_of_what_was_often_silent_is_not_told() -> None:
    rng = np.random.default_rng(6)
    feature = Feature()
    told = [feature.see(float(x)) for x in rng.exponential(50.0, 40_000) * (rng.random(40_000) < 1 / 15)]
    assert sum(told[START:]) <= 2


def test_what_was_idle_before_it_spoke_is_not_deaf_after() -> None:
    rng, feature = np.random.default_rng(7), Feature()
    for k in range(3 * START):
        feature.see(float(rng.uniform(-0.01, 0.01) if k < 300 else rng.uniform(0.0, 10.0)))
    assert any(feature.see(100.5) for _ in range(3))


def test_towards_nothing_it_counts_in_octaves_and_below_it_in_widths() -> None:
    feature = usual(low=50.0, high=200.0)
    feature.see(5.5)
    assert feature.far[0] < -1.0, "a third of the width, but a tenth of the least"
    wide = Feature()
    for x in 10.0 ** np.random.default_rng(5).uniform(1, 7, 3 * START):
        wide.see(float(x))
    wide.see(-1e12)
    assert wide.far[0] == -bounds.FURTHEST


def test_bounds_draw_in_where_nothing_comes_near_them_but_zero_stays_zero() -> None:
    feature = usual(low=0.0, high=100.0, events=4000)
    for low in (0.0, -1e-12):
        feature.see(low)
        feature.settle(50.0, int(bounds.HALF_LIFE))
        assert feature.at(LOW) == pytest.approx(0.0, abs=1e-12), "rounding below nothing is not drawn above it"
    assert feature.at(HIGH) < 80.0


def test_the_mean_counts_nothing_that_lies_outside() -> None:
    feature = Feature()
    for k in range(3 * START):
        feature.see(100.0 if k % 100 == 0 else 0.0)
    assert not any(feature.see(1e6 if k == 0 else 0.0) for k in range(100)), "one reading is told neither by itself nor through the mean"
    assert any(feature.see(100.0) for _ in range(30)), "but what is usual for one reading is not for thirty"


@pytest.mark.parametrize("values", [(5e-324, 1.0), (1e-300, 1e9), (1e308, -1e308), (-1.7e308, 1.7e308), (0.0, 5e-324)])
def test_no_number_makes_it_deaf(values: tuple[float, float]) -> None:
    feature = Feature()
    with np.errstate(all="raise"):
        for k in range(3 * START):
            feature.see(values[k % 2])
        assert np.isfinite(feature.known[[LOW, HIGH, MEAN, LEAPT, ABOVE, ROWS + LOW, ROWS + HIGH]]).all()
        assert not np.isnan(feature.known[SOON_HIGH]).any()
        feature.settle(0.5, 10)


def test_how_surprising_it_is_grows_with_how_far_and_with_how_much_was_seen() -> None:
    assert bounds.surprise(0.0, 1000.0) == pytest.approx(math.log(1000.0)), "a record among so many"
    assert bounds.surprise(2.0, 1000.0) == pytest.approx((1 + 2 * bounds.BAR) * math.log(1000.0))
    assert bounds.surprise(1e12, 1000.0) == 30.0

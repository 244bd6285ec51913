"""Bounds: what was never there is told once, what waits does not carry them along, what lasts becomes what is usual."""

import numpy as np
import pytest

from tacit.heads import bounds

START = int(bounds.SPEAKS)


class Feature:
    """One feature's bounds, event by event as the kernel goes about it."""

    def __init__(self) -> None:
        self.known, self.many = np.zeros((bounds.ROWS + 1, 1)), 0.0

    def see(self, x: float, patience: float = 4000.0) -> tuple[float, bool]:
        """(how far outside, whether that is told)."""
        far = bounds.outside(self.known, x, self.many, 0, 0) if self.many else 0.0
        told = bounds.tell(self.known, far, 0, 0) if self.many else False
        if self.many == 0.0:
            bounds.start(self.known, x, 0, 0)
        else:
            bounds.widen(self.known, x, self.many, patience, 0, 0)
        self.many += 1.0
        return far, told

    @property
    def low(self) -> float:
        return float(self.known[bounds.LOW, 0])

    @property
    def high(self) -> float:
        return float(self.known[bounds.HIGH, 0])


def usual(seed: int = 0, events: int = 3 * START, low: float = 10.0, high: float = 20.0) -> Feature:
    """A feature that has lain between two values for long."""
    feature = Feature()
    for x in np.random.default_rng(seed).uniform(low, high, events):
        feature.see(float(x))
    return feature


def test_nothing_is_told_of_what_stays_within() -> None:
    feature = Feature()
    told = [feature.see(float(x))[1] for x in np.random.default_rng(1).uniform(10, 20, 6 * START)]
    assert not any(told)
    assert 9.5 < feature.low < 10.5
    assert 19.5 < feature.high < 20.5


@pytest.mark.parametrize("there", [35.0, 1e9, 1.0, 0.0, -1e12])
def test_two_readings_far_outside_are_told_once_and_one_is_not(there: float) -> None:
    feature = usual()
    assert not feature.see(there)[1], "one reading is chance"
    assert feature.see(there)[1]
    assert not any(feature.see(there)[1] for _ in range(300)), "it was told already"
    assert feature.low > 9.5
    assert feature.high < 20.5, "what was told widens nothing"
    single = usual()
    told = [single.see(there if k % 50 == 0 else 15.0)[1] for k in range(200)]
    assert not any(told), "single readings far apart"


def test_little_outside_is_not_told_and_widens_the_bounds_after_a_while() -> None:
    feature = usual()
    assert not any(feature.see(x)[1] for x in [22.0, 22.0, 22.0])
    assert feature.high < 20.5, "it waits"
    for _ in range(3 * bounds.LAG):
        feature.see(15.0)
    assert 21.5 < feature.high <= 22.0


def test_what_grows_slowly_does_not_carry_its_bounds_along() -> None:
    feature = usual()
    told = [feature.see(20.0 + 0.2 * k)[1] for k in range(100)]  # a hundredth of the width every event
    assert any(told)
    assert int(np.argmax(told)) < 60


def test_what_lasts_longer_than_patience_is_what_is_usual() -> None:
    feature = usual()
    for _ in range(500):
        feature.see(100.0, patience=400.0)
    assert feature.high == 100.0
    assert feature.see(100.0)[0] == 0.0


def test_each_telling_asks_twice_as_much_and_that_fades() -> None:
    feature = usual()
    first, told = feature.see(100.0)[0], feature.see(100.0)[1]
    assert told
    bounds.ask_more(feature.known, 0, 0)
    assert feature.see(100.0)[0] == pytest.approx(first / 2, rel=1e-2)
    for x in np.random.default_rng(2).uniform(10, 20, 30_000):
        feature.see(float(x))
    assert feature.see(100.0)[0] > 0.8 * first


def test_a_feature_that_leaps_must_leap_further_to_be_told() -> None:
    calm, leaping = usual(), usual()
    for k in range(2 * bounds.LAG):
        leaping.see(24.0 if k == 0 else 15.0)  # too little to be told; its bounds were widened by two fifths at once
    for _ in range(bounds.LAG):
        leaping.see(15.0)
    assert leaping.known[bounds.LEAPT, 0] == pytest.approx(0.4, abs=0.05)
    assert leaping.see(34.0)[0] < calm.see(30.0)[0], "as far beyond its own bounds"


def test_what_never_moved_is_not_told() -> None:
    feature = Feature()
    assert not any(feature.see(7.0)[1] for _ in range(3 * START))
    assert not any(feature.see(9.0)[1] for _ in range(3)), "how far is far is not known"


def test_bounds_draw_in_where_nothing_comes_near_them_but_zero_stays_zero() -> None:
    feature = usual(low=0.0, high=100.0, events=4000)
    feature.see(0.0)
    for _ in range(3 * bounds.LAG):
        feature.see(50.0)
    assert feature.low == 0.0
    for _ in range(int(bounds.HALF_LIFE)):
        feature.see(50.0)
    assert feature.low == 0.0
    assert feature.high == pytest.approx(100.0 * 0.5**0.5, abs=2.0), "its half of the width"


def test_the_short_mean_follows_and_no_value_counts_for_more_than_a_width_outside() -> None:
    feature = usual()
    feature.known[bounds.ROWS, 0] = 15.0
    assert bounds.follow(feature.known, 1e12, feature.many, 0, 0, bounds.ROWS) == pytest.approx(15.0 + bounds.SHORT * 15.0, rel=0.02)

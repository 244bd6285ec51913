"""Intervals over draws that share a pool: how often they hold what they are about, by experiment; labels saved with where they may lie."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tacit.contracts.goal import Goal
from tacit.contracts.layout import Layout, Samples
from tacit.evaluation.contestant import Frozen, Variant
from tacit.evaluation.intervals import over_draws
from tacit.evaluation.labelled import Labelled
from tacit.evaluation.metric import Metric
from tacit.evaluation.overlap import GROUPS, Scored, over_draws_and_test
from tacit.evaluation.protocol import protocol_named
from tacit.evaluation.protocols.fewshot import needed
from tacit.evaluation.setting import Setting
from tacit.evaluation.splits import parts_of
from tacit.ledger.report import saving
from tacit.ledger.result import Result

CLASSES, WIDTH, POOL, TEST = 4, 20, 120, 75
CENTRES = np.random.default_rng(3).normal(0, 0.45, (CLASSES, WIDTH))
WORSE = np.linspace(1, 0, WIDTH)  # a rung that sees less


def drawn(each: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(CLASSES), each)
    return CENTRES[labels] + rng.normal(size=(len(labels), WIDTH)), labels


def right(train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], sees: np.ndarray) -> np.ndarray:
    """Of each test sample: whether the nearest class mean is its own."""
    means = np.stack([train[0][train[1] == c].mean(0) for c in range(CLASSES)]) * sees
    return (((test[0] * sees)[:, None] - means) ** 2).sum(2).argmin(1) == test[1]


@pytest.mark.parametrize(("each", "draws", "least"), [(10, 5, 0.93), (100, 3, 0.93), (100, 5, 0.93)])
def test_intervals_hold_what_many_pools_and_tests_would_give(each: int, draws: int, least: float) -> None:
    rng = np.random.default_rng(each + draws)
    everywhere = drawn(3000, rng)
    pools = [drawn(each, rng) for _ in range(40)]
    true = np.mean([[right(p, everywhere, sees).mean() for sees in (np.ones(WIDTH), WORSE)] for p in pools], axis=0)
    held, naive, turns = np.zeros(2), np.zeros(2), 150
    for _ in range(turns):
        pool, test = drawn(POOL, rng), drawn(TEST, rng)
        group = rng.permutation(len(test[1])) % GROUPS
        rows = [np.concatenate([rng.choice(np.flatnonzero(pool[1] == c), each, replace=False) for c in range(CLASSES)]) for _ in range(draws)]
        both = []
        for sees in (np.ones(WIDTH), WORSE):
            hits = np.array([right((pool[0][r], pool[1][r]), test, sees) for r in rows])
            without = np.stack([hits[:, group != g].mean(1) for g in range(GROUPS)], axis=1)
            both.append(Scored(hits.mean(1), without, each / POOL))
        for i, (part, value) in enumerate(((both[0], true[0]), (both[0].less(both[1]), true[0] - true[1]))):
            mean, wide = over_draws(part.values)
            naive[i] += abs(mean - value) <= wide
            held[i] += abs(mean - value) <= over_draws_and_test([part])
    assert (held / turns >= least).all(), held / turns
    assert each < 100 or (naive / turns < 0.8).all(), "the plain interval over draws would have done"


def test_one_draw_gives_no_interval_and_no_difference_none() -> None:
    one = Scored(np.array([0.8]), np.full((1, 4), 0.8), 0.1)
    assert over_draws_and_test([one]) == math.inf
    same = Scored(np.full(3, 0.8), np.full((3, 4), 0.8), 0.1)
    assert over_draws_and_test([same.less(same)]) == 0.0
    dear = Scored(np.array([0.9, np.nan, 0.8]), np.full((3, 4), 0.8), 0.1)
    assert len(dear.less(same).values) == 2


def flat(value: float, noise: float) -> Scored:
    spread = noise * np.array([-1, -0.5, 0, 0.5, 1.0])
    return Scored(value + spread, np.full((5, 4), value), 0.1)


def test_labels_saved_say_from_where_to_where() -> None:
    curve = {1: flat(0.5, 0.01), 10: flat(0.7, 0.01), 100: flat(0.8, 0.01), 300: flat(0.85, 0.01)}
    need, low, high = needed(curve, 10, flat(0.75, 0.01))
    assert need == pytest.approx(10**1.5) and 10 < low < need < high < 100
    far = needed(curve, 10, flat(0.75, 0.03))
    assert far[1] < low and high < far[2]
    assert needed(curve, 10, flat(0.85, 0.01))[2] == math.inf
    row = Result("few_shot", "labels_saved", 200, labels=10, low=100, high=2900, extra={"rung": "HOG", "no_end": True})
    assert saving(row) == "with 10 labels a class: 200 labels saved (95 %: 100 or more) against HOG"
    assert "(95 %: 100 to 900)" in saving(Result("few_shot", "labels_saved", 200, labels=10, low=100, high=900, extra={"rung": "HOG"}))


def setting_of(train: int, test: int, columns: bool = False) -> Setting:
    rng, layout = np.random.default_rng(0), Layout("series", "number", (WIDTH,), 1)
    sides = []
    for each in (train, test):
        values, labels = drawn(each, rng)
        entity = np.repeat(np.arange(6), -(-len(labels) // 6))[: len(labels)] if columns else None
        sides.append(Labelled(layout, Samples(values[..., None].astype(np.float32)), labels, tuple("abcd"), entity=entity))
    goal = Goal(seeds=3)
    return Setting(*sides, goal, Metric(goal, sides[1].labels, sides[1].classes), seconds=0)


def test_curves_are_wide_where_draws_take_most_of_the_pool() -> None:
    setting = setting_of(40, 100)
    features = {"pooled": Variant(*setting.everywhere(lambda side: side.samples.values[..., 0]))}
    worse = {"pooled": Variant(*setting.everywhere(lambda side: side.samples.values[..., 0] * WORSE))}
    found = protocol_named("few_shot").run(setting, Frozen("ours", "ours", features), [Frozen("rung", "a rung", worse)])
    assert found.verdict is not None and "draws of labels and over test samples" in found.verdict.by
    for row in found.rows:
        if row.metric == "accuracy" and row.labels == 30:
            _, plain = over_draws(row.extra["values"])
            assert row.high - row.value > plain and "test samples" in row.interval
    saved = [r for r in found.rows if r.metric == "labels_saved"]
    assert saved and all(r.low <= r.value <= r.high for r in saved)


def test_parts_of_a_test_are_whole_entities() -> None:
    whole = setting_of(10, 12, columns=True).test
    parts = parts_of(whole, Goal(entity="who", random_split=True), np.random.default_rng(0), 10)
    assert whole.entity is not None and len(parts) == 6 and all(len(np.unique(whole.entity[p])) == 1 for p in parts)

"""A judge's splits: different ones, whole entities, later times, and a score on each; labels held back that can be judged by."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tacit.contracts.errors import DataError
from tacit.contracts.goal import Goal
from tacit.contracts.layout import Layout, Samples
from tacit.evaluation.held_out import held_back
from tacit.evaluation.judging import LabelJudge
from tacit.evaluation.labelled import Labelled
from tacit.evaluation.splits import split
from tacit.nets.encoder import Encoder

LAYOUT = Layout("image", "number", (28, 28), 1, 0, (128.0,), (60.0,))
UNEQUAL = np.repeat([f"p{i}" for i in range(8)], (40, 20, 12, 10, 6, 6, 4, 2))
ONE_LARGE = np.repeat([f"p{i}" for i in range(6)], (30, 10, 10, 10, 10, 10))


def labelled(labels: np.ndarray, **columns: Any) -> Labelled:
    """Pictures that are brighter the higher their class."""
    rng, many = np.random.default_rng(0), int(labels.max()) + 1
    values = rng.integers(0, 60, (len(labels), 1, 28, 28)) + (150 // many) * labels[:, None, None, None]
    return Labelled(LAYOUT, Samples(values.astype(np.uint8)), labels, tuple(f"c{k}" for k in range(many)), **columns)


def turned(n: int) -> np.ndarray:
    return np.arange(n) % 2


CASES = {  # data, goal, how many splits there may be, whether labels are held back for the verdict
    "unequal entities": (labelled(turned(100), entity=UNEQUAL), Goal(entity="p"), range(2, 6), True),
    "one large entity": (labelled(turned(80), entity=ONE_LARGE), Goal(entity="p"), range(2, 6), True),
    "two entities": (labelled(turned(40), entity=np.repeat(["a", "b"], (25, 15))), Goal(entity="p"), range(2, 3), False),
    "times": (labelled(turned(60), time=np.random.default_rng(1).permutation(60)), Goal(time="t"), range(1, 2), True),
    "a class of six": (labelled((np.arange(66) >= 60).astype(np.int64)), Goal(), range(5, 6), True),
    "of one class each": (labelled(np.repeat([0, 1] * 3, 10), entity=np.repeat(np.arange(6), 10)), Goal(entity="p"), range(5, 6), False),
}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", CASES)
def test_splits_differ_and_labels_held_back_can_be_judged_by(name: str, seed: int, small_encoder: type[Encoder]) -> None:
    data, goal, many, apart = CASES[name]
    judge = LabelJudge.of(data, goal, seed=seed)
    assert (judge.fresh is not None) == apart and len(judge.splits) in many
    for one in [judge, *([judge.fresh] if judge.fresh is not None else [])]:
        assert len({tuple(s.held) for s in one.splits}) == len(one.splits) >= (1 if data.time is not None else 2)
        for s in one.splits:
            assert not set(s.train) & set(s.held) and all(len(set(data.labels[side])) > 1 for side in s[:2])
            if data.entity is not None:
                assert not set(data.entity[s.train]) & set(data.entity[s.held])
        if seed == 0:
            values = one.values(small_encoder(LAYOUT))
            assert values.shape == (len(one.splits),) and np.isfinite(values).all()
    if judge.fresh is not None:
        assert not set(judge.asked) & set(judge.fresh.asked)
        if data.time is not None:
            assert data.time[judge.asked].max() < data.time[judge.fresh.asked].min()


def test_unequal_entities_are_drawn_and_not_dealt_out_by_size() -> None:
    """Dealt out by size, the largest was held out in every split, and errors over splits were nought."""
    data = CASES["unequal entities"][0]
    held = [split(data, Goal(entity="p"), np.random.default_rng(seed), 1 / 3).held for seed in range(40)]
    assert len({tuple(rows) for rows in held}) > 20
    largest = np.mean([0 in rows for rows in held])
    assert 0.1 < largest < 0.9 and 25 < np.mean([len(rows) for rows in held]) < 42
    assert all(0 < len(rows) < 100 for rows in held)


def test_a_large_entity_is_not_held_back_alone() -> None:
    data = CASES["one large entity"][0]
    for seed in range(20):
        choosing, back = held_back(data, Goal(entity="p"), np.random.default_rng(seed))
        assert len(set(ONE_LARGE[back])) > 1 and len(set(ONE_LARGE[choosing])) > 1 and len(back) + len(choosing) == 80


def test_ten_classes_of_six_and_a_metric_that_wants_them_all(small_encoder: type[Encoder]) -> None:
    """A third of a third of six is less than one: once an error of scikit-learn's when the tournament was over."""
    judge = LabelJudge.of(labelled(np.arange(60) % 10), Goal(metric="roc_auc_ovr"), seed=1)
    assert judge.fresh is None and "none are held back for the verdict" in judge.trust and "roc auc ovr cannot be had" in judge.trust
    values = judge.values(small_encoder(LAYOUT))
    assert values.shape == (5,) and np.isfinite(values).all()


def test_labels_that_nothing_can_be_judged_by_are_refused_at_once() -> None:
    with pytest.raises(DataError, match=r"these 20 labels cannot be judged by.*class 'c0' alone is held out"):
        LabelJudge.of(labelled((np.arange(20) == 7).astype(np.int64)), Goal(metric="balanced_accuracy"))
    with pytest.raises(DataError, match="other than a number is no number"):
        LabelJudge.of(labelled(turned(40)), Goal(metric=other_than_a_number))


def other_than_a_number(truth: Any, said: Any) -> float:
    return float("nan")


def test_an_encoder_without_a_number_is_not_ranked(small_encoder: type[Encoder], monkeypatch: pytest.MonkeyPatch) -> None:
    judge = LabelJudge.of(labelled(turned(60)), Goal())
    monkeypatch.setattr(judge, "_of", lambda contestant: np.array([0.5, np.nan, 0.5, 0.6, 0.7]))
    with pytest.raises(DataError, match="no number on 1 of 5 splits"):
        judge.values(small_encoder(LAYOUT))

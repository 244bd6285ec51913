"""Heads from few labels: chosen by folds, plain arrays, and no surer than they are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tacit.contracts.errors import DataError, ModelError
from tacit.contracts.goal import Goal
from tacit.contracts.layout import Layout, Samples
from tacit.evaluation.fine_tuning import fine_tune
from tacit.evaluation.labelled import Labelled
from tacit.evaluation.metric import Metric
from tacit.evaluation.ridge import STRENGTHS
from tacit.evaluation.setting import Setting
from tacit.evaluation.training import Plan, train_network
from tacit.evaluation.tuning import apply_head, fit_head
from tacit.nets.encoders.patches import Patches


def test_probabilities_on_noise_say_that_they_do_not_know() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 64)).astype(np.float32), np.array(["a", "b"])[rng.integers(0, 2, 40)]
    odds = apply_head(fit_head(x, y).head, rng.standard_normal((500, 64)).astype(np.float32))[1]
    assert odds is not None
    assert odds.max(1).mean() < 0.7
    np.testing.assert_allclose(odds.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 4])
def test_what_can_be_told_apart_is(classes: int) -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, classes, 120)
    x = (3 * np.eye(classes, 8)[y] + rng.standard_normal((120, 8))).astype(np.float32)
    tuned = fit_head(x[:80], y[:80])
    said, odds = apply_head(tuned.head, x[80:])
    assert odds is not None
    right = said.astype(int) == y[80:]
    assert right.mean() > 0.85 and tuned.score > 0.8 and abs(odds.max(1).mean() - right.mean()) < 0.12
    assert tuned.head["classes"].tolist() == [str(c) for c in range(classes)]


STRENGTH = {f"ridge, strength {s:.2g}": s for s in STRENGTHS}


def test_numbers_are_a_ridge() -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((60, 5)).astype(np.float32)
    y = x @ np.arange(5.0) + 0.1 * rng.standard_normal(60)
    tuned = fit_head(x, y)
    reference = Ridge(alpha=STRENGTH[tuned.choice] * 5).fit(StandardScaler().fit_transform(x), y)
    said, odds = apply_head(tuned.head, x)
    assert odds is None
    np.testing.assert_allclose(said, reference.predict(StandardScaler().fit_transform(x)), atol=1e-4)


def test_the_strength_is_that_of_the_least_error_on_held_out_labels() -> None:
    rng = np.random.default_rng(12)
    y = rng.integers(0, 3, 45)
    x = (rng.standard_normal((45, 30)) + 1.2 * np.eye(3, 30)[y]).astype(np.float32)
    x[:, 7] = 4.0  # a column that says nothing
    tuned = fit_head(x, y)
    counts, cuts = np.bincount(y), list(StratifiedKFold(5, shuffle=True, random_state=0).split(x, y))
    errors = []
    for strength in STRENGTHS:
        error = 0.0
        for rest, held in cuts:
            scale = StandardScaler().fit(x[rest])
            weights = 1 / np.bincount(y[rest])[y[rest]]
            weights *= len(rest) / weights.sum()
            Z = scale.transform(x[rest]).astype(np.float64)
            centred = Z - np.average(Z, axis=0, weights=weights)
            part = Ridge(alpha=strength * (weights[:, None] * centred**2).sum() / len(rest))
            said = part.fit(Z, np.eye(3)[y[rest]], sample_weight=weights).predict(scale.transform(x[held]))
            error += float((((said - np.eye(3)[y[held]]) ** 2).sum(1) / counts[y[held]]).sum())
        errors.append(error)
    assert tuned.choice == f"ridge, strength {STRENGTHS[int(np.argmin(errors))]:.2g}"


def test_from_500_labels_on_the_better_kind_is_taken() -> None:
    rng = np.random.default_rng(13)
    y = rng.integers(0, 2, 600)
    far = np.where(rng.random(600) < 0.1, 60.0, 1.0) * np.where(y, 1, -1)  # a few lie far on their side: they pull at squares, not at a logistic
    x = np.stack([far + 0.6 * rng.standard_normal(600), rng.standard_normal(600)], 1).astype(np.float32)
    tuned = fit_head(x, np.array(["a", "b"])[y])
    assert tuned.choice.startswith("logistic regression") and tuned.score > 0.9 and "which chose the read-out, too" in tuned.how
    assert fit_head(x[:400], np.array(["a", "b"])[y[:400]]).choice.startswith("ridge")
    said, odds = apply_head(tuned.head, x)
    assert odds is not None and (said == np.array(["a", "b"])[y]).mean() > 0.9


def test_a_handful_told_right_is_not_proof() -> None:
    rng = np.random.default_rng(14)
    sure = []
    for _ in range(20):
        x = (20 * (np.arange(208) % 2)[:, None] + rng.standard_normal((208, 3))).astype(np.float32)
        odds = apply_head(fit_head(x[:8], np.arange(8) % 2).head, x[8:])[1]
        assert odds is not None
        sure.append(odds.max(1).mean())
    assert 0.85 < np.mean(sure) < 0.95, "eight labels right of eight: about one in ten more may be wrong"


@pytest.mark.parametrize(("counts", "name"), [((30, 30), "accuracy"), ((20, 45), "balanced_accuracy"), ((6, 114), "average_precision")])
def test_the_metric_is_chosen_as_in_an_evaluation(counts: tuple[int, int], name: str) -> None:
    rng = np.random.default_rng(3)
    labels = np.repeat(["sick", "well"], counts)
    x = (rng.standard_normal((len(labels), 4)) + 3 * (labels == "sick")[:, None]).astype(np.float32)
    tuned = fit_head(x, labels)
    codes = np.unique(labels, return_inverse=True)[1]
    assert tuned.metric == name == Metric(Goal(), codes, ("sick", "well")).name and 0.8 < tuned.score <= 1
    y = x @ np.arange(4.0)
    assert fit_head(x, y).metric == Metric(Goal(), y, ()).name == "r2"
    assert np.isnan(fit_head(x[:3], y[:3]).score)


def test_a_metric_by_name_is_scikit_learns_over_the_folds() -> None:
    rng = np.random.default_rng(4)
    y = np.repeat([0, 1], 30)
    x = (rng.standard_normal((60, 3)) + y[:, None]).astype(np.float32)
    tuned = fit_head(x, np.array(["a", "b"])[y], "roc_auc")
    part = make_pipeline(StandardScaler(), Ridge(alpha=3 * STRENGTH[tuned.choice]))
    folds = StratifiedKFold(5, shuffle=True, random_state=0).split(x, y)
    each = [roc_auc_score(y[held], part.fit(x[rest], y[rest]).predict(x[held])) for rest, held in folds]
    assert tuned.score == pytest.approx(np.mean(each), abs=1e-6)


@pytest.mark.parametrize(
    ("counts", "metric", "nothing", "wide"), [((12, 12), None, 0.5, 0.03), ((7, 17), None, 0.5, 0.03), ((12, 12), "neg_log_loss", np.log(0.5), 0.04)]
)
def test_the_score_of_labels_that_say_nothing_is_no_boast(counts: tuple[int, int], metric: str | None, nothing: float, wide: float) -> None:
    scores = []
    for seed in range(150):
        x = np.random.default_rng(seed).standard_normal((24, 64)).astype(np.float32)
        scores.append(fit_head(x, np.repeat(["a", "b"], counts), metric, seed=seed).score)
    assert np.mean(scores) < nothing + wide


def test_where_held_out_answers_are_all_alike_nothing_is_sure() -> None:
    x = np.eye(6, dtype=np.float32)  # none has anything of another
    odds = apply_head(fit_head(x, np.array(list("aaabbb"))).head, x)[1]
    assert odds is not None and odds.max() < 0.55


def test_one_label_of_a_class_is_said_not_to_be_validated() -> None:
    rng = np.random.default_rng(15)
    tuned = fit_head(rng.standard_normal((5, 40)).astype(np.float32), np.array(list("aaaab")))
    odds = apply_head(tuned.head, rng.standard_normal((9, 40)).astype(np.float32))[1]
    assert "not validated, and its probabilities nearly alike" in tuned.told() and odds is not None and odds.max() < 0.8


def test_a_score_is_told_with_what_it_stands_on() -> None:
    rng = np.random.default_rng(7)
    y = np.arange(24) % 2
    x = (9 * y[:, None] + rng.standard_normal((24, 3))).astype(np.float32)
    tuned = fit_head(x, np.array(["a", "b"])[y])
    assert tuned.score == tuned.high == 1 and tuned.low == pytest.approx(12 / (12 + 1.959964**2)) and tuned.held == 24
    assert tuned.told().startswith("accuracy 1.000 (95 %: 0.758 to 1.000), by 24 labels held out in turn in 5 folds")
    assert "(95" not in fit_head(x, np.array(["a", "b"])[y], "roc_auc").told()  # folds that are all alike say nothing of chance
    six = fit_head(x, np.array(["a", "b"])[y], groups=np.arange(24) // 4)
    assert six.score == 1 and six.held == 24 and six.low == pytest.approx(6 / (6 + 1.959964**2))  # an entity counts once a class
    number = fit_head(x, x[:, 0] + 5 * rng.standard_normal(24))
    assert number.metric == "r2" and number.low < number.score < number.high <= 1
    assert "too few labels" in fit_head(x[:4], np.array(list("aaab"))).told()


def test_what_cannot_be_tuned_is_refused() -> None:
    x = np.zeros((6, 3), np.float32)
    with pytest.raises(DataError, match="same class"):
        fit_head(x, np.array(["a"] * 6))
    with pytest.raises(DataError, match="4 classes for 6 training samples: hardly any class has two"):
        fit_head(x, np.array(list("aabbcd")))
    with pytest.raises(ModelError, match="never tuned"):
        apply_head({}, x)
    with pytest.raises(ModelError, match="width 5"):
        apply_head({"mean": np.zeros(5)}, x)


LAYOUT = Layout("series", "number", (40,), 2, mean=(0.0,) * 2, deviation=(1.0,) * 2)


def waves(n: int = 40) -> tuple[Samples, NDArray[np.str_]]:
    """Slow and fast ones in turn."""
    rng = np.random.default_rng(5)
    kinds = np.arange(n) % 2
    x = np.sin(np.arange(40)[None, :, None] / np.where(kinds, 2.0, 5.0)[:, None, None] + rng.random((n, 1, 2))) + 0.3 * rng.standard_normal(
        (n, 40, 2)
    )
    return Samples(x.astype(np.float32)), np.array(["slow", "fast"])[kinds]


def test_fine_tuning_settles_what_hangs_on_the_weights() -> None:
    samples, labels = waves()
    encoder = Patches(LAYOUT, width=16, depth=1, steps=4, thresholds=2, normalise="centred", simple=True)
    encoder.begin(samples)
    encoder.settle(samples)
    tuned, said = fine_tune(encoder, samples, labels, Goal(kind="classes"), seconds=2.0)
    assert said.metric == "accuracy" and said.held == 4 and said.low < said.score <= said.high <= 1
    assert "by 4 labels that were held out and chose rate" in said.told() and said.told().endswith("it flatters")
    assert isinstance(tuned, Patches) and tuned.aside is not None and tuned.level is not None and encoder.aside is not None
    before = (tuned.shares.at.clone(), tuned.aside.balance.clone(), tuned.level.balance.clone())
    tuned.settle(samples)
    torch.testing.assert_close(before, (tuned.shares.at, tuned.aside.balance, tuned.level.balance))
    assert not torch.allclose(before[0], encoder.shares.at, atol=1e-3)


class Scripted:
    """Scores as they are told, the last for ever."""

    name = title = "scripted"
    points = 1.0
    balanced = False

    def __init__(self, *scores: float) -> None:
        self.scores = list(scores)

    def score(self, labels: Any, said: Any) -> float:
        return self.scores.pop(0) if len(self.scores) > 1 else self.scores[0]


def trained(metric: Any, plan: Plan) -> tuple[str, float]:
    samples, labels = waves()
    data = Labelled(LAYOUT, samples, (labels == "slow").astype(np.int64), ("fast", "slow"))
    setting = Setting(data, data, Goal(), metric or Metric(Goal(), data.labels, data.classes))
    _, choice, value = train_network(lambda: Patches(LAYOUT, width=16, depth=1, steps=4), setting, np.arange(40), plan)
    return choice, value


def test_training_without_time_for_a_look_is_looked_at_once_at_its_end() -> None:
    assert 0 <= trained(None, Plan(steps=30, epochs=1, seconds=1e-9))[1] <= 1


def test_a_score_that_is_no_number_is_none_and_another_is_taken_over_it() -> None:
    plan = Plan(rates=(1e-3, 1e-4), steps=2, epochs=1, seconds=600)
    assert np.isnan(trained(Scripted(np.nan), plan)[1])
    assert np.isnan(trained(Scripted(-np.inf), plan)[1])
    choice, value = trained(Scripted(np.nan, np.nan, np.nan, 0.5), plan)  # two looks and the last one of the first rate give no number
    assert value == 0.5 and "rate 0.0001" in choice

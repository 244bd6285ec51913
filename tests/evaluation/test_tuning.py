"""Heads from few labels: chosen by folds, plain arrays, and no surer than they are right."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tacit.contracts.errors import DataError, ModelError
from tacit.contracts.goal import Goal
from tacit.evaluation.metric import Metric
from tacit.evaluation.tuning import apply_head, fit_head


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


def test_numbers_are_a_ridge() -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((60, 5)).astype(np.float32)
    y = x @ np.arange(5.0) + 0.1 * rng.standard_normal(60)
    tuned = fit_head(x, y)
    reference = Ridge(alpha=tuned.strength).fit(StandardScaler().fit_transform(x), y)
    said, odds = apply_head(tuned.head, x)
    assert odds is None
    np.testing.assert_allclose(said, reference.predict(StandardScaler().fit_transform(x)), atol=1e-4)


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
    y = rng.integers(0, 2, 60)
    x = (rng.standard_normal((60, 3)) + y[:, None]).astype(np.float32)
    tuned = fit_head(x, np.array(["a", "b"])[y], "roc_auc")
    part = make_pipeline(StandardScaler(), LogisticRegression(C=tuned.strength, max_iter=500, class_weight="balanced"))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    assert tuned.score == pytest.approx(cross_val_score(part, x, y, scoring="roc_auc", cv=folds).mean(), abs=1e-6)


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

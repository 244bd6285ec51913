"""Metrics against scikit-learn, what is chosen where nothing is asked, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics

from tacit.contracts.errors import DataError, UnknownName
from tacit.contracts.goal import Goal
from tacit.evaluation.metric import Metric

RNG = np.random.default_rng(0)
THREE = RNG.integers(0, 3, 200)
SCORES3 = RNG.dirichlet([1, 1, 1], 200) + 0.3 * np.eye(3)[THREE]
TWO = (RNG.random(300) < 0.3).astype(np.int64)
SCORES2 = RNG.dirichlet([1, 1], 300) * 0.5 + 0.5 * np.eye(2)[TWO] * RNG.random((300, 1))


def three(metric: Any = "") -> Metric:
    return Metric(Goal(metric=metric), THREE, ("a", "b", "c"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", metrics.accuracy_score(THREE, SCORES3.argmax(1))),
        ("balanced_accuracy", metrics.balanced_accuracy_score(THREE, SCORES3.argmax(1))),
        ("f1_macro", metrics.f1_score(THREE, SCORES3.argmax(1), average="macro")),
        ("roc_auc_ovr", metrics.roc_auc_score(THREE, softmax(SCORES3, axis=1), multi_class="ovr")),
    ],
)  # fmt: skip
def test_many_classes(name: str, expected: float) -> None:
    assert three(name).score(THREE, SCORES3) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["average_precision", "roc_auc", "f1", "balanced_accuracy", "matthews_corrcoef"])
@pytest.mark.parametrize("positive", [0, 1])
def test_two_classes_look_for_the_positive_one(name: str, positive: int) -> None:
    truth, value = positive == TWO, SCORES2[:, positive] - SCORES2[:, 1 - positive]
    by_hand = {
        "average_precision": metrics.average_precision_score(truth, value),
        "roc_auc": metrics.roc_auc_score(truth, value),
        "f1": metrics.f1_score(truth, value > 0),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, value > 0),
        "matthews_corrcoef": metrics.matthews_corrcoef(truth, value > 0),
    }
    metric = Metric(Goal(metric=name, positive="xy"[positive]), TWO, ("x", "y"))
    assert metric.score(TWO, SCORES2) == pytest.approx(by_hand[name])


def test_numbers() -> None:
    y, said = RNG.normal(size=50), RNG.normal(size=(50, 1))
    assert Metric(Goal(), y, ()).name == "r2"
    assert Metric(Goal(), y, ()).score(y, said) == pytest.approx(metrics.r2_score(y, said[:, 0]))
    assert Metric(Goal(metric="neg_root_mean_squared_error"), y, ()).score(y, said) == pytest.approx(-np.sqrt(((y - said[:, 0]) ** 2).mean()))


def test_a_function_of_the_users_gets_names() -> None:
    seen: list[Any] = []

    def wins(truth: Any, said: Any) -> float:
        seen.append((truth[0], said[0]))
        return float((truth == said).mean())

    assert three(wins).score(THREE, SCORES3) == pytest.approx((SCORES3.argmax(1) == THREE).mean())
    assert three(wins).name == "wins" and seen[0][0] in "abc" and seen[0][1] in "abc"


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((50, 50), "accuracy"), ((30, 70), "balanced_accuracy"), ((5, 95), "average_precision"), ((3, 60, 60), "balanced_accuracy")],
)
def test_the_metric_follows_the_labels(counts: tuple[int, ...], expected: str) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    assert Metric(Goal(), labels, tuple("abc"[: len(counts)])).name == expected


def test_accuracy_is_refused_where_a_class_is_rare() -> None:
    with pytest.raises(DataError, match=r"'b' has 2\.0%.*average_precision"):
        Metric(Goal(metric="accuracy"), np.repeat([0, 1], [98, 2]), ("a", "b"))


def test_the_rare_class_is_looked_for() -> None:
    assert Metric(Goal(), np.repeat([0, 1], [4, 96]), ("sick", "well")).positive == 0


def test_unknown_names_are_told_their_neighbours() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'balanced_accuracy'"):
        three("balanced_acuracy")
    with pytest.raises(UnknownName, match="class"):
        Metric(Goal(positive="z"), THREE, ("a", "b", "c"))


@pytest.mark.parametrize(
    ("name", "span"),
    [("accuracy", (0, 1)), ("roc_auc_ovr", (0, 1)), ("f1_macro", (0, 1)), ("matthews_corrcoef", (-1, 1)), ("neg_log_loss", (-np.inf, 0))],
)
def test_a_metric_knows_its_ends(name: str, span: tuple[float, float]) -> None:
    assert three(name).span == span and span[0] <= three(name).score(THREE, SCORES3) <= span[1]
    assert Metric(Goal(), RNG.normal(size=9), ()).span == (-np.inf, 1)
    assert three(lambda labels, answers: 3.0).span == (-np.inf, np.inf)


def test_costs_decide_what_is_said_and_what_it_is_worth() -> None:
    """A miss costs fifty: at one in ten sick is said, and the mean cost is what these decisions cost."""
    goal = Goal(costs={"sick>well": 50, "well>sick": 1})
    labels, scores = np.array([0, 1, 1]), np.array([[0.1, 0.9], [0.1, 0.9], [0.01, 0.99]])
    metric = Metric(goal, labels, ("sick", "well"))
    assert metric.name == "cost"
    assert metric.decisions(scores).tolist() == [0, 0, 1]
    assert metric.score(labels, scores) == pytest.approx(-1 / 3)

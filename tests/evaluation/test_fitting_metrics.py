"""A metric that is none, or is for the other kind of labels, and costs of classes that there are not: refused before anything is measured."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import get_scorer, get_scorer_names

from tacit.app.labelled_sets import _fitting
from tacit.contracts.errors import DataError, UnknownName
from tacit.contracts.goal import Goal, misfits
from tacit.evaluation.metric import Metric
from tacit.learning.recipe import read_recipe

TWO, NUMBERS = np.array([0, 1] * 20), np.linspace(0.0, 1.0, 40)


def test_a_metric_that_is_none_is_told_where_the_recipe_is_read(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('[goal]\nmetric = "acuracy"\n')
    with pytest.raises(UnknownName) as error:
        read_recipe(tmp_path / "r.toml")
    assert str(error.value) == "no metric is called 'acuracy'. Did you mean 'accuracy'?"
    with pytest.raises(UnknownName) as error:
        Goal(metric="zzz")
    assert str(error.value).startswith("no metric is called 'zzz'. The nearest of ") and str(error.value).count(",") == 4
    with pytest.raises(DataError, match="metric is 5"):
        Goal.of({"metric": 5})


def test_the_metrics_of_numbers_are_those_of_scikit_learn() -> None:
    """Which its scorers say themselves, in a place that is not public."""
    for name in get_scorer_names():
        assert misfits(name, True) == (get_scorer(name)._score_func.__module__ == "sklearn.metrics._regression"), name
        assert misfits(name, False) != misfits(name, True)
    assert not misfits("", True) and not misfits(len, True) and not misfits("cost", True) and misfits("cost", False)


@pytest.mark.parametrize("name", ["r2", "neg_mean_absolute_error"])
def test_a_metric_of_numbers_is_refused_for_classes(name: str) -> None:
    with pytest.raises(DataError, match=rf"the metric '{name}' judges numbers, and the labels are classes\. State one of classes, as balanced"):
        Metric(Goal(metric=name), TWO, ("a", "b"))
    with pytest.raises(DataError, match="judges numbers"):
        Goal(metric=name, kind="classes")


@pytest.mark.parametrize("goal", [Goal(metric="accuracy"), Goal(costs={"a>b": 2.0})], ids=["accuracy", "cost"])
def test_a_metric_of_classes_is_refused_for_numbers(goal: Goal) -> None:
    with pytest.raises(DataError, match=r"judges classes, and the labels are numbers\. State one of numbers, as r2"):
        Metric(goal, NUMBERS, ())


def test_costs_of_a_class_that_there_is_not_are_refused_at_once() -> None:
    with pytest.raises(UnknownName, match=r"no class that the costs name is called 'circl'\. Did you mean 'circle'"):
        Metric(Goal(costs={"square>circl": 5.0}), TWO, ("circle", "square"))


def test_a_further_set_of_the_other_kind_is_judged_by_its_labels() -> None:
    pools, labels = [SimpleNamespace(columns={})], [SimpleNamespace(columns={}, values=np.array(["a", "b"] * 20))]
    goal, notes = _fitting(Goal(metric="r2"), pools, labels)
    assert goal.metric == "" and notes == ["the metric 'r2' is not for its labels: metric by the labels"]
    assert _fitting(Goal(metric="f1"), pools, labels) == (Goal(metric="f1"), [])

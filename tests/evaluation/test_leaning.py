"""A read-out, and a tuned head, of few labels of unequal classes do not lean to the class that has more of them, where classes count alike."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.contracts.goal import Goal
from tacit.contracts.layout import Layout, Samples
from tacit.evaluation.contestant import Frozen, Variant
from tacit.evaluation.labelled import Labelled
from tacit.evaluation.metric import Metric
from tacit.evaluation.setting import Setting
from tacit.evaluation.tuning import apply_head, fit_head

COLUMNS = 400


def sides(seed: int, train: tuple[int, int], test: int) -> tuple[Setting, Frozen]:
    """Two classes half a deviation apart in every eighth of many columns."""
    rng = np.random.default_rng(seed)
    layout = Layout("series", "number", (1,), 1, 0, (0.0,), (1.0,))

    def made(counts: tuple[int, int]) -> tuple[Labelled, np.ndarray]:
        labels = np.repeat([0, 1], counts)
        X = rng.standard_normal((len(labels), COLUMNS)) + 0.5 * labels[:, None] * (np.arange(COLUMNS) % 8 == 0)
        return Labelled(layout, Samples(np.zeros((len(labels), 1, 1), np.float32)), labels, ("few", "many")), X.astype(np.float32)

    (learned, X), (judged, Z) = made(train), made((test, test))
    goal = Goal("balanced_accuracy", kind="classes")
    return Setting(learned, judged, goal, Metric(goal, learned.labels, learned.classes)), Frozen("x", "x", {"x": Variant(X, Z, X)})


@pytest.mark.parametrize("train", [(10, 40), (40, 10)])
def test_few_labels_of_unequal_classes_do_not_lean(train: tuple[int, int]) -> None:
    shares, scores = [], []
    for seed in range(8):
        setting, features = sides(seed, train, 300)
        answer = features.answers(setting, [np.arange(sum(train))])[0]
        assert answer is not None
        shares.append(float((answer.scores.argmax(1) == 0).mean()))
        scores.append(setting.score(answer.scores))
    assert 0.4 < np.mean(shares) < 0.6, "each class is said of half of the test samples, which is its share"
    assert np.mean(scores) > 0.7


@pytest.mark.parametrize("train", [(10, 40), (40, 10)])
def test_a_tuned_head_does_not_lean_either(train: tuple[int, int]) -> None:
    shares, right = [], []
    for seed in range(8):
        setting, features = sides(seed, train, 300)
        X, Z, *_ = features.variants["x"]
        labels = np.array(setting.train.classes)[setting.train.labels]
        said, _ = apply_head(fit_head(X, labels, seed=seed).head, Z)
        shares.append(float((said == "few").mean()))
        right.append(float((said == np.array(setting.test.classes)[setting.test.labels]).mean()))
    assert 0.4 < np.mean(shares) < 0.6
    assert np.mean(right) > 0.7

"""Quality on texts: gains are taken seed by seed; the rival chooses on its own labels alone."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.quality_text import RIVAL, Texts, Usual, rows_of
from tacit.contracts.goal import Goal
from tacit.contracts.layout import Layout, Samples
from tacit.evaluation.labelled import Labelled
from tacit.evaluation.metric import Metric
from tacit.evaluation.setting import Setting


def test_gains_are_seed_by_seed() -> None:
    found = [{(RIVAL, 10): 0.5 + k, ("ours", 10): 0.6 + k} for k in (0.0, 0.1, 0.3)]
    rows = rows_of(found)
    assert rows[0]["contestant"] == RIVAL and rows[0][f"over {RIVAL}, 10"] == ""
    assert rows[1][f"over {RIVAL}, 10"] == "+10.0 ± 0.0" and rows[1]["10 a class"] == "73.3 ± 37.9"


@pytest.mark.parametrize("seed", [0, 1])
def test_the_usual_pipeline_learns_words(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.arange(80) % 2
    texts = [" ".join(rng.choice(("red", "blue") if k else ("round", "square"), 4)) for k in labels]
    layout = Layout("text", "category", (4,), vocabulary=9)
    data = Labelled(layout, Samples(np.zeros((80, 4), np.int32)), labels, ("a", "b"), texts)
    goal = Goal("accuracy", kind="classes")
    setting = Setting(data.take(np.arange(40)), data.take(np.arange(40, 80)), goal, Metric(goal, labels, ("a", "b")), seed=seed)
    answer = Usual("usual", RIVAL).answers(setting, [np.arange(20)])[0]
    assert answer is not None and setting.score(answer.scores) == 1.0
    assert Texts(texts, "x").read(np.array([3])) == [texts[3]]

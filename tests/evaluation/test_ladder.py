"""The ladder on real data: every rung stands where it should, is as strong as it ought to be, and the verdict says who wins."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tacit.contracts.errors import DataError
from tacit.contracts.goal import Goal
from tacit.contracts.layout import Layout, Samples
from tacit.evaluation.contestant import Frozen, Variant
from tacit.evaluation.labelled import Labelled
from tacit.evaluation.metric import Metric
from tacit.evaluation.protocol import protocol_named
from tacit.evaluation.protocols.fewshot import labels_needed
from tacit.evaluation.rung import ladder
from tacit.evaluation.setting import Setting
from tacit.evaluation.verdict import by_draws, verdict
from tacit.nets.encoder import Encoder

Digits = Callable[[str, int], Labelled]


def setting_of(train: Labelled, test: Labelled, **options: object) -> Setting:
    goal = Goal(seeds=3)
    return Setting(train, test, goal, Metric(goal, test.labels, test.classes), seconds=0, **options)  # type: ignore[arg-type]


def oracle(setting: Setting, noise: float) -> Frozen:
    """Features that know the answer, more or less."""
    rng = np.random.default_rng(0)
    train, test = (side.targets + noise * rng.normal(size=side.targets.shape) for side in (setting.train, setting.test))
    return Frozen("ours", "ours", {"pooled": Variant(train, test, train)})


def test_digits(digits: Digits) -> None:
    setting = setting_of(digits("train", 1200), digits("t10k", 400))
    rungs, left_out = ladder(setting)
    assert {r.name for r in rungs} == {"constant", "raw", "hog", "pca"}
    assert set(left_out) == {"convolutions", "tfidf", "untrained", "supervised"} and all(left_out.values())
    finding = protocol_named("knn").run(setting, oracle(setting, 0.1), rungs)
    score = {r.contestant: r.value for r in finding.rows}
    assert score["ours"] > 0.99 and score["hog"] > 0.9 and score["raw"] > 0.85 and score["constant"] < 0.2
    assert finding.verdict is not None and finding.verdict.state == "helps" and finding.verdict.rung == "HOG + colour histogram"
    assert all(r.low <= r.value <= r.high and r.n == 400 for r in finding.rows)


def test_few_shot_on_digits_counts_the_labels_that_are_saved(digits: Digits) -> None:
    setting = setting_of(digits("train", 400), digits("t10k", 300))
    rungs, _ = ladder(setting, ("constant", "hog", "raw"))
    good = protocol_named("few_shot").run(setting, oracle(setting, 0.25), rungs)
    assert good.verdict is not None and good.verdict.state == "helps" and "at 10 labels a class" in good.verdict.sentence
    saved = {r.labels: r.value for r in good.rows if r.metric == "labels_saved"}
    assert saved[10] > 100 and any("labels saved" in note for note in good.notes)
    curve = {r.labels: r.value for r in good.rows if r.contestant == "hog"}
    assert curve[1] < curve[3] < curve[10] < curve[30]
    bad = protocol_named("few_shot").run(setting, oracle(setting, 30.0), rungs)
    assert bad.verdict is not None and bad.verdict.state == "does not help" and "use HOG + colour histogram" in bad.verdict.sentence


def test_series_are_held_against_random_convolutions(motions: Callable[[str], Labelled]) -> None:
    setting = setting_of(motions("train"), motions("test"))
    rungs, _ = ladder(setting)
    assert "convolutions" in {r.name for r in rungs}
    finding = protocol_named("probe").run(setting, oracle(setting, 3.0), rungs)
    score = {r.contestant: r.value for r in finding.rows}
    assert score["convolutions"] >= 0.95 > score["constant"]


def test_text_is_held_against_tfidf(data: Path) -> None:
    rows = (data / "text_sst2/train.txt").read_text("utf-8").splitlines()[:1500]
    labels = np.array((data / "text_sst2/labels/train_labels.txt").read_text("utf-8").split()[:1500], np.int64)
    ids = np.zeros((1500, 8), np.int32)
    layout = Layout("text", "category", (8,), 1, 10, special={"pad": 0})
    whole = Labelled(layout, Samples(ids), labels, ("bad", "good"), rows)
    setting = setting_of(whole.take(np.arange(1100)), whole.take(np.arange(1100, 1500)))
    rungs, _ = ladder(setting, ("constant", "tfidf"))
    score = {r.contestant: r.value for r in protocol_named("probe").run(setting, oracle(setting, 1.0), rungs).rows}
    assert score["tfidf"] > 0.64 > 0.6 > score["constant"]


def test_untrained_and_supervised_are_the_same_encoder(digits: Digits, small: Encoder) -> None:
    train, test = digits("train", 300), digits("t10k", 150)
    encoder = small
    before = {k: v.clone() for k, v in encoder.state_dict().items()}
    encoder.train()
    setting = setting_of(train, test, encoder=encoder)
    setting.seconds = 1000  # never reached: steps and patience end it
    rungs, left_out = ladder(setting, ("untrained", "supervised", "constant"))
    assert not left_out
    draws = [np.arange(200), np.arange(100, 300), np.arange(50, 250), np.arange(60, 260)]
    answers = {r.name: r.answers(setting, draws) for r in rungs}
    assert [a is None for a in answers["supervised"]] == [False, False, False, True]  # dear: the first draws alone
    scores = {name: setting.score(said[0].scores) for name, said in answers.items() if said[0] is not None}
    assert scores["supervised"] > scores["constant"] + 0.2 and scores["untrained"] > scores["constant"] + 0.1
    assert encoder.training and all((before[k] == v).all() for k, v in encoder.state_dict().items()), "ours was changed"


@pytest.mark.parametrize(
    ("gain", "low", "high", "state", "words"),
    [
        (0.041, 0.032, 0.05, "helps", r"helps here: \+4\.1 ± 0\.9 points of accuracy over the best rung \(HOG\)"),
        (-0.03, -0.05, -0.01, "does not help", r"does not help here; use HOG \(-3\.0 ± 2\.0"),
        (0.01, -0.01, 0.03, "no difference", r"as far as can be told; HOG does as well \(\+1\.0 ± 2\.0"),
        (0.01, -np.inf, np.inf, "unknown", r"cannot be said"),
    ],
)
def test_the_verdict_is_a_sentence(gain: float, low: float, high: float, state: str, words: str) -> None:
    said = verdict(gain, low, high, "HOG", 100, "accuracy", "here", "by draws")
    assert said.state == state
    assert re.search(words, said.sentence)


def test_the_verdict_pairs_draws() -> None:
    """Draws differ by much more than the gain; paired, it is seen."""
    rung = np.array([0.5, 0.6, 0.7, 0.4, 0.55])
    said = by_draws(rung + 0.02 + 0.001 * np.arange(5), {"weak": rung - 0.2, "strong": rung}, 100, "accuracy", "at 10 labels a class")
    assert said.rung == "strong" and said.state == "helps" and said.gain == pytest.approx(0.022) and said.wide < 0.003


def test_a_rung_that_ran_fewer_draws_is_compared_on_those() -> None:
    dear = np.array([0.9, 0.8, np.nan, np.nan])
    said = by_draws(np.array([0.8, 0.71, 0.1, 0.1]), {"dear": dear, "cheap": np.zeros(4)}, 100, "accuracy", "here")
    assert said.rung == "dear" and said.gain == pytest.approx(-0.095) and "2 draws" in said.by


def uncertain(bad: float) -> Callable[[Any, Any], float]:
    """A metric that is no number where the answers are all alike (as a correlation is), or always."""

    def agreement(truth: Any, said: Any) -> float:
        return float("nan") if bad or len(set(said.tolist())) == 1 else float((truth == said).mean())

    return agreement


@pytest.mark.parametrize("protocol", ["knn", "probe", "few_shot"])
def test_a_metric_that_is_no_number_is_a_counted_row_or_a_plain_error(digits: Digits, protocol: str) -> None:
    train, test = digits("train", 120), digits("t10k", 100)
    goal = Goal(metric=uncertain(0), seeds=2)
    setting = Setting(train, test, goal, Metric(goal, test.labels, test.classes), seconds=0)
    rungs, _ = ladder(setting, ("constant", "raw"))
    found = protocol_named(protocol).run(setting, oracle(setting, 0.5), rungs)
    failed = [r for r in found.rows if r.failed]
    assert [r.contestant for r in failed] == ["constant"] and "agreement is no number for" in failed[0].failed
    assert found.verdict is not None and found.verdict.rung == next(r.title for r in rungs if r.name == "raw")
    never = Goal(metric=uncertain(1), seeds=2)
    lost = replace(setting, goal=never, metric=Metric(never, test.labels, test.classes))
    with pytest.raises(DataError, match="agreement is no number for"):
        protocol_named(protocol).run(lost, oracle(lost, 0.5), rungs)


def test_labels_needed_are_interpolated_over_their_logarithm() -> None:
    curve = {1: 0.5, 10: 0.7, 100: 0.8}
    assert labels_needed(curve, 0.6) == pytest.approx(10**0.5)
    assert labels_needed(curve, 0.75) == pytest.approx(10**1.5)
    assert labels_needed(curve, 0.4) == 1 and labels_needed(curve, 0.9) == np.inf


def test_many_texts_are_read_off_by_logistic_regression(data: Path) -> None:
    """The table of dot products of all of them would be too large."""
    import csv

    with gzip.open(data / "text_ag_news/train.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    with (data / "text_ag_news/labels/train_labels.csv").open(encoding="utf-8") as file:
        names = list(csv.reader(file))[1:]
    texts = [" ".join(r[1:]) for r in rows][:3200]
    labels = np.array([int(r[1]) for r in names][:3200])
    assert [r[0] for r in rows[:3200]] == [r[0] for r in names[:3200]]
    layout = Layout("text", "category", (4,), 1, 10, special={"pad": 0})
    whole = Labelled(layout, Samples(np.zeros((3200, 4), np.int32)), labels, tuple("0123"), texts)
    setting = setting_of(whole.take(np.arange(2700)), whole.take(np.arange(2700, 3200)))
    rungs, _ = ladder(setting, ("tfidf",))
    answer = rungs[0].probed(setting)
    assert answer is not None and "logistic" in answer.choice and setting.score(answer.scores) > 0.83

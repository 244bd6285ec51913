"""Protocols: their measures against plain definitions or scikit-learn, and each once on real digits with an encoder in hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from tacit.contracts.catalog import names
from tacit.contracts.errors import UnknownName
from tacit.contracts.goal import Goal
from tacit.evaluation.contestant import Frozen, Variant
from tacit.evaluation.embedding import FrozenEncoder
from tacit.evaluation.labelled import Labelled
from tacit.evaluation.logistic import logistic
from tacit.evaluation.metric import Metric
from tacit.evaluation.protocol import Finding, protocol_named
from tacit.evaluation.protocols import anomaly, calibration, dense, fairness, finetune, knn, retrieval
from tacit.evaluation.rung import ladder
from tacit.evaluation.rungs.untrained import readings
from tacit.evaluation.setting import Setting
from tacit.evaluation.splits import folds, split
from tacit.nets.encoder import Encoder

Digits = Callable[[str, int], Labelled]
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def setting(digits: Digits, small_encoder: type[Encoder]) -> Setting:
    train, test = digits("train", 300), digits("t10k", 200)
    goal = Goal(seeds=3)
    return Setting(train, test, goal, Metric(goal, test.labels, test.classes), encoder=small_encoder(train.layout), name="digits", seconds=1000)


def run(setting: Setting, name: str, rungs: tuple[str, ...] = ("constant", "hog")) -> Finding:
    assert setting.encoder is not None
    ours = readings("ours", "ours", FrozenEncoder(setting.encoder), setting)
    judge = protocol_named(name)
    assert judge.why_not(setting) is None
    return judge.run(setting, ours, ladder(setting, rungs)[0])


def test_a_name_has_one_spelling_and_others_are_led_to_it() -> None:
    for wrong, right in (("fewshot", "few_shot"), ("few-shot", "few_shot"), ("finetune", "fine_tune")):
        with pytest.raises(UnknownName, match=f"Did you mean '{right}'"):
            protocol_named(wrong)
    with pytest.raises(UnknownName, match="Did you mean 'probe'"):
        protocol_named("prob")
    all_of_them = "anomaly calibration clustering dense fairness fewshot finetune knn probe retrieval robustness transfer"
    assert " ".join(names("protocol")) == all_of_them


def test_neighbour_votes_are_those_of_every_pair() -> None:
    train, asked, labels = RNG.normal(size=(30, 4)), RNG.normal(size=(7, 4)), RNG.integers(0, 3, 30)
    votes = knn.neighbour_votes(train, asked, np.eye(3)[labels], (1, 5, 99))
    assert votes.shape == (2, 7, 3)
    cosine = metrics.pairwise.cosine_similarity(asked, train)
    for q in range(7):
        nearest = np.argsort(-cosine[q])[:5]
        weight = np.exp(cosine[q, nearest] / knn.HEAT)
        np.testing.assert_allclose(votes[1, q], np.bincount(labels[nearest], weight, 3) / weight.sum(), rtol=1e-4)
        assert votes[0, q].argmax() == labels[nearest[0]]


def test_full_ranking_is_average_precision() -> None:
    gallery, queries, known, asked = RNG.normal(size=(40, 5)), RNG.normal(size=(9, 5)), RNG.integers(0, 4, 40), RNG.integers(0, 4, 9)
    found = retrieval.ranked(gallery, queries, known, asked)
    cosine = metrics.pairwise.cosine_similarity(queries, gallery)
    for q in range(9):
        assert found["map"][q] == pytest.approx(metrics.average_precision_score(known == asked[q], cosine[q]), abs=1e-6)
        assert found["recall@5"][q] == (known[np.argsort(-cosine[q])[:5]] == asked[q]).any()
    assert retrieval.ranked(gallery, queries, known, np.full(9, 7))["map"].max() == 0


def test_mean_iou_is_scikit_learns() -> None:
    true, said = RNG.integers(-1, 4, (6, 8, 8)), RNG.integers(0, 4, (6, 8, 8))
    table = dense._tables(true, said, 4).sum(0)
    real = true >= 0
    assert dense.mean_iou(table) == pytest.approx(metrics.jaccard_score(true[real], said[real], average="macro"))


def test_tokens_learn_shares_and_are_spread_back() -> None:
    mask = np.zeros((1, 4, 6), np.int64)
    mask[0, :, 4:] = 1
    mask[0, 0, 0] = -1
    shares = dense.token_shares(mask, 2, (2, 2), (2, 3))
    assert shares[0, :, 1].tolist() == [0, 0, 1, 0, 0, 1] and shares[0, 0].tolist() == [1, 0]
    back = dense.spread(shares, (2, 3), (2, 2), (4, 6))
    assert (back == np.where(mask < 0, 0, mask)).all()
    series = dense.spread(np.array([[[1.0, 0], [0, 1.0]]]), (2,), (3,), (5,))
    assert series.tolist() == [[0, 0, 0, 1, 1]]


def test_ece_is_the_weighted_gap_by_bin() -> None:
    labels, shares = RNG.integers(0, 3, 500), RNG.dirichlet([1, 1, 1], 500)
    confidence, right = shares.max(1), shares.argmax(1) == labels
    expected = 0.0
    for b in range(15):
        inside = (confidence >= b / 15) & (confidence < (b + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert calibration.expected_calibration_error(labels, shares) == pytest.approx(expected)


def test_temperature_finds_back_what_was_sharpened() -> None:
    shares = RNG.dirichlet([0.5, 0.5, 0.5], 6000)
    labels = np.array([RNG.choice(3, p=p) for p in shares])
    sharp = calibration.cooled(shares, 1 / 2.5)
    T = calibration.temperature(labels, sharp)
    assert 2.3 < T < 2.7
    mended = calibration.expected_calibration_error(labels, calibration.cooled(sharp, T))
    assert mended < 0.02 < calibration.expected_calibration_error(labels, sharp)


def test_distances_of_the_strange() -> None:
    normal, asked = RNG.normal(size=(200, 3)) * [1, 1, 10], np.array([[0.0, 0, 20], [0, 6, 0], [0, 0, 0]])
    far = anomaly.mahalanobis(normal, asked)
    assert far.argmax() == 1 and far[2] < 0.5
    near = anomaly.neighbour_distance(normal, asked, 5)
    plain = np.sort(metrics.pairwise.euclidean_distances(asked, normal), axis=1)[:, :5].mean(1)
    np.testing.assert_allclose(near, plain)


def test_a_gap_by_chance_is_told_from_one() -> None:
    rng = np.random.default_rng(1)
    value, low, high, chance = fairness.gap([rng.random(400) < 0.1, rng.random(400) < 0.4], rng)
    assert low < value < high and value > 0.2 and low > chance
    value, low, high, chance = fairness.gap([rng.random(30) < 0.2 for _ in range(6)], rng)
    assert value > 0.05 and chance > 0.5 * value  # six small groups alike differ by chance


def test_splits_keep_entities_and_times(digits: Digits) -> None:
    data = replace(digits("t10k", 100), entity=np.repeat(np.arange(10), 10))
    parts = split(data, Goal(), RNG)
    assert parts.how == "by entity" and not set(data.entity[parts.train]) & set(data.entity[parts.held])  # type: ignore[index]
    every = folds(data, Goal(), RNG, 4)
    assert sorted(np.concatenate(every).tolist()) == list(range(100)) and all(len(f) >= 20 for f in every)
    timed = replace(data, time=RNG.permutation(100))
    parts = split(timed, Goal(), RNG)
    assert parts.how == "by time" and timed.time[parts.train].max() < timed.time[parts.held].min()  # type: ignore[index]
    assert split(data, Goal(random_split=True), RNG).how == "random, across entities"
    assert split(timed, Goal(random_split=True), RNG).how == "random, across times"


def test_clustering_and_retrieval_on_digits(setting: Setting) -> None:
    found = run(setting, "clustering", ("hog", "raw", "constant"))
    score = {(r.contestant, r.metric): r.value for r in found.rows}
    assert score["hog", "nmi"] > 0.4 and ("constant", "nmi") not in score and found.verdict is not None
    found = run(setting, "retrieval")
    score = {(r.contestant, r.metric): r.value for r in found.rows}
    assert score["hog", "recall@1"] > 0.75 and score["hog", "recall@1"] <= score["hog", "recall@5"] <= score["hog", "recall@10"]
    assert found.verdict is not None and found.verdict.state == "does not help" and "HOG" in found.verdict.sentence


def test_anomaly_on_digits(setting: Setting) -> None:
    """Ones are normal, nothing else is seen."""
    found = run(setting, "anomaly", ("hog", "constant"))
    score = {(r.contestant, r.metric, r.unit): r.value for r in found.rows}
    assert score["hog", "roc_auc", "nearest neighbours"] > 0.95 and score["constant", "roc_auc", "nearest neighbours"] == pytest.approx(0.5)
    assert found.verdict is not None and "'1'" in found.verdict.sentence


def test_wide_embeddings_have_mahalanobis_distance_or_a_row_that_says_why_not(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run(setting, "anomaly", ("raw",))
    of_raw = [r for r in found.rows if r.contestant == "raw" and r.unit == "Mahalanobis"]
    assert {r.metric for r in of_raw} == {"roc_auc", "average_precision"} and all(0 <= r.value <= 1 for r in of_raw)
    monkeypatch.setattr(anomaly, "WIDEST", 783)
    (row,) = [r for r in run(setting, "anomaly", ("raw",)).rows if r.contestant == "raw" and r.unit == "Mahalanobis"]
    assert "784 columns" in row.failed and np.isnan(row.value)


def test_calibration_on_digits(setting: Setting) -> None:
    rows = {(r.metric, r.unit): r.value for r in run(setting, "calibration").rows}
    assert 0 <= rows["ece", "with temperature"] < 0.3 and rows["log_loss", "with temperature"] <= rows["log_loss", "as it is"] * 1.1


def test_calibration_says_what_it_lacks(setting: Setting) -> None:
    judge, train, labels = protocol_named("calibration"), setting.train, setting.train.labels
    for many in (1, 2):
        rows = np.concatenate([np.flatnonzero(labels != 7), np.flatnonzero(labels == 7)[:many]])
        few = replace(setting, train=train.take(np.sort(rows)))
        assert f"class '7' has as few as {many} of the {len(rows)} labels" in (judge.why_not(few) or "")
    parity = replace(train, labels=(labels > 4).astype(np.int64), classes=("small", "large"), time=labels)
    later = replace(setting, train=parity, metric=Metric(Goal(), parity.labels, parity.classes))
    assert "split by time, and in one of these class 'small' alone is held out" in (judge.why_not(later) or "")
    whole = replace(later, train=replace(parity, time=RNG.random(len(labels))))
    assert judge.why_not(whole) is None


def test_labels_that_are_all_alike_are_answered_so(setting: Setting) -> None:
    """A part of a split by time may be of one class: a read-out of it says that class, and is no error."""
    train = setting.train.samples.values.reshape(len(setting.train), -1).astype(np.float64)
    sevens, part = np.flatnonzero(setting.train.labels == 7), np.flatnonzero(setting.train.labels != 7)[:20]
    rows = np.concatenate([sevens, part])
    found = logistic(setting, rows, np.arange(len(sevens), len(rows)), train, train[:5])
    assert found.valued == 0 and found.scores.shape == (5, 10)


def test_fairness_by_a_column(setting: Setting) -> None:
    """Upside-down digits are a group that errors fall on."""
    test = setting.test
    turned = test.samples.values.copy()
    turned[100:] = turned[100:, :, ::-1, ::-1]
    group = np.array(["upright"] * 100 + ["turned"] * 95 + ["few"] * 5)
    found = run(replace(setting, test=replace(test, samples=test.samples._replace(values=turned), group=group)), "fairness")
    rates = {r.unit: r.value for r in found.rows if r.contestant == "hog" and r.metric == "error_rate"}
    gap = next(r for r in found.rows if r.contestant == "hog" and r.metric == "error_rate_gap")
    assert rates["turned"] > rates["upright"] + 0.2 and gap.value == pytest.approx(rates["turned"] - rates["upright"]) and gap.low > 0.1
    assert "few" not in rates and any("few: fewer than 10 samples" in note for note in found.notes)
    assert protocol_named("fairness").why_not(setting) == "the goal names no group column"


def test_dense_probe_finds_the_ink(setting: Setting) -> None:
    masks = tuple((side.samples.values[:, 0] > 100).astype(np.int64) for side in (setting.train, setting.test))
    found = run(replace(setting, masks=masks), "dense", ())
    score = {r.contestant: r.value for r in found.rows}
    assert score["raw"] > score["constant"] + 0.02 and abs(score["ours"] - score["constant"]) < 0.1
    assert found.verdict is not None and found.verdict.rung in {"raw patches", "the same encoder untrained"}


def test_robustness_names_every_nuisance(setting: Setting) -> None:
    found = run(setting, "robustness", ())
    ours = {r.unit: r.value for r in found.rows if r.contestant == "ours" and r.metric == setting.metric.name}
    assert len(ours) > 5 * 4 and ours["mean of all"] < ours["clean"]
    drop = next(r.value for r in found.rows if r.contestant == "ours" and r.metric == "relative_drop")
    assert drop == pytest.approx(1 - ours["mean of all"] / ours["clean"])
    assert {r.contestant for r in found.rows} == {"ours", "supervised"} and found.verdict is not None and "nuisances" in found.verdict.by


def test_fine_tuning_starts_from_what_was_learned(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TUNED", "SCRATCH"):
        monkeypatch.setattr(finetune, name, getattr(finetune, name)._replace(steps=75))
    assert setting.encoder is not None
    before = {k: v.clone() for k, v in setting.encoder.state_dict().items()}
    few = replace(setting, train=setting.train.take(np.arange(80)))
    found = run(few, "fine_tune", ("constant",))
    score = {r.contestant: r.value for r in found.rows}
    assert score["ours"] > score["constant"] + 0.2 and score["supervised"] > score["constant"] + 0.1
    assert all((before[k] == v).all() for k, v in setting.encoder.state_dict().items())
    assert all(r.extra["choice"].count("rate") == 3 for r in found.rows if r.contestant in ("ours", "supervised"))


def test_transfer_needs_several_sets_and_tells_each(setting: Setting, digits: Digits) -> None:
    assert protocol_named("transfer").why_not(setting) is not None
    parity = [replace(side, labels=side.labels % 2, classes=("even", "odd")) for side in (setting.train, setting.test)]
    other = replace(setting, train=parity[0], test=parity[1], metric=Metric(setting.goal, parity[1].labels, ("even", "odd")), name="parity")
    found = run(replace(setting, also=[other]), "transfer", ("constant", "hog"))
    rows = {(r.contestant, r.unit): r.value for r in found.rows}
    assert rows["ours", ""] == pytest.approx((rows["ours", "digits"] + rows["ours", "parity"]) / 2)
    assert found.verdict is not None and found.verdict.rung == "HOG + colour histogram" and "over 2 sets" in found.verdict.sentence


def test_an_embedder_alone_is_judged_where_no_encoder_is_needed(setting: Setting) -> None:
    train, test = (side.samples.values.reshape(len(side), -1).astype(np.float32) for side in (setting.train, setting.test))
    alone = replace(setting, encoder=None)
    ours = Frozen("ours", "ours", {"pooled": Variant(train, test, train)})
    rungs, left_out = ladder(alone)
    assert set(left_out) >= {"untrained", "supervised"}
    for name in ("robustness", "fine_tune", "dense"):
        assert protocol_named(name).why_not(alone)
    assert protocol_named("knn").run(alone, ours, rungs).rows


def test_reading_an_encoder_leaves_it_as_it_was(small: Encoder, digits: Digits) -> None:
    small.train()
    small.layers[1].eval()
    reader = FrozenEncoder(small, batch=64)
    samples = digits("t10k", 150).samples
    found = reader.readings(samples)
    assert small.training and not small.layers[1].training and small.layers[0].training
    assert found["embedding"].shape == (150, 32) and found["mean and spread of tokens"].shape == (150, 64)
    np.testing.assert_allclose(found["embedding"], reader.embed(samples), atol=1e-6)
    np.testing.assert_allclose(found["mean and spread of tokens"][:, :32], reader.tokens(samples).mean(1), atol=1e-5)
    assert any("layers below the top" in name for name in found)
    assert not any(m._forward_hooks for m in small.modules())

"""Rungs are given what ours is given: labels, steps, statistics from all samples; and what flatters is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tacit.contracts.goal import Goal
from tacit.contracts.layout import Layout, Samples
from tacit.evaluation import training
from tacit.evaluation.caveats import flattering
from tacit.evaluation.contestant import Frozen, Variant
from tacit.evaluation.labelled import Labelled
from tacit.evaluation.metric import Metric
from tacit.evaluation.ridge import STRENGTHS, Ridge, from_kernel
from tacit.evaluation.rungs.untrained import fresh, starts
from tacit.evaluation.setting import Setting
from tacit.evaluation.training import Plan, train_network
from tacit.evaluation.tuning import fit_head
from tacit.nets.encoder import Encoder
from tacit.nets.encoders.bagged import Bagged
from tacit.nets.encoders.dilated import Dilated

LAYOUT = Layout("image", "number", (28, 28), 1, 0, (128.0,), (60.0,))


def labelled(n: int = 80, **columns: Any) -> Labelled:
    """Dark and bright pictures, in turn."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    values = (rng.integers(0, 100, (n, 1, 28, 28)) + 100 * labels[:, None, None, None]).astype(np.uint8)
    return Labelled(LAYOUT, Samples(values), labels, ("dark", "bright"), **columns)


def setting(data: Labelled) -> Setting:
    goal = Goal()
    return Setting(data, data, goal, Metric(goal, data.labels, data.classes))


def test_an_untrained_encoder_has_statistics_of_all_samples(small_encoder: type[Encoder]) -> None:
    """Sorted by class, the first 1,280 were once all it saw."""
    dark, mixed = np.zeros((1400, 1, 28, 28), np.uint8), np.random.default_rng(0).integers(0, 255, (1400, 1, 28, 28)).astype(np.uint8)
    found = fresh(small_encoder(LAYOUT), Samples(np.concatenate([dark, mixed])), 0)
    alone = fresh(small_encoder(LAYOUT), Samples(dark), 0)
    norms = [next(m for m in e.modules() if isinstance(m, torch.nn.BatchNorm2d)) for e in (found, alone)]
    assert float(norms[0].running_var.mean()) > 2 * float(norms[1].running_var.mean())  # type: ignore[union-attr]


def test_untrained_has_looked_where_its_kind_begins_with_a_look() -> None:
    """Bagged starts from which words share texts: without that look the rung would lose what no learning gave."""
    rng = np.random.default_rng(0)
    layout = Layout("text", "category", (12,), 1, 40, special={"pad": 0, "mask": 1})
    values = np.where(np.arange(200)[:, None] % 2, rng.integers(2, 20, (200, 12)), rng.integers(20, 40, (200, 12))).astype(np.int32)
    samples = Samples(values, np.ones((200, 12), np.bool_))
    ours = Bagged(layout, width=8)
    found, again = fresh(ours, samples, 0), fresh(ours, samples, 0)
    apart = found.embed.weight.detach().numpy()  # type: ignore[union-attr,operator]
    apart = apart / np.linalg.norm(apart, axis=1, keepdims=True)
    within, between = apart[2:20] @ apart[2:20].mean(0), apart[2:20] @ apart[20:].mean(0)
    assert within.mean() > between.mean() + 0.3
    assert all(torch.equal(a, b) for a, b in zip(found.parameters(), again.parameters(), strict=True))


def test_the_untrained_rung_adds_up_the_same_channels() -> None:
    """Which channels a kernel adds up is drawn from the seed and is no buffer: with others the rung's thresholds would fit nothing."""
    layout = Layout("series", "number", (40,), 3, mean=(0.0,) * 3, deviation=(1.0,) * 3)
    samples = Samples(np.random.default_rng(5).standard_normal((30, 40, 3)).cumsum(1).astype(np.float32))
    encoder = Dilated(layout, 0, width=8, hidden=8, depth=3)
    encoder.begin(samples)
    encoder.settle(samples)
    other = fresh(encoder, samples, 1)
    assert encoder.aside is not None and other.aside is not None and other.aside is not encoder.aside
    x = torch.from_numpy(samples.values)
    torch.testing.assert_close(other.aside.features(x), encoder.aside.features(x))
    assert not torch.equal(next(other.parameters()), next(encoder.parameters()))


def test_starts_are_made_once_and_given_as_copies(small_encoder: type[Encoder]) -> None:
    start = starts(small_encoder(LAYOUT), labelled().samples, 0)
    first, again, other = start(0), start(0), start(1)
    weights = [next(e.parameters()) for e in (first, again, other)]
    assert first is not again and torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_supervised_learns_in_the_end_from_all_the_labels(small_encoder: type[Encoder], monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int, float, int]] = []
    train = training._train

    def counted(encoder: Any, s: Any, kept: Any, held: Any, plan: Any, rate: float, decay: float, turn: int, most: int = 0) -> Any:
        out = train(encoder, s, kept, held, plan, rate, decay, turn, most)
        calls.append((len(kept), len(held), rate, most or out[2]))
        return out

    monkeypatch.setattr(training, "_train", counted)
    plan = Plan(rates=(1e-3, 3e-4), steps=30, epochs=1, seconds=60)
    for whole in (False, True):
        calls.clear()
        train_network(lambda: small_encoder(LAYOUT), setting(labelled()), np.arange(80), plan, whole=whole)
        assert [c[0] < 80 and c[1] > 0 for c in calls[:2]] == [True, True] and len(calls) == 2 + whole
    assert calls[2][:2] == (80, 0) and calls[2][2:] in [c[2:] for c in calls[:2]]  # the rate and the number of steps that were best


def test_many_labels_are_gone_through_more_than_once(small_encoder: type[Encoder]) -> None:
    plan = Plan(steps=4, epochs=3, seconds=600, batch=16)
    _, _, steps = training._train(small_encoder(LAYOUT), setting(labelled()), np.arange(80), np.arange(0), plan, 1e-3, 1e-4, 0)
    assert steps == 3 * 80 // 16


def test_entities_on_both_sides_and_later_training_samples_are_said() -> None:
    people, days = np.array([f"p{i % 10}" for i in range(80)]), np.arange(80.0)
    train, test = labelled(entity=people, time=days), labelled(20, entity=np.array(["p1"] * 10 + ["q"] * 10), time=days[:20] + 70)
    told = flattering(train, test)
    assert told[0].startswith("1 of 2 entities of the test") and told[1].startswith("9 of 80 training samples are later")
    assert flattering(labelled(), labelled()) == []
    assert flattering(labelled(entity=people, time=days), labelled(entity=np.array(["x"] * 80), time=days + 80)) == []


def test_a_head_is_tuned_where_each_entity_is_of_one_class() -> None:
    """Held out whole, one of two patients leaves one class: once an error of scikit-learn's, now nothing to choose by."""
    rng = np.random.default_rng(0)
    labels = np.array(["sick", "well"] * 10)
    x = rng.standard_normal((20, 4)).astype(np.float32) + (labels == "sick")[:, None]
    tuned = fit_head(x, labels, groups=labels)
    assert tuned.folds < 2 and np.isnan(tuned.score)
    four = np.array(["a", "b", "c", "d"] * 5)  # a and c are sick, b and d well
    assert fit_head(x, labels, groups=four).folds == 2


def two_readings(n: int, seed: int) -> tuple[Setting, Frozen]:
    """The first says something of the label, the second more."""
    rng = np.random.default_rng(seed)
    layout = Layout("series", "number", (1,), 1, 0, (0.0,), (1.0,))
    sides, rows = [], []
    for many in (n, 400):
        labels = np.arange(many) % 2
        sides.append(Labelled(layout, Samples(np.zeros((many, 1, 1), np.float32)), labels, ("a", "b")))
        rows.append([(gap * labels[:, None] * (np.arange(12) < 3) + rng.standard_normal((many, 12))).astype(np.float32) for gap in (0.7, 2.0)])
    goal = Goal("accuracy", kind="classes")
    variants = {name: Variant(rows[0][k], rows[1][k], rows[0][k]) for k, name in enumerate(("first", "second"))}
    return Setting(*sides, goal, Metric(goal, sides[0].labels, ("a", "b"))), Frozen("x", "x", variants)


def test_few_labels_do_not_choose_among_readings_and_many_do() -> None:
    chosen = []
    for n in (40, 400):
        setting, features = two_readings(n, 3)
        answer = features.answers(setting, [np.arange(n)])[0]
        assert answer is not None
        chosen.append(answer.choice.split(",")[0])
    assert chosen == ["first", "second"]


def test_the_strength_is_that_of_the_least_held_out_error() -> None:
    setting, features = two_readings(40, 5)
    answer = features.answers(setting, [np.arange(40)])[0]
    train, *_ = features.variants["first"]
    held = Ridge(from_kernel(train @ train.T, train @ train.T), setting.train.targets).held_out(setting.folds(np.arange(40)))
    at = int(((held - setting.train.targets) ** 2).sum((1, 2)).argmin())
    assert answer is not None and answer.choice == f"first, strength {STRENGTHS[at]:.2g}"
    assert answer.valued == setting.metric.score(setting.train.labels, held[at])

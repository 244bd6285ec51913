"""Alerts by bounds, through the model: told at once, beside an open one, held back by feedback, the same after a kill."""

from __future__ import annotations

import numpy as np
from streams import noise, score, stream

from tacit.contracts.events import Feature
from tacit.live.checkpoint import Checkpoints
from tacit.live.model import LiveModel
from tacit.live.storing import collect, features_of, put_back

THREE = tuple(Feature(f"f{j}") for j in range(3))
LONG = 9000


def worn(seed: int = 0, tail: int = 2000) -> np.ndarray:
    """Three features that stay within ± 3, shaken so often that no deviation from what came before is rare."""
    rng = np.random.default_rng(seed)
    return np.clip(noise(LONG + tail, 3, seed) * rng.choice([0.2, 1.0], (LONG + tail, 1)), -3.0, 3.0)


def opened(model: LiveModel) -> list[tuple[int, str]]:
    """(position, first reason) of the episodes after LONG."""
    return [(e.position, e.reasons[0][0]) for e in model.episodes.all.values() if e.position >= LONG]


def test_a_feature_that_leaves_its_bounds_is_told_with_its_name_and_sentence() -> None:
    values = worn()
    values[LONG : LONG + 200, 1] = 30.0
    model = LiveModel(THREE)
    insights = score(model, stream(values))
    (position, feature), *_ = opened(model)
    assert position <= LONG + 2 and feature == "f1"
    assert insights.sentences[position].startswith("f1 is 30, above the ")
    assert insights.shares[position, 1] > 0.9 and insights.score[position] > 0.9999


def test_a_mean_that_leaves_its_bounds_is_told_as_a_mean() -> None:
    values = np.where(np.random.default_rng(3).random((LONG + 200, 1)) < 0.5, 2.0, 0.0) * np.random.default_rng(4).uniform(0.5, 1.5, (LONG + 200, 1))
    values[LONG:] = 0.0
    model = LiveModel((Feature("rate", unit="/s"),))
    insights = score(model, stream(values, features=model.features))
    found = [insights.sentences[e.position] for e in model.episodes.all.values() if e.position >= LONG]
    assert any("in the mean of its last ten values, below the" in s and s.startswith("rate is 0.") for s in found), found


def test_a_fault_in_another_feature_opens_an_alert_of_its_own() -> None:
    values = worn()
    values[LONG : LONG + 600, 1] = 30.0
    values[LONG + 300 : LONG + 600, 2] = -14.5
    model = LiveModel(THREE)
    score(model, stream(values))
    first, second = opened(model)[:2]
    assert first[1] == "f1" and second[1] == "f2"
    assert LONG + 300 <= second[0] <= LONG + 303
    assert model.episodes.all[2].sentence.startswith("f2 is -14.5, below the -") and model.episodes.all[2].sentence.endswith(" that it kept to.")
    episodes = [e for e in model.episodes.all.values() if e.position in (first[0], second[0])]
    assert episodes[0].closed is not None and episodes[0].closed <= episodes[1].opened, "the one before has given way"


def test_what_was_told_and_comes_again_is_told_again() -> None:
    values = worn(tail=4000)
    for start in (0, 2000):
        values[LONG + start : LONG + start + 100, 0] = 40.0
    model = LiveModel(THREE)
    score(model, stream(values))
    assert any(LONG <= p <= LONG + 2 and f == "f0" for p, f in opened(model))
    assert any(LONG + 2000 <= p <= LONG + 2002 and f == "f0" for p, f in opened(model)), "it did not become normal"


def test_feedback_holds_back_the_next_of_its_kind() -> None:
    values = worn(tail=4000)
    for start in (0, 2000):
        values[LONG + start : LONG + start + 100, 0] = 40.0
    model = LiveModel(THREE)
    first = score(model, stream(values[: LONG + 1000]))
    id = next(e.id for e in model.episodes.all.values() if e.position >= LONG)
    assert (first.alert == id).any()
    model.feedback(id, "expected")
    rest = score(model, stream(values[LONG + 1000 :], start=LONG + 1000))
    assert not rest.alert[990:1010].any()
    assert any(e.suppressed for e in model.episodes.all.values() if e.position >= LONG + 1000)


def test_a_fault_during_one_that_was_expected_is_told() -> None:
    values = worn(tail=4000)
    for start in (0, 2000):
        values[LONG + start : LONG + start + 200, 0] = 40.0
    values[LONG + 2010 : LONG + 2200, 2] = -14.5
    model = LiveModel(THREE)
    score(model, stream(values[: LONG + 1000]))
    model.feedback(next(e.id for e in model.episodes.all.values() if e.position >= LONG), "expected")
    rest = score(model, stream(values[LONG + 1000 :], start=LONG + 1000))
    assert not rest.alert[1000:1010].any() and rest.alert[1013:1020].all()
    assert any(LONG + 2010 <= p <= LONG + 2012 and f == "f2" for p, f in opened(model))


def test_a_feature_that_comes_with_every_fifth_event_is_told() -> None:
    values = worn(tail=3000)
    values[:, 1] = np.where(np.arange(len(values)) % 5 == 0, values[:, 1], np.nan)
    values[LONG + 1500 :, 1] = np.where(np.isnan(values[LONG + 1500 :, 1]), np.nan, 30.0)
    model = LiveModel(THREE)
    score(model, stream(np.concatenate([values[:LONG], values])))  # it speaks after 2,048 of its own
    assert any(2 * LONG + 1500 <= p <= 2 * LONG + 1511 and f == "f1" for p, f in opened(model))


def test_what_was_told_goes_on_in_a_wider_model() -> None:
    values = worn(tail=6000)
    values[LONG : LONG + 50, 1] = 30.0
    values[LONG + 4000 : LONG + 4100, 1] = 90.0
    wide = np.concatenate([values, np.full((len(values), 1), np.nan)], axis=1)
    wide[LONG + 20 :, 3] = noise(len(values) - LONG - 20, 1, 7)[:, 0]
    model = LiveModel(THREE)
    score(model, stream(wide, features=(*THREE, Feature("f3"))))
    assert any(LONG + 4000 <= p <= LONG + 4002 and f == "f1" for p, f in opened(model))


def test_many_features_in_blocks_are_told_by_name() -> None:
    values = np.clip(noise(3200, 80), -3.0, 3.0)
    values[3000:3100, 77] = 60.0
    model = LiveModel(tuple(Feature(f"f{j}") for j in range(80)))
    score(model, stream(values))
    assert any(3000 <= e.position <= 3002 and e.reasons[0][0] == "f77" for e in model.episodes.all.values())


def test_a_resumed_model_goes_on_to_the_bit_in_the_middle_of_a_departure(tmp_path) -> None:
    values = worn()
    values[LONG : LONG + 300, 1] = 30.0
    whole = score(LiveModel(THREE), stream(values))
    model = LiveModel(THREE)
    score(model, stream(values[: LONG + 1]))  # one reading outside: not told yet
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(*collect(model, True), True)
    checkpoints.wait()
    parts, meta = Checkpoints(tmp_path).load()
    again = LiveModel(features_of(meta), float(meta["alerts"]))
    put_back(again, parts, meta, tmp_path)
    rest = score(again, stream(values[LONG + 1 :], start=LONG + 1))
    assert np.array_equal(rest.alert, whole.alert[LONG + 1 :]) and (rest.alert > 0).any()
    assert np.array_equal(rest.surprise, whole.surprise[LONG + 1 :], equal_nan=True)

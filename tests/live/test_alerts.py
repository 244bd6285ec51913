"""Alerts: one episode a trouble, under a budget, and what people say of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest
from streams import noise, rows, score, stream

from tacit.connect.sources.table import Table
from tacit.contracts.episode import Episode
from tacit.contracts.errors import TacitError, UnknownName
from tacit.contracts.events import Feature
from tacit.heads import evidence
from tacit.live.alerting import KEPT, MINOR, Episodes
from tacit.live.checkpoint import Checkpoints
from tacit.live.model import LiveModel
from tacit.live.runner import Runner
from tacit.live.storing import collect, features_of, put_back

THREE = tuple(Feature(f"f{j}") for j in range(3))


def shifted(n: int, shifts: dict[int, int], length: int = 400, by: float = 8.0, seed: int = 0):
    """Noise with a shift of feature `shifts[start]` for `length` events from each start."""
    values = noise(n, 3, seed)
    for start, feature in shifts.items():
        values[start : start + length, feature] += by
    return stream(values)


def between(model: LiveModel, start: int, stop: int):
    """Episodes that opened at these positions."""
    return [e for e in model.episodes.all.values() if start <= e.position < stop]


@pytest.mark.parametrize("seed", range(3))
def test_a_lasting_shift_is_one_episode_and_a_later_one_another(seed: int) -> None:
    model = LiveModel(THREE)
    insights = score(model, shifted(11_000, {6000: 1, 9000: 0}, 600, seed=seed))
    first, second = between(model, 6000, 7200), between(model, 9000, 10_200)
    assert len(first) == len(second) == 1
    assert first[0].position < 6010 and second[0].position < 9010
    assert first[0].reasons[0][0] == "f1" and second[0].reasons[0][0] == "f0"
    assert (insights.alert[6010:6600] == first[0].id).mean() > 0.95
    assert first[0].closed is not None and first[0].closed < second[0].opened
    assert "f1 is" in first[0].sentence and "above the expected" in insights.sentences[first[0].position]


def test_the_row_that_opens_has_the_sentence() -> None:
    model = LiveModel(THREE)
    insights = score(model, shifted(4000, {3000: 2}))
    (episode,) = between(model, 3000, 3400)
    row = list(insights)[episode.position]
    assert row.alert == episode.id and row.sentence and "f2" in row.sentence
    assert sum(s is not None for s in (i.sentence for i in insights)) < 60, "sentences come with alerts only"


def test_sentences_on_request() -> None:
    insights = score(LiveModel(THREE, sentences=True), stream(noise(300, 3)))
    assert all(i.sentence for i in insights)


@pytest.mark.parametrize(("features", "step"), [(2, 5.0), (8, 5.0)])
def test_the_budget_holds_on_noise(features: int, step: float) -> None:
    """3 a day over 11.6 days of nothing at all: no more than half as many again, with room for chance."""
    days = 200_000 * step / 86_400
    model = LiveModel(tuple(Feature(f"f{j}") for j in range(features)), alerts=3.0)
    score(model, stream(noise(200_000, features, 1), step=step))
    assert len(model.episodes.all) <= 1.5 * 3.0 * days + 6


def test_a_larger_budget_gives_more_alerts() -> None:
    counts = []
    for budget in (0.5, 24.0):
        model = LiveModel(THREE, alerts=budget)
        score(model, stream(noise(100_000, 3, 2), step=5.0))
        counts.append(len(model.episodes.all))
    assert counts[0] < counts[1]


def test_muted_features_are_never_alerted_on() -> None:
    features = (Feature("f0"), Feature("own", muted=True))
    values = noise(5000, 2, 3)
    values[3000:3500, 1] += 50
    model = LiveModel(features)
    insights = score(model, stream(values, features=features))
    assert not between(model, 2990, 3600)
    assert (insights.shares[:, 1] == 0).all()
    assert np.isfinite(insights.middle[-1, 1]), "shown and modelled all the same"


# ------------------------------------------------------------------ feedback
def test_expected_holds_back_the_like_and_only_the_like() -> None:
    model = LiveModel(THREE)
    score(model, shifted(4000, {3000: 1}))
    (episode,) = between(model, 3000, 3400)
    assert model.feedback(episode.id, "expected").feedback == "expected"
    later = noise(6000, 3, 4)
    later[1000:1400, 1] += 8
    later[4000:4400, 2] += 8
    insights = score(model, stream(later, start=4000))
    (held,) = between(model, 5000, 5400)
    assert held.suppressed == f"like episode {episode.id}, which was marked as expected"
    assert not insights.alert[1000:1400].any(), "the rows show no alert either"
    (other,) = between(model, 8000, 8400)
    assert not other.suppressed and (insights.alert[4010:4400] == other.id).mean() > 0.9


@pytest.mark.parametrize("by", [-8.0, 400.0])
def test_expected_does_not_hold_back_the_opposite_nor_what_is_far_greater(by: float) -> None:
    model = LiveModel(THREE)
    score(model, shifted(4000, {3000: 1}))
    (episode,) = between(model, 3000, 3400)
    model.feedback(episode.id, "expected")
    later = noise(2000, 3, 4)
    later[1000:1400, 1] += by
    insights = score(model, stream(later, start=4000))
    (other, *_) = between(model, 5000, 5400)
    assert not other.suppressed and insights.alert[1010:1400].any()


@pytest.mark.parametrize("sizes", [[100], [7, 1, 333]])
def test_what_is_held_back_costs_nothing_of_the_budget(sizes: list[int]) -> None:
    """Twelve bursts like one that was expected: the budget stands as it stood, whatever the batches, and another trouble is told."""
    model = LiveModel(THREE)
    score(model, shifted(4000, {3000: 1}))
    (episode,) = between(model, 3000, 3400)
    model.feedback(episode.id, "expected")
    later = noise(16_000, 3, 4)
    for start in range(1000, 13_000, 1000):
        later[start : start + 200, 1] += 8
    later[15_000:15_400, 2] += 8
    before = float(model.pool.budget[evidence.ALERTS])
    score(model, stream(later, start=4000), sizes)
    held = [e for e in between(model, 5000, 17_000) if e.suppressed]
    assert len(held) >= 6
    (other,) = between(model, 19_000, 19_400)
    assert not other.suppressed
    told = [e for e in between(model, 4000, 20_000) if not e.suppressed]
    assert float(model.pool.budget[evidence.ALERTS]) <= before + len(told)


def test_what_opens_anew_ends_the_one_before() -> None:
    model = LiveModel(THREE)
    insights = model.process(stream(noise(400, 3)))
    insights.alert[:] = 0
    insights.alert[300:320], insights.alert[320:340] = 1001, 1002
    opened = np.zeros(400, np.int8)
    opened[[300, 320]] = 1
    model._alerts(insights, opened, 0, 400)
    one, two = model.episodes.all[1001], model.episodes.all[1002]
    assert one.closed == two.opened == insights.times[320] and two.closed is None and model.episodes.open[""] == 1002


@pytest.mark.parametrize(("before", "after"), [(0.0, 1.0), (100.0, 101.0), (100.0, 1e6)])
def test_a_step_of_what_stood_still_is_told_as_it_was_seen(before: float, after: float) -> None:
    """By the event that opened it: the forecasts after such a step are made in another scale, and are held to what was ever near."""
    values = np.full((2600, 2), 5.0)
    values[:2000, 1], values[2000:, 1] = before, after
    model = LiveModel((Feature("a"), Feature("b")))
    insights = score(model, stream(values, step=60.0))
    episode = next(e for e in model.episodes.all.values() if 2000 <= e.position < 2010)
    assert episode.sentence.startswith("b is ") and episode.sentence.endswith(f"above the expected {before:g}."), episode.sentence
    assert (insights.high[2000:, 1] <= before + 1.6 * (after - before)).all() and (insights.low[2000:, 1] >= before - 1.6 * (after - before)).all()


def test_a_real_problem_stays_one() -> None:
    model = LiveModel(THREE)
    score(model, shifted(4000, {3000: 1}))
    (episode,) = between(model, 3000, 3400)
    model.feedback(episode.id, "problem")
    later = noise(2000, 3, 4)
    later[1000:1400, 1] += 8
    score(model, stream(later, start=4000))
    assert not between(model, 5000, 5400)[0].suppressed


def test_feedback_survives_a_restart(tmp_path) -> None:
    model = LiveModel(THREE)
    score(model, shifted(4000, {3000: 1}))
    (episode,) = between(model, 3000, 3400)
    model.feedback(episode.id, "expected")
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(*collect(model, True), True)
    checkpoints.wait()
    parts, meta = Checkpoints(tmp_path).load()
    again = LiveModel(features_of(meta), float(meta["alerts"]))
    put_back(again, parts, meta, tmp_path)
    assert again.episodes.all[episode.id].feedback == "expected"
    later = noise(2000, 3, 4)
    later[1000:1400, 1] += 8
    score(again, stream(later, start=4000))
    assert between(again, 5000, 5400)[0].suppressed


def test_feedback_on_nothing_is_refused_with_what_is_known() -> None:
    model = LiveModel(THREE)
    with pytest.raises(TacitError, match=r"There is no episode 7\. None was opened yet"):
        model.feedback(7, "expected")
    score(model, shifted(4000, {3000: 1}))
    with pytest.raises(TacitError, match="Known are 1 to"):
        model.feedback(10**6, "expected")
    with pytest.raises(UnknownName, match="Did you mean 'expected'"):
        model.feedback(1, "expectd")


def test_old_episodes_give_way() -> None:
    episodes = Episodes()
    for i in range(KEPT + 50):
        episodes.begin(Episode(i, "", i, i, 1.0, "", []), {"f": 1.0})
        episodes.end(i, i + 1)
    assert len(episodes.all) == len(episodes.shares) == KEPT and min(episodes.all) == 50 and not episodes.open


def test_open_ones_and_those_with_a_verdict_stay() -> None:
    episodes = Episodes()
    for i in range(1, KEPT + 100):
        episodes.begin(Episode(i, f"k{i}", i, i, 1.0, "", []), {"f": 1.0})
        if i != 7:
            episodes.end(i, i + 1)
        if i == 9:
            episodes.feedback(9, "expected")
    assert len(episodes.all) == KEPT and episodes.open == {"k7": 7} and {7, 9} < set(episodes.all) and 8 not in episodes.all
    episodes.begin(Episode(KEPT + 100, "k9", 0, 0, 1.0, "", []), {"f": 1.0})
    assert episodes.all[KEPT + 100].suppressed
    with pytest.raises(TacitError, match=r"Episode 8 is too old.*the last 2,000 are kept"):
        episodes.feedback(8, "expected")
    again = Episodes()
    again.restore(orjson.loads(orjson.dumps(episodes.state())))
    assert again.state() == episodes.state() and again.expected == episodes.expected
    again.end(7, 10)
    assert again.open == {"k9": KEPT + 100}


def test_feedback_on_what_gave_way_before_it_took_hold_stops_nothing() -> None:
    run = Runner(Table([{"time": i, "x": float(i % 5)} for i in range(300)]), LiveModel)
    run.step()
    assert run.model is not None
    run.model.episodes.begin(Episode(1, "", 0, 0, 1.0, "", []), {})
    run.post(1, "expected")
    run.model.episodes.restore({"episodes": [], "shares": {}, "sizes": {}, "open": {}, "ended": [], "newest": 1})
    assert run.step() is None and run.journal.entries == []
    with pytest.raises(TacitError, match="Episode 1 is too old"):
        run.post(1, "expected")
    run.close()


def test_an_open_episode_ends_with_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    from tacit.live import model as live_model

    monkeypatch.setattr(live_model, "MOST_KEYS", 16)
    model = LiveModel((Feature("f0"),))
    values = noise(2000, 1, 5)
    values[1500:, 0] += 40
    score(model, stream(values, ["ill"] * 2000))
    (episode,) = between(model, 1500, 2000)
    assert model.episodes.open == {"ill": episode.id} and episode.closed is None
    model.process(stream(noise(20, 1), [f"k{i}" for i in range(20)], start=2000))
    assert "ill" not in model.keys.slots and model.episodes.open == {} and episode.closed is not None


def test_what_outgrows_the_expected_is_an_alert_again() -> None:
    episodes = Episodes()
    episodes.begin(Episode(1, "k", 0, 0, 10.0, "", []), {"f": 1.0})
    episodes.end(1, 5)
    episodes.feedback(1, "expected")
    episodes.begin(Episode(2, "k", 10, 10, 8.0, "", []), {"f": 0.9, "g": 0.1})
    assert episodes.all[2].suppressed
    episodes.rise(2, 19.0, 0.0, "larger", [])
    assert episodes.all[2].suppressed
    episodes.rise(2, 21.0, 0.0, "larger than twice", [])
    assert not episodes.all[2].suppressed
    episodes.begin(Episode(3, "k", 20, 20, 30.0, "", []), {"f": 1.0})
    episodes.begin(Episode(4, "other", 20, 20, 5.0, "", []), {"f": 1.0})
    assert not episodes.all[3].suppressed and not episodes.all[4].suppressed


@pytest.mark.parametrize(("at", "after", "held"), [(400, 68.0, True), (400, 120.0, False), (4000, 68.0, False)])
def test_what_is_slight_is_no_alert_while_the_stream_is_young(at: int, after: float, held: bool) -> None:
    """At four events a second and three alerts a day: of the first ten minutes."""
    values = noise(at + 200, 3, 1)
    values[:at, 2], values[at:, 2] = 69.0, after
    model = LiveModel(THREE, alerts=3.0)
    insights = score(model, stream(values, step=0.25))
    (episode,) = between(model, at, at + 50)
    assert episode.reasons[0][0] == "f2" and (episode.suppressed == MINOR) is held
    assert insights.alert[at:].any() != held


@pytest.mark.parametrize("later", [4, 100])
def test_what_was_slight_and_grows_is_an_alert(later: int) -> None:
    """Told by the event that made it so, also where the band had time to follow."""
    values = noise(800, 3, 1)
    values[:400, 2], values[400 : 400 + later, 2], values[400 + later :, 2] = 69.0, 68.0, 30.0
    model = LiveModel(THREE, alerts=3.0)
    insights = score(model, stream(values, step=0.25))
    assert not insights.alert[400 : 400 + later].any() and insights.alert[400 + later : 440 + later].any()
    shown = [e for e in between(model, 400, 440 + later) if not e.suppressed]
    assert shown and "f2 is 30" in shown[0].sentence and shown[0].position >= 400 + later


def test_a_ramp_out_of_what_was_slight_is_an_alert() -> None:
    values = noise(1200, 3, 1)
    values[:400, 2], values[400:, 2] = 1000.0, 1000.0 * 1.002 ** np.arange(800)
    model = LiveModel(THREE, alerts=3.0)
    insights = score(model, stream(values, step=0.25))
    first = int(np.flatnonzero(insights.alert[400:])[0])
    assert values[400 + first, 2] < 1200.0


def test_what_was_held_back_as_slight_is_remembered(tmp_path: Path) -> None:
    values = noise(600, 3, 1)
    values[:400, 2], values[400:500, 2], values[500:, 2] = 69.0, 68.0, 30.0
    events = stream(values, step=0.25)
    whole = LiveModel(THREE, alerts=3.0)
    told = score(whole, events)
    cut = LiveModel(THREE, alerts=3.0)
    cut.process(rows(events, 0, 450))
    assert cut.episodes.minor
    arrays, meta = collect(cut, True)
    again = LiveModel(THREE, alerts=3.0)
    put_back(again, [arrays], orjson.loads(orjson.dumps(meta)), tmp_path)
    rest = again.process(rows(events, 450, 600))
    assert (rest.alert == told.alert[450:]).all() and rest.alert.any()
    assert again.episodes.state() == whole.episodes.state()


def test_other_features_noise_does_not_show_what_is_slight() -> None:
    """Fifty features: in nearly every event some noise lies outside its band by more than a twentieth of its size."""
    values = noise(900, 50, 2)
    values[:400, 7], values[400:, 7] = 69.0, 68.0
    model = LiveModel(tuple(Feature(f"f{j}") for j in range(50)), alerts=3.0)
    insights = score(model, stream(values, step=0.25))
    assert [e.suppressed for e in between(model, 400, 420)] == [MINOR] and not insights.alert[400:].any()

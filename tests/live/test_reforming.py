"""What changes the shape of a model (a feature that appears, an encoder put in place) and what a restart makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streams import cuts, differences, noise, rows, stream

from tacit.connect.sources.table import Table
from tacit.contracts.events import Feature
from tacit.evaluation.comparison import Trial
from tacit.heads.encode import Weights, fingerprint, no_encoder
from tacit.heads.layout import RING
from tacit.live import model as live_model
from tacit.live.checkpoint import Checkpoints
from tacit.live.contest import Contender
from tacit.live.learning import Learning
from tacit.live.model import WARM, LiveModel, join
from tacit.live.runner import Runner
from tacit.live.storing import collect, features_of, put_back


def stored(model: LiveModel, folder: Path) -> LiveModel:
    """Saved as the runner does and found by another process."""
    checkpoints = Checkpoints(folder)
    checkpoints.load()
    full = checkpoints.wants_full() or model.reformed
    checkpoints.save(*collect(model, full), full)
    checkpoints.wait()
    parts, meta = Checkpoints(folder).load() or ([], {})
    again = LiveModel(features_of(meta), model.alerts, model.idle)
    put_back(again, parts, meta, folder)
    return again


def growing(n: int, appears: int, keys: int = 3) -> Any:
    """The last of four features appears late; one is a counter, values are missing, keys come and go."""
    values = noise(n, 4, 1)
    values[:, 1] = np.cumsum(np.abs(values[:, 1]))
    values[np.random.default_rng(2).random((n, 4)) < 0.03] = np.nan
    values[:appears, 3] = np.nan
    values[appears, 3] = 0.5
    names = [f"k{i}" for i in (np.random.default_rng(3).pareto(0.7, n) * 3).astype(int) % keys]
    return stream(values, names, features=(Feature("a"), Feature("b", "counter"), Feature("c"), Feature("d")))


def test_stopped_at_any_event_around_a_feature_that_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_model, "MOST_KEYS", 32)
    events = growing(3000, 1500, 100)
    whole, cut = LiveModel(events.features[:3]), LiveModel(events.features[:3])
    expected = join([whole.process(rows(events, 0, 1500, 3)), whole.process(rows(events, 1500, 3000))], events)
    parts = []
    for k, (a, b) in enumerate(cuts(3000, [700, 400, 399, 1, 3, 90])):
        if a < 1500 < b:
            parts.append(cut.process(rows(events, a, 1500, 3)))
            a = 1500
        parts.append(cut.process(rows(events, a, b, 3 if b <= 1500 else 4)))
        cut = stored(cut, tmp_path)
        assert cut.keys.slots.keys() <= set(events.keys) and k < 100
    assert differences(join(parts, events), expected) == []
    for name in ("scales", "base", "lane", "counted", "counted_at"):
        assert getattr(cut, name).tobytes() == getattr(whole, name).tobytes(), name
    for name, mine, theirs in zip(cut.pool._fields, cut.pool, whole.pool, strict=True):
        assert mine.tobytes() == theirs.tobytes(), name
    assert cut.keys.expired == whole.keys.expired > 0


def test_a_feature_that_appears_is_no_fault() -> None:
    events = stream(noise(6000, 3, 1), [f"k{i % 3}" for i in range(6000)])
    model = LiveModel(events.features[:2], alerts=20.0)
    model.process(rows(events, 0, 3000, 2))
    before = len(model.episodes.all)
    after = model.process(rows(events, 3000, 6000))
    assert np.isnan(after.score[:WARM]).all() and np.isfinite(after.score[WARM:]).all()
    assert len(model.episodes.all) == before and np.mean(after.score[WARM:] > 0.99) < 0.03
    near = model.lane[:3, model.layout.sigma : model.layout.sigma + 3]
    assert (near > 0.7).all() and (near < 1.5).all(), "spreads are those of noise"


@pytest.mark.parametrize("late", [1500, 5000])
@pytest.mark.parametrize("known", [True, False])
def test_a_feature_that_comes_late_is_learned_before_it_is_judged(late: int, known: bool) -> None:
    """Its column is known from the start, or appears; nobody can tell what is strange of it from eight values."""
    for seed in range(4):
        values = noise(late + 1000, 3, seed)
        values[:, 2] += 5.0
        values[:late, 2] = np.nan
        events = stream(values)
        model = LiveModel(events.features if known else events.features[:2], alerts=3.0)
        model.process(rows(events, 0, late, 3 if known else 2))
        before = len(model.episodes.all)
        after = model.process(rows(events, late, late + 1000))
        wide = after.high[20:, 2] - after.low[20:, 2]
        assert len(model.episodes.all) == before and np.nanmean(after.score[:400] > 0.99) < 0.03
        assert np.median(wide) > 3.0 and wide.min() > 1.5, "a band of noise around five is some four and a half wide"
        values[late + 500 :, 2] += 40.0
        faulty = LiveModel(events.features if known else events.features[:2], alerts=3.0)
        faulty.process(rows(stream(values), 0, late, 3 if known else 2))
        faulty.process(rows(stream(values), late, late + 1000))
        assert len(faulty.episodes.all) > before, "nor is it deaf after it"


def one_at_a_time(n: int, features: int, seed: int) -> np.ndarray:
    """Noise of which each event has one feature, as a long table gives it."""
    values = np.full((n, features), np.nan)
    values[np.arange(n), np.arange(n) % features] = np.random.default_rng(seed).normal(size=n)
    return values


@pytest.mark.parametrize("features", [4, 8, 20])
def test_features_that_come_in_turn_are_not_late(features: int) -> None:
    """Each is missing in most events, but has been there from the beginning: it is judged, and judged as it was."""
    told, over = 0, []
    for seed in range(3):
        values = one_at_a_time(400 * features, features, seed)
        model = LiveModel(stream(values).features, alerts=3.0)
        scores = model.process(stream(values)).score
        over.append(float(np.mean(scores[100 * features : 200 * features] > 0.99)))
        values[75 * features : 80 * features] += 40.0
        faulty = LiveModel(stream(values).features, alerts=3.0)
        found = faulty.process(stream(values))
        told += bool(found.alert[75 * features : 82 * features].any())
    assert np.mean(over) < 0.03 and told == 3, (over, told)


def test_what_is_new_to_a_key_but_known_of_others_is_judged_at_once() -> None:
    values = noise(6400, 3, 0)
    names = ["a"] * 3000 + ["a", "b"] * 1700
    values[:3000, 2] = np.random.default_rng(5).normal(size=3000)
    early = np.array([k < 3400 and name == "b" for k, name in enumerate(names)])
    values[early, 2] = np.nan
    late = [k for k, name in enumerate(names) if name == "b" and k >= 3400]
    values[late[20:60], 2] += 40.0
    model = LiveModel(stream(values, names).features, alerts=3.0)
    found = model.process(stream(values, names))
    assert found.alert[late[20:60]].any() and model.pool.scale[0, 2] < 1.5, "nor does its fault teach the others"


def test_a_stretch_without_any_value_does_not_make_what_follows_loud() -> None:
    over, alerts = [], 0
    for seed in range(4):
        values = noise(2400, 3, seed)
        values[1500:1800] = np.nan
        model = LiveModel(stream(values).features, alerts=3.0)
        found = model.process(stream(values))
        over.append(float(np.mean(found.score[1800:2000] > 0.99)))
        alerts += bool(found.alert[1800:2000].any())
    assert np.mean(over) < 0.05 and alerts == 0, (over, alerts)


def test_episodes_end_where_a_feature_appears() -> None:
    values = noise(2100, 3, 4)
    values[2000:, 0] += 30
    events = stream(values)
    model = LiveModel(events.features[:2], alerts=20.0)
    model.process(rows(events, 0, 2090, 2))
    assert model.episodes.open
    model.process(rows(events, 2090, 2091))
    assert not model.episodes.open and all(e.closed for e in model.episodes.all.values())


def test_a_feature_that_appears_sends_the_encoder_away(tmp_path: Path) -> None:
    """It was learned for the features before; its name must not stay either."""
    events = stream(noise(400, 3, 5))
    model = LiveModel(events.features[:2])
    model.process(rows(events, 0, 300, 2))
    model.name, model.encoder_files = "abc", {"encoder.json": b"{}"}
    model.process(rows(events, 300, 400))
    assert model.name == "simple" and model.encoder_files == {} and stored(model, tmp_path).name == "simple"


def test_the_budget_is_the_one_wished_now(tmp_path: Path) -> None:
    model = LiveModel((Feature("f0"),), alerts=3.0)
    model.process(stream(noise(300, 1)))
    checkpoints = Checkpoints(tmp_path)
    arrays, meta = collect(model, True)
    checkpoints.save(arrays, meta, True)
    checkpoints.wait()
    again = LiveModel((Feature("f0"),), alerts=24.0)
    put_back(again, [arrays], meta, tmp_path)
    assert again.pool.budget[1] == again.alerts == 24.0


# ------------------------------------------------------------------ promotion
def test_lanes_of_a_contender_go_on_at_each_key_s_own_event(tmp_path: Path) -> None:
    """The same features again, warmed from the 1,007th event on: the rings hold what the champion's hold, key by key."""
    events = stream(noise(4000, 3, 6), ["seldom" if i % 300 == 7 else f"k{i % 7}" for i in range(4000)])
    model = LiveModel(events.features)
    model.process(rows(events, 0, 1007))
    checkpoints_before = stored(model, tmp_path)
    side = Contender(model, no_encoder(), "simple")
    model.onlooker = lambda slots, times, out, values: (side.run(slots, times, out.z, values, model.pool.omega), None)[1]
    for a, b in cuts(2993, [100]):
        model.process(rows(events, 1007 + a, 1007 + b))
    lay, F, seldom = model.layout, model.layout.F, model.keys.slots["seldom"]
    old, counts = model.lane.copy(), model.base[:, 0].copy()
    lane = side.lanes_for(model)

    def ring(lanes: Any, slot: int) -> Any:
        return lanes[slot, lay.ring : lay.ring + RING * lay.ring_row].reshape(RING, lay.ring_row)[:, : 1 + F]

    for slot in range(len(model.keys.names)):
        if slot != seldom:
            assert ring(lane, slot).tobytes() == ring(old, slot).tobytes() and model.base[slot, 0] == counts[slot]
    assert model.base[seldom, 0] == side.counts[seldom] < RING <= counts[seldom] + RING
    assert lane[seldom, lay.sigma : lay.sigma + 2 * F].tobytes() == old[seldom, lay.sigma : lay.sigma + 2 * F].tobytes()
    model.put_in_place("simple", no_encoder(), lane, tmp_path)
    model.onlooker = None
    assert model.reformed and checkpoints_before.seen == 1007
    assert stored(model, tmp_path).lane.tobytes() == model.lane.tobytes()
    after = model.process(stream(noise(2000, 3, 7), [f"k{i % 7}" for i in range(2000)], start=4000))
    assert np.mean(after.score > 0.99) < 0.02


def test_reservoir_and_trial_start_anew_where_a_feature_appears(tmp_path: Path) -> None:
    """Slots are other keys' from there on, even where there was a spare column for it."""
    events = stream(noise(900, 4, 9))
    model, learns = LiveModel(events.features[:2]), Learning("background", tmp_path, 0)
    learns.attach(model)
    model.process(rows(events, 0, 300, 2))
    model.process(rows(events, 300, 600, 3))
    before = learns.reservoir
    learns.sides, learns.trial = [Contender(model, no_encoder(), "simple")] * 2, Trial(1)
    model.process(rows(events, 600, 601, 3))
    assert learns.trial is not None and learns.reservoir is before
    model.process(rows(events, 601, 900))
    assert learns.trial is None and learns.sides == [] and learns.reservoir is not before and model.columns == 8


def test_a_journalled_trial_ends_the_worker_that_makes_it_again(tmp_path: Path) -> None:
    class Running:
        ended = 0

        def stop(self) -> None:
            self.ended += 1

        clean = stop

    model, learns, worker = LiveModel((Feature("f0"),)), Learning("background", tmp_path, 0), Running()
    F, M = model.layout.F, model.layout.M
    shapes = ((M,), (2 * F + 1, 8), (8,), (0, 0), (0,), (F + M * F + 4, M * F), (M * F,))
    weights = Weights(*(np.zeros(shape, np.float32) for shape in shapes))
    home = tmp_path / "encoders" / "made"
    home.mkdir(parents=True)
    np.savez(home / "encoder.npz", **weights._asdict())
    (home / "encoder.json").write_text(json.dumps({"version": 1, "sha256": fingerprint(weights)}))
    learns.attach(model)
    learns.worker = worker  # type: ignore[assignment]
    learns.apply(model, {"encoder": "made", "attempt": 3})
    assert worker.ended == 2 and learns.worker is None and learns.trial is not None and learns.trial.attempt == learns.attempts == 3


# ------------------------------------------------------------------ the journal after a restart
def table(n: int) -> list[dict[str, Any]]:
    values = noise(n, 2, 8)
    values[3000:3300, 0] += 10
    return [{"time": 1_700_000_000 + i, "x": float(values[i, 0]), "y": float(values[i, 1])} for i in range(n)]


class Live(Table):
    """A table that cannot be read again."""

    replayable = False


@pytest.mark.parametrize(("kind", "applied"), [(Table, True), (Live, False)])
def test_feedback_said_at_the_last_checkpoint(tmp_path: Path, kind: type[Table], applied: bool) -> None:
    """It takes hold before the next event where the stream goes on; where that stream is gone, so is what it was about."""
    first = Runner(kind(table(8192)), lambda f: LiveModel(f, alerts=20.0), [], tmp_path, every=1e9)
    for _ in range(2):
        first.step()
    first.save(wait=True)
    assert first.model is not None and first.model.episodes.all
    id = next(iter(first.model.episodes.all))
    first.post(id, "problem")
    first.read_mail()
    assert first.checkpoints is not None
    first.checkpoints.release()  # as the system does when a process is killed
    del first
    second = Runner(kind(table(8192)), lambda f: LiveModel(f, alerts=20.0), [], tmp_path, every=1e9)
    assert second.model is not None and second.model.episodes.all[id].feedback == ("problem" if applied else None)
    while second.step() is not None:
        pass

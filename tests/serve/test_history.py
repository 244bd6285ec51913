"""The history is bounded, samples with counts, thins with age and survives a restart."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest
from synthetic import Machine

from tacit.contracts.errors import ModelError, TacitError
from tacit.serve.history import History
from tacit.serve.sample import Sampler

NOW = 1.7e9


def test_what_is_pushed_can_be_read(history: History) -> None:
    machine = Machine([""], 4, start=NOW)
    pushed = [machine.tick() for _ in range(50)]
    for insights in pushed:
        history.push(insights)
    history.flush()
    ids = [f["id"] for f in history.features()]
    window = history.window("", features=ids)
    assert window["rows"] == 50
    np.testing.assert_allclose(window["time"], [i.times[0] * 1e-9 for i in pushed])
    np.testing.assert_allclose(window["features"][str(ids[2])]["observed"], [i.observed[0, 2] for i in pushed], rtol=1e-6)
    assert np.isnan(window["surprise"][:40]).all()
    assert np.isfinite(window["surprise"][40:]).all()


def test_a_push_is_sampled_and_counted(history: History) -> None:
    machine = Machine([f"k{i}" for i in range(500)], 8, start=NOW)
    for _ in range(40):
        history.push(machine.tick())
    history.flush()
    stats = history.stats()
    assert stats["offered"] == 20_000
    assert stats["kept"] < 8_000
    assert stats["kept"] + stats["sampled_out"] + stats["queue_full"] == 20_000
    assert len(history.keys(1000)) == 500


def test_alert_rows_go_first_and_every_key_gets_its_turn() -> None:
    sampler = Sampler(rate=100, burst=1)
    machine = Machine([f"k{i}" for i in range(500)], 8, start=NOW)
    machine.break_it(7, "k123", 2)
    sampler.choose(machine.tick(), 0.0)
    kept: dict[str, int] = {}
    for turn in range(1, 200):
        insights = machine.tick()
        rows = sampler.choose(insights, turn * 0.1)
        assert len(rows) <= 2 * 100 * 0.1 + 1
        if turn > 10:  # once the burst is spent
            assert 123 in rows
        for row in rows:
            kept[insights.keys[row]] = kept.get(insights.keys[row], 0) + 1
    assert len(kept) == 500
    assert min(kept.values()) >= 2


def test_many_columns_are_kept_less_often() -> None:
    sampler = Sampler(rate=400, cells=40_000, burst=1)
    machine = Machine(["a"], 2000, start=NOW)
    kept = sum(len(sampler.choose(machine.tick(), t * 0.01)) for t in range(1, 1001))
    assert kept <= 20 * 11


def test_a_push_takes_microseconds_and_never_waits_for_the_disk(history: History) -> None:
    machine = Machine([f"k{i}" for i in range(500)], 8, start=NOW)
    batches = [machine.tick() for _ in range(60)]
    lock = sqlite3.connect(history.path, isolation_level=None)
    lock.execute("begin immediate")  # the disk is held by another
    took = []
    for insights in batches:
        begun = time.perf_counter()
        history.push(insights)
        took.append(time.perf_counter() - begun)
    lock.execute("rollback")
    lock.close()
    assert np.median(took) < 0.002, f"median {np.median(took) * 1e6:.0f} µs for 500 rows"


def test_a_full_queue_is_counted(tmp_path: Path) -> None:
    history = History(tmp_path / "h.sqlite", queue_rows=10, pause=5)
    machine = Machine(["a", "b"], 3, start=NOW)
    for _ in range(20):
        history.push(machine.tick())
    assert history.stats()["queue_full"] > 20
    history.close()


def test_rows_are_bounded_and_the_past_thins_with_age(tmp_path: Path) -> None:
    history = History(tmp_path / "h.sqlite", keep_rows=1000, rate=1e9, pause=0.01, queue_rows=10**9)
    machine = Machine(["a"], 3, step=1, start=NOW)
    for _ in range(30):
        for _ in range(400):
            history.push(machine.tick())
        history.flush()
    assert history.stats()["rows"] <= 1000
    seen = history.window("a", max_points=5000)["time"] - NOW
    old, new = (seen < 6000).sum() / 6000, (seen > 11_950).sum() / 50
    assert new == 1.0
    assert 0 < old < 0.1
    assert seen.min() < 4000, "the past reaches far beyond the newest 1,000 rows"
    history.close()


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    machine = Machine(["a"], 3, start=NOW)
    first = History(tmp_path, pause=0.01)
    replayed = [machine.tick() for _ in range(100)]
    for insights in replayed:
        first.push(insights)
    first.episode(machine.break_it(1, "a", 1))
    first.feedback(1, "problem")
    first.close()
    second = History(tmp_path, pause=0.01)
    for insights in replayed[-10:] + [machine.tick() for _ in range(100)]:  # events are seen twice after a kill
        second.push(insights)
    second.episode(machine.mend(machine.break_it(1, "a", 1)))
    second.flush()
    time_axis = second.window("a")["time"]
    assert len(time_axis) == 200
    np.testing.assert_allclose(np.diff(time_axis), 0.25, atol=1e-5)
    assert len(second.features()) == 3
    second.close()
    third = History(tmp_path)
    (episode,) = third.episodes()
    assert episode["closed"] is not None
    third.close()


def test_feedback_outlives_updates_of_its_episode(history: History) -> None:
    episode = Machine(["a"], 3, start=NOW).break_it(5, "a", 1)
    history.episode(episode)
    history.feedback(5, "expected")
    episode.closed, episode.events = episode.opened + 10**9, 7
    history.episode(episode)
    history.flush()
    found = history.one_episode(5)
    assert found is not None
    assert found["feedback"] == "expected" and found["events"] == 7
    assert found["closed"] == pytest.approx(found["opened"] + 1)


def test_an_event_dated_next_year_does_not_move_the_clock(history: History) -> None:
    machine = Machine(["a"], 3, start=NOW)
    for i in range(40):
        insights = machine.tick()
        if i == 38:
            insights.times[0] += 365 * 86400 * 10**9
        history.push(insights)
    history.flush()
    extent = history.reader.extent("a")
    assert extent is not None
    assert extent[1] * 1e-9 < NOW + 11


def test_a_long_window_keeps_its_spikes(tmp_path: Path) -> None:
    history = History(tmp_path / "h.sqlite", rate=1e9, pause=0.01, queue_rows=10**9)
    machine = Machine(["a"], 3, start=NOW)
    for i in range(4000):
        insights = machine.tick()
        if i == 1016:
            insights.observed[0, 1] = 1e6
            insights.alert[0] = 3
        history.push(insights)
    history.flush()
    window = history.window("a", max_points=100, features=[2])
    assert window["shown"] <= 101
    assert window["rows"] == 4000
    assert np.nanmax(window["features"]["2"]["observed"]) == 1e6
    assert window["alert"].max() == 3
    history.close()


def test_a_reader_that_was_slow_gets_the_newest_rows(history: History) -> None:
    machine = Machine(["a"], 3, start=NOW)
    for _ in range(1000):
        history.push(machine.tick())
    history.flush()
    window = history.window("a", max_points=50, features=[1], after=10)
    assert window["rows"] == 990
    assert window["position"].tolist() == list(range(950, 1000))
    assert window["last"] == history.stats()["newest"]


def test_values_out_of_all_bounds_become_null(history: History) -> None:
    insights = Machine(["a"], 3, start=NOW).tick()
    insights.observed[0] = [1e300, np.inf, np.nan]
    history.push(insights)
    history.flush()
    assert history.stats()["rows"] == 1


def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "history.sqlite").write_bytes(b"not a database at all, but long enough to look" * 40)
    with pytest.raises(ModelError, match="Move it away"):
        History(tmp_path)
    with pytest.raises(TacitError, match="does not exist"):
        History(tmp_path / "nowhere" / "h.sqlite")


def test_a_disk_that_refuses_is_counted_and_shown(history: History) -> None:
    history._store.db.execute("pragma max_page_count = 1")
    machine = Machine(["a"], 200, start=NOW)
    for _ in range(300):
        history.push(machine.tick())
    until = time.monotonic() + 5
    while not history.stats()["write_failed"] and time.monotonic() < until:
        time.sleep(0.01)
    stats = history.stats()
    assert stats["write_failed"] > 0
    assert "full" in stats["error"]


def test_a_temporary_history_is_gone_after_close() -> None:
    history = History()
    folder = history.path.parent
    assert folder.exists()
    history.close()
    assert not folder.exists()

"""Fault recordings: reading, the yardstick of leaving the quiet range, and what counts as which alert."""

import gzip

import numpy as np
import pytest

from benchmarks.host_faults import episodes, false_alerts, judge, run, shows
from benchmarks.readings import Readings
from benchmarks.recording import RIGHT, Fault, Recording, leaves, read, stays_out, text
from benchmarks.scorers import PEERS

NAMES = ("cpu.0", "memory.used", "net.lo.sent", "clock.offset")


def made(seconds=300, rate=4, seed=0):
    """Noise in four features, a memory leak of 30 s at 200 s, a benign burst at 100 s."""
    rng = np.random.default_rng(seed)
    t = 1e9 + np.arange(seconds * rate) / rate
    x = rng.uniform(0, 1, size=(len(t), 4))
    leak = (t >= 1e9 + 200) & (t <= 1e9 + 230)
    x[leak, 1] += np.linspace(0, 4, leak.sum())
    faults = (Fault(1e9 + 100, 1e9 + 105, "compile", -1, True, ""), Fault(1e9 + 200, 1e9 + 230, "memory_leak", 2, False, "60 MiB/s"))
    return Recording(t, x, NAMES, faults)


def test_leaves_says_which_and_when():
    r = made()
    (one,) = leaves(r, 1e9 + 200, 1e9 + 230)
    assert one.feature == "memory.used"
    assert 0.5 < one.when - (1e9 + 200) < 9
    assert one.widths == pytest.approx(4, abs=0.6)
    assert leaves(r, 1e9 + 150, 1e9 + 190) == []


def test_a_feature_already_outside_did_not_leave_because_of_the_fault():
    r = made()
    r = Recording(r.times, r.values, NAMES, (*r.faults, Fault(1e9 + 170, 1e9 + 190, "memory_leak", 0, False, "")))
    r.values[r.times >= 1e9 + 185, 1] += 5  # still high when the next fault starts, within the recovery of this one
    assert leaves(r, 1e9 + 200, 1e9 + 230) == []


def test_one_reading_outside_is_not_leaving():
    out = np.zeros((20, 1), dtype=bool)
    out[[4, 12, 15, 16]] = True
    assert np.flatnonzero(stays_out(out)).tolist() == [12]


def test_alerts_are_judged():
    r = made()
    shares = np.tile([0.1, 0.6, 0.2, 0.1], (len(r.times), 1))
    row = int(np.searchsorted(r.times, 1e9 + 204))
    got = judge(r, r.faults[1], [row, row + 20], shares)
    assert got.in_time and got.right and got.opened == 2
    assert got.reasons == ("memory.used", "net.lo.sent")
    missed = judge(r, r.faults[1], [], shares)
    assert missed.delay is None and not missed.in_time
    late = judge(r, r.faults[1], [int(np.searchsorted(r.times, 1e9 + 229))], None)
    assert not late.in_time and late.right is None


def test_false_alerts_by_place():
    r = made()
    rows = [int(np.searchsorted(r.times, 1e9 + s)) for s in (50, 102, 210, 235, 260)]
    assert false_alerts(r, rows) == (3, 1, 1)


def test_episodes_from_scores_and_from_decisions():
    t = np.arange(100) / 4 + 1e9
    score = np.zeros(100)
    score[[10, 11, 20, 95]] = 1.0
    assert episodes(t, Readings(score, score=score)) == [10, 95]
    alert = np.zeros(100, dtype=np.int64)
    alert[5:9], alert[9:12] = 1, 2
    assert episodes(t, Readings(score, alert=alert)) == [5, 9]


def test_a_growing_recording_is_read_as_far_as_it_goes(tmp_path):
    whole = "time,cpu.0,tacit.cpu\n" + "".join(f"{1e9 + i / 4:.3f},{i % 7},1\n" for i in range(4000))
    packed = gzip.compress(whole.encode())
    (tmp_path / "telemetry.csv.gz").write_bytes(packed[: len(packed) * 2 // 3])
    (tmp_path / "labels.csv").write_text(
        "start,end,name,magnitude,benign,detail\n1000000001,1000000002,cpu_hog,0,0,x\n2000000000,2000000001,cpu_hog,1,0,y\n"
    )
    part = text(tmp_path / "telemetry.csv.gz")
    assert whole.startswith(part) and part.endswith("\n") and len(part) > 1000
    got = read(tmp_path)
    assert got.names == ("cpu.0",)  # the recorder's own use is left out
    assert [f.magnitude for f in got.faults] == [0]  # the other has not happened yet


def test_every_fault_of_the_recorder_has_its_features():
    recorder = pytest.importorskip("benchmarks.record_host_faults")
    assert set(recorder.FAULTS) == set(RIGHT)


def test_a_whole_run_and_the_table_of_what_shows():
    r = made(400)
    row, outcomes = run(PEERS["ewma"](1), r)
    assert len(outcomes) == 1 and outcomes[0].left is not None
    assert row["plain: in 10 s"].endswith("of 1")
    assert "memory.used" in str(shows(r)[0])

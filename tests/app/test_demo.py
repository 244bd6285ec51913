"""`tacit demo` and what it replays: real telemetry of a machine with real faults, whole, and the greatest of them told with their reasons."""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tacit.app.recording import HOME, recording, told_of
from tacit.contracts.errors import UnknownName

KINDS = {"cpu_hog", "memory_leak", "disk_filling", "disk_storm", "network_storm", "fork_storm", "stopped_service", "clock_step", "broken_relation"}


def labels(name: str) -> list[dict[str, Any]]:
    with (recording(name) / "labels.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def read(name: str) -> tuple[list[str], list[float]]:
    """The columns, and when each reading was taken, s."""
    with gzip.open(recording(name) / "telemetry.csv.gz", "rt") as file:
        return next(file).rstrip("\n").split(","), [float(line.split(",", 1)[0]) for line in file]


@pytest.mark.parametrize("name", sorted(p.parent.name for p in HOME.glob("*/telemetry.csv.gz")))
def test_a_recording_is_whole(name: str) -> None:
    """Every kind of fault at three magnitudes, benign bursts beside them, all within the telemetry, which goes on four times a second."""
    head, times = read(name)
    assert head[0] == "time" and {"cpu.user", "memory.used", "net.lo.received", "clock.offset"} <= set(head)
    steps = [b - a for a, b in itertools.pairwise(times)]
    assert min(steps) > 0 and sum(s > 2.0 for s in steps) <= len(steps) // 1000, "no hole, but for a moment now and then"
    rows = labels(name)
    assert {r["name"] for r in rows if r["benign"] == "0"} == KINDS and {r["name"] for r in rows if r["benign"] == "1"} <= {"compile", "backup"}
    for kind in KINDS:
        assert {r["magnitude"] for r in rows if r["name"] == kind} == {"0", "1", "2"}
    assert all(times[0] <= float(r["start"]) < float(r["end"]) <= times[-1] for r in rows)


def test_there_are_five_recordings_of_more_than_five_hours() -> None:
    times = {p.parent.name: read(p.parent.name)[1] for p in HOME.glob("*/telemetry.csv.gz")}
    hours = {name: (when[-1] - when[0]) / 3600.0 for name, when in times.items()}
    assert set(hours) == {"host_faults", "host_faults_kept", "host_faults_last", "host_faults_more", "host_faults_untouched"}
    assert sum(hours.values()) > 5.0 and min(hours["host_faults_kept"], hours["host_faults_last"]) >= 0.98
    with pytest.raises(UnknownName, match="host_faults"):
        recording("host_fault")


def test_the_demo_replays_it_and_names_what_was_done(tmp_path: Path) -> None:
    out = tmp_path / "insights.jsonl"
    command = [sys.executable, "-m", "tacit.app.main", "demo", "--speed", "max", "--until-end", "--no-dashboard", "--learn", "off"]
    done = subprocess.run([*command, "--out", f"jsonl:{out}"], capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    insights = [json.loads(line) for line in out.read_text().splitlines()]
    with gzip.open(recording("host_faults") / "telemetry.csv.gz", "rt") as file:
        assert len(insights) == sum(1 for _ in file) - 1
    opened: dict[int, Any] = {}
    for insight in insights:
        if insight["alert"]:
            opened.setdefault(insight["alert"], insight)
    when = {id: datetime.fromisoformat(i["time"]).timestamp() for id, i in opened.items()}
    for name, feature, magnitude in (("network_storm", "net.lo.", "1"), ("network_storm", "net.lo.", "2")):
        (fault,) = [r for r in labels("host_faults") if (r["name"], r["magnitude"]) == (name, magnitude)]
        inside = [opened[id] for id, t in when.items() if float(fault["start"]) <= t <= float(fault["start"]) + 15]
        assert inside, f"{name}: no alert within fifteen seconds"
        assert any(feature in reason[0] for reason in inside[0]["reasons"]), inside[0]["reasons"]
        assert inside[0]["sentence"]
    real = [r for r in labels("host_faults") if r["benign"] == "0"]
    told = sum(any(float(r["start"]) <= t <= float(r["start"]) + 10 for t in when.values()) for r in real)
    late = sum(any(float(r["start"]) <= t <= float(r["end"]) for t in when.values()) for r in real) - told
    false = sum(not any(float(r["start"]) <= t <= float(r["end"]) + 20 for r in real) for t in when.values())
    assert f"{told} of {len(real)} faults told within 10 s, {late} later, {len(real) - told - late} not; false alerts: {false}, and" in done.stderr
    assert re.search(r"^02:30:55  network_storm 2 +told after \d\.\d s +200 MiB/s over loopback$", done.stderr, re.MULTILINE), done.stderr


def test_which_faults_were_told() -> None:
    """In time, late, not at all; an alert after a fault is apart from a false one, and what is not over yet is not judged."""
    first, second, third = [r for r in labels("host_faults") if r["benign"] == "0"][:3]
    starts = [float(r["start"]) for r in (first, second, third)]
    alerts = [starts[0] - 30, starts[0] + 3.5, starts[0] + 5, float(first["end"]) + 5, starts[1] + 12]
    rows, said = told_of("host_faults", alerts, float(third["end"]))
    assert [r["alert"] for r in rows] == ["told after 3.5 s", "late, after 12.0 s", "not told"]
    assert rows[0]["fault"] == f"{first['name']} {first['magnitude']}" and rows[0]["what was done"] == first["detail"]
    assert said == "1 of 3 faults told within 10 s, 1 later, 1 not; false alerts: 1, and 1 in the 20 s after a fault"
    assert told_of("host_faults", alerts, float(second["end"]))[1].startswith("1 of 2 faults")
    assert told_of("host_faults", [], starts[0])[0] == []

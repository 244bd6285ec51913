"""The recordings in the package: real telemetry with labelled faults, and which of these a replay told.

A fault is told in time by an alert that opens within 10 s of its start, late by one before its end. False are alerts that open
neither in a fault nor in the 20 s after one, in which the machine finds back; benign bursts are no faults.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from pathlib import Path

from tacit.contracts.errors import UnknownName

HOME = Path(__file__).parent.parent / "demo"
IN_TIME, RECOVERY = 10.0, 20.0  # seconds


def recording(name: str) -> Path:
    """The folder of a recording: telemetry.csv.gz and labels.csv. Raises UnknownName."""
    known = sorted(p.parent.name for p in HOME.glob("*/telemetry.csv.gz"))
    if name not in known:
        raise UnknownName("recording", name, known)
    return HOME / name


def told_of(name: str, alerts: Sequence[float], until: float) -> tuple[list[dict[str, str]], str]:
    """One row a fault that was over by `until`, and the sum in a sentence. alerts: when each opened, and until: event time in seconds."""
    with (recording(name) / "labels.csv").open(newline="", encoding="utf-8") as file:
        faults = [(float(r["start"]), float(r["end"]), r) for r in csv.DictReader(file) if r["benign"] == "0"]
    rows: list[dict[str, str]] = []
    soon = late = 0
    for start, end, label in faults:
        if end > until:
            continue
        delay = min((t - start for t in alerts if start <= t <= end), default=None)
        in_time = delay is not None and delay <= IN_TIME
        soon, late = soon + in_time, late + (delay is not None and not in_time)
        said = "not told" if delay is None else f"{'told' if in_time else 'late,'} after {delay:.1f} s"
        began = time.strftime("%H:%M:%S", time.gmtime(start))  # as alerts are printed
        rows.append({"began": began, "fault": f"{label['name']} {label['magnitude']}", "alert": said, "what was done": label["detail"]})
    outside = [t for t in alerts if not any(start <= t <= end for start, end, _ in faults)]
    after = sum(any(end < t <= end + RECOVERY for _, end, _ in faults) for t in outside)
    told = f"{soon} of {len(rows)} faults told within {IN_TIME:.0f} s, {late} later, {len(rows) - soon - late} not"
    return rows, f"{told}; false alerts: {len(outside) - after}, and {after} in the {RECOVERY:.0f} s after a fault"

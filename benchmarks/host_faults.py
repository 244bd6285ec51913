"""Real faults in a machine's own telemetry: what shows, what is alerted, how soon and for which reason.

    python -m benchmarks.host_faults FOLDER … [--scorers tacit ewma krcf_why …] [--shows] [--out FILE]

FOLDER holds a recording of record_host_faults.py. Each detector reads it once, from its first reading, with no
label. An alert is an episode that opens: the detector's own decision, or (for those that take none) a calibrated
score >= 0.9999, closed after 15 s without one. For each fault: when a feature of its own kind left the range of
the quiet time before it (recording.py says how); whether an episode opened between its start and 10 s after that
leaving; whether a right feature is among the first two reasons there; how many episodes opened during it. False
alerts are episodes that open outside faults, benign bursts included; those within 20 s after a fault's end are
"recovery", counted apart. --shows prints only which faults leave which range, with quiet stretches as control.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.metrics import average_precision
from benchmarks.readings import Readings, Scorer
from benchmarks.recording import RECOVERY, RIGHT, Fault, Leaving, Recording, leaves, read
from benchmarks.scorers import PEERS
from benchmarks.tables import markdown, write

FIXED, CLOSE_AFTER, IN_TIME = 0.9999, 15.0, 10.0


def episodes(times: NDArray[np.float64], readings: Readings) -> list[int]:
    """Rows at which an episode opens."""
    if readings.alert is not None:
        alert = readings.alert
        return np.flatnonzero((alert > 0) & (alert != np.r_[0, alert[:-1]])).tolist()  # type: ignore[no-any-return]
    over = np.flatnonzero(np.nan_to_num(readings.calibrated(), nan=0.0) >= FIXED)
    return [int(r) for k, r in enumerate(over) if k == 0 or times[r] - times[over[k - 1]] > CLOSE_AFTER]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fault under one detector. left: the first right feature to leave; delay: seconds from there to the alert."""

    fault: Fault
    left: Leaving | None
    delay: float | None
    right: bool | None
    opened: int
    reasons: tuple[str, ...]

    @property
    def in_time(self) -> bool:
        return self.delay is not None and self.delay <= IN_TIME

    def row(self) -> dict[str, object]:
        return {
            "fault": f"{self.fault.name} {self.fault.magnitude}",
            "detail": self.fault.detail,
            "left": "no" if self.left is None else f"{self.left.feature} after {self.left.when - self.fault.start:.1f} s",
            "alert s": "–" if self.delay is None else f"{self.delay:.1f}",
            "right": "–" if self.right is None else "yes" if self.right else "no",
            "reasons": ", ".join(self.reasons),
            "episodes": self.opened,
        }


def judge(recording: Recording, fault: Fault, opened: Sequence[int], shares: NDArray[np.float64] | None, tails: float = 0.0) -> Outcome:
    """Delay counts from the leaving where there is one, else from the start."""
    mine = set(recording.columns(RIGHT[fault.name]).tolist())
    gone = [one for one in leaves(recording, fault.start, fault.end, tails) if one.column in mine]
    rows = [r for r in opened if fault.start <= recording.times[r] <= fault.end]
    if not rows:
        return Outcome(fault, gone[0] if gone else None, None, None, 0, ())
    first = rows[0]
    since = gone[0].when if gone else fault.start
    top = [] if shares is None else np.argsort(-shares[first], kind="stable")[:2].tolist()
    named = tuple(recording.names[j] for j in top)
    right = None if shares is None else any(j in mine for j in top)
    return Outcome(fault, gone[0] if gone else None, float(recording.times[first] - since), right, len(rows), named)


def false_alerts(recording: Recording, opened: Sequence[int]) -> tuple[int, int, int]:
    """(outside faults, of these inside benign bursts, recovery)."""
    outside = burst = recovery = 0
    for r in opened:
        t = recording.times[r]
        real = [f for f in recording.faults if not f.benign]
        if any(f.start <= t <= f.end for f in real):
            continue
        if any(f.end < t <= f.end + RECOVERY for f in real):
            recovery += 1
            continue
        outside += 1
        burst += any(f.start <= t <= f.end + CLOSE_AFTER for f in recording.faults if f.benign)
    return outside, burst, recovery


def row_precision(recording: Recording, readings: Readings) -> float:
    """Average precision of the surprise, rows of faults against quiet rows (bursts among them): no threshold, no alert."""
    t, fault = recording.times, np.zeros(len(recording.times), dtype=bool)
    for f in recording.faults:
        if not f.benign and not f.refused:
            fault |= (t >= f.start) & (t <= f.end)
    rows = fault | recording.quiet()
    return average_precision(fault[rows], readings.surprise[rows])


def run(scorer: Scorer, recording: Recording, tails: float = 0.0) -> tuple[dict[str, object], list[Outcome]]:
    """(one row of the table of detectors, the outcome of every fault)."""
    nanoseconds = (recording.times * 1e9).astype(np.int64)
    readings = scorer.run(nanoseconds, recording.values, None, 0)
    opened = episodes(recording.times, readings)
    outcomes = [judge(recording, f, opened, readings.shares, tails) for f in recording.faults if not f.benign and not f.refused]
    outside, burst, recovery = false_alerts(recording, opened)
    hours = float(recording.quiet().sum() * np.median(np.diff(recording.times)) / 3600)
    row: dict[str, object] = {"detector": scorer.name, "AP of rows": row_precision(recording, readings)}
    for kind in ("plain", "slow", "relation"):
        those = [o for o in outcomes if o.fault.kind == kind and o.left is not None]
        row[f"{kind}: in 10 s"] = f"{sum(o.in_time for o in those)} of {len(those)}"
        told = [o for o in those if o.in_time and o.right is not None]
        row[f"{kind}: right"] = f"{sum(bool(o.right) for o in told)} of {len(told)}" if told else "–"
    hidden = [o for o in outcomes if o.left is None]
    row["in range, alerted"] = f"{sum(o.delay is not None for o in hidden)} of {len(hidden)}"
    row["episodes a fault"] = float(np.mean([o.opened for o in outcomes if o.opened])) if any(o.opened for o in outcomes) else float("nan")
    return row | {"false an hour": outside / hours, "in bursts": burst, "recovery": recovery, "quiet h": hours}, outcomes


# ---------------------------------------------------------------- which faults show at all
def shows(recording: Recording) -> list[dict[str, object]]:
    """One row a fault: right features that left the quiet range, when, how far; and others."""
    rows = []
    for f in sorted((f for f in recording.faults if not f.benign), key=lambda f: (f.name, f.magnitude, f.start)):
        mine = set(recording.columns(RIGHT[f.name]).tolist())
        full = leaves(recording, f.start, f.end)
        most = leaves(recording, f.start, f.end, tails=0.001)
        right = [one for one in full if one.column in mine]
        told = [f"{one.feature} {one.when - f.start:.1f} s ({one.widths:.2g})" for one in right[:3]]
        inner = [one for one in most if one.column in mine]
        rows.append(
            {
                "fault": f"{f.name} {f.magnitude}",
                "detail": f.detail,
                "s": round(f.end - f.start),
                "left min … max: first right features (widths beyond)": ", ".join(told) or "none",
                "right, other": f"{len(right)}, {len(full) - len(right)}",
                "left 0.1 … 99.9 %": f"{inner[0].feature} {inner[0].when - f.start:.1f} s" if inner else "none",
            }
        )
    return rows


def control(recording: Recording, seconds: float = 70.0) -> str:
    """How often a quiet stretch as long as a fault would be said to leave: what chance alone gives."""
    calm, t = recording.quiet(), recording.times
    tried, any_left, by_kind = 0, 0, dict.fromkeys(RIGHT, 0)
    for start in np.arange(t[0] + 600, t[-1] - seconds, seconds):
        inside = (t >= start) & (t <= start + seconds)
        if not calm[inside].all():
            continue
        tried += 1
        gone = {one.column for one in leaves(recording, float(start), float(start) + seconds, calm=calm)}
        any_left += bool(gone)
        for name, patterns in RIGHT.items():
            by_kind[name] += bool(gone & set(recording.columns(patterns).tolist()))
    kinds = ", ".join(f"{name} {count}" for name, count in by_kind.items() if count)
    return f"Control: of {tried} quiet stretches of {seconds:.0f} s, {any_left} see some feature leave by chance ({kinds or 'none'} by kind)."


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument(
        "--scorers", nargs="+", default=["range", "ewma", "gaussian", "hst", "krcf_why", "tacit", "tacit_hourly"], choices=sorted(PEERS)
    )
    parser.add_argument("--shows", action="store_true", help="only which faults show, no detector")
    parser.add_argument("--tails", type=float, default=0.0, help="quiet range: 0 = min … max, 0.001 = its 0.1 … 99.9 %%")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    tables: list[tuple[str, list[dict[str, object]]]] = []
    for k, folder in enumerate(given.folders):
        recording = read(folder)
        title = f"## Recording {k + 1}: {(recording.times[-1] - recording.times[0]) / 60:.0f} minutes, {len(recording.names)} features"
        refused = [f"{f.name} {f.magnitude}: {f.detail}" for f in recording.faults if f.refused]
        title += "\n\nForbidden here: " + "; ".join(refused) if refused else ""
        if given.shows:
            tables.append((f"{title}\n\n{control(recording)}", shows(recording)))
            continue
        rows = []
        for name in given.scorers:
            row, outcomes = run(PEERS[name](given.seed), recording, given.tails)
            rows.append(row)
            tables.append((f"### {row['detector']}, fault by fault", [o.row() for o in outcomes]))
            print(markdown([row]), flush=True)
        tables.insert(len(tables) - len(rows), (title, rows))
    write(given.out, "Faults in host telemetry", (__doc__ or ""), tables)


if __name__ == "__main__":
    main()

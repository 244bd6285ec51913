"""SMD and SKAB: average precision, VUS-PR, calibration and delay, side by side.

    python -m benchmarks.detection [--sets smd skab skab_on] [--scorers ewma hst krcf forest …] [--seeds 3] [--out FILE]

smd: each machine's train part then its test part as one stream, evaluated on the test part. skab: each file
alone, its first 400 rows are history, the rest is evaluated. skab_on: the recording without faults and then all
files as one stream that never starts anew, the same rows evaluated. Every detector reads test-then-train and
gets no label; the isolation forest fits on the history alone. AP and VUS-PR (buffers 0 … 100 rows) are means
over machines or files. "over .99" is the share of normal rows with score >= 0.99, divided by 0.01: 1 is as
promised, 0.5 to 2 the target; normal rows lie in the evaluated part and at least 60 rows from any labelled one.
"free" is the same on SKAB's recording without faults, second half. Detectors without a calibrated score get one
streaming tail (calibrate.py). "found": faults with a row of score >= 0.999 inside; delay: median seconds to it.
"promoted": encoders put in place, of attempts, over all streams and seeds. tacit_learning is tacit as it learns by
default; tacit_encoder and tacit_untrained have an encoder put in place without a trial (standing_encoder.py).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.corpora import Stream, skab, skab_fault_free, skab_labels, smd, smd_labels
from benchmarks.metrics import Exceedance, average_precision, best_f1, delays, exceedance, far_from_faults, vus_pr
from benchmarks.readings import Readings, Scorer
from benchmarks.scorers import PEERS, SEEDED, USUAL
from benchmarks.tables import markdown, write

MARGIN = 60  # rows around a fault that count neither as fault nor as fault-free time
ALERT = 0.999


@dataclass(frozen=True, slots=True)
class Part:
    """One machine or file: the evaluated rows `first` … `first + len(labels)` of its stream."""

    name: str
    first: int
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of one part."""

    part: str
    ap: float
    vus: float
    f1: float
    over: list[Exceedance]
    delay: NDArray[np.float64]


def measure(part: Part, readings: Readings, score: NDArray[np.float64], times: NDArray[np.int64]) -> Measured:
    """All figures of one part of one stream. score: [n], calibrated over the whole stream."""
    rows = slice(part.first, part.first + len(part.labels))
    surprise, score = readings.surprise[rows], score[rows]
    alerts = np.nan_to_num(score, nan=0.0) >= ALERT
    return Measured(
        part.name,
        average_precision(part.labels, surprise),
        vus_pr(part.labels, surprise),
        best_f1(part.labels, surprise),
        exceedance(score, far_from_faults(part.labels, MARGIN)),
        delays(part.labels, alerts, times[rows]),
    )


def jobs(name: str) -> list[tuple[Stream, list[Part]]]:
    """The streams of a set, each with the parts of it that are evaluated."""
    if name == "smd":
        return [(s, [Part(s.name, s.train, smd_labels(s.name))]) for s in smd()]
    files = list(skab())
    if name == "skab":
        return [(s, [Part(s.name, s.train, skab_labels(s.name)[s.train :])]) for s in files]
    free = skab_fault_free()
    at, parts = len(free.times), []
    for s in files:
        parts.append(Part(s.name, at + s.train, skab_labels(s.name)[s.train :]))
        at += len(s.times)
    every = [free, *files]
    joined = replace(free, name="skab", train=len(free.times), values=np.vstack([s.values for s in every]), times=in_order(every))
    return [(joined, parts)]


def in_order(streams: Sequence[Stream]) -> NDArray[np.int64]:
    """Times of several recordings end to end, ten minutes between them: their own clocks overlap."""
    out, at = [], 0
    for s in streams:
        moved = np.maximum.accumulate(s.times - s.times[0]) + at
        out.append(moved)
        at = int(moved[-1]) + 600 * 10**9
    return np.concatenate(out)


def summary(
    scorer: str, runs: Sequence[Sequence[Measured]], spent: float, free: list[Exceedance] | None, tried: Sequence[tuple[int, int]]
) -> dict[str, object]:
    """One row of the table: means over parts and seeds, ± the deviation between seeds; counts are pooled. tried: (promoted, attempts) a stream."""
    every = [m for run in runs for m in run]
    pooled = [sum(m.over[k].passed for m in every) / max(sum(m.over[k].rows for m in every), 1) for k in range(2)]
    delay = np.concatenate([m.delay for m in every])
    found = delay[np.isfinite(delay)]
    row: dict[str, object] = {
        "detector": scorer,
        "AP": spread([float(np.mean([m.ap for m in run])) for run in runs]),
        "VUS-PR": spread([float(np.mean([m.vus for m in run])) for run in runs]),
        "best F1": float(np.mean([m.f1 for m in every])),
        "over .99": pooled[0] / 0.01,
        "over .999": pooled[1] / 0.001,
        "found": f"{len(found) / len(runs):.3g} of {len(delay) // len(runs)}",
        "delay s": float(np.median(found)) if len(found) else float("nan"),
        "promoted": f"{sum(one for one, _ in tried)} of {sum(all_of for _, all_of in tried)}" if tried else "–",
    }
    if free is not None:
        row["free .99"], row["free .999"] = free[0].ratio, free[1].ratio
    return row | {"seeds": len(runs), "CPU s a run": spent / len(runs)}


def spread(values: Sequence[float]) -> str:
    """Mean, and the deviation between seeds where there are several."""
    return f"{np.mean(values):.3f}" + (f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else "")


def run(scorers: Sequence[Scorer], name: str) -> tuple[dict[str, object], dict[str, object]]:
    """One detector, once a seed: (the row of means, the row of AP / VUS-PR by part)."""
    runs, began = [], time.process_time()
    work, tried = jobs(name), []
    for scorer in scorers:
        measured: list[Measured] = []
        for stream, parts in work:
            readings = scorer.run(stream.times, stream.values, None, stream.train)
            score = readings.calibrated()
            tried += [] if readings.promoted is None else [readings.promoted]
            measured += [measure(part, readings, score, stream.times) for part in parts]
        runs.append(measured)
    spent, free = time.process_time() - began, None
    if name == "skab":
        alone = skab_fault_free()
        score = scorers[0].run(alone.times, alone.values, None, alone.train).calibrated()
        free = exceedance(score, np.arange(len(score)) >= alone.train)
    by_part: dict[str, object] = {"detector": scorers[0].name}
    for same in zip(*runs, strict=True):
        by_part[same[0].part] = f"{np.mean([m.ap for m in same]):.3f} / {np.mean([m.vus for m in same]):.3f}"
    return summary(scorers[0].name, runs, spent, free, tried), by_part


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=["smd", "skab", "skab_on"], choices=["smd", "skab", "skab_on"])
    parser.add_argument("--scorers", nargs="+", default=[*USUAL], choices=sorted(PEERS))
    parser.add_argument("--seeds", type=int, default=3, help="runs of each detector that draws at random")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    tables: list[tuple[str, list[dict[str, object]]]] = []
    for name in given.sets:
        rows, parts = [], []
        for scorer in given.scorers:
            seeds = range(1, given.seeds + 1 if scorer in SEEDED else 2)
            row, by_part = run([PEERS[scorer](seed) for seed in seeds], name)
            rows.append(row)
            parts.append(by_part)
            print(name, markdown([row]), flush=True)
        tables.append((f"## {name}", rows))
        if name == "smd":
            tables.append(("AP / VUS-PR by machine:", parts))
    write(given.out, "Detection on SMD and SKAB", (__doc__ or ""), tables)


if __name__ == "__main__":
    main()

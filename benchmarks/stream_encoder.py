"""Does an encoder learned from a stream's past beat ridge on simple features? A table, per set and horizon.

    TACIT_DATA=FOLDER python -m benchmarks.stream_encoder [--sets smd-1-6,etth1] [--steps 400] [--seeds 3] [--recording telemetry.csv.gz]

The encoder learns from the first part of a stream (reservoir-like windows of 128 events, the newest fifth held out), is frozen and tested
on what follows; all heads run test-then-train from the stream's first event. Gains are relative to the simple bank, in percent of
its capped squared error in z units, 95 % block bootstrap; labels are never read.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.stream_bank import Array, Stream, bank, data_folder, forecast_losses, half_lives, means, streams
from tacit.evaluation.comparison import CELL, relative_gain, student_quantile
from tacit.export.twin import to_weights
from tacit.heads import encode
from tacit.learning.stream_training import train
from tacit.nets.recurrent import RecurrentEncoder
from tacit.pretext.streams.stream_task import Windows

LENGTH, MOST = 128, 1024
SPANS = ((0.4, 1.0), (0.4, 0.55), (0.7, 0.85))  # learned up to, tested up to: shares of the stream
TASKS = {"predictive": 1.0}
ALL_TASKS = {"predictive": 1.0, "masked": 0.1, "contrastive": 0.02}


def windows_of(s: Stream, cut: int) -> tuple[Windows, Windows]:
    """(to learn from, held out): the newest windows before `cut`, end to end."""
    n = min(cut // LENGTH, MOST)
    parts = [part[cut - n * LENGTH : cut] for part in (s.z, s.valid, s.dt)]
    whole = [torch.from_numpy(np.ascontiguousarray(part.reshape(n, LENGTH, *part.shape[1:]))) for part in parts]
    old = n - max(2, n // 5)
    return Windows(*(part[:old] for part in whole)), Windows(*(part[old:] for part in whole))


def tokens_of(encoder: RecurrentEncoder, s: Stream) -> Array:
    """[T, E], by the twin."""
    weights = to_weights(encoder)
    out = np.zeros((len(s.z), encode.embedding_width(weights)), np.float32)
    encode.steps(weights, s.z, s.valid, s.dt, np.zeros(encode.state_width(weights), np.float32), out)
    return out


def gain(champion: Array, challenger: Array) -> tuple[float, float]:
    """(gain, half-width of its 95 % interval) in percent; losses [n]."""
    n = len(champion) // CELL * CELL
    cells = np.stack([side[:n].astype(np.float64).reshape(-1, CELL).mean(1) for side in (champion, challenger)], axis=1)
    share, deviation, freedom = relative_gain(cells)
    return 100 * share, 100 * deviation * student_quantile(0.975, freedom)


def row(name: str, runs: list[Array], base: Array, a: int, b: int) -> str:
    """One line of the table: mean over runs (seeds), the widest interval of one, and the range where there are several."""
    cells = []
    for h in (0, 1):
        found = [gain(base[a:b, h], run[a:b, h]) for run in runs]
        text = f"{np.mean([g for g, _ in found]):+.1f} ± {max(w for _, w in found):.1f}"
        cells.append(text + (f" ({min(g for g, _ in found):+.1f} … {max(g for g, _ in found):+.1f})" if len(found) > 1 else ""))
    return f"| {name} | {cells[0]} | {cells[1]} |"


def compare(s: Stream, steps: int, seeds: int) -> None:
    """Prints the tables of one stream."""
    T, F = s.z.shape
    simple = means(s.z, np.array(half_lives(F)))
    base = forecast_losses(bank(s, simple), s.z, s.valid)
    alone = forecast_losses(bank(s, None), s.z, s.valid)
    made: dict[float, dict[str, list[Array]]] = {}
    for start, stop in SPANS:
        a, b = int(start * T), int(stop * T)
        if start not in made:
            begun = time.monotonic()
            made[start] = {"untrained": [], "linear start": [], "learned": [], "learned, and the means": [], "learned by all three tasks": []}
            old, new = windows_of(s, a)
            for seed in range(seeds):
                for name, tasks in (("untrained", None), ("linear start", None), ("learned", TASKS), ("learned by all three tasks", ALL_TASKS)):
                    if seed > 0 and name in ("linear start", "learned by all three tasks"):
                        continue
                    encoder = RecurrentEncoder(F, half_lives(F), seed=seed)
                    if tasks is not None:
                        train(old, new, encoder, tasks, seed, steps=steps)
                    else:
                        if name == "linear start":
                            encoder.start_linear(*old)
                        encoder.standardise(*old)
                    tokens = tokens_of(encoder, s)
                    made[start][name].append(forecast_losses(bank(s, tokens), s.z, s.valid))
                    if name == "learned":
                        both = np.concatenate([simple, tokens], axis=1)
                        made[start]["learned, and the means"].append(forecast_losses(bank(s, both), s.z, s.valid))
            print(f"<!-- {s.name}, up to {start:.0%}: {time.monotonic() - begun:.0f} s -->")
        losses = base[a:b].mean(0)
        print(f"\n**{s.name}**, {F} features, learned from {a} events, tested on {b - a} (simple bank: {losses[0]:.4f}, {losses[1]:.4f})\n")
        print("| in place of the means | 1 step | 16 steps |\n|---|---|---|")
        print(row("nothing (last reading)", [alone], base, a, b))
        for name, runs in made[start].items():
            print(row(name, runs, base, a, b), flush=True)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", default="")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recording", type=Path, help="telemetry as CSV or CSV.gz, time in the first column")
    given = parser.parse_args()
    torch.set_num_threads(1)
    os.nice(5)
    wanted = set(given.sets.split(",")) - {""}
    for s in streams(data_folder(), given.recording):
        if not wanted or s.name in wanted:
            compare(s, given.steps, given.seeds)


if __name__ == "__main__":
    main()

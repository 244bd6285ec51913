"""How often is an encoder promoted: on white noise, where none may be, and on real streams, at four moments of each.

    TACIT_DATA=FOLDER python -m benchmarks.stream_promotion [--noise 20] [--steps 200] [--sets etth1] [--recording telemetry.csv.gz] [--out FILE]

A real attempt each time: windows of the past, the worker's training, then a trial against the simple bank on what follows, as a first
attempt (the whole error budget's largest share). Heads learn test-then-train from the stream's first event on both sides.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import torch

from benchmarks.stream_bank import Stream, bank, data_folder, forecast_losses, half_lives, means, stream, streams
from benchmarks.stream_encoder import TASKS, tokens_of, windows_of
from benchmarks.tables import markdown, write
from tacit.evaluation.comparison import Trial, Verdict
from tacit.learning.stream_training import train
from tacit.learning.worker import LEARNED
from tacit.nets.recurrent import RecurrentEncoder

MOMENTS = (0.3, 0.45, 0.6, 0.75)
MOST = 20_000  # events of a trial


def attempt(s: Stream, cut: int, steps: int, seed: int) -> Verdict:
    """One attempt with what came before `cut`, tried on what comes after."""
    encoder = RecurrentEncoder(s.z.shape[1], half_lives(s.z.shape[1]), seed=seed)
    trained = train(*windows_of(s, cut), encoder, TASKS, seed, steps=steps)
    if trained.best > (1 - LEARNED) * trained.first:
        return Verdict("refuse", 0.0, 0.0, 0.0, 0, "nothing learned")
    simple = means(s.z, np.array(half_lives(s.z.shape[1])))
    sides = [forecast_losses(bank(s, extra), s.z, s.valid)[cut:].mean(1) for extra in (simple, tokens_of(encoder, s))]
    trial = Trial(1, 2_000, max(2_000, min(len(sides[0]), MOST)))
    trial.add(sides[0], sides[1])
    return trial.verdict()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--noise", type=int, default=20)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--sets", default="")
    parser.add_argument("--recording", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    os.nice(5)
    noise, rows = [], []
    for seed in range(given.noise):
        x = np.random.default_rng(seed).standard_normal((12_000, 4))
        noise.append(attempt(stream("noise", x, np.arange(12_000.0)), 4_000, given.steps, seed))
    if noise:
        none, promoted = sum(v.n == 0 for v in noise), sum(v.state == "promote" for v in noise)
        rows.append(
            {"stream": "white noise (simulated)", "attempts": len(noise), "promoted": promoted, "gain, % of the loss": f"{none} learned nothing"}
        )
        print(markdown(rows[-1:]), flush=True)
    wanted = set(given.sets.split(",")) - {""}
    for s in streams(data_folder(), given.recording):
        if not wanted or s.name in wanted:
            found = [attempt(s, int(share * len(s.z)), given.steps, seed) for seed, share in enumerate(MOMENTS)]
            gains_text = ", ".join(
                (f"{100 * v.gain:+.1f}" if v.n else "nothing learned") + (" promoted" if v.state == "promote" else "") for v in found
            )
            promoted = sum(v.state == "promote" for v in found)
            rows.append({"stream": s.name, "attempts": len(found), "promoted": promoted, "gain, % of the loss": gains_text})
            print(markdown(rows[-1:]), flush=True)
    write(given.out, "How often an encoder is promoted", __doc__ or "", [("", rows)])


if __name__ == "__main__":
    main()

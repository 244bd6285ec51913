"""Worker: learns an encoder from a file of windows, in a process of its own.

    python -m tacit.learning.worker --windows FILE.npz --out DIR --seed N (--steps N | --seconds S)
        [--start ENCODER_DIR] [--tasks predictive=1,masked=0.1,contrastive=0.02] [--share .5]

FILE holds z [N, L, F] float32, valid [N, L, F] bool, dt [N, L] float32 seconds and time [N]; the newest fifth by `time` is held
out. Seconds are of processor time; --share is the most of one core that its steps use. Progress goes to standard output, one JSON
object a line; the last has "done" with what was written, or "refused" with the reason (leaving code 3, and no folder). DIR appears
whole or not at all. The same windows, seed and --steps give the same hash on the same machine and versions: one thread, one
generator, no clock.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tacit.contracts.errors import ModelError, TacitError, UnknownName
from tacit.export import folder
from tacit.heads.layout import HALF_LIVES, memories
from tacit.learning.stream_training import Trained, train
from tacit.nets.recurrent import RecurrentEncoder
from tacit.pretext.streams.stream_task import Windows

HELD_OUT = 0.2
LEAST = 8  # windows
COLLAPSED = 2.0  # effective rank below which nothing is written
TASKS = "predictive=1"  # the others cost the forecast a little on every set tried (docs/log.md)
LEARNED = 0.003  # share of the held-out loss that training must save; white noise saves at most 0.0002
REFUSED = 3


def read_windows(path: Path) -> tuple[Windows, Windows, dict[str, Any]]:
    """(to learn from, held out, facts), by time. Raises ModelError where the file can't be used."""
    try:
        with np.load(path, allow_pickle=False) as parts:
            z, valid, dt, when = (parts[name] for name in ("z", "valid", "dt", "time"))
    except Exception as error:
        raise ModelError(f"the windows in {path} can't be read: {error}.", "It takes arrays z, valid, dt and time.") from error
    if not (z.ndim == 3 and valid.shape == z.shape and dt.shape == z.shape[:2] and when.shape == z.shape[:1]):
        raise ModelError(f"the windows in {path} don't fit together: z {z.shape}, valid {valid.shape}, dt {dt.shape}, time {when.shape}.")
    if len(z) < LEAST or z.shape[1] < 32:
        raise ModelError(f"{len(z)} windows of {z.shape[1]} events are too few to learn from.", f"At least {LEAST} of 32 are needed.")
    if not (np.isfinite(z).all() and np.isfinite(dt).all()):
        raise ModelError(f"the windows in {path} hold values that are not finite.", "Missing values are 0 with valid = False.")
    order = np.argsort(when, kind="stable")
    cut = len(z) - max(2, int(HELD_OUT * len(z)))
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(a[order]).tobytes() for a in (z, valid, dt))).hexdigest()
    whole = [torch.from_numpy(np.ascontiguousarray(a[order])) for a in (z.astype(np.float32), valid.astype(bool), dt.astype(np.float32))]
    facts = {"windows": len(z), "length": z.shape[1], "held_out": len(z) - cut, "events": int(z.shape[0] * z.shape[1]), "data_sha256": digest}
    return Windows(*(a[:cut] for a in whole)), Windows(*(a[cut:] for a in whole)), facts


def parse_tasks(text: str) -> dict[str, float]:
    """ "masked=1,predictive=1" → {"masked": 1.0, "predictive": 1.0}; a weight of 0 leaves a task out."""
    try:
        pairs = (part.split("=") for part in text.split(",") if part)
        weights = {name.strip(): float(value) for name, value in pairs}
    except ValueError as error:
        raise TacitError(f"tasks are written NAME=WEIGHT,NAME=WEIGHT, not {text!r}.") from error
    if not weights or any(not 0 <= w < 1e6 for w in weights.values()):
        raise TacitError(f"weights of tasks are numbers from 0, not {text!r}.")
    return {name: weight for name, weight in weights.items() if weight > 0}


def learn(
    windows: Path,
    out: Path,
    seed: int,
    steps: int | None = None,
    seconds: float | None = None,
    start: Path | None = None,
    tasks: str = TASKS,
    share: float = 1.0,
) -> dict[str, Any]:
    """Read, train, write; returns the last line of progress. Prints all lines."""
    old, new, facts = read_windows(windows)
    features, weights = old.z.shape[2], parse_tasks(tasks)
    if start is None:
        encoder = RecurrentEncoder(features, HALF_LIVES[memories(features)], seed=seed)
    else:
        encoder, _ = folder.read(start)
        if encoder.features != features:
            raise ModelError(f"the encoder in {start} has {encoder.features} features, the windows have {features}.", "Learn without --start.")
    begun = time.process_time()
    trained = train(old, new, encoder, weights, seed, steps, seconds, fresh=start is None, report=say, share=share)
    reason = _refusal(trained)
    last: dict[str, Any] = {
        "step": trained.steps,
        "loss": trained.curve[-1][1],
        "held_out": trained.best,
        "linear": trained.first,
        "rank": round(trained.rank, 2),
        "seconds": round(time.process_time() - begun, 2),
    }
    if reason:
        last["refused"] = reason
    else:
        about = {
            "tasks": weights,
            "seed": seed,
            "steps": trained.steps,
            "losses": trained.curve,
            "held_out_linear": trained.first,
            "held_out_best": trained.best,
            "rank": trained.rank,
            "start": str(start.name) if start is not None else None,
            "data": facts,
            "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        }
        check = new.take(np.arange(min(4, len(new.z))))
        last["done"] = str(out)
        last["sha256"] = folder.write(encoder, out, about, *(part.numpy() for part in check))
    say(last)
    return last


def _refusal(trained: Trained) -> str:
    """Why nothing is to be written, or nothing.

    Forecasts as features need less of the heads than the means do: without the last rule an encoder that is the linear forecast
    and nothing else is better by 0.1 to 1 % and promoted, on white noise too.
    """
    if trained.rank < COLLAPSED:
        return f"collapsed: effective rank {trained.rank:.2f} is below {COLLAPSED}"
    if not np.isfinite(trained.best):
        return "the held-out loss is not finite"
    if trained.best > (1 - LEARNED) * trained.first:
        saved = 1 - trained.best / max(trained.first, 1e-12)
        return f"nothing learned: training saves {saved:.2%} of the held-out loss of where it started, less than {LEARNED:.1%}"
    return ""


def say(line: dict[str, Any]) -> None:
    """One line of progress; NaN is null."""
    plain = {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in line.items()}
    print(json.dumps(plain), flush=True)


def _leave(*_: object) -> None:
    raise SystemExit(128 + signal.SIGTERM)  # through `finally`: the half-written folder goes


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tacit.learning.worker", description="Learn an encoder from a file of windows.")
    parser.add_argument("--windows", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--steps", type=int)
    budget.add_argument("--seconds", type=float)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--tasks", default=TASKS)
    parser.add_argument("--share", type=float, default=1.0, help="of one core, at most")
    given = parser.parse_args(arguments)
    if not 0.0 < given.share <= 1.0:
        parser.error(f"--share {given.share:g}: it is a number above 0, and at most 1")
    signal.signal(signal.SIGTERM, _leave)
    os.nice(max(0, 10 - os.nice(0)))
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        last = learn(given.windows, given.out, given.seed, given.steps, given.seconds, given.start, given.tasks, given.share)
    except (TacitError, UnknownName) as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if "refused" in last:
        print(f"nothing was written: {last['refused']}.", file=sys.stderr)
        return REFUSED
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

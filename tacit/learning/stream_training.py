"""Training: windows in, an encoder out that is the best on the newest windows, and what became of the losses.

A start at the closed-form linear forecast; AdamW with a cosine over the budget; the held-out windows are the newest.
The weights of the best held-out forecast are kept; the last part of the budget then goes on from them over all windows
at a small rate, since what is newest is most like what comes. Nothing that is learned depends on a clock when the budget is
in steps. Where only a share of a core may be used, each step is followed by a rest.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from tacit.contracts.catalog import load
from tacit.learning.health import effective_rank
from tacit.nets.recurrent import RecurrentEncoder
from tacit.pretext.streams.predictive import Predictive
from tacit.pretext.streams.stream_task import StreamTask, Windows

BATCH = 16
LOOK_EVERY = 50  # steps, fewer where the budget is small
CLOSING = 0.25  # share of the budget for the last part
CLOSING_PACE = 0.25
PATIENCE = 12  # looks without anything better end the first part


class Trained(NamedTuple):
    """curve: [(step, loss, held-out loss)]; first and best: held-out forecast loss of the linear start and of the best; rank: effective."""

    encoder: RecurrentEncoder
    curve: list[tuple[int, float, float]]
    first: float
    best: float
    steps: int
    rank: float


class Moment(NamedTuple):
    """Seconds of processor time and of the clock."""

    used: float
    clock: float


def moment() -> Moment:
    return Moment(time.process_time(), time.monotonic())


def make_tasks(names: dict[str, float], encoder: RecurrentEncoder, seed: int) -> dict[str, StreamTask]:
    """Pretext tasks by name, with heads for this encoder."""
    units = encoder.units * len(encoder.layers)
    return {name: load("stream task", name)(encoder.features, units, seed) for name in names}


def train(
    windows: Windows,
    held: Windows,
    encoder: RecurrentEncoder,
    tasks: dict[str, float],
    seed: int,
    steps: int | None = None,
    seconds: float | None = None,
    fresh: bool = True,
    report: Callable[[dict[str, Any]], None] = lambda line: None,
    share: float = 1.0,
) -> Trained:
    """Train on `windows` [N, L, F], choose by `held`. fresh: put the linear start in first.

    tasks: {name: weight}; seconds: of processor time; share: the most of one core that the steps use; report: called with each line of progress.
    Raises UnknownName for a task that there isn't.
    """
    from tacit.learning.stream_learner import StreamLearner

    if fresh:
        encoder.start_linear(*windows)
    learner = StreamLearner(encoder, make_tasks(tasks, encoder, seed), tasks, seed)
    judge, begun = Predictive(encoder.features, 1, rate=0.0), time.process_time()
    puzzle = judge.pose(held, np.random.default_rng(0))
    every = LOOK_EVERY if steps is None else max(1, min(LOOK_EVERY, steps // 8))

    def spent() -> float:
        by_steps = learner.steps / steps if steps is not None else 0.0
        return max(by_steps, (time.process_time() - begun) / seconds if seconds is not None else 0.0)

    @torch.no_grad()
    def look() -> float:
        encoder.eval()
        return float(judge.solve(encoder, puzzle).loss)

    first = best = look()
    kept, since, curve, latest = copy.deepcopy(encoder.state_dict()), 0, [(0, math.nan, first)], math.nan
    while spent() < 1 - CLOSING and since < PATIENCE:
        began, far = moment(), min(1.0, spent() / (1 - CLOSING))
        outcome = learner.step(windows.take(learner.rng.integers(0, len(windows.z), BATCH)), 0.5 + 0.5 * math.cos(math.pi * far))
        latest = float(outcome.loss) if math.isnan(latest) else 0.95 * latest + 0.05 * float(outcome.loss)
        if learner.steps % every == 0:
            loss = look()
            since = since + 1 if not loss < best else 0
            if loss < best:
                best, kept = loss, copy.deepcopy(encoder.state_dict())
            curve.append((learner.steps, latest, loss))
            line = {
                "step": learner.steps,
                "loss": latest,
                "held_out": loss,
                "seconds": round(time.process_time() - begun, 2),
                "tasks": outcome.metrics,
            }
            report(line)
        rest(began, share)
    encoder.load_state_dict(kept)
    if best < first:
        _close(learner, windows, held, spent, share)
    encoder.eval()
    everything = Windows(*(torch.cat(pair) for pair in zip(windows, held, strict=True)))
    sample = everything.take(np.linspace(0, len(everything.z) - 1, min(256, len(everything.z))).astype(np.int64))
    encoder.standardise(*sample)
    with torch.no_grad():
        states = encoder.states(*sample)[:, sample.z.shape[1] // 2 :: 8]
    rank = effective_rank(encoder.units_of(states).flatten(0, 1))
    return Trained(encoder, curve, first, best, learner.steps, rank)


def rest(began: Moment, share: float) -> None:
    """Sleeps so long that since `began` no more than this share of one core was used; a wait for a core that others had is a rest, too."""
    if share < 1.0:
        used, gone = (now - then for now, then in zip(moment(), began, strict=True))
        time.sleep(max(0.0, used / share - gone))


def _close(learner: Any, windows: Windows, held: Windows, spent: Callable[[], float], share: float) -> None:
    """The last part: all windows, half of each batch from the newest, a small rate that falls to 0."""
    start, limit = spent(), 2 * learner.steps
    while spent() < 1.0 and learner.steps < limit:
        began, far = moment(), (spent() - start) / max(1e-9, 1.0 - start)
        old = windows.take(learner.rng.integers(0, len(windows.z), BATCH // 2))
        new = held.take(learner.rng.integers(0, len(held.z), BATCH // 2))
        both = Windows(*(torch.cat(pair) for pair in zip(old, new, strict=True)))
        learner.step(both, CLOSING_PACE * (0.5 + 0.5 * math.cos(math.pi * min(1.0, far))))
        rest(began, share)

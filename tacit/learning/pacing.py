"""Pacing: a batch that leaves enough steps in a budget of seconds, and threads that do not wait for each other.

A minute on a small processor is some dozen steps of 256 samples, and nothing is learned in them; the same minute is hundreds of steps of 32.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch

from tacit.learning.feeding import Feeder
from tacit.learning.learner import Learner
from tacit.nets.encoder import Batch

TRIAL = 32  # samples of the trial step, and the smallest batch that is chosen
ENOUGH = 300  # steps


class Pace(NamedTuple):
    """batch: samples a step; threads: of torch."""

    batch: int
    threads: int


def pace_for(seconds: float, largest: int, feeder: Feeder, make: Callable[[], Learner]) -> Pace:
    """A power of two from 32 to `largest` that leaves 300 steps in so many seconds, by the time of one step of a learner thrown away after."""
    learner = make()
    batch = Batch.of(feeder.read(feeder.rows[: min(TRIAL, largest)])).to(learner.device)
    learner.step(copy.copy(batch))  # the first pays for what is set up once
    threads, each = threads_for(lambda: learner.step(copy.copy(batch)))
    each, size = each / len(batch.values), min(TRIAL, largest)
    while 2 * size <= largest and seconds / (2 * size * each) >= ENOUGH:
        size *= 2
    return Pace(size, threads)


def threads_for(
    step: Callable[[], object], clock: Callable[[], float] = time.monotonic, spent: Callable[[], float] = time.process_time
) -> tuple[int, float]:
    """(threads that a step is taken with, its seconds).

    Threads wait for each other after every operation. On a busy machine one of them is always away, and a small step takes a hundred times as
    long as with one thread. It shows in processor time below the time on the clock: only then is one thread tried.
    """
    most = torch.get_num_threads()
    begun, used = clock(), spent()
    step()
    took, used = clock() - begun, spent() - used
    if most == 1 or used > took:
        return most, took
    torch.set_num_threads(1)
    try:
        begun = clock()
        step()
        alone = clock() - begun
    finally:
        torch.set_num_threads(most)
    return (1, alone) if alone < took else (most, took)


@contextmanager
def with_threads(threads: int) -> Iterator[None]:
    """Inside, torch works with so many."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)

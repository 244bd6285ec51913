"""Pacing: a batch that leaves enough steps in a budget of seconds. A minute on a small processor is some dozen steps of 256 samples, and
nothing is learned in them; the same minute is hundreds of steps of 32.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable

from tacit.learning.feeding import Feeder
from tacit.learning.learner import Learner
from tacit.nets.encoder import Batch

TRIAL = 32  # samples of the trial step, and the smallest batch that is chosen
ENOUGH = 300  # steps


def batch_for(seconds: float, largest: int, feeder: Feeder, make: Callable[[], Learner]) -> int:
    """A power of two from 32 to `largest` that leaves 300 steps in so many seconds, by the time of one step of a learner thrown away after."""
    if largest <= TRIAL:
        return largest
    learner = make()
    batch = Batch.of(feeder.read(feeder.rows[:TRIAL])).to(learner.device)
    learner.step(copy.copy(batch))  # the first pays for what is set up once
    begun = time.monotonic()
    learner.step(batch)
    each = (time.monotonic() - begun) / len(batch.values)
    size = TRIAL
    while 2 * size <= largest and seconds / (2 * size * each) >= ENOUGH:
        size *= 2
    return size

"""Own use: what tacit itself does to the machine that it watches, and which alerts that explains.

Learning an encoder reads torch from the disk, keeps half a core busy and fills the page cache; a dashboard that is opened moves half a MiB over the
loopback at once; `make run` installs torch meanwhile. An alert that opens while such a thing goes on, or LATELY after it, and that speaks of nearly
nothing but what it moves, is held back and says why. Where the machine is still unusual STILL after it is over, the alert is shown after all.
"""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.episode import OWN
from tacit.contracts.insight import Insights
from tacit.live.alerting import nothing
from tacit.live.model import LiveModel
from tacit.live.workers import fetched_now

if TYPE_CHECKING:
    from tacit.live.learning import Learning

BUSY = ("cpu", "load", "pressure", "memory", "swap", "disk", "processes", "switches", "interrupts", "temperature")
SERVING = ("net", "sockets", "cpu", "switches", "interrupts", "pressure.cpu", "memory.faults", "processes.running")
LEARNS, SERVES, FETCHES = "an encoder was being learned", "its dashboard was asked for something", "torch was being installed"
MOVES = {LEARNS: BUSY, SERVES: SERVING, FETCHES: (*BUSY, "net", "sockets")}  # the first parts of features' names
MOST = 0.8  # share of an alert's reasons that what we moved has to have
LATELY, STILL, AGAIN = 15.0, 60.0, 300.0  # seconds
SOME = 16  # newest events that decide whether it goes on
UNUSUAL = 0.9  # as a score, of more than half of the last ones: what lasts comes down to .95 and stays there
STAYS = {"memory.used", "memory.available", "memory.cached", "memory.slab", "swap.used", "disk.used"}  # what is read once stays in the cache


class OwnUse:
    """machine: whether the source tells of the machine that we run on; else nothing is ever excused."""

    def __init__(self, machine: bool, learning: Learning | None) -> None:
        self.machine, self.learning = machine, learning
        self._attempts = learning.attempts if learning is not None else 0
        self._asked = self._served = self._attached = -math.inf
        self.last: dict[str, float] = {}  # what went on, and when it was last seen to, by the steady clock
        self._newest: deque[tuple[float, NDArray[np.float32]]] = deque(maxlen=SOME)  # scores, and shares of the features

    def note(self, what: str) -> None:
        """This goes on now. May be called from any thread."""
        self.last[what] = time.monotonic()

    def asked(self, path: str) -> None:
        """A page asked the dashboard for this. Only what opens a page, or follows a silence, is a burst, and one in AGAIN seconds counts:
        a page that is open asks every few seconds, and must not excuse everything for as long. From any thread."""
        now = time.monotonic()
        burst = path == "/" or now - self._asked > LATELY
        self._asked = now
        if burst and now - self._served > AGAIN:
            self._served = now
            self.note(SERVES)

    def attach(self, model: LiveModel) -> None:
        """From now on this answers for the model's alerts; nothing that is held back is shown at once."""
        self._newest.clear()
        self._attached = time.monotonic()
        model.episodes.excuse = self.excuse if self.machine else nothing

    def excuse(self, shares: dict[str, float], within: float = LATELY) -> str:
        """Why an alert with these shares of its features is our own doing, or ""."""
        self._look()
        now = time.monotonic()
        going = [what for what, when in list(self.last.items()) if now - when <= within]
        moved = {part for what in going for part in MOVES[what]}
        ours = _of(shares, moved)
        return f"{OWN}: {' and '.join(going)}" if ours and ours >= MOST * sum(map(abs, shares.values())) else ""

    def see(self, model: LiveModel, insights: Insights) -> None:
        """After a micro-batch: what was held back on our account is shown where it goes on without us."""
        if not self.machine:
            return
        self._look()
        self._newest.extend(zip(insights.score[-SOME:].tolist(), insights.shares[-SOME:], strict=True))
        if len(self._newest) < SOME or time.monotonic() - self._attached <= STILL:
            return
        for id in list(model.episodes.open.values()):
            episode, shares = model.episodes.all[id], model.episodes.shares[id]
            if episode.suppressed.startswith(OWN) and not self.excuse(shares, STILL) and self._goes_on(model, shares):
                model.episodes.show(episode)

    def _goes_on(self, model: LiveModel, shares: dict[str, float]) -> bool:
        """Whether the newest events are unusual in most, by these features in the mean, and not by what we filled for good."""
        unusual = np.mean([score >= UNUSUAL for score, _ in self._newest])
        now = dict(zip((f.name for f in model.features), np.mean([row for _, row in self._newest], axis=0).tolist(), strict=False))
        stays = _of(shares, STAYS) >= 0.5 * sum(map(abs, shares.values()))
        return bool(unusual > 0.5) and not stays and sum(now.get(name, 0.0) for name in shares) >= 0.5 * sum(now.values())

    def _look(self) -> None:
        if self.learning is not None and (self.learning.worker is not None or self.learning.attempts != self._attempts):
            self._attempts = self.learning.attempts  # inline an attempt begins and ends between two looks
            self.note(LEARNS)
        if fetched_now():
            self.note(FETCHES)


def _of(shares: dict[str, float], parts: set[str]) -> float:
    """What the features whose names begin with one of these have of the shares."""
    return sum(abs(share) for name, share in shares.items() if any(name == part or name.startswith(f"{part}.") for part in parts))

"""Loop: steps until the budget is spent, with looks at health and the held-out loss, and checkpoints to go on from.

The budget is in steps, epochs or seconds. In steps or epochs all is a function of the seed: a run killed at any moment goes on
bit-exact. In seconds the number of steps is estimated from the pace so far, anew at every look, and kept in the checkpoint.
Which weights are kept is decided without labels: the last, unless the held-out loss had turned (see `_choose`). Of several processes the
first one's clock counts.
"""

from __future__ import annotations

import copy
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.contracts.errors import DataError, ModelError
from tacit.learning import checkpoint
from tacit.learning.budget import Budget
from tacit.learning.feeding import Feeder
from tacit.learning.health import Health
from tacit.learning.learner import Learner
from tacit.learning.sampling import Sampler
from tacit.learning.settings import Settings, pace
from tacit.nets.encoder import Batch
from tacit.pretext.pretext_task import Outcome

FILE = "learning.safetensors"
LOOKS = 40  # over the budget
FIRST_LOOK = 8  # steps, before which no total can be estimated
FIRST_TOTAL = 1600  # steps that are reckoned with until then: so many that the rate stays small
SAVE_EVERY = 30.0  # seconds
TURNED = 0.05  # a held-out loss this share above its best has turned
JUDGES = 32  # samples held out, at least, for their loss to decide anything


@dataclass
class Learned:
    """curve: one line a look {step, loss, held_out, gap, seconds, rank, …}, with TASK.loss of each where there are several tasks; chosen: step of the
    weights kept; finished: the budget was spent."""

    curve: list[dict[str, float]]
    steps: int
    seconds: float
    chosen: int
    finished: bool


class Loop:
    """learner, feeder and settings; rows to learn from and to hold out; folder: for checkpoints, or None; about: what must be equal for a
    checkpoint to be gone on from; report: called with each line of the curve and the share of the budget spent."""

    def __init__(
        self,
        learner: Learner,
        feeder: Feeder,
        settings: Settings,
        rows: NDArray[np.int64],
        held: NDArray[np.int64],
        budget: Budget,
        seed: int = 0,
        folder: Path | None = None,
        about: dict[str, Any] | None = None,
        report: Callable[[dict[str, float], float], None] = lambda line, share: None,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.learner, self.feeder, self.settings, self.budget, self.seed = learner, feeder, settings, budget, seed
        self.folder, self.about, self.report, self.rank, self.world = folder, about or {}, report, rank, world
        self.sampler = Sampler(rows, settings.batch, seed, rank, world)
        self.health = Health()
        drawn = np.random.default_rng([seed, 13]).permutation(held)[: settings.batch]  # in a folder sorted by class the first are of one class
        apart = Batch.of(feeder.read(drawn)).to(learner.device) if len(drawn) >= 2 else None
        self.held = apart if apart is not None and len(apart.values) >= 2 else None
        self.curve: list[dict[str, float]] = []
        self.best: tuple[float, int, dict[str, Tensor]] | None = None
        self.elapsed, self.latest, self.gradient = 0.0, math.nan, 0.0
        self.each: dict[str, float] = {}  # the losses of several tasks, smoothed as their sum is
        an_epoch = max(1, len(rows) // max(1, settings.batch * world))
        if budget.steps is None and budget.epochs is None and budget.seconds is None:
            raise ValueError("a budget has steps, epochs or seconds")
        if budget.seconds is not None:
            self.total = FIRST_TOTAL
        else:
            self.total = budget.steps if budget.steps is not None else max(1, round((budget.epochs or 0) * an_epoch))
        self.stop, self.paused = False, False
        self.pause = math.inf  # seconds of learning after which it stops as if it had been asked to, with a checkpoint

    def go(self) -> Learned:
        """Learn until the budget is spent or `stop` is set; the encoder holds the chosen weights after. Raises CollapseError, ModelError."""
        self.feeder.begin(self.sampler)
        if self.folder is not None and (self.folder / FILE).exists():
            self._resume(self.folder / FILE)
        begun, saved = time.monotonic() - self.elapsed, time.monotonic()
        while self.learner.steps < self.total and not self._over():
            at = self.learner.steps
            batch = Batch.of(self.feeder.next()).to(self.learner.device)
            self._take(self._step(batch, pace(at, self.total, self.settings.warm), at / max(1, self.total)))
            self.elapsed = time.monotonic() - begun
            if self._due():
                self._look()
                self.elapsed = time.monotonic() - begun
            if self.folder is not None and time.monotonic() - saved > SAVE_EVERY:
                self.save()
                saved = time.monotonic()
        finished = not self.stop
        if self.folder is not None and not finished:
            self.save()  # before the look that is only for who stopped it: a run that goes on must not have had one more
        if not self.curve or self.curve[-1]["step"] != self.learner.steps:
            self._look()
        chosen = self._choose() if finished else self.learner.steps
        return Learned(self.curve, self.learner.steps, self.elapsed, chosen, finished)

    def _over(self) -> bool:
        """Whether to stop before the steps are done: on request, or because the seconds are spent."""
        if self.elapsed >= self.pause and not self.stop:
            self.stop = self.paused = True
        late = self.budget.seconds is not None and self.elapsed >= 1.05 * self.budget.seconds
        return bool(self._agreed(float(self.stop or late)))

    def _agreed(self, value: float) -> float:
        """The first process' word: each has a clock of its own, and whoever went on alone would wait for the others for ever."""
        if self.world == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64, device=self.learner.device)
        torch.distributed.broadcast(told, 0)
        return float(told)

    def _step(self, batch: Batch, rate: float, progress: float) -> Outcome:
        """One update; where the device's memory is short the batch goes in halves, and that is said."""
        while True:
            try:
                return self.learner.step(batch, rate, progress)
            except torch.OutOfMemoryError as e:
                if 2 * self.learner.pieces > len(batch.values) // 2:
                    raise DataError(
                        f"one sample and its views do not fit into the memory of {self.learner.device}.", "Take a smaller encoder."
                    ) from e
                self.learner.pieces *= 2
                self.learner.optimizer.zero_grad(set_to_none=True)
                torch.cuda.empty_cache()
                warnings.warn(f"not enough memory on {self.learner.device}: a batch now goes in {self.learner.pieces} pieces", stacklevel=2)

    def _take(self, outcome: Outcome) -> None:
        loss = float(outcome.loss)
        self.latest = loss if math.isnan(self.latest) else 0.9 * self.latest + 0.1 * loss
        if not math.isfinite(loss):
            self.latest = loss
        self.each |= {k: 0.9 * self.each.get(k, v) + 0.1 * v for k, v in outcome.metrics.items() if k.endswith(".loss")}
        self.gradient = outcome.metrics.get("gradient", 0.0)
        self.health.see(outcome.embeddings, outcome.pairs, outcome.metrics)

    def _due(self) -> bool:
        steps = self.learner.steps
        if self.budget.seconds is not None:  # a new estimate of the total with every look
            if steps < FIRST_LOOK:
                return False
            if steps == FIRST_LOOK:
                return True
            return steps % max(4, self.total // LOOKS) == 0 or not math.isfinite(self.latest)
        return steps in (FIRST_LOOK, self.total) or steps % max(4, self.total // LOOKS) == 0 or not math.isfinite(self.latest)

    def _look(self) -> None:
        figures = self.health.look(self.latest, self.gradient)
        line = {"step": float(self.learner.steps), "loss": self.latest, **self.each, "seconds": round(self.elapsed, 2), **figures}
        if self.held is not None:
            held = float(self.learner.held_out(self.held).loss)
            line["held_out"], line["gap"] = held, held - self.latest
            if self.learner.settled and math.isfinite(held) and (self.best is None or held < self.best[0]):
                self.best = (held, self.learner.steps, copy.deepcopy(self.learner.encoder.state_dict()))
        if self.budget.seconds is not None and self.elapsed > 0:
            self.total = int(self._agreed(max(self.learner.steps, round(self.learner.steps * self.budget.seconds / self.elapsed))))
        self.curve.append(line)
        self.report(line, min(1.0, self.learner.steps / max(1, self.total)))

    def _choose(self) -> int:
        """The last weights, unless the held-out loss has turned: then those of its best. A teacher's answers change while it learns, so that its
        student's loss tells nothing of the kind: it is least before there is anything to tell."""
        last = self.curve[-1].get("held_out", math.nan)
        few = self.held is None or len(self.held.values) < JUDGES
        if few or self.best is None or not last > self.best[0] + TURNED * abs(self.best[0]):
            return self.learner.steps
        self.learner.encoder.load_state_dict(self.best[2])
        return self.best[1]

    def save(self) -> None:
        """All that the next step depends on, into the folder; by the first process only."""
        if self.folder is None or self.rank:
            return
        best = None if self.best is None else [self.best[0], self.best[1], dict(self.best[2])]
        tree = {
            "about": self.about,
            "learner": self.learner.state(),
            "sampler": self.feeder.state(),
            "health": self.health.state(),
            "curve": self.curve,
            "best": best,
            "total": self.total,
            "elapsed": self.elapsed,
            "latest": self.latest,
            "each": self.each,
            "gradient": self.gradient,
        }
        checkpoint.write(self.folder / FILE, tree)

    def _resume(self, path: Path) -> None:
        tree = checkpoint.read(path)
        if different := [k for k in {**self.about, **tree["about"]} if self.about.get(k) != tree["about"].get(k)]:
            was = ", ".join(f"{k} {tree['about'].get(k)!r} (now {self.about.get(k)!r})" for k in sorted(different))
            raise ModelError(f"{path.parent} holds an unfinished run with other settings: {was}.", "Give the same ones, another --out, or --fresh.")
        self.learner.restore(tree["learner"])
        self.sampler.restore(tree["sampler"])
        self.feeder.begin(self.sampler)
        self.health.restore(tree["health"])
        self.curve, self.total, self.elapsed = tree["curve"], int(tree["total"]), float(tree["elapsed"])
        self.latest, self.each, self.gradient = tree["latest"], dict(tree.get("each", {})), tree["gradient"]
        self.best = None if tree["best"] is None else (tree["best"][0], tree["best"][1], tree["best"][2])


def finish(folder: Path) -> None:
    """The run is over: its checkpoint goes."""
    (folder / FILE).unlink(missing_ok=True)

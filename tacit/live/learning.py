"""Learning, as the live path sees it: windows out, an encoder back, a trial in shadow, promoted or refused.

At event counts that are fixed beforehand the reservoir's windows go to a worker process (torch lives there, not here). The
encoder that comes back runs in shadow beside the champion's features, both with heads that start at that moment, until the
comparison is decided. Inline waits for the worker; in the background the count at which its trial began is journalled.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tacit.evaluation.comparison import Trial, Verdict
from tacit.heads import encode
from tacit.live.checkpoint import Arrays
from tacit.live.contest import Contender
from tacit.live.journal import Entry, Journal
from tacit.live.kernel import Out
from tacit.live.keys import Keys
from tacit.live.ladder import Ladder
from tacit.live.model import LiveModel
from tacit.live.reservoir import Reservoir
from tacit.live.workers import Worker, missing

FIRST = 4_000  # events before the first attempt
LATER = 2.0  # the next attempt comes when so many times as many events have been seen ...
MOST = 200_000  # ... but at most so many later
STEPS = 400  # of gradient descent an attempt, inline: a count, so that the same events give the same encoder
SECONDS, SHARE = 30.0, 0.5  # of gradient descent an attempt, in the background: processor time, and the most of one core
LEAST_WINDOWS = 24
TASKS = ("predictive=1", "predictive=1,masked=0.1,contrastive=0.05")  # pretext tasks and weights of attempt 1, 2, 1, …: trials decide
TRIAL_LEAST, TRIAL_MOST = 2_000, 60_000  # events of a trial
ASK = 10.0  # seconds between two questions whether what was missing has come


class Learning:
    """Drives attempts for one model. folder: the model's, or None for a temporary one."""

    def __init__(self, mode: Literal["inline", "background"], folder: Path | None, seed: int) -> None:
        self.mode, self.seed = mode, seed
        self._temporary = Path(tempfile.mkdtemp(prefix="tacit-learning-")) if folder is None else None
        self.folder = folder or self._temporary or Path()
        self.attempts, self.next_at = 0, FIRST
        self.stopping: Callable[[], bool] = lambda: False
        self.reservoir: Reservoir | None = None
        self._keys: Keys | None = None  # of the model whose slots reservoir and trial speak of
        self.worker: Worker | None = None
        self.trial: Trial | None = None
        self.sides: list[Contender] = []  # champion's features, challenger's
        self.challenger, self.left = "", False  # left: the run ended before the worker did
        self.verdicts: list[dict[str, Any]] = []  # promotions and refusals with their figures
        self.curve: list[list[float]] = []
        self.message, self._asked, self._seen = missing() or "", time.monotonic(), 0  # events of the model, at the last turn
        self.ladder = Ladder()

    # ------------------------------------------------------------------ seeing
    def attach(self, model: LiveModel) -> None:
        """From now on every run of the model is seen."""
        self._fit(model)
        model.onlooker = lambda slots, times, out, values: self._look(model, slots, times, out, values)
        model.forgotten = lambda rows: self._forget(model, rows)

    def _fit(self, model: LiveModel) -> None:
        """Anew where a feature has appeared: slots are other keys' now, even where the columns are as many."""
        if self.reservoir is None or self._keys is not model.keys:
            self.reservoir, self._keys = Reservoir(model.columns, self.seed), model.keys
            self.trial, self.sides, self.challenger, self.ladder = None, [], "", Ladder()

    def _look(self, model: LiveModel, slots: NDArray[np.int64], times: NDArray[np.int64], out: Out, values: NDArray[np.float64]) -> None:
        self._fit(model)
        assert self.reservoir is not None
        self.reservoir.watch(slots, times, out.z, values, model.seen - len(slots))
        if self.trial is not None:
            champion, challenger = (side.run(slots, times, out.z, values, model.pool.omega) for side in self.sides)
            counted = np.isfinite(champion) & np.isfinite(challenger)
            if counted.any():
                self.trial.add(champion[counted], challenger[counted])
            self.ladder.add(slots, out.z, values, champion, challenger)

    def _forget(self, model: LiveModel, rows: NDArray[np.int64]) -> None:
        for side in self.sides:
            side.forget(rows)
        slots = np.unique(rows // model.blocks)
        self.ladder.forget(slots)
        if self.reservoir is not None:
            self.reservoir.forget(slots)

    # ------------------------------------------------------------------ turning
    def until_next(self, seen: int) -> int | None:
        """Events until something is due at a fixed count."""
        due = [self.next_at - seen] if self.next_at > seen else []
        if self.trial is not None:
            due.append(self.trial.next_look - self.trial.n if self.trial.next_look > self.trial.n else 1)
        return min(due) if due else None

    def turn(self, model: LiveModel, journal: Journal) -> None:
        """Between two micro-batches: decide a trial, start or fetch an attempt."""
        self._seen = model.seen
        if model.columns > model.layout.F:  # encoders are learned for streams of one block
            self.message = f"{len(model.features)} features: heads stand on the simple bank, encoders are learned up to 64 features"
            return
        if self.trial is not None:
            verdict = self.trial.verdict()
            if verdict.state != "undecided":
                self._close(model, verdict)
        elif self.worker is not None:
            self._fetch(model, journal)
        elif self._able() and model.seen >= self.next_at:
            self._start(model, journal)

    def _able(self) -> bool:
        """Nothing is missing; asked again now and then, since it may be installed while the stream runs."""
        if self.message and time.monotonic() - self._asked >= ASK:
            self.message, self._asked = missing() or "", time.monotonic()
        return not self.message

    def _start(self, model: LiveModel, journal: Journal) -> None:
        assert self.reservoir is not None
        self.next_at = int(min(max(model.seen * LATER, model.seen + FIRST), model.seen + MOST))
        if self.reservoir.filled < LEAST_WINDOWS:
            return
        self.attempts += 1
        room = self.folder / "learning" / f"attempt-{self.attempts:04d}"
        budget: dict[str, float] = {"steps": STEPS} if self.mode == "inline" else {"seconds": SECONDS, "share": SHARE}
        before = self.folder / "encoders" / model.name if model.name != "simple" else None
        self.worker = Worker(room, self.reservoir.windows(), self.seed + self.attempts, budget, before, TASKS[(self.attempts - 1) % len(TASKS)])
        if self.mode == "inline" and self.worker.wait(self.stopping):
            self._fetch(model, journal)

    def _fetch(self, model: LiveModel, journal: Journal) -> None:
        assert self.worker is not None
        self.curve = self.worker.curve() or self.curve
        if not self.worker.done():
            return
        worker, self.worker = self.worker, None
        made, why = worker.result()
        if made is None:
            self._record(model, "refused", "", why, 0.0, 0.0, 0.0)
            worker.clean()
            return
        name = encode.fingerprint(encode.load(made))[:16]
        home = self.folder / "encoders" / name
        if not home.exists():
            home.parent.mkdir(parents=True, exist_ok=True)
            made.rename(home)
        worker.clean()
        entry = {"at": model.seen, "what": "trial", "encoder": name, "attempt": self.attempts}
        if self.mode == "background":
            journal.note(entry)
        self.apply(model, entry)

    def apply(self, model: LiveModel, entry: Entry) -> None:
        """A trial begins at this event. A worker that runs after a restart makes again what the journal already has: it ends."""
        self._fit(model)
        if self.worker is not None:
            self.worker.stop()
            self.worker.clean()
            self.worker = None
        self.attempts = max(self.attempts, int(entry.get("attempt", 1)))
        weights = encode.load(self.folder / "encoders" / str(entry["encoder"]))
        if not model.fits(weights):
            self._record(model, "refused", str(entry["encoder"]), "it was learned for other features", 0.0, 0.0, 0.0)
            return
        self.challenger = str(entry["encoder"])
        self.sides = [Contender(model, model.encoder, model.name), Contender(model, weights, self.challenger)]
        self.trial = Trial(self.attempts, TRIAL_LEAST, TRIAL_MOST)
        self.ladder.begin(model.name, self.challenger, model.keys.capacity, model.columns)

    def _close(self, model: LiveModel, verdict: Verdict) -> None:
        if verdict.state == "promote":
            challenger = self.sides[1]
            self._record(model, "promoted", self.challenger, verdict.reason, verdict.gain, verdict.low, verdict.high)
            model.put_in_place(self.challenger, challenger.weights, challenger.lanes_for(model), self.folder / "encoders" / self.challenger)
        else:
            self._record(model, "refused", self.challenger, verdict.reason, verdict.gain, verdict.low, verdict.high)
        self.ladder.end(self.verdicts[-1]["decision"])
        self.trial, self.sides, self.challenger = None, [], ""

    def _record(self, model: LiveModel, decision: str, name: str, reason: str, gain: float, low: float, high: float) -> None:
        figures = {"gain": gain, "low": low, "high": high, "reason": reason}
        effort = {"attempt": self.attempts, "tasks": TASKS[(self.attempts - 1) % len(TASKS)]}
        moment = {"time": float(model.pool.clock[0]), "position": model.seen}
        self.verdicts.append({**moment, "from": model.name, "to": name, "decision": decision, **figures, **effort})

    # ------------------------------------------------------------------ state
    def status(self) -> dict[str, Any]:
        """For the dashboard: what goes on, the curve, the ladder of losses. Each thing is taken once: the stream goes on meanwhile."""
        trial, worker = self.trial, self.worker
        state = "trial" if trial is not None else "learning" if worker is not None else "off" if self.message else "waiting"
        progress = trial.n / TRIAL_MOST if trial else worker.progress() if worker else 0.0
        learning = {"mode": self.mode, "state": state, "progress": progress, "curve": self.curve, "message": self.message, "attempts": self.attempts}
        learning["next_in"] = max(0, self.next_at - self._seen) if state == "waiting" else None  # events
        return {"learning": learning, "ladder": self.ladder.rungs(), "promotions": self.verdicts[-50:]}

    def state(self, full: bool) -> tuple[Arrays, dict[str, Any]]:
        """(arrays, meta): reservoir, a running trial, all of them or what changed; a running worker starts anew after a restart."""
        arrays: Arrays = self.reservoir.state(full) if self.reservoir else {}
        for i, side in enumerate(self.sides):
            arrays.update({f"trial{self.attempts}.side{i}.{name}": a for name, a in side.state(full).items()})
        meta: dict[str, Any] = {
            "attempts": self.attempts,
            "next_at": self.next_at,
            "verdicts": self.verdicts,
            "curve": self.curve,
            "challenger": self.challenger,
            "ladder": self.ladder.state(),
            "features": self.reservoir.features if self.reservoir else 0,
            "again": self.worker is not None,
        }
        if self.trial is not None:
            meta["trial"] = self.trial.state()
        return arrays, meta

    def restore(self, model: LiveModel, parts: list[Arrays], meta: dict[str, Any]) -> None:
        """Go on where the last `state` was taken; parts: a full one and those since."""
        self.attempts, self.next_at = int(meta["attempts"]) - int(meta["again"]), int(meta["next_at"])
        self.verdicts, self.curve = list(meta["verdicts"]), list(meta["curve"])
        self._fit(model)
        assert self.reservoir is not None
        if meta["features"] == self.reservoir.features:
            self.reservoir.restore([p for p in parts if "reservoir.at" in p])
        if meta["again"]:
            self.next_at = model.seen  # due again before the next event, as it was
        if "trial" in meta:
            self.apply(model, {"encoder": meta["challenger"]})
            assert self.trial is not None
            self.trial.restore(meta["trial"])
            for i, side in enumerate(self.sides):
                begin = f"trial{self.attempts}.side{i}."
                for part in parts:
                    if f"{begin}slots" in part:
                        side.restore({name.removeprefix(begin): a for name, a in part.items() if name.startswith(begin)})
        self.ladder.restore(meta["ladder"])

    def close(self) -> None:
        """Ends a running worker; what is half-done is gone, what was done is kept."""
        if self.worker is not None:
            self.left = True
            self.worker.stop()
            self.worker.clean()
            self.worker = None
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

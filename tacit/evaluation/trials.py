"""Trials: `auto` lets the first candidates of its list begin on the data in hand; the one that begins clearly better than the list's first goes on.

A trial is the first part of the very run that its task would have (same seed, schedule, batch), paused with a checkpoint, which the winner's run goes
on from. The budget is the user's: the winner's run is shorter by what the others' trials took. All lies in the run's folder, so that a killed run
knows what was tried; what was decided is not decided again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tacit.contracts.errors import DataError, ModelError, TacitError
from tacit.contracts.modality import Modality
from tacit.contracts.pool import Pool
from tacit.evaluation.judging import Judge
from tacit.evaluation.overlap import standard_error
from tacit.export.model_folder import put
from tacit.learning.feeding import Feeder
from tacit.learning.loop import FILE, Loop
from tacit.learning.recipe import Recipe
from tacit.learning.teaching import teach

LABELLED, BLIND = (0.15, 3), (0.08, 2)  # (share of the budget for all trials together, candidates) with labels and without, where little is seen
LEAST = 10.0  # seconds of one trial: below, encoders have hardly begun
ERRORS = 2.0  # standard errors over splits by which labels must speak against the list's first
MARGIN = 1.5  # times the first's label-free measures that another must have where there are no labels
RECORD, PLACE = "trials.json", "trials"

Say = Callable[[str], None]


@dataclass
class Tried:
    """One candidate: values over splits, or of the label-free measures; failed: why it was not judged."""

    task: str
    values: list[float] = field(default_factory=list)
    failed: str = ""


@dataclass
class Record:
    """What is known so far. about: what must be equal for it to be gone on from; task, why: decided, "" before."""

    about: dict[str, Any]
    seconds: float
    judged: str
    tried: list[Tried] = field(default_factory=list)
    task: str = ""
    why: str = ""

    def facts(self) -> dict[str, Any]:
        """For model.json."""
        return {k: v for k, v in asdict(self).items() if k != "about"}


def share_of(seconds: float, candidates: int, labelled: bool) -> tuple[int, float]:
    """(how many may begin, seconds of each); (1, 0) where the budget is too small for two."""
    share, most = LABELLED if labelled else BLIND
    for many in range(min(candidates, most), 1, -1):
        if (each := share * seconds / many) >= LEAST:
            return many, each
    return 1, 0.0


def decided(tried: list[Tried], judge: Judge) -> tuple[str, str]:
    """(task, why). The first stands unless it failed or another is better by more than chance gives. Raises DataError where all failed."""
    sound = [t for t in tried if not t.failed]
    if not sound:
        raise DataError(f"no task could be learned: {'; '.join(f'{t.task}: {t.failed}' for t in tried)}.", "Check the data with `tacit inspect`.")
    first, *others = sound
    lost = f"{tried[0].task} failed ({tried[0].failed}); " if tried[0].failed else ""
    if not others:
        return first.task, f"{lost}{first.task} is what is left"
    best = max(others, key=lambda t: float(np.mean(t.values)))
    mine, theirs = np.array(first.values), np.array(best.values)
    if judge.labelled:
        gain = theirs - mine
        wide = ERRORS * standard_error(gain[None, :], judge.share)  # infinite for one split, which then decides nothing
        clear = bool(gain.mean() > wide)
        told = f"{judge.points * gain.mean():+.1f} points by {judge.title}, where more than {judge.points * wide:.1f} would be clear"
    else:
        ratio = float(theirs.mean() / max(mine.mean(), 1e-9))
        clear, told = ratio > MARGIN, f"{ratio:.2f} times its label-free measures, and {MARGIN:g} would be clear"
    if clear:
        return best.task, f"{lost}{best.task} began clearly better than {first.task}, the first of the list ({told})"
    return first.task, f"{lost}{first.task} stands as the first of the list: next to it {best.task} had {told}"


class Trials:
    """Trials of tasks for one recipe. labelled: whether labels were given; place: the run's folder, or a temporary one; watch: is handed each loop,
    so that a caller can stop it."""

    def __init__(
        self,
        recipe: Recipe,
        pool: Pool,
        modality: Modality,
        feeder: Feeder,
        tasks: list[str],
        judge: Callable[[], Judge],
        place: Path,
        labelled: bool,
        watch: Callable[[Loop], None] = lambda loop: None,
        say: Say = lambda text: None,
    ) -> None:
        seconds = recipe.budget.seconds
        assert seconds is not None
        many, self.each = share_of(seconds, len(tasks), labelled)
        self.tasks = tasks[:many]
        self.recipe = replace(recipe, minutes=(seconds - (many - 1) * self.each) / 60)
        self.pool, self.modality, self.feeder, self.place, self.watch, self.say = pool, modality, feeder, place, watch, say
        self.make_judge = judge
        self.interrupted = False

    def of(self, task: str) -> Recipe:
        """The run that a task has, of which the trial is the beginning."""
        return replace(self.recipe, pretext={task: 1.0})

    def play(self) -> Record:
        """Whatever of it is not done yet; the winner's checkpoint then lies in the place. Raises TacitError."""
        about = {**self.recipe.facts(), "tasks": self.tasks, "samples": len(self.feeder.rows)}
        record = self._read(about)
        if not record.task:
            judge = self.make_judge()
            record.judged = judge.title
            self.say(self._plan(judge))
            for task in self.tasks[len(record.tried) :]:
                record.tried.append(self._one(task, judge))
                if self.interrupted:
                    break
                self._write(record)
            if self.interrupted:
                record.task = next(t.task for t in record.tried if not t.failed)  # the one that was interrupted has not failed
                record.why = f"{record.task} is the first of the list that could begin, and the trials were interrupted"
            else:
                record.task, record.why = decided(record.tried, judge)
            self._write(record)
        begun = self.place / PLACE / record.task / FILE
        if begun.exists():
            begun.replace(self.place / FILE)
        shutil.rmtree(self.place / PLACE, ignore_errors=True)
        return record

    def _plan(self, judge: Judge) -> str:
        by = f"by {judge.title}" if judge.labelled else "without labels, which is a weak guide"
        return f"auto: {', '.join(self.tasks)} begin, {self.each:.0f} s each, and are judged {by}; {self.tasks[0]} stands unless clearly beaten"

    def _one(self, task: str, judge: Judge) -> Tried:
        loops: list[Loop] = []

        def begun(loop: Loop) -> None:
            loop.pause = self.each
            loops.append(loop)
            self.watch(loop)

        try:
            model = teach(self.of(task), self.pool, self.place / PLACE / task, modality=self.modality, feeder=self.feeder, begun=begun)
            self.interrupted = loops[0].stop and not loops[0].paused
            tried = Tried(task, [] if self.interrupted else judge.values(model.encoder).tolist())
        except ModelError:  # the folder, not the task
            raise
        except (TacitError, RuntimeError, ValueError, np.linalg.LinAlgError) as e:
            self.interrupted = bool(loops) and loops[0].stop and not loops[0].paused
            tried = Tried(task, failed="" if self.interrupted else f"{type(e).__name__}: {e}")
        told = tried.failed or ", ".join(f"{judge.points * v:.3g}" for v in tried.values) or "interrupted"
        self.say(f"auto: {task}: {told}")
        return tried

    def _read(self, about: dict[str, Any]) -> Record:
        path = self.place / RECORD
        fresh = Record(json.loads(json.dumps(about)), self.each, "")
        if not path.exists():
            return fresh
        try:
            found = json.loads(path.read_text("utf-8"))
            record = Record(**{**found, "tried": [Tried(**t) for t in found["tried"]]})
        except (OSError, ValueError, TypeError, KeyError) as e:
            raise ModelError(f"the record of trials {path} cannot be read: {e!r}.", "Start anew with --fresh.") from e
        if different := [k for k in fresh.about if fresh.about[k] != record.about.get(k)]:
            raise ModelError(
                f"{self.place} holds an unfinished run with other settings: {', '.join(different)}.", "Give the same ones, another --out, or --fresh."
            )
        return record

    def _write(self, record: Record) -> None:
        put(self.place / RECORD, json.dumps(asdict(record), indent=1).encode())


def forget(place: Path) -> None:
    """The run is over, or dropped: what was tried goes."""
    (place / RECORD).unlink(missing_ok=True)
    shutil.rmtree(place / PLACE, ignore_errors=True)

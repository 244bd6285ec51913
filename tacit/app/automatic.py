"""Automatic: the task where none was named. Trials among the first of the list where the budget bears them; else the list's first, and why.

Where there are trials, their checkpoints and record lie in the run's folder; without a folder, in a temporary one for as long as it learns.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from tacit.app.showing import Screen
from tacit.learning.recipe import Recipe


class Picked(NamedTuple):
    """recipe: with a task; why; facts: for model.json, {} where nothing was chosen."""

    recipe: Recipe
    why: str
    facts: dict[str, Any]


def why_no_trials(recipe: Recipe, modality: str, goes_on: bool, labelled: bool) -> str:
    """ "" where the first of the list are to be tried. goes_on: learning goes on from a model; labelled: labels were given."""
    from tacit.evaluation.trials import BLIND, LABELLED, LEAST, share_of
    from tacit.pretext.auto_list import AUTO

    seconds = recipe.budget.seconds
    if len(AUTO[modality]) < 2:
        return "it is the only one that has won on real data of this kind"
    if seconds is None:
        return "trials need a budget in minutes"
    if goes_on:
        return "a model is gone on from, whose start trials would not share"
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return "trials are for one process"
    if share_of(seconds, len(AUTO[modality]), labelled)[0] < 2:
        return f"the budget is too small for trials, which begin at {2 * LEAST / (LABELLED if labelled else BLIND)[0] / 60:.1f} min"
    return ""


@contextmanager
def place_of(out: Path | None, recipe: Recipe, modality: str, goes_on: bool, labelled: bool) -> Iterator[Path | None]:
    """Where a run with trials lives: `out`, or a folder for as long as it lasts; `out` as it is where there are none."""
    if out is not None or recipe.pretext or why_no_trials(recipe, modality, goes_on, labelled):
        yield out
        return
    with TemporaryDirectory(prefix="tacit-trials-") as folder:
        yield Path(folder)


def picked(
    recipe: Recipe,
    pool: Any,
    modality: Any,
    feeder: Callable[[], Any],
    place: Path | None,
    labels: Any,
    goes_on: bool,
    watch: Callable[[Any], None],
    show: Screen,
) -> Picked:
    """A task where none was named. feeder: makes the samples ready, asked for where there are trials. Raises TacitError."""
    if recipe.pretext:
        if labels is not None:
            show.say("the labels are not used: they only choose a task, and one was named")
        return Picked(recipe, "as asked", {})
    from tacit.pretext.auto_list import AUTO

    name, story = AUTO[modality.name][0]
    reason, known, few = why_no_trials(recipe, modality.name, goes_on, labels is not None), None, ""
    if labels is not None and not reason:
        known, few = _enough(labels, pool)
        if few:  # then they buy no larger share of the budget, either
            show.say(few)
            reason = why_no_trials(recipe, modality.name, goes_on, False)
    if reason:
        if labels is not None and not few:
            show.say(f"the labels are not used: {reason}")
        why = f"the first of auto's list without trials, since {reason}; {story}"
        return Picked(replace(recipe, pretext={name: 1.0}), why, {"choice": {"task": name, "why": why, "tried": []}})
    assert place is not None
    from tacit.contracts.goal import Goal
    from tacit.evaluation.judging import judge_of
    from tacit.evaluation.trials import Trials

    def judge() -> Any:
        rng = np.random.default_rng([recipe.seed, 19])
        made = judge_of(modality, pool, known, Goal(), rng, 0.0, recipe.forbidden, recipe.view_options, apart=False)
        for note in made.notes:
            show.say(note)
        return made

    tasks = [task for task, _ in AUTO[modality.name]]
    trials = Trials(recipe, pool, modality, feeder(), tasks, judge, place, known is not None, watch, show.say)
    record = trials.play()
    return Picked(trials.of(record.task), record.why, {"choice": record.facts()})


def _enough(labels: Any, pool: Any) -> tuple[Any, str]:
    """(the labels, ""), or (None, why they are not used). Raises DataError."""
    from tacit.connect.labels import read_labels
    from tacit.evaluation.judging import enough, too_few

    known = read_labels(labels, pool)
    return (known, "") if enough(known) else (None, too_few(known))

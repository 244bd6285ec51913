"""Proving: `tacit evaluate` and `tacit compare`, from Python and from the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tacit.app.checking import look
from tacit.app.loading import MODEL, PAGE
from tacit.app.naming import several
from tacit.app.showing import Screen
from tacit.contracts.errors import DataError
from tacit.contracts.goal import Goal

LEDGER = "ledger.sqlite"
REPORT, CARD = "report.html", "card.md"


def evaluate(
    model: Any,
    test: Any,
    *,
    labels: Any,
    train: Any = None,
    train_labels: Any = None,
    protocols: str | Sequence[str] = (),
    goal: Goal | str | Path | dict[str, Any] | None = None,
    rungs: str | Sequence[str] = (),
    column: str | None = None,
    force: bool = False,
    seed: int = 0,
    seconds: float = 20.0,
    ledger: Any = None,
    progress: Callable[[str, float], None] | None = None,
    command: str = "",
    masks: Any = None,
    train_masks: Any = None,
    also: Sequence[Sequence[Any]] = (),
) -> Any:
    """Results (`.table()`, `.verdict`, `.json()`) of a model (a LearnedEncoder or its folder) on labelled data, against the null ladder.

    test, train: data as for `tacit.learn`; labels, train_labels: files or arrays; without train the labelled test samples are split.
    protocols, rungs: a name, several with commas, or a list; goal: a Goal, its table, or a recipe file; force: go on where test samples are also in
    the training pool; seconds: for each training of the supervised rung; ledger: of results, beside the model where it has a folder. masks,
    train_masks: classes by place for the protocol `dense` (see tacit.connect.masks); also: other labelled sets for `transfer`, each (test, labels) or
    (test, labels, train, train_labels). Either is measured, whichever protocols are named. train_labels without train: of the test's own pool, whose
    test is what they do not name.
    Raises TacitError.
    """
    from tacit.app.labelled_sets import masks_of, of_one_pool, other_set, refuse_leakage
    from tacit.app.learned import LearnedEncoder
    from tacit.app.loading import load_encoder
    from tacit.connect.labels import read_labels
    from tacit.connect.open_pool import follows
    from tacit.evaluation.evaluate import USUAL, run_evaluation
    from tacit.ledger.store import Ledger

    needed = [*(["dense"] if masks is not None or train_masks is not None else []), *(["transfer"] if also else [])]
    protocols = several(protocols)
    wanted = tuple(dict.fromkeys((*(protocols or USUAL), *needed)))
    said = [f"{name} was measured as well: it was not named, but given what it alone needs" for name in needed if protocols and name not in protocols]
    if not 0 <= seed < 1 << 32:
        raise DataError(f"seed {seed}: it is a whole number from 0 to 4294967295.")
    learned = model if isinstance(model, LearnedEncoder) else load_encoder(model)
    stated = goal if isinstance(goal, Goal) else Goal.of(goal) if isinstance(goal, dict) else Goal.read(goal) if goal else Goal()
    takes = [source for source in (test, train) if column and source is not None and follows(source, "column")]  # one of them may be a folder
    test_pool = learned.pool_of(test, column if any(source is test for source in takes) or not takes else None)
    train_pool = None if train is None else learned.pool_of(train, column if any(source is train for source in takes) else None)
    said += [shared] if train_pool is not None and (shared := refuse_leakage(test_pool, train_pool, learned.model.modality, force)) else []
    if train is not None and train_labels is None:
        raise DataError(
            "a training pool without labels for it: nothing can be fitted.", "Give --train-labels, or leave --train out to split the test."
        )
    known = read_labels(labels, test_pool)
    taught = None if train_labels is None else read_labels(train_labels, train_pool or test_pool)
    said += [f"{side}: {note}" for side, one in (("test", known), ("training", taught)) if one is not None for note in one.notes]
    if train_pool is None and taught is not None:
        known, left_out = of_one_pool(known, taught, test_pool, learned.model.modality, force)
        said += left_out
    by_place, unfit = masks_of(learned, masks, train_masks, test_pool, known, train_pool, taught)
    others = [other_set(learned, one, column, stated, force, seed, seconds) for one in also]
    if ledger is None and learned.model.folder is not None:
        ledger = Ledger(learned.model.folder / LEDGER)
    results = run_evaluation(
        learned.model,
        test_pool,
        known,
        train_pool,
        taught,
        wanted,
        stated,
        np.random.default_rng(seed),
        ledger,
        progress,
        rungs=several(rungs),
        seconds=seconds,
        command=command,
        also=others,
        masks=by_place,
    )
    results.notes += [*said, *unfit, *(f"{one.name}: {note}" for one in others for note in one.notes)]
    return results


def compare(
    data: Any,
    *,
    labels: Any = None,
    pretext: str | Sequence[str] = (),
    encoder: str = "",
    minutes: float = 10.0,
    seeds: int = 3,
    goal: Goal | str | Path | dict[str, Any] | None = None,
    recipe: Any = None,
    column: str | None = None,
    out: str | Path | None = None,
    progress: Callable[[str, float], None] | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Any:
    """A Comparison of pretext tasks on these data: equal time and the same encoder for all, several seeds, successive halving, rungs beside them.

    labels: few of them, as for `tacit.evaluate`; none: label-free measures decide, and the report says how far they can be trusted. pretext: names,
    () = up to six that have won on real data of this modality (texts: and contrastive); minutes: for each finalist's encoder; out: a folder for the
    page, the ledger and the winner's model. Raises TacitError.
    """
    from tacit.connect.labels import read_labels
    from tacit.connect.open_pool import open_pool
    from tacit.evaluation.judging import judge_of
    from tacit.evaluation.tournament import compare as play
    from tacit.export.model_folder import put
    from tacit.export.place import claimed
    from tacit.export.whole_folder import mended, save_whole
    from tacit.learning.feeding import Feeder
    from tacit.learning.recipe import Recipe, parse_encoder, parse_pretext
    from tacit.learning.teaching import fit_modality, teach
    from tacit.ledger.store import Ledger
    from tacit.pretext.auto_list import compared

    if not 0 < minutes < 1e9 or seeds < 1:
        raise DataError(f"{minutes:g} minutes and {seeds} seeds.", "Both are above 0; three seeds give an interval.")
    stated = goal if isinstance(goal, Goal) else Goal.of(goal) if isinstance(goal, dict) else Goal.read(goal) if goal else Goal()
    base = recipe or Recipe()
    base = replace(base, forbidden=tuple(dict.fromkeys((*base.forbidden, *stated.forbidden))))
    if encoder:
        name, options = parse_encoder(encoder)
        base = replace(base, encoder=name, encoder_options=options)
    with claimed(None if out is None else Path(out)):  # before the work: what could not be written would be lost
        if out is not None:
            mended(Path(out) / MODEL)
        pool = open_pool(data, modality=base.modality, column=column)
        known = None if labels is None else read_labels(labels, pool)
        modality = fit_modality(pool, base)
        base, _ = look(pool, modality, base, False, None, Screen(quiet=True))
        tasks = [task for text in several(pretext) for task in parse_pretext(text)] or list(compared(modality.name))
        say(f"{pool.described}: {len(pool):,} samples, {modality.name}; comparing {', '.join(tasks)}")
        feeder = Feeder(pool, modality)
        scratch = 60 * minutes  # the rung that learns from the labels alone, on all splits together: as long as a finalist's encoder
        judge = judge_of(modality, pool, known, stated, np.random.default_rng(base.seed), scratch, base.forbidden, base.view_options)
        for note in judge.notes:
            say(note)

        def learn(task: str, seconds: float, seed: int, resumed: Any) -> Any:
            spent = 0.0 if resumed is None else float(resumed.about["tournament_seconds"])
            wish = replace(base, pretext={task: 1.0}, seed=base.seed + seed, minutes=(seconds - spent) / 60, epochs=None, steps=None)
            return teach(wish, pool, start=resumed, modality=modality, feeder=feeder, about={"tournament_seconds": seconds})

        try:
            found = play(learn, tasks, 60 * minutes, judge, seeds, pool.described, progress, compared(modality.name)[0])
        finally:
            feeder.close()
        if out is not None:
            folder = Path(out)
            folder.mkdir(parents=True, exist_ok=True)
            save_whole(found.model, folder / MODEL)  # the ledger last: what is on record has its model and its page
            put(folder / PAGE, found.html().encode())
            Ledger(folder / LEDGER).add(found.rows())
        return found


def write_evidence(results: Any, learned: Any, folder: Path) -> list[Path]:
    """The report of an evaluation, with its pictures, and the model's card from all of its ledger; returns what was written."""
    from tacit.evaluation.picturing import picture
    from tacit.ledger.report import write_report

    folder.mkdir(parents=True, exist_ok=True)
    write_report(folder / REPORT, f"Evaluation of {folder.name}", results.rows, results.verdict, results.notes, picture(results, learned.model))
    return [folder / REPORT, *write_card(folder)]


def write_card(folder: Path) -> list[Path]:
    """card.md and card.html of the model in a folder, from its facts and its ledger. Raises ModelError."""
    from tacit.export.model_folder import facts, put
    from tacit.ledger.card import card
    from tacit.ledger.store import Ledger

    about = facts(folder)
    rows = Ledger(folder / LEDGER).newest(model=about["sha256"][:16]) if (folder / LEDGER).is_file() else []
    text, page = card(about, rows, folder.resolve().name)
    put(folder / CARD, text.encode())
    put(folder / "card.html", page.encode())
    return [folder / CARD, folder / "card.html"]

"""Proving: `tacit evaluate` and `tacit compare`, from Python and from the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tacit.contracts.errors import DataError
from tacit.contracts.goal import Goal

LEDGER = "ledger.sqlite"


def evaluate(
    model: Any,
    test: Any,
    *,
    labels: Any,
    train: Any = None,
    train_labels: Any = None,
    protocols: Sequence[str] = (),
    goal: Goal | str | Path | dict[str, Any] | None = None,
    rungs: Sequence[str] = (),
    column: str | None = None,
    force: bool = False,
    seed: int = 0,
    seconds: float = 20.0,
    ledger: Any = None,
    progress: Callable[[str, float], None] | None = None,
    command: str = "",
) -> Any:
    """Results (`.table()`, `.verdict`, `.json()`) of a model (a LearnedEncoder or its folder) on labelled data, against the null ladder.

    test, train: data as for `tacit.learn`; labels, train_labels: files or arrays; without train the labelled test samples are split.
    goal: a Goal, its table, or a recipe file; force: go on where test samples are also in the training pool; seconds: for each training of the
    supervised rung; ledger: of results, beside the model where it has a folder. Raises TacitError.
    """
    from tacit.app.learned import LearnedEncoder
    from tacit.app.loading import load_encoder
    from tacit.connect.labels import read_labels
    from tacit.evaluation.evaluate import USUAL, run_evaluation
    from tacit.ledger.store import Ledger

    learned = model if isinstance(model, LearnedEncoder) else load_encoder(model)
    stated = goal if isinstance(goal, Goal) else Goal.of(goal) if isinstance(goal, dict) else Goal.read(goal) if goal else Goal()
    test_pool = learned.pool_of(test, column)
    train_pool = None if train is None else learned.pool_of(train, column)
    if train_pool is not None:
        refuse_leakage(test_pool, train_pool, learned.model.modality, force)
    if train is not None and train_labels is None:
        raise DataError(
            "a training pool without labels for it: nothing can be fitted.", "Give --train-labels, or leave --train out to split the test."
        )
    known = read_labels(labels, test_pool)
    taught = None if train_labels is None else read_labels(train_labels, train_pool or test_pool)
    if ledger is None and learned.model.folder is not None:
        ledger = Ledger(learned.model.folder / LEDGER)
    return run_evaluation(
        learned.model,
        test_pool,
        known,
        train_pool,
        taught,
        tuple(protocols) or USUAL,
        stated,
        np.random.default_rng(seed),
        ledger,
        progress,
        rungs=tuple(rungs),
        seconds=seconds,
        command=command,
    )


def refuse_leakage(test: Any, train: Any, modality: Any, force: bool) -> None:
    """Raises DataError where test samples are, or nearly are, in the training pool, unless forced."""
    from tacit.checks.leakage import leakage

    finding = leakage(train, test, modality)
    if finding is not None and not force:
        raise DataError(finding.sentence, "Take them out of one side, or say --force to have it measured all the same.")

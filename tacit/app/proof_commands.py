"""The commands of evidence: evaluate, compare, ledger, card. Thin doors to the same functions that Python has."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[Path, typer.Argument(help="Model folder, made by `tacit learn`.")]
Recipe = Annotated[Path | None, typer.Option(help="TOML whose [goal] states metric, costs, groups, entities.")]
Column = Annotated[str | None, typer.Option(help="Column of the texts or values in a table.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else there.")]


def evaluate(
    model: Model,
    test: Annotated[str, typer.Argument(help="Samples to test on: a folder, zip, npz[:array], table, …")],
    labels: Annotated[str, typer.Option(help="Labels of the test: CSV of path or id, label; idx, npz:array, .txt.")],
    train: Annotated[str | None, typer.Option(help="Pool to learn heads and rungs from; else the labelled test samples are split.")] = None,
    train_labels: Annotated[str | None, typer.Option("--train-labels", help="Labels of --train.")] = None,
    protocol: Annotated[
        str,
        typer.Option(
            help="With commas: knn, probe, few_shot, fine_tune, transfer, robustness, anomaly, dense, calibration, clustering, retrieval, fairness."
        ),
    ] = "",
    rungs: Annotated[str, typer.Option(help="Only these rungs of the ladder, with commas.")] = "",
    recipe: Recipe = None,
    masks: Annotated[str | None, typer.Option(help="Classes by place of the test, for dense: a folder of PNG, npz:array, npy.")] = None,
    train_masks: Annotated[str | None, typer.Option("--train-masks", help="The same of --train.")] = None,
    also: Annotated[
        list[str] | None, typer.Option(help="TEST,LABELS or TEST,LABELS,TRAIN,TRAIN_LABELS: another labelled set, for transfer; several times.")
    ] = None,
    column: Column = None,
    seconds: Annotated[float, typer.Option(help="For each training of the supervised rung; 0 leaves it out.")] = 20.0,
    force: Annotated[bool, typer.Option("--force", help="Measure although test samples are in the training pool.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of all draws.")] = 0,
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Prove an encoder on labelled data, always against the null ladder; says so where it does not help."""
    from tacit.app.loading import load_encoder
    from tacit.app.proving import evaluate as run
    from tacit.app.proving import write_evidence
    from tacit.app.showing import Screen
    from tacit.ledger.terminal import as_terminal

    learned = load_encoder(model)
    with Screen(quiet or as_json) as show:
        results = run(
            learned,
            test,
            labels=labels,
            train=train,
            train_labels=train_labels,
            protocols=protocol,
            goal=recipe,
            rungs=rungs,
            column=column,
            force=force,
            seed=seed,
            seconds=seconds,
            progress=show.sharing("evaluating"),
            command=" ".join(["tacit", *sys.argv[1:]]),
            masks=masks,
            train_masks=train_masks,
            also=[one.split(",") for one in also or ()],
        )
        written = write_evidence(results, learned, model)
    if as_json:
        print(json.dumps(results.json(), default=float))
        return
    print(as_terminal(results.rows, _width(), sentences=False))
    for note in results.notes:
        print(f"note: {note}")
    print(results.verdict)
    print(f"report: {written[0]}; card: {written[1]}")


def compare(
    data: Annotated[str, typer.Argument(help="Unlabelled samples, as for `tacit learn`.")],
    labels: Annotated[str | None, typer.Option(help="Few labels: CSV of path or id, label; none: label-free measures decide.")] = None,
    pretext: Annotated[
        str, typer.Option(help="Tasks, with commas; else up to six that have won on real data of this modality (texts: and contrastive).")
    ] = "",
    encoder: Annotated[str, typer.Option(help="NAME, or NAME:key=value; the same for all tasks.")] = "",
    minutes: Annotated[float, typer.Option(help="Of learning for each finalist's encoder.")] = 10.0,
    seeds: Annotated[int, typer.Option(help="Encoders a task; three give an interval.")] = 3,
    out: Annotated[Path | None, typer.Option(help="Folder for the page, the ledger and the winner's model.")] = None,
    recipe: Recipe = None,
    column: Column = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """A tournament of pretext tasks on your own data: which, why, how sure, what it costs, what would change the answer."""
    from tacit.app.proving import compare as run
    from tacit.app.showing import Screen
    from tacit.learning.recipe import read_recipe

    made = read_recipe(recipe)[0] if recipe else None
    with Screen(quiet) as show:
        found = run(
            data,
            labels=labels,
            pretext=pretext,
            encoder=encoder,
            minutes=minutes,
            seeds=seeds,
            goal=recipe,
            recipe=made,
            column=column,
            out=out,
            progress=show.sharing("comparing"),
            say=show.say,
        )
    print(found.markdown())
    if out is not None:
        print(f"page: {out / 'comparison.html'}; the winner's model: {out / 'model'}")


def card(model: Model) -> None:
    """The model card, written from the model's facts and its ledger."""
    from tacit.app.records import card as run

    print(run(model))
    print(f"card: {model / 'card.md'}")


def ledger(
    place: Annotated[Path, typer.Argument(help="Ledger file, or a model folder that has one.")],
    out: Annotated[Path | None, typer.Option(help="FILE.csv, .md or .html; else a table on standard output.")] = None,
    protocol: Annotated[str, typer.Option(help="Only these, with commas.")] = "",
    dataset: Annotated[str, typer.Option(help="Only these, with commas.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every row, not the newest of each measurement alone.")] = False,
) -> None:
    """Every number that was measured: as a table, CSV, Markdown, or a page with plots."""
    from tacit.app.records import read_ledger
    from tacit.ledger.terminal import as_terminal

    rows = read_ledger(place, protocol=protocol, dataset=dataset, everything=everything, out=out)
    if out is None:
        print(as_terminal(rows, _width()) if rows else "no row of the ledger is of these")
    else:
        print(f"ledger: {out}")


def _width() -> int:
    """Of the terminal; 100 where nobody looks."""
    return max(60, shutil.get_terminal_size((100, 24)).columns)


COMMANDS = (evaluate, compare, ledger, card)

"""The commands of learning on samples: learn, embed, predict, search, tune. Thin doors to what Python has, too."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tacit.contracts.errors import ModelError

Data = Annotated[str, typer.Argument(help="Folder, zip, npz[:array], idx.gz, CSV/Parquet/JSON lines, a data set on disk.")]
Model = Annotated[Path, typer.Argument(help="Model folder, made by `tacit learn`.")]
Labels = Annotated[str | None, typer.Option(help="CSV of path or id, label (or idx, npz:array, a .txt with one a line).")]
Column = Annotated[str | None, typer.Option(help="Column of the texts or values in a table.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]


def learn(
    data: Data,
    out: Annotated[Path | None, typer.Option(help="Folder for the model (needed); an unfinished run in it is gone on from.")] = None,
    pretext: Annotated[str, typer.Option(help="auto, a task, or NAME=WEIGHT,NAME=WEIGHT; `tacit doctor --parts` lists them.")] = "",
    encoder: Annotated[str | None, typer.Option(help="NAME, or NAME:key=value,key=value.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Budget (five by default).")] = None,
    epochs: Annotated[float | None, typer.Option(help="Budget instead of minutes.")] = None,
    steps: Annotated[int | None, typer.Option(help="Budget instead of minutes.")] = None,
    labels: Annotated[str | None, typer.Option(help="A few labels by which auto chooses the task; nothing is learned from them.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="Go on from a model folder, or hf:FOLDER (safetensors only).")] = None,
    recipe: Annotated[Path | None, typer.Option(help="TOML with what differs from the defaults, and the goal.")] = None,
    modality: Annotated[str | None, typer.Option(help="image, series or text, where it is not clear.")] = None,
    column: Column = None,
    key: Annotated[str | None, typer.Option(help="Column that says whose row it is (a history or series in a table).")] = None,
    time: Annotated[str | None, typer.Option(help="Column of the time (a history or series in a table).")] = None,
    forbid: Annotated[str, typer.Option(help="Views that change the meaning, with commas: flip,colour.")] = "",
    allow: Annotated[str, typer.Option(help="Views not to be switched off by the check against the data.")] = "",
    batch: Annotated[int | None, typer.Option(help="Samples a step.")] = None,
    rate: Annotated[float | None, typer.Option(help="Learning rate at its top.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda.")] = "auto",
    check: Annotated[bool, typer.Option(help="Look at the data before learning.")] = True,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first sample that cannot be used.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Drop an unfinished run in --out.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Learn an encoder from unlabelled data: pictures, series, texts; or a model of a stream from its history."""
    from tacit.app.learned import LearnedEncoder
    from tacit.app.learning_door import Asked, learn_anything

    given = {"minutes": minutes, "epochs": epochs, "steps": steps, "batch": batch, "rate": rate}
    asked = Asked(pretext, encoder, recipe, modality, column, key, time, forbid, allow, device, seed, given, labels)
    if out is None:
        raise ModelError("what is learned needs a folder, or it would be lost.", "Say where: --out FOLDER.")
    learned = learn_anything(data, asked, out, from_, check=check, strict=strict, fresh=fresh, quiet=quiet)
    if not quiet and not int(os.environ.get("RANK", "0")):
        then = f"tacit evaluate {out} TEST --labels LABELS" if isinstance(learned, LearnedEncoder) else f"tacit watch SOURCE --model {out}"
        _tell(f"the model is in {out}; next: {then}", [])


def embed(
    model: Model,
    data: Data,
    out: Annotated[Path, typer.Option(help="FILE.parquet, .npz or .csv.")],
    column: Column = None,
    quiet: Quiet = False,
) -> None:
    """Embeddings of samples, one row each."""
    from tacit.app.tables import write_table

    names, embeddings, refused = _embedded(model, data, column, quiet)
    write_table(out, names, {"embedding": embeddings})
    _tell(f"{len(names):,} embeddings of width {embeddings.shape[1]} in {out}", refused)


def predict(
    model: Model,
    data: Data,
    out: Annotated[Path | None, typer.Option(help="FILE.csv, .parquet or .npz; else standard output.")] = None,
    column: Column = None,
) -> None:
    """Labels by a tuned model, with probabilities."""
    from tacit.app.loading import load_encoder
    from tacit.app.tables import print_csv, write_table

    learned = load_encoder(model)
    refused: list[Any] = []
    names, labels, odds = learned.predict(learned.pool_of(data, column), refused.extend)
    columns: dict[str, Any] = {"label": labels}
    if odds is not None:
        columns |= {f"p_{name}": odds[:, k] for k, name in enumerate(learned.model.head["classes"])}
    if out is None:
        print_csv(names, columns)
    else:
        write_table(out, names, columns)
    if out is not None or refused:
        _tell(f"{len(names):,} predictions" + (f" in {out}" if out else ""), refused)


def search(
    model: Model,
    gallery: Data,
    query: Annotated[str, typer.Option(help="A picture, a text (as it is or in a file), a series; or a folder of them.")],
    count: Annotated[int, typer.Option(help="How many of the nearest.")] = 10,
    column: Column = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a query.")] = False,
) -> None:
    """The samples of a gallery that are most like a query."""
    from tacit.app.loading import load_encoder
    from tacit.app.sample_functions import query_of
    from tacit.app.telling import plain

    learned = load_encoder(model)
    pool = learned.pool_of(gallery, column)
    at = {name: i for i, name in enumerate(pool.names)}
    refused: list[Any] = []
    nearest = learned.search(pool, query_of(learned, query), count, refused.extend)
    if refused:
        _tell(f"{len(pool) - len(refused):,} samples of the gallery", refused)
    for number, found in enumerate(nearest):
        if as_json:
            print(json.dumps({"query": number, "found": [{"name": n, "likeness": round(s, 6)} for n, s in found]}))
        else:
            for name, likeness in found:
                text = f"  {plain(' '.join(str(pool.read([at[name]])[0]).split()))[:100]}" if learned.modality == "text" else ""
                print(f"{likeness:.4f}  {name}{text}")


def tune(
    model: Model,
    data: Data,
    labels: Annotated[str, typer.Option(help="CSV of path or id, label.")],
    out: Annotated[Path, typer.Option(help="Folder for the tuned model.")],
    fine_tune: Annotated[bool, typer.Option("--fine-tune", help="Move all weights, not only a head on frozen embeddings.")] = False,
    metric: Annotated[str | None, typer.Option(help="Any scikit-learn scorer.")] = None,
    entity: Annotated[str | None, typer.Option(help="Column whose values stay on one side of a fold.")] = None,
    column: Column = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Learn a head from few labels, chosen by cross-validation."""
    from tacit.app.loading import load_encoder
    from tacit.app.showing import Screen

    learned = load_encoder(model)
    pool = learned.pool_of(data, column)
    with Screen(quiet) as show:
        now = show.sharing("tuning")
        settings: dict[str, Any] = {"metric": metric, "entity": entity, "seed": seed, "told": lambda what: now(what, 0.0)}
        tuned = (learned.fine_tune if fine_tune else learned.tune)(pool, labels, **settings)
    learned.save(out)
    for note in learned.model.about["tuned"]["notes"]:
        _tell(f"note: {note}", [])
    _tell(f"tuned with {learned.model.about['tuned']['labels']:,} labels: {tuned.told()}", [])
    _tell(f"the model is in {out}; next: tacit predict {out} DATA", [])


COMMANDS = (learn, embed, predict, search, tune)


def _embedded(model: Path, data: str, column: str | None, quiet: bool) -> tuple[list[str], Any, list[Any]]:
    from tacit.app.loading import load_encoder
    from tacit.app.showing import Screen

    learned = load_encoder(model)
    with Screen(quiet) as show:
        found: tuple[list[str], Any, list[Any]] = learned.embed_named(learned.pool_of(data, column), show.counting("embedding"))
    return found


def _tell(text: str, refused: list[Any]) -> None:
    sys.stderr.write(text + "\n")
    for name, reason in refused[:5]:
        sys.stderr.write(f"  left out: {name}: {reason}\n")
    if len(refused) > 5:
        sys.stderr.write(f"  and {len(refused) - 5:,} more\n")

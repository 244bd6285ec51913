"""Teaching: a pool and a recipe in, an encoder out; the way from data to a model folder.

The modality is fitted on the pool, encoder, views and tasks are made for its layout, the loop runs, and the model with its
curve is written. The same function serves the command, the comparison of tasks and the background of tests.
"""

from __future__ import annotations

import copy
import inspect
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tacit.contracts.catalog import load, names
from tacit.contracts.errors import DataError, ModelError, UnknownName
from tacit.contracts.modality import Modality
from tacit.contracts.pool import Pool
from tacit.export.model_folder import SampleModel, holds_model, save
from tacit.learning import checkpoint
from tacit.learning.feeding import Feeder
from tacit.learning.learner import Learner
from tacit.learning.loop import FILE, Learned, Loop, finish
from tacit.learning.options import known_options, known_wishes
from tacit.learning.pacing import pace_for, with_threads
from tacit.learning.recipe import ENCODERS, SUITED, TASKS, Recipe
from tacit.learning.sampling import split
from tacit.learning.settings import settle
from tacit.nets.encoder import Encoder
from tacit.nets.precision import half_pays
from tacit.nets.view import Views

LEAST = 4  # samples
LISTED = 100  # samples that could not be read, by name in model.json
Report = Callable[[dict[str, float], float], None]


def fit_modality(pool: Pool, recipe: Recipe) -> Modality:
    """The modality of this pool, fitted on it. Raises DataError, UnknownName: also for wishes that such data cannot follow."""
    name = recipe.modality or pool.modality
    part = load("modality", name)
    known_wishes(name, part.wishes, recipe.wishes)
    known_views(recipe, name)
    made: Modality = part.fit(pool, np.random.default_rng([recipe.seed, 11]), **recipe.wishes)
    return made


def settled(recipe: Recipe, modality: Modality) -> Recipe:
    """The recipe with a task and an encoder in place of "auto", and the arguments that it states for that encoder."""
    pretext = recipe.pretext or {TASKS[modality.name]: 1.0}
    encoder = recipe.encoder
    if not encoder:
        suited = next((SUITED[task][modality.name] for task in pretext if modality.name in SUITED.get(task, {})), None)
        encoder = suited or ENCODERS[modality.name]
    options = {**recipe.encoder_tables.get(encoder, {}), **recipe.encoder_options}
    return replace(recipe, pretext=pretext, encoder=encoder, encoder_options=options, encoder_tables={})


def device_of(recipe: Recipe) -> torch.device:
    """Raises DataError where a GPU is asked for and there is none."""
    if recipe.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if recipe.device.startswith("cuda") and not torch.cuda.is_available():
        raise DataError("there is no GPU that torch can use here.", "Leave --device out, or say --device cpu.")
    return torch.device(recipe.device)


def make_encoder(recipe: Recipe, modality: Modality) -> Encoder:
    """The recipe's encoder with its first weights. Raises DataError where it is not for this modality or an argument is not its."""
    part = load("encoder", recipe.encoder)
    if modality.name not in part.modalities:
        fit = [n for n in names("encoder") if modality.name in load("encoder", n).modalities]
        raise DataError(f"the encoder {recipe.encoder!r} takes {', '.join(sorted(part.modalities))}, not {modality.name}.", f"Try {', '.join(fit)}.")
    known_options("encoder", recipe.encoder, recipe.encoder_options)
    try:
        made: Encoder = part(modality.layout, seed=recipe.seed, **recipe.encoder_options)
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError) as e:
        raise DataError(f"the encoder {recipe.encoder!r} cannot be made so: {e}.") from e
    return made


def known_views(recipe: Recipe, modality: str) -> None:
    """Raises UnknownName for a forbidden or allowed view that there isn't. An option of the views can be allowed, too: its advice is not taken."""
    part = load("views", modality)
    options = set(inspect.signature(part).parameters) - {"layout", "patch", "forbidden"}
    for listed, known in ((recipe.forbidden, set(part.kinds)), (recipe.allowed, {*part.kinds, *options})):
        for name in listed:
            if name not in known:
                raise UnknownName("view of " + modality, name, known)


def make_views(recipe: Recipe, modality: Modality, encoder: Encoder) -> Views:
    """The modality's views on the encoder's grid. Raises UnknownName for a view that there isn't, DataError."""
    part = load("views", modality.name)
    known_views(recipe, modality.name)
    known_options("views", modality.name, recipe.view_options)
    try:
        made: Views = part(modality.layout, encoder.patch, frozenset(recipe.forbidden), **{**encoder.view_options, **recipe.view_options})
    except TypeError as e:
        raise DataError(f"the views of {modality.name} cannot be made so: {e}.") from e
    return made


def make_learner(recipe: Recipe, modality: Modality, encoder: Encoder, views: Views, samples: int) -> Learner:
    """Tasks with heads for this encoder, in a learner whose settings follow the number of samples."""
    device = device_of(recipe)
    encoder.to(device)
    tasks = {}
    for k, name in enumerate(sorted(recipe.pretext)):
        part = load("pretext task", name)
        if reason := part.refuses(encoder, views):
            raise DataError(f"the task {name!r} cannot be set for {modality.name} with the encoder {recipe.encoder!r}: {reason}.")
        try:
            tasks[name] = part(encoder, seed=recipe.seed + 101 * (k + 1), **recipe.task_options.get(name, {}))
        except (TypeError, ValueError, RuntimeError) as e:
            raise DataError(f"the task {name!r} cannot be made so: {e}.") from e
    half = half_pays(device) and (device.type == "cuda" or modality.name == "image")  # on a processor it was measured for convolutions alone
    precision = ("bfloat16" if half else "float32") if recipe.precision == "auto" else recipe.precision
    settings = settle(samples, recipe.batch, recipe.rate, recipe.decay, modality.name)
    return Learner(encoder, tasks, recipe.pretext, views, recipe.seed, settings.rate, settings.decay, recipe.pieces, precision=precision)


def teach(
    recipe: Recipe,
    pool: Pool,
    folder: Path | None = None,
    start: SampleModel | None = None,
    modality: Modality | None = None,
    feeder: Feeder | None = None,
    report: Report = lambda line, share: None,
    begun: Callable[[Loop], None] = lambda loop: None,
    about: dict[str, Any] | None = None,
) -> SampleModel:
    """Learn an encoder from the pool; into `folder` where one is given, else only returned.

    start: a model to go on from (its modality, encoder and weights); feeder: samples that are already decoded; begun: is handed the loop,
    so that a caller can stop it; about: more for model.json. Raises DataError, ModelError, CollapseError.
    """
    if start is not None:
        modality, recipe = start.modality, replace(recipe, encoder=start.encoder_name, encoder_options={}, encoder_tables={})
    modality = modality or fit_modality(pool, recipe)
    recipe = settled(recipe, modality)
    if folder is not None and holds_model(folder) and not (folder / FILE).exists():
        raise ModelError(f"{folder} already holds a model.", "Choose another --out, or go on from it with --from.")
    own = feeder is None
    feeder = feeder or Feeder(pool, modality)
    if len(feeder.rows) < LEAST:
        raise DataError(f"{len(feeder.rows)} samples of {pool.described} can be read; at least {LEAST} are needed to learn.", "Give more.")
    rank, world = _processes()
    settings = settle(len(feeder.rows), recipe.batch, recipe.rate, recipe.decay, modality.name)
    encoder = make_encoder(recipe, modality) if start is None else start.encoder
    at, held = split(len(feeder.rows), settings.held, recipe.seed)
    looked_at = feeder.rows[at[:: -(-len(at) // encoder.looks)]] if encoder.looks else at[:0]
    if start is None and len(looked_at):
        encoder.begin(feeder.read(looked_at))
    views = make_views(recipe, modality, encoder)
    threads = torch.get_num_threads()
    if recipe.budget.seconds is not None and world == 1 and (recipe.batch is None or threads > 1):
        recipe, threads = _paced(recipe, modality, encoder, feeder, settings.batch, folder)
        settings = settle(len(feeder.rows), recipe.batch, recipe.rate, recipe.decay, modality.name)
    learner = make_learner(recipe, modality, encoder, views, len(feeder.rows))
    same = {**recipe.facts(), "samples": len(feeder.rows), "world": world}
    loop = Loop(learner, feeder, settings, feeder.rows[at], feeder.rows[held], recipe.budget, recipe.seed, folder, same, report, rank, world)
    begun(loop)
    try:
        with with_threads(threads):
            learned = loop.go()
        if len(looked_at) and encoder.settles:
            encoder.settle(feeder.read(looked_at))
    finally:
        if own:
            feeder.close()
    encoder.to("cpu").eval()
    told = {**(about or {}), **_about(recipe, pool, feeder, learned, learner, settings.batch, threads, start)}
    model = SampleModel(encoder, modality, recipe.encoder, told)
    if folder is not None and rank == 0:
        save(model, folder)
        if learned.finished:
            finish(folder)
    return model


def _paced(recipe: Recipe, modality: Modality, encoder: Encoder, feeder: Feeder, largest: int, folder: Path | None) -> tuple[Recipe, int]:
    """(the recipe with a batch that fits the budget, unless one was named or stands in the run to go on with; threads that a step goes best by)."""
    seconds = recipe.budget.seconds
    assert seconds is not None

    def trial() -> Learner:
        double = copy.deepcopy(encoder)
        return make_learner(recipe, modality, double, make_views(recipe, modality, double), len(feeder.rows))

    found = pace_for(seconds, largest, feeder, trial)
    if recipe.batch is None and folder is not None and (folder / FILE).exists():
        return replace(recipe, batch=int(checkpoint.about(folder / FILE)["batch"])), found.threads
    return replace(recipe, batch=recipe.batch or found.batch), found.threads


def _about(
    recipe: Recipe, pool: Pool, feeder: Feeder, learned: Learned, learner: Learner, batch: int, threads: int, start: SampleModel | None
) -> dict[str, Any]:
    finite = [{k: v for k, v in line.items() if math.isfinite(v)} for line in learned.curve]
    return {
        "recipe": recipe.facts(),
        "data": {
            "source": pool.described,
            "samples": len(feeder.rows),
            "refused": [list(r) for r in feeder.refused[:LISTED]],
            "refused_listed": "all" if len(feeder.refused) <= LISTED else f"the first {LISTED} of {len(feeder.refused):,}",
            "refused_count": len(feeder.refused),
        },
        "learning": {
            "curve": finite,
            "steps": learned.steps,
            "seconds": round(learned.seconds, 2),
            "chosen_step": learned.chosen,
            "finished": learned.finished,
            "batch": batch,
            "rate": learner.rate,
            "device": str(learner.device),
            "precision": learner.precision,
            "threads": threads,
        },
        "started_from": None if start is None else start.about.get("sha256", "public weights"),
    }


def _processes() -> tuple[int, int]:
    """(rank, world) under torchrun, where the process group is begun; else (0, 1)."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return 0, 1
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return torch.distributed.get_rank(), world

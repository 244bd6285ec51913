"""What `tacit learn` does on samples: look at the data, say what is learned and why, learn, say what came of it."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tacit.app.learned import LearnedEncoder
from tacit.app.showing import Screen
from tacit.contracts.errors import DataError, ModelError
from tacit.learning.recipe import Recipe


def learn_samples(
    source: Any,
    recipe: Recipe,
    out: Path | None = None,
    start: str | Path | None = None,
    columns: dict[str, Any] | None = None,
    strict: bool = False,
    fresh: bool = False,
    check: bool = True,
    screen: Screen | None = None,
    labels: Any = None,
) -> LearnedEncoder:
    """An encoder learned from `source`, into the folder `out` where one is given. Ctrl-C keeps what was learned. Raises TacitError.

    start: a model folder, or hf:FOLDER, to go on from; columns: names of columns for `open_pool`; fresh: drop an unfinished run in `out`;
    check: look at the data first; labels: of some samples (a file, or one per sample), by which `auto` judges its trials and nothing is learned.
    """
    from tacit.app.automatic import picked, place_of
    from tacit.app.checking import page_with_model
    from tacit.connect.open_pool import open_pool
    from tacit.contracts.pool import Pool
    from tacit.evaluation.trials import forget
    from tacit.export.place import claimed
    from tacit.learning.feeding import Feeder
    from tacit.learning.teaching import fit_modality, teach

    if int(os.environ.get("RANK", "0")):  # under torchrun the first process speaks
        screen = None
    speaks = not int(os.environ.get("RANK", "0"))
    warned = warnings.warn if screen is None and speaks else None  # from Python: nothing that is said is seen
    with claimed(out if speaks else None), screen or Screen(quiet=True) as show, page_with_model(out if speaks else None):
        if out is not None and speaks:
            _free(out, fresh)
        model = _start(start, show, warned or show.say) if start is not None else None
        named = recipe.modality or (model.modality.name if model is not None else None)
        pool = source if isinstance(source, Pool) else open_pool(source, modality=named, **(columns or {}))
        show.say(f"{pool.described}: {len(pool):,} samples, {pool.modality}")
        if model is not None:
            _fits(model, pool, recipe)
        modality = model.modality if model is not None else fit_modality(pool, recipe)
        about: dict[str, Any] = {}
        if check:
            recipe, about = _checked(pool, modality, recipe, strict, out, show)
        stopper, feeders = _Stopper(show), list[Feeder]()

        def feeder() -> Feeder:
            feeders.append(Feeder(pool, modality, progress=show.counting("reading"), strict=strict))
            return feeders[0]

        try:
            with place_of(out, recipe, modality.name, model is not None, labels is not None) as place:
                recipe, why, chosen = picked(recipe, pool, modality, feeder, place, labels, model is not None, stopper.watch, show)
                if model is not None:
                    recipe = replace(recipe, encoder=model.encoder_name, encoder_options={}, encoder_tables={})
                if unused := _unused(recipe, modality):
                    show.say(f"{', '.join(unused)} of the recipe: no effect, since they are not learned with")
                show.say(f"{_plan(recipe, modality)}; {why}")
                model = teach(
                    recipe,
                    pool,
                    place,
                    model,
                    modality,
                    feeders[0] if feeders else feeder(),
                    report=show.learning("learning"),
                    begun=stopper.watch,
                    about={**about, **chosen},
                )
                if place is not None and speaks and model.about["learning"]["finished"]:
                    forget(place)
                model.folder = model.folder if place == out else None
        finally:
            stopper.release()
            for opened in feeders:
                opened.close()
        _sum_up(model.about, show)
        return LearnedEncoder(model)


def _free(out: Path, fresh: bool) -> None:
    """Raises ModelError where `out` holds a model that is done, before anything there is touched; fresh: drops an unfinished run and its model."""
    from tacit.evaluation.trials import forget
    from tacit.export.model_folder import discard, facts, holds_model
    from tacit.learning.loop import FILE

    if (out / "state").is_dir():
        raise ModelError(f"{out} holds the model of a stream.", "Choose another --out for an encoder of samples.")
    unfinished = fresh and holds_model(out) and not facts(out).get("learning", {}).get("finished", True)  # Ctrl-C leaves a model, too
    if holds_model(out) and not unfinished and (fresh or not (out / FILE).exists()):
        raise ModelError(f"{out} already holds a model.", f"Choose another --out; --from {out} goes on from it.")
    if unfinished:
        discard(out)
    if fresh:
        (out / FILE).unlink(missing_ok=True)
        forget(out)


def _fits(model: Any, pool: Any, recipe: Recipe) -> None:
    """Raises DataError where the model that is gone on from is of another modality or encoder than what is asked for."""
    if pool.modality != model.modality.name:
        raise DataError(
            f"the model to go on from is of {model.modality.name}, and {pool.described} holds {pool.modality}.",
            "Leave --from out, or give other data.",
        )
    if recipe.encoder not in ("", model.encoder_name):
        raise DataError(
            f"the model to go on from has the encoder {model.encoder_name!r}, not {recipe.encoder!r}.", "Leave --encoder out, or leave --from out."
        )
    for name, value in {**recipe.encoder_tables.get(model.encoder_name, {}), **recipe.encoder_options}.items():
        if (there := getattr(model.encoder, name, value)) != value:
            raise DataError(
                f"the model to go on from has the encoder {model.encoder_name!r} with {name} = {there!r}, not {value!r}.",
                "Leave the option out, or leave --from out.",
            )


class _Stopper:
    """Ctrl-C ends the loop after its step; a second one ends at once."""

    def __init__(self, show: Screen) -> None:
        self.show = show
        self.loop: Any = None
        self.before: Any = None
        self.asked = False

    def watch(self, loop: Any) -> None:
        self.loop, loop.stop = loop, self.asked
        if self.before is not None:
            return
        try:
            self.before = signal.signal(signal.SIGINT, self._stop)
        except ValueError:  # not the main thread: whoever runs us there stops us in another way
            self.before = None

    def _stop(self, *_: Any) -> None:
        if self.loop is None or self.loop.stop:
            raise KeyboardInterrupt
        self.loop.stop = self.asked = True
        self.show.say("ending after this step; what was learned is kept (the same command goes on from here)")

    def release(self) -> None:
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)


def _start(start: str | Path, show: Screen, say: Callable[[str], None]) -> Any:
    from tacit.export.model_folder import load

    text = str(start)
    if text.startswith("hf:"):
        from tacit.export.public import read_public

        return read_public(text.removeprefix("hf:"), say, show.quiet)
    if not Path(text).is_dir():
        raise ModelError(f"there is no model folder {text}.", "Give the --out of an earlier `tacit learn`, or hf:FOLDER.")
    return load(text)


def _checked(pool: Any, modality: Any, recipe: Recipe, strict: bool, out: Path | None, show: Screen) -> tuple[Recipe, dict[str, Any]]:
    """The recipe without the views that would change the meaning of these data, and what the checks found."""
    from tacit.app.checking import look

    return look(pool, modality, recipe, strict, out, show)


def _plan(recipe: Recipe, modality: Any) -> str:
    """What is learned, with what and how long."""
    from tacit.learning.teaching import settled

    whole = settled(recipe, modality)
    tasks = " + ".join(name if weight == 1 else f"{weight:g} {name}" for name, weight in whole.pretext.items())
    return f"learning by {tasks} with the encoder {whole.encoder}, {_long(whole)}"


def _unused(recipe: Recipe, modality: Any) -> list[str]:
    """Tables of parts that are not learned with."""
    from tacit.learning.teaching import settled

    whole = settled(recipe, modality)
    tasks = [f"[task.{name}]" for name in whole.task_options if name not in whole.pretext]
    return tasks + [f"[encoder.{name}]" for name in recipe.encoder_tables if name != whole.encoder]


def _long(recipe: Recipe) -> str:
    budget = recipe.budget
    if budget.steps is not None:
        return f"{budget.steps:,} steps"
    if budget.epochs is not None:
        return f"{budget.epochs:g} epochs"
    return f"{(budget.seconds or 0) / 60:.3g} min"


def _sum_up(about: dict[str, Any], show: Screen) -> None:
    learning, data = about["learning"], about["data"]
    last = learning["curve"][-1]
    gap = f", held out {last['held_out']:.4g} (gap {last['held_out'] - last['loss']:+.3g})" if "held_out" in last else ""
    rank = f", effective rank {last['rank']:.1f}" if "rank" in last else ""
    show.say(f"{learning['steps']:,} steps in {learning['seconds']:.0f} s: loss {last['loss']:.4g}{gap}{rank}")
    if learning["chosen_step"] != learning["steps"]:
        show.say(f"kept the weights of step {learning['chosen_step']:,}: the held-out loss had turned")
    if data["refused_count"]:
        name, reason = data["refused"][0]
        listed = f"; model.json lists {data['refused_listed']}" if data["refused_listed"] != "all" else ""
        show.say(f"{data['refused_count']:,} samples could not be read and were left out; the first: {name}: {reason}{listed}")

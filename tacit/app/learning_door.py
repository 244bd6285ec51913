"""The door of `tacit learn`: options become a recipe; a history goes to the live learner, samples to the pretext tasks."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tacit.app.choosing import is_history
from tacit.app.showing import Screen
from tacit.contracts.errors import DataError, ModelError


@dataclass(frozen=True)
class Asked:
    """What the options say, as they were written; `given`: those of the recipe that are numbers, None where not given."""

    pretext: str = ""
    encoder: str | None = None
    recipe: Path | None = None
    modality: str | None = None
    column: str | None = None
    key: str | None = None
    time: str | None = None
    forbid: str = ""
    allow: str = ""
    device: str = "auto"
    seed: int = 0
    given: dict[str, Any] = field(default_factory=dict)
    labels: str | None = None

    @property
    def names_samples(self) -> bool:
        """Whether something is named that only samples have."""
        return bool(self.pretext or self.encoder or self.recipe or self.modality or self.column or self.labels)


def recipe_of(asked: Asked) -> Any:
    """A Recipe: the file's, with the options over it. Raises DataError, UnknownName."""
    from tacit.learning.recipe import Recipe, parse_encoder, parse_pretext, read_recipe

    made = read_recipe(asked.recipe)[0] if asked.recipe else Recipe()
    for name, value in asked.given.items():
        if value is not None and not value > 0:
            raise DataError(f"--{name} {value}: it is a number above 0.")
    if sum(asked.given.get(k) is not None for k in ("minutes", "epochs", "steps")) > 1:
        raise DataError("--minutes, --epochs and --steps are the same budget in other units.", "Give one of them.")
    changes: dict[str, Any] = {k: v for k, v in asked.given.items() if v is not None}
    if any(k in changes for k in ("minutes", "epochs", "steps")):
        made = replace(made, minutes=None, epochs=None, steps=None)
    if asked.pretext:
        changes["pretext"] = parse_pretext(asked.pretext)
    if asked.encoder:
        changes["encoder"], changes["encoder_options"] = parse_encoder(asked.encoder)
    if asked.modality:
        changes["modality"] = asked.modality
    for option, name in ((asked.forbid, "forbidden"), (asked.allow, "allowed")):
        if option:
            changes[name] = tuple(part.strip() for part in option.split(",") if part.strip())
    if asked.device != "auto":
        changes["device"] = asked.device
    if asked.seed:
        changes["seed"] = asked.seed
    return replace(made, **changes)


def learn_anything(
    data: Any,
    asked: Asked,
    out: Path | None,
    start: str | None,
    *,
    check: bool = True,
    strict: bool = False,
    fresh: bool = False,
    quiet: bool = False,
) -> Any:
    """A LearnedEncoder, or the Model of a stream. Raises TacitError."""
    if start and not start.startswith("hf:") and (Path(start) / "state").is_dir() and not (Path(start) / "model.json").is_file():
        history = True
    else:
        history = is_history(data, asked.names_samples or bool(start))
    if history:
        if isinstance(data, str | Path) and Path(data).exists() and not start:
            Screen(quiet).say(f"{data}: a table in the order of time, learned as the history of a stream (--modality series makes series of it)")
        _no_samples(asked, check, fresh)
        return learn_history(data, asked, out, start, strict)
    from tacit.app.learning_samples import learn_samples

    columns = {"column": asked.column, "id_column": asked.key, "time_column": asked.time}
    return learn_samples(data, recipe_of(asked), out, start, columns, strict, fresh, check, Screen(quiet), asked.labels)


def _no_samples(asked: Asked, check: bool, fresh: bool) -> None:
    """Raises DataError where something is asked for that only learning on samples can follow: it would be ignored."""
    given = [f"--{name}" for name in ("pretext", "encoder", "recipe", "modality", "column", "forbid", "allow", "labels") if getattr(asked, name)]
    given += [f"--{name}" for name, value in asked.given.items() if value is not None and name != "minutes"]
    given += ["--device"] * (asked.device != "auto") + ["--no-check"] * (not check) + ["--fresh"] * fresh
    if given:
        raise DataError(
            f"{', '.join(given)}: no effect on the history of a stream, which is learned as it was seen, once.",
            "It follows --key, --time, --minutes, --seed and --strict; --modality series learns series of a table.",
        )


def learn_history(data: Any, asked: Asked, out: Path | None, start: str | None, strict: bool = False) -> Any:
    """The model of a stream that has seen all of its history: what `tacit watch --model` goes on from."""
    from tacit.app.assemble import Wish
    from tacit.app.loading import load
    from tacit.app.watching import Show, run_watch

    if out is None:
        raise ModelError("a model of a stream needs a folder.", "Say where: --out FOLDER.")
    if start and Path(start) != out:
        if out.exists():
            raise ModelError(f"{out} is there already.", "Choose another --out, or --out the same folder as --from to go on in it.")
        shutil.copytree(start, out)
    minutes = asked.given.get("minutes")
    show = Show(dashboard=False, until_end=True, for_=f"{60 * minutes}s" if minutes else None)
    before, _ = _seen(out)
    run_watch(Wish(data, asked.key, asked.time, model=out, learn="inline", seed=asked.seed, strict=strict), show)
    after, newest = _seen(out)
    if before and after == before:
        Screen().say(
            f"nothing new: {data} ends where {out} already stood, after {before:,} events, the newest of {newest}. The model is as it was; give a "
            "table with later events (a file that has grown is read from there on, another file from its beginning)."
        )
    return load(out)


def _seen(folder: Path) -> tuple[int, str]:
    """(events that the model of a stream has learned from, the time of the newest); (0, "") where there is none yet."""
    about = folder / "about.json"
    if not about.is_file():
        return 0, ""
    try:
        facts = json.loads(about.read_bytes())
        return int(facts["events"]), str(facts.get("newest_event") or "no known time")
    except (ValueError, KeyError, TypeError) as e:
        raise ModelError(
            f"{about} cannot be read: {e!r}.",
            f"It tells what lies beside it: restore it from a copy, or let `tacit watch --model {folder}` write it anew.",
        ) from e

"""Recipe: what an encoder of samples is to be learned with; only what differs from the defaults need be named.

As TOML (see recipes/): [learn] pretext, encoder, minutes | epochs | steps, batch, rate, seed …; [task.NAME] and [encoder.NAME] hold
constructor arguments; [views] forbidden = ["flip"]; [goal] is read by the evaluation, its forbidden views and minutes hold for learning, too.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from tacit.contracts.catalog import load, names
from tacit.contracts.errors import DataError, UnknownName
from tacit.contracts.goal import Goal
from tacit.learning.budget import Budget
from tacit.learning.options import as_value, known_options, options_of

ENCODERS = {"image": "convnet", "series": "dilated", "text": "bagged"}
TASKS = {"image": "contrastive", "series": "contrastive", "text": "contrastive"}  # where nothing better is known (pretext/auto_list.py)
SUITED = {  # encoders of tasks that need more than the usual one: what came before alone, or a token's neighbours
    "nexttoken": {"text": "gpt", "series": "causal"},
    "predictive": {"text": "gpt", "series": "causal"},
    **{
        task: {"text": "transformer"}
        for task in ("masked", "inpainting", "autoencoding", "order", "nextsentence", "jepa", "isotropic", "distillation")
    },
}
ALSO = {
    "simclr": "contrastive",
    "simcse": "contrastive",
    "mlm": "masked",
    "mim": "masked",
    "cpc": "predictive",
    "dino": "distillation",
    "gpt": "nexttoken",
}
MINUTES = 5.0
MOST = 1e12  # of anything that is counted: more would never end
BUDGETS = ("minutes", "epochs", "steps")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class Recipe:
    """pretext: {task: weight}, {} = auto; encoder: a name, "" = the modality's; forbidden: views that change the meaning;
    device: "auto" | "cpu" | "cuda"; precision: "auto" | "float32" | "bfloat16"; wishes: for the modality (side, length, vocabulary);
    encoder_tables: arguments by encoder, for whichever is learned with; encoder_options: over them, of the one that is."""

    pretext: dict[str, float] = field(default_factory=dict)
    encoder: str = ""
    minutes: float | None = None
    epochs: float | None = None
    steps: int | None = None
    seed: int = 0
    batch: int | None = None
    rate: float | None = None
    decay: float | None = None
    pieces: int = 1
    forbidden: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()  # views that the check against the data must not switch off
    device: str = "auto"
    precision: str = "auto"
    modality: str | None = None
    task_options: dict[str, dict[str, Any]] = field(default_factory=dict)
    encoder_options: dict[str, Any] = field(default_factory=dict)
    encoder_tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    view_options: dict[str, Any] = field(default_factory=dict)
    wishes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises DataError for a value that nothing can be done with: it would fail late, or never end."""
        for name in ("minutes", "epochs", "rate"):
            _number(name, getattr(self, name), (int, float), above=0)
        for name in ("steps", "batch", "pieces"):
            _number(name, getattr(self, name), (int,), above=0)
        if len(named := [name for name in BUDGETS if getattr(self, name) is not None]) > 1:
            raise DataError(f"{' and '.join(named)} are the same budget in other units.", "Give one of them.")
        _number("decay", self.decay, (int, float), above=-1e-12)
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < 1 << 32:
            raise DataError(f"seed {self.seed!r}: it is a whole number from 0 to 4294967295.")
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", str(self.device)):
            raise DataError(f"device {self.device!r} is unknown.", "It is auto, cpu or cuda.")
        if self.precision not in PRECISIONS:
            raise DataError(f"precision {self.precision!r} is unknown.", f"It is {', '.join(PRECISIONS)}.")
        if self.modality is not None and self.modality not in names("modality"):
            raise UnknownName("modality", str(self.modality), names("modality"))
        for name in ("forbidden", "allowed"):
            if not all(isinstance(view, str) for view in getattr(self, name)):
                raise DataError(f"{name} = {list(getattr(self, name))}: views are named by texts.", f'Write {name} = ["flip"].')
        own = {self.encoder: self.encoder_options} if self.encoder else {}
        for kind, name, table in (
            *(("pretext task", k, v) for k, v in self.task_options.items()),
            *(("encoder", k, v) for k, v in (*self.encoder_tables.items(), *own.items())),
        ):
            known_options(kind, name, table)

    @property
    def budget(self) -> Budget:
        """In steps, epochs or seconds, whichever was named; five minutes where none was."""
        if self.steps is not None or self.epochs is not None:
            return Budget(self.steps, self.epochs)
        return Budget(seconds=60 * (self.minutes if self.minutes is not None else MINUTES))

    def facts(self) -> dict[str, Any]:
        """For model.json and for telling whether a checkpoint is of the same run."""
        told = {f.name: (list(v) if isinstance(v := getattr(self, f.name), tuple) else v) for f in fields(self)}
        if not self.encoder_tables:  # none are left once the encoder is chosen
            del told["encoder_tables"]
        return told


def _number(name: str, value: Any, kinds: tuple[type, ...], above: float) -> None:
    """Raises DataError where it is no number of these kinds between `above` and 1e12; None is none."""
    known = isinstance(value, int | float) and isinstance(value, kinds) and not isinstance(value, bool)
    if value is not None and not (known and above < value < MOST):
        raise DataError(f"{name} {value!r}: it is a {'number' if float in kinds else 'whole number'} {'from' if above < 0 else 'above'} 0.")


def parse_pretext(text: str) -> dict[str, float]:
    """ "contrastive" | "masked=1,rotation=0.5" | "auto" → weights; other common names of a task are known. Raises UnknownName, DataError."""
    if text in ("", "auto"):
        return {}
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        name = ALSO.get(name.strip().lower(), name.strip().lower())
        if name not in names("pretext task"):
            raise UnknownName("pretext task", name, names("pretext task"))
        try:
            weights[name] = float(value or 1)
        except ValueError as e:
            raise DataError(f"--pretext {text!r}: {value!r} is no weight.", "Write NAME=NUMBER,NAME=NUMBER.") from e
        if not 0 < weights[name] < 1e6:
            raise DataError(f"--pretext {text!r}: a weight is a number above 0.")
    return weights


def parse_encoder(text: str | None) -> tuple[str, dict[str, Any]]:
    """ "vit" | "resnet18:base=32" → name and arguments. Raises UnknownName, DataError."""
    if not text:
        return "", {}
    name, _, rest = text.partition(":")
    if name not in names("encoder"):
        raise UnknownName("encoder", name, names("encoder"))
    options: dict[str, Any] = {}
    for part in rest.split(",") if rest else ():
        key, given, value = part.partition("=")
        if not given:
            such = next(f"{k}={v}".lower() if isinstance(v, bool) else f"{k}={v}" for k, v in options_of(load("encoder", name)).items())
            raise DataError(f"--encoder {text!r}: {part!r} is no NAME=VALUE.", f"Try {name}:{such}.")
        options[key.strip()] = as_value(value)
    known_options("encoder", name, options)
    return name, options


def _tables(text: dict[str, Any], path: Path) -> None:
    """Raises DataError where something stands in the place of a table."""
    inner = [(f"{part}.{k}", v) for part in ("task", "encoder") if isinstance(text.get(part), dict) for k, v in text[part].items()]
    for place, table in (*text.items(), *inner):
        if not isinstance(table, dict):
            raise DataError(f"the recipe {path}: {place} = {table!r} is no table.", f"Write [{place}], and NAME = VALUE in the lines under it.")


def options_of_learning() -> set[str]:
    """What may stand under [learn]: all of a recipe but what has a table of its own."""
    elsewhere = {"task_options", "encoder_options", "encoder_tables", "forbidden", "allowed", "view_options", "wishes"}
    return {f.name for f in fields(Recipe)} - elsewhere


def _homeless(text: dict[str, Any], path: Path, known: set[str], homes: dict[str, set[str]]) -> None:
    """Raises DataError for what stands above all tables and belongs into one: `steps = 5` for [learn] alone."""
    for name, value in text.items():
        home = next((home for home, entries in homes.items() if name in entries), None)
        if home and (name not in known or isinstance(value, str)):
            raise DataError(f"the recipe {path}: {name} = {value!r} stands in no table.", f"It belongs under [{home}].")


def read_recipe(path: Path) -> tuple[Recipe, dict[str, Any]]:
    """(recipe, its [goal] table). Raises DataError for what cannot be read or is not known."""
    try:
        text = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise DataError(f"the recipe {path} cannot be read: {e}.") from e
    known = {"learn", "task", "encoder", "views", "goal", "data"}
    options = options_of_learning()
    _homeless(text, path, known, {"learn": options, "views": {"forbidden", "allowed"}, "goal": {f.name for f in fields(Goal)}})
    if unknown := set(text) - known:
        raise UnknownName("part of a recipe", sorted(unknown)[0], known)
    _tables(text, path)
    learn, encoder, views = dict(text.get("learn", {})), dict(text.get("encoder", {})), dict(text.get("views", {}))
    if unknown := set(learn) - options:
        raise UnknownName("option of [learn]", sorted(unknown)[0], options)
    pretext = learn.pop("pretext", "auto")
    if isinstance(pretext, dict):
        pretext = ",".join(f"{k}={v}" for k, v in pretext.items())
    weights = parse_pretext(str(pretext))
    name = str(learn.pop("encoder", ""))
    if name and name not in names("encoder"):
        raise UnknownName("encoder", name, names("encoder"))
    for listed in ("forbidden", "allowed"):
        if not isinstance(views.get(listed, []), list):
            raise DataError(f"the recipe {path}: {listed} = {views[listed]!r} is no list.", f'Write {listed} = ["flip"].')
    goal = Goal.of(dict(text.get("goal", {})))
    if goal.minutes and not set(BUDGETS) & set(learn):
        learn["minutes"] = goal.minutes
    made = Recipe(
        pretext=weights,
        encoder=name,
        forbidden=tuple(dict.fromkeys((*views.get("forbidden", ()), *goal.forbidden))),
        allowed=tuple(views.get("allowed", ())),
        task_options={ALSO.get(k, k): dict(v) for k, v in text.get("task", {}).items()},
        encoder_tables={k: dict(v) for k, v in encoder.items()},
        view_options={k: v for k, v in views.items() if k not in ("forbidden", "allowed")},
        wishes=dict(text.get("data", {})),
    )
    return replace(made, **learn), dict(text.get("goal", {}))

"""Recipe: what an encoder of samples is to be learned with; only what differs from the defaults need be named.

As TOML (see recipes/): [learn] pretext, encoder, minutes | epochs | steps, batch, rate, seed …; [task.NAME] and [encoder.NAME] hold
constructor arguments; [views] forbidden = ["flip"]; [goal] is read by the evaluation.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from tacit.contracts.catalog import names
from tacit.contracts.errors import DataError, UnknownName
from tacit.learning.budget import Budget

ENCODERS = {"image": "convnet", "series": "dilated", "text": "transformer"}
TASKS = {"image": "contrastive", "series": "contrastive", "text": "masked"}  # where nothing better is known (pretext/auto_list.py)
CAUSAL = {"nexttoken": {"text": "gpt", "series": "causal"}, "predictive": {"text": "gpt", "series": "causal"}}
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


@dataclass(frozen=True)
class Recipe:
    """pretext: {task: weight}, {} = auto; encoder: a name, "" = the modality's; forbidden: views that change the meaning;
    device: "auto" | "cpu" | "cuda"; precision: "auto" | "float32" | "bfloat16"; wishes: for the modality (side, length, vocabulary)."""

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
    view_options: dict[str, Any] = field(default_factory=dict)
    wishes: dict[str, Any] = field(default_factory=dict)

    @property
    def budget(self) -> Budget:
        """In steps, epochs or seconds, whichever was named; five minutes where none was."""
        if self.steps is not None or self.epochs is not None:
            return Budget(self.steps, self.epochs)
        return Budget(seconds=60 * (self.minutes if self.minutes is not None else MINUTES))

    def facts(self) -> dict[str, Any]:
        """For model.json and for telling whether a checkpoint is of the same run."""
        return {f.name: (list(v) if isinstance(v := getattr(self, f.name), tuple) else v) for f in fields(self)}


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
        key, _, value = part.partition("=")
        try:
            options[key.strip()] = tomllib.loads(f"v = {value}")["v"]
        except tomllib.TOMLDecodeError as e:
            raise DataError(f"--encoder {text!r}: {part!r} is no NAME=VALUE.", f"Try {name}:width=64.") from e
    return name, options


def read_recipe(path: Path) -> tuple[Recipe, dict[str, Any]]:
    """(recipe, its [goal] table). Raises DataError for what cannot be read or is not known."""
    try:
        text = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise DataError(f"the recipe {path} cannot be read: {e}.") from e
    known = {"learn", "task", "encoder", "views", "goal", "data"}
    if unknown := set(text) - known:
        raise UnknownName("part of a recipe", sorted(unknown)[0], known)
    learn = dict(text.get("learn", {}))
    encoder = dict(text.get("encoder", {}))
    views = dict(text.get("views", {}))
    options = {f.name for f in fields(Recipe)} - {"task_options", "encoder_options", "forbidden", "allowed", "view_options", "wishes"}
    if unknown := set(learn) - options:
        raise UnknownName("option of [learn]", sorted(unknown)[0], options)
    pretext = learn.pop("pretext", "auto")
    weights = parse_pretext(pretext) if isinstance(pretext, str) else {ALSO.get(k, k): float(v) for k, v in pretext.items()}
    name = str(learn.pop("encoder", ""))
    made = Recipe(
        pretext=weights,
        encoder=name,
        forbidden=tuple(views.get("forbidden", ())),
        allowed=tuple(views.get("allowed", ())),
        task_options={ALSO.get(k, k): dict(v) for k, v in text.get("task", {}).items()},
        encoder_options=dict(encoder.get(name, {})),
        view_options={k: v for k, v in views.items() if k not in ("forbidden", "allowed")},
        wishes=dict(text.get("data", {})),
    )
    return replace(made, **learn), dict(text.get("goal", {}))

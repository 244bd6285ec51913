"""Goal: what the learning is for, as its user states it. Read from the table [goal] of a recipe; every choice of ours then follows it.

[goal]
metric = "balanced_accuracy"                 # any scikit-learn scorer; left out: chosen by the labels, and said
costs = { "sick>well" = 50, "well>sick" = 1 }  # cost of an error: what it is > what was said
label_cost = 0.8                             # money a label costs; currency = "EUR"
entity = "patient"                           # splits keep an entity on one side; time = "taken" splits by time
group = "hospital"                           # gaps of error rates between these are shown
forbidden = ["flip"]                         # views that would change the meaning: neither learned by nor disturbed with
labels = 200                                 # labels there will be: few-shot curves end there; minutes = 30: the time to learn in
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tacit.contracts.errors import DataError, UnknownName


@dataclass(frozen=True)
class Goal:
    """metric: a scorer's name, or f(labels, answers) → number, more is better; "" = by the labels. positive: the class that is looked for.

    labels, minutes: what there is to spend (0: not stated); forbidden: views that would change the meaning;
    random_split: entities and times are ignored on purpose, which every result is marked with; seeds: how often what is drawn is drawn.
    """

    metric: str | Callable[[Any, Any], float] = ""
    kind: str = ""  # "classes" or "numbers"; "" = by the labels
    positive: str = ""
    costs: dict[str, float] = field(default_factory=dict)
    label_cost: float = 0.0
    currency: str = ""
    labels: int = 0
    minutes: float = 0.0
    group: str = ""
    entity: str = ""
    time: str = ""
    forbidden: tuple[str, ...] = ()
    random_split: bool = False
    seeds: int = 5

    def __post_init__(self) -> None:
        for name, value in (("label_cost", self.label_cost), ("minutes", self.minutes), ("labels", self.labels), ("seeds", self.seeds)):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise DataError(f"the goal's {name} is {value!r}, which is no number.")
        for name, text in (("positive", self.positive), ("group", self.group), ("entity", self.entity), ("time", self.time), ("kind", self.kind)):
            if not isinstance(text, str):
                raise DataError(f"the goal's {name} is {text!r}, which is no text.")
        if not isinstance(self.costs, dict):
            raise DataError(f"the goal's costs are {self.costs!r}.", 'Write costs = { "sick>well" = 50 }.')
        if self.kind not in ("", "classes", "numbers"):
            raise DataError(f"the goal's kind is {self.kind!r}.", 'It is "classes" or "numbers"; leave it out to have it read off the labels.')
        if not isinstance(self.forbidden, tuple) or not all(isinstance(view, str) for view in self.forbidden):
            raise DataError(f"the goal's forbidden = {self.forbidden!r} is no list of views.", 'Write forbidden = ["flip"].')
        if self.minutes < 0 or self.labels < 0:
            raise DataError(f"a goal with {self.minutes} minutes and {self.labels} labels.", "Both are from 0; 0 or left out: not stated.")
        if self.label_cost < 0 or self.seeds < 2:
            raise DataError(
                f"a goal with label_cost {self.label_cost} and seeds {self.seeds}.", "A cost is at least 0, and an interval needs two seeds."
            )
        for error, cost in self.costs.items():
            if error.count(">") != 1 or not isinstance(cost, int | float) or cost < 0:
                raise DataError(
                    f"the cost {error!r} = {cost!r} cannot be read.", 'Write "what it is>what was said" = a number from 0, as "sick>well" = 50.'
                )

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Goal:
        """From the table [goal]. Raises UnknownName for what no goal has."""
        known = {f.name for f in fields(cls)}
        for name in facts:
            if name not in known:
                raise UnknownName("entry of a goal", name, known)
        read: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in facts.items()}
        return cls(**read)

    @classmethod
    def read(cls, path: str | Path) -> Goal:
        """From a recipe file; a recipe without [goal] states none."""
        try:
            recipe = tomllib.loads(Path(path).read_text("utf-8"))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DataError(f"the recipe {path} cannot be read: {error}.", "It is a TOML file, with a table [goal].") from error
        return cls.of(recipe.get("goal", {}))

    def facts(self) -> dict[str, Any]:
        """For JSON; a function is told by its name."""
        told = asdict(self)
        if callable(self.metric):
            told["metric"] = getattr(self.metric, "__name__", "a function")
        return told

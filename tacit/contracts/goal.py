"""Goal: what the learning is for, as its user states it. Read from the table [goal] of a recipe; every choice of ours then follows it.

[goal]
metric = "balanced_accuracy"                 # any scikit-learn scorer, or "cost"; left out: the costs, or chosen by the labels and said
costs = { "sick>well" = 50, "well>sick" = 1 }  # in place of a metric: cost of an error, what it is > what was said
label_cost = 0.8                             # money a label costs; currency = "EUR"
entity = "patient"                           # splits keep an entity on one side; time = "taken" splits by time
group = "hospital"                           # gaps of error rates between these are shown
forbidden = ["flip"]                         # views that would change the meaning: neither learned by nor disturbed with
labels = 200                                 # labels there will be: few-shot curves end there; minutes = 30: the time to learn in
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tacit.contracts.errors import DataError, UnknownName

NUMBERS = (  # name, least, whether whole, what it is
    ("minutes", 0, False, "the time to learn in; 0 or left out: not stated"),
    ("labels", 0, True, "how many labels there will be; 0 or left out: not stated"),
    ("label_cost", 0, False, "the money that a label costs; 0 or left out: not stated"),
    ("seeds", 2, True, "how often what is drawn is drawn; of one there is no interval, left out it is 5"),
)
OF_NUMBERS = ("r2", "explained_variance", "max_error", "d2_absolute", "neg_max", "neg_mean", "neg_median", "neg_root")  # beginnings of scorers' names


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
        for name, text in (("positive", self.positive), ("group", self.group), ("entity", self.entity), ("time", self.time), ("kind", self.kind)):
            if not isinstance(text, str):
                raise DataError(f"the goal's {name} is {text!r}, which is no text.")
        if not isinstance(self.costs, dict):
            raise DataError(f"the goal's costs are {self.costs!r}.", 'Write costs = { "sick>well" = 50 }.')
        if self.kind not in ("", "classes", "numbers"):
            raise DataError(f"the goal's kind is {self.kind!r}.", 'It is "classes" or "numbers"; leave it out to have it read off the labels.')
        if not isinstance(self.forbidden, tuple) or not all(isinstance(view, str) for view in self.forbidden):
            raise DataError(f"the goal's forbidden = {self.forbidden!r} is no list of views.", 'Write forbidden = ["flip"].')
        self._known_metric()
        for name, least, whole, what in NUMBERS:
            if odd := _odd(getattr(self, name), least, whole):
                kind = "whole number" if whole else "number"
                raise DataError(f"the goal says {name} = {getattr(self, name)!r}, which is {odd}.", f"It is a {kind} from {least}: {what}.")
        for error, cost in self.costs.items():
            if error.count(">") != 1 or not all(part.strip() for part in error.split(">")):
                raise DataError(f"the goal states a cost of {error!r}, which is no error.", 'Write "what it is>what was said", as "sick>well" = 50.')
            if odd := _odd(cost, 0, False):
                raise DataError(f"the goal says that {error!r} costs {cost!r}, which is {odd}.", 'It is a number from 0, as "sick>well" = 50.')
        if self.costs and self.metric and self.metric != "cost":
            named = getattr(self.metric, "__name__", self.metric)
            raise DataError(f"the goal states the metric {named!r} and costs, and only one can judge.", "Leave out one of them.")

    def _known_metric(self) -> None:
        """Raises UnknownName, DataError: read with the recipe, so that a slip of the pen costs no hours of learning."""
        if callable(self.metric) or self.metric in ("", "cost"):
            return
        from sklearn.metrics import get_scorer_names  # slow to import, and most goals name none

        if not isinstance(self.metric, str):
            raise DataError(
                f"the goal's metric is {self.metric!r}.", 'It is the name of a scorer of scikit-learn, as "balanced_accuracy", or "cost".'
            )
        if self.metric not in get_scorer_names():
            raise UnknownName("metric", self.metric, [*get_scorer_names(), "cost"])
        if self.kind:
            refuse_misfit(self.metric, self.kind == "classes")

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Goal:
        """From the table [goal]. Raises UnknownName for what no goal has, DataError for values that none can be."""
        if not isinstance(facts, dict):
            raise DataError(f"goal = {facts!r} is no table.", "Write [goal], and NAME = VALUE in the lines under it.")
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


def misfits(metric: str | Callable[[Any, Any], float], classes: bool) -> bool:
    """Whether it judges the other kind: a metric of numbers for classes, or one of classes, as costs are, for numbers."""
    return isinstance(metric, str) and bool(metric) and metric.startswith(OF_NUMBERS) == classes


def refuse_misfit(metric: str | Callable[[Any, Any], float], classes: bool) -> None:
    """Raises DataError where the metric judges numbers and the labels are classes, or the other way round."""
    if misfits(metric, classes):
        judged, are, such = ("numbers", "classes", "balanced_accuracy") if classes else ("classes", "numbers", "r2")
        raise DataError(
            f"the metric {metric!r} judges {judged}, and the labels are {are}.",
            f'State one of {are}, as {such}; where the labels are read wrongly, kind = "{judged}" under [goal] says what they are.',
        )


def _odd(value: Any, least: int, whole: bool) -> str:
    """Why this cannot be a number from `least`; "" where it is one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "no number"
    if isinstance(value, float) and not math.isfinite(value):
        return "not finite"
    if value < least:
        return f"below {least}"
    return "not whole" if whole and value != int(value) else ""

"""Assemble: what a user asks for becomes a source, a model, sinks, learning and a runner."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tacit.contracts.episode import Episode
from tacit.contracts.errors import ModelError, TacitError
from tacit.contracts.events import Feature
from tacit.contracts.insight import Insights
from tacit.contracts.sink import Sink
from tacit.contracts.source import Source

Learn = Literal["background", "inline", "off"]
SPANS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "hour": 3600.0, "d": 86_400.0, "day": 86_400.0, "week": 604_800.0}


@dataclass(slots=True)
class Wish:
    """All that `tacit watch` can be told; the names are those of the options."""

    source: Any
    key: str | None = None
    time: str | None = None
    columns: str | Sequence[str] = ()
    speed: str | float = "max"
    out: Sequence[str] = ()
    model: Path | None = None
    learn: Learn | None = None
    alerts: str = "3/day"
    seed: int = 0
    reorder: str | float | None = None
    strict: bool = False
    sentences: bool = False
    idle: str = "30d"
    sinks: list[Sink] = field(default_factory=list)


def seconds(text: str) -> float:
    """'90s', '5m', '2h', '1d', or plain seconds. Raises TacitError."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    unit = found[2] if found else "?"
    if not found or unit.rstrip("s") not in {*SPANS, ""}:
        raise TacitError(f"{text!r} is not a length of time.", "Write 90s, 5m, 2h or 1d.")
    return float(found[1]) * SPANS.get(unit.rstrip("s") or "s", 1.0)


def budget(text: str) -> float:
    """'3/day', '1/hour', '20/week' → alerts a day. Raises TacitError."""
    number, slash, span = text.partition("/")
    try:
        count = float(number)
    except ValueError:
        count = -1.0
    if not slash or span.strip() not in SPANS or not 0 < count < math.inf:
        raise TacitError(f"{text!r} is not an alert budget.", "Write 3/day, 1/hour or 20/week.")
    return count * 86_400.0 / SPANS[span.strip()]


def assemble(wish: Wish, show: Callable[[Insights], None] | None = None, tell: Callable[[Episode], None] | None = None) -> Any:
    """A Runner that stands where the model folder (if any) left off. Raises TacitError; then nothing is left open."""
    from tacit.connect.open import open_sinks, open_source
    from tacit.live.model import LiveModel
    from tacit.live.runner import Runner

    alerts, idle = budget(wish.alerts), seconds(wish.idle)
    if wish.learn not in (None, "background", "inline", "off"):
        raise TacitError(f"--learn {wish.learn} is unknown.", "It is background, inline or off.")
    if not 0 <= wish.seed < 1 << 32:
        raise TacitError(f"--seed {wish.seed} cannot be used.", "It is a whole number from 0 to 4294967295.")
    if wish.model is not None and (wish.model / "model.json").is_file():
        raise ModelError(f"{wish.model} holds an encoder of samples, not the model of a stream.", "Choose another --model, or a new folder.")
    source: Source = open_source(
        wish.source, key=wish.key, time=wish.time, columns=wish.columns, speed=wish.speed, strict=wish.strict, reorder=wish.reorder
    )
    opened: list[Sink] = []
    try:
        opened = open_sinks(wish.out)
        mode: Learn = wish.learn or ("inline" if source.ends and not source.live and wish.speed == "max" else "background")
        learning = None
        if mode != "off":
            from tacit.live.learning import Learning

            learning = Learning(mode, wish.model, wish.seed)
        recipe = {"key": wish.key, "time": wish.time, "columns": wish.columns, "alerts": wish.alerts, "learn": mode, "seed": wish.seed}

        def make(features: tuple[Feature, ...]) -> LiveModel:
            return LiveModel(features, alerts, idle, wish.sentences)

        return Runner(source, make, [*opened, *wish.sinks], wish.model, learning, show, tell, {"recipe": recipe})
    except BaseException:
        for sink in opened:
            sink.close()
        source.close()
        raise

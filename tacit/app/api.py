"""The Python interface: watch a stream, learn from a table, score, save, load."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Never

from tacit.app.assemble import Learn, Wish, assemble
from tacit.app.naming import named_options, require_known
from tacit.contracts.errors import DataError, ModelError, UnknownName
from tacit.contracts.insight import Insight, Insights

DASHBOARD = "from Python there is no dashboard"
ELSEWHERE = {  # options of the command that have no meaning here
    **dict.fromkeys(("dashboard", "no_dashboard", "host", "port", "token"), DASHBOARD),
    "until_end": f"{DASHBOARD} to keep up, the iterator ends with its source",
    "for_": "the same is called seconds, a number",
}


def watch(
    source: Any,
    *,
    key: str | None = None,
    time: str | None = None,
    columns: str | Sequence[str] = (),
    speed: str | float = "max",
    out: str | Sequence[str] = (),
    model: str | Path | None = None,
    learn: Learn | None = None,
    alerts: str = "3/day",
    seed: int = 0,
    reorder: str | float | None = None,
    strict: bool = False,
    sentences: bool = False,
    seconds: float | None = None,
    **unknown: Never,
) -> Iterator[Insight]:
    """One insight per event of `source`: "host:", a file or folder, "-", "tail:FILE", a table, an iterable of dicts.

    The options are those of `tacit watch` without its dashboard; `seconds` stops after so long. What was learned is saved into `model` (a folder)
    when the iterator ends or is closed. Raises TacitError and its kinds, UnknownName for another option at once.
    """
    for name in unknown:
        if name in ELSEWHERE:
            raise DataError(f"tacit.watch takes no {name!r}: {ELSEWHERE[name]}.", "Leave it out, or use the command `tacit watch`.")
        raise UnknownName("option of tacit.watch", name, named_options(watch))
    outs = [out] if isinstance(out, str) else list(out)
    wish = Wish(source, key, time, columns, speed, outs, Path(model) if model else None, learn, alerts, seed, reorder, strict, sentences)
    return _insights(wish, seconds)


def _insights(wish: Wish, seconds: float | None) -> Iterator[Insight]:
    """What `watch` gives; nothing is opened before the first is asked for."""
    runner = assemble(wish)
    end = None if seconds is None else clock.monotonic() + seconds
    try:
        while end is None or clock.monotonic() < end:
            insights = runner.step()
            if insights is None:
                return
            yield from insights
    finally:
        runner.close()


class Model:
    """What was learned from a stream: scores more of it, is saved and loaded. Made by `tacit.learn` and `tacit.load`."""

    def __init__(self, wish: Wish, live: Any) -> None:
        self._wish, self._live = wish, live

    def score(self, table: Any) -> Insights:
        """Insights of all events of the table, test-then-train: each is scored before it is learned from.

        table: anything that `watch` takes and that ends. The heads go on learning, the encoder doesn't. Events of the same keys go on
        where they were. Raises TacitError.
        """
        from tacit.live.model import join

        runner = assemble(Wish(table, self._wish.key, self._wish.time, self._wish.columns, learn="off", alerts=self._wish.alerts))
        parts: list[Any] = []  # of Insights
        try:
            runner.adopt(self._live)
            while (insights := runner.step()) is not None:
                parts.append(insights)
        finally:
            runner.close()
        if not parts:
            raise ModelError("The table has no rows.", "Score at least one.")
        joined: Insights = join([p for p in parts if len(p)], parts[-1])
        return joined

    def save(self, folder: str | Path) -> None:
        """What scores, into a folder, atomically: statistics, feedback, the encoder, where each key stands. Raises ModelError.

        Learning's own state (the reservoir of windows, the optimizer, a trial in progress) is left out: a copy that is gone on from
        collects windows anew. Only `tacit watch --model` and `learn` with `out` keep it.
        """
        from tacit.live.folder import save

        save(self._live, Path(folder))

    @property
    def features(self) -> list[str]:
        """Names of the features that it was learned on."""
        return [f.name for f in self._live.features]


def learn(
    data: Any,
    *,
    key: str | None = None,
    time: str | None = None,
    columns: str | Sequence[str] = (),
    alerts: str = "3/day",
    seed: int = 0,
    learn: Learn = "inline",
    pretext: str = "",
    encoder: str = "",
    modality: str | None = None,
    out: str | Path | None = None,
    start: Any = None,
    labels: Any = None,
    **options: Any,
) -> Any:
    """A stream's history → a Model that has seen all of it; samples (pictures, texts, series) → a LearnedEncoder, learned by pretext tasks.

    data: a table in the order of time (a file, pandas, polars, numpy, pyarrow, an iterable of dicts) is a history, unless pretext, encoder or
    modality is named; a folder or archive of files, arrays of more than two axes and lists of texts are samples. pretext, encoder: as for
    `tacit learn`; out: a folder to write and to go on in; start: a model to go on from (a LearnedEncoder, a folder, "hf:FOLDER");
    labels: a few, by which trials choose the task where none is named; options: of tacit.learning.recipe.Recipe (minutes, epochs, steps, batch,
    rate, forbidden, device, …). Raises TacitError.
    """
    from tacit.app.choosing import is_history

    if not is_history(data, bool(pretext or encoder or modality or options or start is not None or labels is not None)):
        from tacit.app.learning_samples import learn_samples

        recipe = _recipe(pretext, encoder, {"seed": seed, "modality": modality, **options})
        places = {"id_column": key, "time_column": time, "value_columns": [columns] if isinstance(columns, str) and columns else list(columns)}
        return learn_samples(data, recipe, Path(out) if out else None, start, places, labels=labels)
    wish = Wish(data, key, time, columns, model=Path(out) if out else None, learn=learn, alerts=alerts, seed=seed)
    runner = assemble(wish)
    try:
        while runner.step() is not None:
            pass
    finally:
        runner.close()
    if runner.model is None:
        raise ModelError("The table has no rows.", "Learn from at least one; a few hundred are needed for scores.")
    return Model(wish, runner.model)


def _recipe(pretext: str, encoder: str, options: dict[str, Any]) -> Any:
    """Of what `learn` is given. Raises UnknownName for an option that there is not, DataError for a value that nothing can be done with."""
    from tacit.learning.recipe import Recipe, parse_encoder, parse_pretext

    require_known("option of tacit.learn", options, {*(f.name for f in fields(Recipe)), *named_options(learn)})
    name, arguments = parse_encoder(encoder)
    arguments |= options.pop("encoder_options", {})
    return Recipe(parse_pretext(pretext), name, encoder_options=arguments, **options)


def inspect(source: Any, *, key: str | None = None, time: str | None = None, columns: str | Sequence[str] = ()) -> Any:
    """What was found in a source: columns, kinds, times, notes; as `tacit inspect` shows it."""
    from tacit.connect.inspect import describe
    from tacit.connect.open import open_source

    opened = open_source(source, key=key, time=time, columns=columns)
    try:
        return describe(opened)
    finally:
        opened.close()

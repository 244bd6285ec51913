"""The Python interface: watch a stream, learn from a table, score, save, load."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tacit.app.assemble import Learn, Wish, assemble
from tacit.contracts.errors import ModelError
from tacit.contracts.insight import Insight, Insights


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
) -> Iterator[Insight]:
    """One insight per event of `source`: "host:", a file or folder, "-", "tail:FILE", a table, an iterable of dicts.

    The options are those of `tacit watch`; `seconds` stops after so long. What was learned is saved into `model` (a folder)
    when the iterator ends or is closed. Raises TacitError and its kinds.
    """
    outs = [out] if isinstance(out, str) else list(out)
    wish = Wish(source, key, time, columns, speed, outs, Path(model) if model else None, learn, alerts, seed, reorder, strict, sentences)
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
        parts: list[Insights] = []
        if self._live is not None:
            runner.adopt(self._live)
        while (insights := runner.step()) is not None:
            parts.append(insights)
        runner.close()
        self._live = runner.model
        if self._live is None:
            raise ModelError("The table has no rows.", "Score at least one.")
        return join([p for p in parts if len(p)], _events_like(parts))

    def save(self, folder: str | Path) -> None:
        """Into a folder, atomically. Raises ModelError."""
        from tacit.live.folder import save

        save(self._live, Path(folder))

    @property
    def features(self) -> list[str]:
        """Names of the features that it was learned on."""
        return [f.name for f in self._live.features]


def _events_like(parts: list[Insights]) -> Any:
    return parts[-1]


def learn(
    table: Any,
    *,
    key: str | None = None,
    time: str | None = None,
    columns: str | Sequence[str] = (),
    alerts: str = "3/day",
    seed: int = 0,
    learn: Learn = "inline",
) -> Model:
    """A model that has seen all of `table` (a file, a folder, a pandas/polars/numpy/pyarrow table, an iterable of dicts)."""
    wish = Wish(table, key, time, columns, learn=learn, alerts=alerts, seed=seed)
    runner = assemble(wish)
    try:
        while runner.step() is not None:
            pass
    finally:
        runner.close()
    if runner.model is None:
        raise ModelError("The table has no rows.", "Learn from at least one; a few hundred are needed for scores.")
    return Model(wish, runner.model)


def load(folder: str | Path) -> Model:
    """The model in a folder. Executes nothing from it. Raises ModelError where it is missing, damaged or of another version."""
    from tacit.live.folder import load as load_folder

    live = load_folder(Path(folder))
    return Model(Wish(None), live)


def inspect(source: Any, *, key: str | None = None, time: str | None = None, columns: str | Sequence[str] = ()) -> Any:
    """What was found in a source: columns, kinds, times, notes; as `tacit inspect` shows it."""
    from tacit.connect.inspect import describe
    from tacit.connect.open import open_source

    opened = open_source(source, key=key, time=time, columns=columns)
    try:
        return describe(opened)
    finally:
        opened.close()

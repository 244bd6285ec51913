"""Rows: any iterable of dicts, taken as it yields them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sized
from functools import partial
from itertools import chain
from typing import Any, ClassVar

from tacit.connect.decode import Decoder
from tacit.connect.formats.jsonl import Jsonl
from tacit.connect.records import Records
from tacit.connect.schema import Wishes
from tacit.connect.strict import refusals_for, whole
from tacit.contracts.errors import SourceError
from tacit.contracts.events import Events, Feature
from tacit.contracts.source import Position, Source


class Rows(Source):
    """rows: yields dicts. It is asked from within `poll`: one that waits makes `poll` wait with it.

    It cannot be replayed; `seek` goes on counting where an earlier run stopped.
    """

    replayable: ClassVar[bool] = False
    ends: ClassVar[bool] = True

    def __init__(self, rows: Iterable[Mapping[str, Any]], wishes: Wishes | None = None, name: str = "rows") -> None:
        if not isinstance(rows, Iterable):
            raise SourceError(f"a {type(rows).__name__} is no source.", "Give a path, a table, or an iterable of dicts.")
        self.name, self.format = name, "dicts"
        self.live = not isinstance(rows, Sized)  # a generator may wait for what it yields
        self.wishes = wishes or Wishes()
        self.refusals = refusals_for(self.wishes)
        self.notes: list[str] = []
        self._rows: Iterator[Any] = iter(rows)
        self._taken = 0
        self._dicts = Jsonl()
        self._decoder = Decoder(self.wishes, self.refusals, self.notes, live=True, believes=True)

    @property
    def features(self) -> tuple[Feature, ...]:  # type: ignore[override] # read-only here
        return self._decoder.features

    def poll(self, limit: int, timeout: float) -> Events | None:
        """Up to `limit` events, fewer once `timeout` is over; None at the end."""
        deadline = time.monotonic() + timeout
        taken: list[Any] = []
        ended = True
        for row in self._rows:
            taken.append(dict(row) if isinstance(row, Mapping) else row)  # a copy: whoever yields it may use it again
            if len(taken) >= self._decoder.most(limit) or time.monotonic() >= deadline:
                ended = False
                break
        back = partial(self._back, taken, self._taken, self._dicts.names)
        with whole(self._decoder, back):
            records = self._records(taken)
        self._taken += len(taken)
        if not len(records):
            return None if ended else self._decoder.nothing()
        if not self._decoder.begun:
            self._decoder.begin(records)
        with whole(self._decoder, back):
            return self._decoder.events(records)

    def position(self) -> Position:
        """How many events there were, and the decoder's state."""
        return {"names": list(self._dicts.names), **self._decoder.state()}

    def seek(self, position: Position) -> None:
        """Go on counting from an earlier run's position; the iterable is taken as it stands."""
        self._dicts.names = tuple(position["names"])
        self._decoder.restore(position)

    def count_on(self, last: Position) -> None:
        self._decoder.next = max(self._decoder.next, int(last["next"]))

    def _records(self, taken: list[Any]) -> Records:
        dicts: list[dict[str, Any]] = []
        lines: list[int] = []
        for line, row in enumerate(taken, self._taken + 1):
            if isinstance(row, dict):
                dicts.append(row)
                lines.append(line)
            else:
                self.refusals.add("not a dict", f"row {line}", repr(row))
        return self._dicts.rows(dicts, lines, "")

    def _back(self, taken: list[Any], before: int, names: tuple[str, ...]) -> None:
        """As it was before these rows were taken: they come again."""
        self._rows, self._taken, self._dicts.names = chain(taken, self._rows), before, names

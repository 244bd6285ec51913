"""Rows: any iterable of dicts, taken as it yields them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from tacit.connect.decode import Decoder
from tacit.connect.formats.jsonl import Jsonl
from tacit.connect.schema import Wishes
from tacit.connect.strict import refusals_for
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
        taken: list[dict[str, Any]] = []
        lines: list[int] = []
        ended = True
        for row in self._rows:
            self._taken += 1
            if isinstance(row, Mapping):
                taken.append(dict(row))
                lines.append(self._taken)
            else:
                self.refusals.add("not a dict", f"row {self._taken}", repr(row))
            if len(taken) >= self._decoder.most(limit) or time.monotonic() >= deadline:
                ended = False
                break
        if not taken:
            return None if ended else self._decoder.nothing()
        records = self._dicts.rows(taken, lines, "")
        if not self._decoder.begun:
            self._decoder.begin(records)
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

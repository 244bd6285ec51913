"""Source: ordered records from the outside world.

A source turns whatever it reads into `Events`, counts what it must refuse, and can say where it stands.
The same source reopened and put to `seek(position)` yields the same events again where it is replayable.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from tacit.contracts.events import Events, Feature, Refusals

Position = dict[str, Any]  # JSON: a byte offset, a file and a row, and what decoding needs; with "next": the next event's position


class Source(ABC):
    """Where events come from. Subclasses set the three claims and implement poll, position, seek, close."""

    name: str  # stable identity: rows in a sink are unique by (name, position)
    replayable: ClassVar[bool] = False  # seek works, and yields the same events again
    ends: ClassVar[bool] = True  # a file ends; a live stream doesn't
    machine: ClassVar[bool] = False  # it tells of the machine that we run on, so of our own use of it, too
    live: bool = False  # its events may come as they happen, though it may end: nothing may hold it up
    features: tuple[Feature, ...]  # known so far; only ever appended to
    refusals: Refusals
    notes: list[str]  # what was found by itself, to be said to the user ("time: 'ts' (ISO 8601)")

    @abstractmethod
    def poll(self, limit: int, timeout: float) -> Events | None:
        """Up to `limit` next events; waits at most `timeout` seconds for the first.

        Returns None once the source has ended, and empty Events when nothing came in time.
        Raises SourceError when it can't be read; under strict, BadRecord at the first refused record.
        """

    @abstractmethod
    def position(self) -> Position:
        """Where to go on after the last event that poll returned."""

    @abstractmethod
    def seek(self, position: Position) -> None:
        """Go on from `position`. Raises SourceError where the source is not replayable or has changed."""

    def count_on(self, last: Position) -> None:  # noqa: B027 - a source that is always the same numbers its events the same way
        """Before the first event: a sink has events of this source, read up to `last`. Numbers go on behind them, except where
        the same events come again: those keep their numbers."""

    def close(self) -> None:  # noqa: B027 - a source without resources has nothing to close
        """Let go of files and sockets."""

"""Resuming: where a source goes on, and under which numbers, so that a sink loses nothing and has nothing twice."""

from __future__ import annotations

from collections.abc import Sequence

from tacit.contracts.errors import ModelError
from tacit.contracts.sink import Sink
from tacit.contracts.source import Position, Source


def go_on(source: Source, sinks: Sequence[Sink], position: Position) -> None:
    """Behind `position`; what cannot be replayed only counts on, behind the newest event that a sink has. Raises ModelError."""
    for sink in sinks if source.replayable else ():
        sink.resume(source.name, position)
    try:
        source.seek(position)
    except (KeyError, TypeError, ValueError) as e:
        wrong = f"the saved position does not fit {source.name} as it is read now ({e!r})."
        raise ModelError(wrong, "Give the same --speed and --reorder as before, or another --model.") from e
    if not source.replayable:
        count_on(source, sinks)


def count_on(source: Source, sinks: Sequence[Sink]) -> None:
    """Nothing that a sink has of this source is written over by other events: their numbers go on behind it."""
    for last in (sink.last(source.name) for sink in sinks):
        if last is not None:
            inner = last
            while "source" in inner:  # taken with --speed or --reorder
                inner = inner["source"]
            source.count_on({**inner, "next": max(int(last["next"]), int(inner["next"]))})


def begin(source: Source, sinks: Sequence[Sink]) -> None:
    """At the source's beginning; says so where its events are not counted from 0."""
    count_on(source, sinks)
    if start := int(source.position()["next"]):
        source.notes.append(f"positions go on from {start:,}, behind the earlier events of {source.name} in --out")

"""Resuming: where a source goes on, and under which numbers, so that a sink loses nothing and has nothing twice."""

from __future__ import annotations

from collections.abc import Sequence

from tacit.contracts.errors import ModelError
from tacit.contracts.sink import Sink
from tacit.contracts.source import Position, Source


def go_on(source: Source, sinks: Sequence[Sink], position: Position) -> None:
    """Behind `position`, with --speed or without; what cannot be replayed only counts on, behind the newest event that a sink has.

    Raises ModelError, where the position is not one of this source as it is read now.
    """
    was = _reordered(position)
    if was != _reordered(source.position()):
        wrong = f"the model has read {source.name} with{'' if was else 'out'} --reorder, which numbers events otherwise."
        raise ModelError(wrong, f"{'Give' if was else 'Leave out'} --reorder as before, or give another --model.")
    for sink in sinks if source.replayable else ():
        sink.resume(source.name, position)
        _say_ahead(source, sink, int(position["next"]))
    try:
        _seek(source, position)
    except (KeyError, TypeError, ValueError) as e:
        wrong = f"the place in {source.name} that the model has kept does not fit what is read there now: it is of another format, or damaged."
        raise ModelError(wrong, "Give the source that the model has learned from, or another --model.") from e
    if not source.replayable:
        count_on(source, sinks)


def _seek(source: Source, position: Position) -> None:
    """A position taken with --speed is that of the source within before what was held, and how many of those had left."""
    if "done" not in position or "done" in source.position():
        source.seek(position)
        return
    source.seek(position["source"])
    if not source.replayable:
        source.count_on({**position["source"], "next": position["next"]})
        return
    left = int(position["done"])
    while left > 0:
        events = source.poll(left, 0.0)
        if events is None:
            raise ModelError(f"{source.name} ends before the place that the model has kept.", "Give the whole source, or another --model.")
        left -= len(events)


def _reordered(position: Position) -> bool:
    return "held" in (position["source"] if "done" in position else position)


def _say_ahead(source: Source, sink: Sink, stands: int) -> None:
    """Of a sink that cannot tell whose its rows are: it takes none up to the last one there, even were they another's."""
    last = None if sink.positions else sink.last(source.name)
    if last is not None and int(last["next"]) > stands:
        there = f"{_called(sink)} has insights up to position {int(last['next']) - 1:,}, the model stands before {stands:,}"
        source.notes.append(f"{there}: those between are not written a second time")


def count_on(source: Source, sinks: Sequence[Sink]) -> None:
    """Nothing that a sink has of this source is written over by other events: their numbers go on behind it."""
    for last in (sink.last(source.name) for sink in sinks):
        if last is not None:
            inner = last
            while "source" in inner:  # taken with --speed or --reorder
                inner = inner["source"]
            source.count_on({**inner, "next": max(int(last["next"]), int(inner["next"]))})


def begin(source: Source, sinks: Sequence[Sink]) -> None:
    """At the source's beginning; says so where its events are not counted from 0, or are counted as others in a sink already are."""
    count_on(source, sinks)
    start = int(source.position()["next"])
    if start:
        source.notes.append(f"positions go on from {start:,}, behind the earlier events of {source.name} in --out")
    for sink in sinks:
        last = None if sink.positions else sink.last(source.name)
        if last is not None and int(last["next"]) > start:
            holds = f"{_called(sink)} holds the insights of another run already, the last of position {int(last['next']) - 1:,}"
            source.notes.append(f"{holds}: these follow them, and their positions begin at {start:,}")


def _called(sink: Sink) -> str:
    return str(getattr(sink, "target", type(sink).__name__))

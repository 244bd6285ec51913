"""Reached: how far into a source that ends its events were given, in words: of tables exactly, of text by its bytes.

What was read ahead and still waits is not counted: between two positions, lines are taken to be shared evenly among the events.
"""

from __future__ import annotations

from pathlib import Path

from tacit.connect.readers import open_reader
from tacit.connect.sources.file import File
from tacit.connect.sources.table import Table
from tacit.connect.wrapped import Wrapped
from tacit.contracts.errors import SourceError
from tacit.contracts.source import Position, Source


def reached(source: Source) -> str:
    """Such as "line 2,049 of about 60,000 of s.csv", "row 500 of 2,000"; "" of a source whose end is not known beforehand."""
    outer, waiting = source, 0
    while isinstance(source, Wrapped):
        waiting += source.waiting()
        source = source.source
    if not isinstance(source, File | Table):
        return ""
    position, about = source.position(), "about " if waiting else ""
    if isinstance(source, Table):
        at = _given(outer, position, waiting, position["row"]) if waiting else position["row"]
        return f"{about}row {at:,} of {position['rows']:,}"
    if waiting and (before := _before(outer))["file"] != position["file"]:
        position, at = _across(source, before, waiting)
    else:
        at = _given(outer, position, waiting, _read(position)) if waiting else _read(position)
    place, nth = position["reader"], [f.name for f in source.files].index(position["file"])
    what = "row" if "row" in place else "line"
    where = position["file"] + (f", file {nth + 1:,} of {len(source.files):,}" if len(source.files) > 1 else "")
    if what == "row":
        return f"{about}row {at:,} of {position['check'][0]:,} of {where}"
    try:
        size = unpacked_size(source.files[nth])
    except OSError:  # it went away while it was read: how long it was is not told
        size = 0
    whole = f" of about {round(place['line'] * size / place['offset']):,}" if 0 < place["offset"] <= size else ""
    return f"{about}line {at:,}{whole} of {where}"


def _before(outer: Source) -> Position:
    """Where the innermost source stood before the oldest event that waits."""
    position = outer.position()
    while "source" in position:
        position = position["source"]
    return position


def _given(outer: Source, after: Position, waiting: int, at: int) -> int:
    """The row or line of the last event given; at: that of `after`, where the innermost source stands."""
    before = _before(outer)
    lines, events = at - _read(before), int(after["next"]) - int(before["next"])
    lines -= lines == events + 1  # a header is nobody's
    return at - round(lines * min(1.0, waiting / max(events, 1)))


def _across(source: File, before: Position, waiting: int) -> tuple[Position, int]:
    """(a position in the file of the last event given, its row or line), where the oldest event that waits came after `before`, files ago.

    What waits is taken from the newest file, a row or line each; where that has too few, what was given after `before` is counted on from there.
    """
    after = source.position()
    header = int(after["reader"].get("parser", {}).get("mark", "\n") != "\n")  # "\n": there is none
    if waiting < _read(after) - header:
        return after, _read(after) - waiting
    given = max(0, int(after["next"]) - int(before["next"]) - waiting)
    try:
        while given and before["file"] != after["file"] and _at_end(source, before):
            before = _begun(source, before["file"])
    except (SourceError, OSError):  # a file went away while it was read: told is the end of the one before
        given = 0
    header *= given > 0 and not _read(before)
    return before, _read(before) + header + given


def _at_end(source: File, position: Position) -> bool:
    place = position["reader"]
    if "row" in place:
        return bool(place["row"] >= position["check"][0])
    return bool(place["offset"] >= unpacked_size(next(f for f in source.files if f.name == position["file"])))


def _begun(source: File, name: str) -> Position:
    """Where the file after that one begins."""
    path = source.files[[f.name for f in source.files].index(name) + 1]
    reader = open_reader(path, path.name)
    try:
        return {"file": path.name, "reader": reader.state(), "check": reader.check()}
    finally:
        reader.close()


def _read(position: Position) -> int:
    """Rows or lines."""
    place = position.get("reader", position)
    return int(place["row"] if "row" in place else place["line"])


def unpacked_size(path: Path) -> int:
    """Bytes of a text file; of a gzipped one as its end tells, which is too few for more than 4 GiB and for several parts."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(-4 if packed else 0, 2)
        return int.from_bytes(file.read(4), "little") if packed else file.tell()

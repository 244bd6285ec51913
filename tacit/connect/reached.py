"""Reached: how far into a source that ends its events were given, in words: of tables exactly, of text by its bytes.

What was read ahead and still waits is not counted: between two positions, lines are taken to be shared evenly among the events.
"""

from __future__ import annotations

from pathlib import Path

from tacit.connect.sources.file import File
from tacit.connect.sources.table import Table
from tacit.connect.wrapped import Wrapped
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
        position, waiting = before, 0  # so much was given of the file before
    place, nth = position["reader"], [f.name for f in source.files].index(position["file"])
    what = "row" if "row" in place else "line"
    at = _given(outer, position, waiting, place[what]) if waiting else place[what]
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
    place = before.get("reader", before)
    lines, events = at - int(place["row"] if "row" in place else place["line"]), int(after["next"]) - int(before["next"])
    lines -= lines == events + 1  # a header is nobody's
    return at - round(lines * min(1.0, waiting / max(events, 1)))


def unpacked_size(path: Path) -> int:
    """Bytes of a text file; of a gzipped one as its end tells, which is too few for more than 4 GiB and for several parts."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(-4 if packed else 0, 2)
        return int.from_bytes(file.read(4), "little") if packed else file.tell()

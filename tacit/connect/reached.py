"""Reached: how far into a source that ends its reading came, in words: of tables exactly, of text by its bytes."""

from __future__ import annotations

from pathlib import Path

from tacit.connect.sources.file import File
from tacit.connect.sources.table import Table
from tacit.connect.wrapped import Wrapped
from tacit.contracts.source import Source


def reached(source: Source) -> str:
    """Such as "line 2,049 of about 60,000 of s.csv", "row 500 of 2,000"; "" of a source whose end is not known beforehand."""
    while isinstance(source, Wrapped):
        source = source.source
    if not isinstance(source, File | Table):
        return ""
    position = source.position()
    if isinstance(source, Table):
        return f"row {position['row']:,} of {position['rows']:,}"
    place, at = position["reader"], [f.name for f in source.files].index(position["file"])
    where = position["file"] + (f", file {at + 1:,} of {len(source.files):,}" if len(source.files) > 1 else "")
    if "row" in place:
        return f"row {place['row']:,} of {position['check'][0]:,} of {where}"
    try:
        size = unpacked_size(source.files[at])
    except OSError:  # it went away while it was read: how long it was is not told
        size = 0
    whole = f" of about {round(place['line'] * size / place['offset']):,}" if 0 < place["offset"] <= size else ""
    return f"line {place['line']:,}{whole} of {where}"


def unpacked_size(path: Path) -> int:
    """Bytes of a text file; of a gzipped one as its end tells, which is too few for more than 4 GiB and for several parts."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(-4 if packed else 0, 2)
        return int.from_bytes(file.read(4), "little") if packed else file.tell()

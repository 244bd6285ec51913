"""Sought: names in --columns that the first rows lack. The rows behind them are looked through before a name is refused."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from tacit.connect.records import Records
from tacit.connect.schema import KINDS, Wishes
from tacit.connect.text import is_missing
from tacit.contracts.errors import SchemaError

AHEAD = 1_000_000  # values looked through: rows times columns


@dataclass(frozen=True)
class Found:
    """where: {name: the place of its first value}; names: all that there are; of so many rows; ended: there are no more."""

    where: dict[str, str]
    names: Collection[str]
    rows: int
    ended: bool


@dataclass(frozen=True)
class Further:
    """All rows of a source, read from the first on only where a name is sought. Of a CSV that is still coming there are none: its head names all."""

    parts: Callable[[], Iterator[Records]]

    def look(self, sought: Collection[str], column: str = "") -> Found:
        """Where these columns have their first values; or, with column, the features that it names."""
        found: dict[str, str] = {}
        names: dict[str, None] = {}
        rows = cells = 0
        parts = self.parts()
        try:
            for records in parts:
                for name in [s for s in sought if s not in found]:
                    row = _first(records, name, column)
                    if row is not None:
                        found[name] = records.where(row)
                names.update(dict.fromkeys(_names(records, column)))
                rows, cells = rows + len(records), cells + len(records) * len(records.names)
                if cells >= AHEAD or len(found) == len(sought):
                    return Found(found, names, rows, False)
        finally:
            getattr(parts, "close", lambda: None)()  # a generator lets go of its file
        return Found(found, names, rows, True)


@dataclass(frozen=True)
class Known:
    """Names of the first rows. what: "column" or "feature"; listed: names in words; column: that of a long table's names; unasked: other names."""

    what: str
    names: Collection[str]
    listed: Callable[[Collection[str]], str]
    column: str = ""
    unasked: Collection[str] = ()


def seek(wishes: Wishes, known: Known, further: Further | None, notes: list[str], live: bool) -> bool:
    """Whether a column that was asked for may still come. further: None = nothing can be known before it comes.

    A name is refused where all rows lack it, and where those looked at lack it and it looks like a slip of one that they hold.
    Features of a live long table are never refused: they come one by one.
    """
    wanted = wishes.wanted()
    absent = [name for name in (*wanted, *sorted(wishes.unwanted())) if name not in known.names]
    if not absent:
        return False
    for name in absent:
        _check_kind(name, {*known.names, *known.unasked})
    stems = [name.rpartition(":")[0] for name in absent if ":" in name]
    found = further.look([*absent, *stems], known.column) if further is not None else Found({}, (), 0, False)
    names = list(dict.fromkeys([*known.names, *found.names]))
    patient = live and known.what == "feature"
    for name in absent:
        if name in found.where:
            notes += [f"--columns {name}: comes first at {found.where[name]}, and is taken from there"] if name in wanted else []
            continue
        _check_kind(name, found.where)
        looked = f" in the first {found.rows:,} rows" if found.rows and not found.ended else ""
        if not patient and (found.ended or near(name, names)):
            raise SchemaError(f"--columns {name}: there is no such {known.what}{looked}.", near(name, names) + known.listed(names))
        what_then = f"{looked}; it is {'taken' if name in wanted else 'left out'} once it comes" if looked else " has come yet"
        notes.append(f"--columns {name}: no such {known.what}{what_then}")
    return any(name in wanted for name in absent)


def near(name: str, names: Collection[str]) -> str:
    """ "Did you mean …? ", or nothing."""
    like = difflib.get_close_matches(name, names, n=1)
    return f"Did you mean {like[0]!r}? " if like else ""


def _check_kind(name: str, names: Collection[str]) -> None:
    stem, _, kind = name.rpartition(":")
    if stem in names:
        raise SchemaError(f"--columns {name}: there is no kind {kind!r}.", f"Known: {', '.join(KINDS)}.")


def _names(records: Records, column: str) -> Collection[str]:
    """The columns; or, with column, what stands in it."""
    if not column or column not in records.names:
        return () if column else records.names
    return [str(value) for value in records.column(records.names.index(column)) if not is_missing(value)]


def _first(records: Records, name: str, column: str) -> int | None:
    """The first row where a column has a value, or where `column` has this name."""
    where = column or name
    if where not in records.names:
        return None
    values: Any = records.column(records.names.index(where))
    return next((row for row, value in enumerate(values) if (str(value) == name if column else not is_missing(value))), None)

"""Long values: rows of a long table → one feature an event, by what the row's name says.

A name is settled by the first rows, or by its first value where it comes later; row by row, so that features stand in
the same order whatever the batch. Rows of names that are not used are left out: they are no events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tacit.connect.records import Floats, Records
from tacit.connect.schema import Schema
from tacit.connect.text import is_boolean, is_missing, is_number
from tacit.contracts.events import Refusals

NUMERIC = ("number", "counter", "boolean")


@dataclass
class Used:
    """Rows that are used, the name of each ("" = missing), and of categories: (row, the feature that is 1, all those there were by then)."""

    records: Records
    names: list[str]
    marks: list[tuple[int, int, list[int]]] = field(default_factory=list)


def used(records: Records, schema: Schema, name: int, value: int | None, notes: list[str]) -> Used:
    """name, value: the columns; new names are settled, with a note where they are no numbers."""
    names = _called(records, name)
    if all(schema.named.get(text) in NUMERIC for text in set(names)):
        return Used(records, names)
    values = [None] * len(names) if value is None else records.column(value)
    keep: list[int] = []
    out = Used(records, names)
    for row, text in enumerate(names):
        cell = None if is_missing(values[row]) else values[row]
        if text and not schema.settle(text) and cell is not None:
            _meet(schema, text, cell, notes)
        role = schema.named.get(text)
        if role == "category" and cell is not None:
            one, note = schema.category(text, str(cell).strip())
            notes += [note] if note else []
            out.marks.append((len(keep), one, list(schema.categories[text].values())))
        keep += [] if role == "ignored" else [row]
    return out if len(keep) == len(names) else Used(records.take(keep), [names[i] for i in keep], out.marks)


def long_values(some: Used, schema: Schema, numbers: Callable[[Records], Floats], column: str, refusals: Refusals) -> Floats:
    """[n, features], NaN but for each row's own. numbers: the values of records as numbers, [m]; column: that of names."""
    for row in [i for i, text in enumerate(some.names) if not text]:
        refusals.add("name of the feature is missing", some.records.where(row, column))
    rows = [i for i, text in enumerate(some.names) if schema.named.get(text) in NUMERIC]
    values = np.full((len(some.names), len(schema.features)), np.nan)
    if rows:
        found = numbers(some.records if len(rows) == len(some.names) else some.records.take(rows))
        values[rows, [schema.index[some.names[i]] for i in rows]] = found
    for row, one, own in some.marks:
        values[row, own] = 0.0
        values[row, one] = 1.0
    return values


def _called(records: Records, name: int) -> list[str]:
    """The feature's name of each row, "" where it is missing."""
    column = list(records.column(name))
    words = {n: "" if is_missing(n) else str(n) for n in dict.fromkeys(column)}
    return list(map(words.__getitem__, column))


def _meet(schema: Schema, name: str, value: Any, notes: list[str]) -> None:
    """A name that comes in midstream, by its first value."""
    if is_boolean(value):
        schema.settle(name, "boolean")
    elif is_number(value):
        schema.settle(name, "number")
        return  # as expected: nothing to be said
    else:
        schema.settle(name, "category" if isinstance(value, str) else "ignored")
    role = schema.named[name]
    notes.append(f"feature {name!r} appeared: {'not used, its values are lists' if role == 'ignored' else role}")

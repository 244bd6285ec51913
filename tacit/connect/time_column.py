"""Time column: which column of the first records is the time, by its name and by what nearly all of its values are."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from tacit.connect.schema import Schema
from tacit.connect.text import to_number
from tacit.connect.times import OWN, SCALE, find_form, is_finite, nearly_all
from tacit.contracts.errors import SchemaError

TIMES = (
    "time",
    "timestamp",
    "datetime",
    "event_time",
    "eventtime",
    "@timestamp",
    "ts",
    "date_time",
    "date",
    "time_ns",
    "time_us",
    "time_ms",
    "time_s",
    "epoch",
    "utc",
    "when",
    "t",
)
TIME_ENDS = ("timestamp", "datetime", "_time", "_date", "_ts", "_at")
Form = tuple[str, str]  # as find_form has it: the form, a note


def find_time(schema: Schema, notes: list[str], columns: dict[str, list[Any]], live: bool) -> None:
    """Give the time its role and form, or note that there is none. columns: values that are not missing. Raises SchemaError."""
    chosen = schema.wishes.time
    if chosen in (schema.wishes.key or ()):
        raise SchemaError(f"--key {chosen}: it is the time, too.", "Choose another column for one of them.")
    if chosen is not None:
        found = find_form(columns[chosen])
        if found is None:
            raise SchemaError(
                f"--time {chosen}: values such as {columns[chosen][:1]!r} are no times.", "Known: epoch numbers, ISO 8601, common dates."
            )
    else:
        chosen, found = _guess({c: v for c, v in columns.items() if c not in (schema.wishes.key or ())})
    if chosen is None or found is None:
        notes.append(f"time: none found, {'the wall clock at arrival' if live else 'the row number in seconds'}")
        return
    schema.assign(chosen, "time")
    schema.form = found[0]
    notes.append(f"time: {chosen!r}" + (f" ({found[1]})" if found[1] else ""))


def _guess(columns: dict[str, list[Any]]) -> tuple[str | None, Form | None]:
    """By name first; else the only column of written dates."""
    named = sorted((c for c in columns if c.lower() in TIMES), key=lambda c: TIMES.index(c.lower()))
    named += [c for c in columns if c.lower().endswith(TIME_ENDS) and c not in named]
    for name in named:
        found = find_form(columns[name])
        if found is None or (found[0] == OWN and (name.lower() not in TIMES or not _goes_on(columns[name]))):
            continue  # small numbers that go back and forth are a measurement
        return name, found
    dates = [(name, form) for name, values in columns.items() if (form := _written(values[:20]) and _written(values))]
    return dates[0] if len(dates) == 1 else (None, None)


def _written(values: list[Any]) -> Form | None:
    """The form of written dates."""
    found = find_form(values)
    return None if found is None or found[0] in SCALE else found


def _goes_on(values: list[Any]) -> bool:
    """Whether nearly all numbers stand in order: as many as the longest run of them that never falls, others left out."""
    numbers = [to_number(v) for v in values if is_finite(v)]
    ends: list[float] = []  # ends[k]: the least number that k + 1 of them, none falling, can end with
    for number in numbers:
        at = bisect_right(ends, number)
        ends[at : at + 1] = [number]
    return nearly_all(len(ends), len(numbers))

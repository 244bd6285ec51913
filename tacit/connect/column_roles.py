"""Column roles: which column of a table holds the samples, which names them, and what form a table of numbers has.

By what the user says, then by names that are usual, then by values: paths end as pictures do, texts are long and differ,
identifiers of series repeat. Every guess is noted. Columns called label, target or class are never samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from tacit.connect.file_listing import modality_of
from tacit.connect.label_files import NAMES, TARGETS
from tacit.connect.pool_wishes import PoolWishes
from tacit.connect.text import is_missing, is_number
from tacit.connect.times import find_form
from tacit.contracts.errors import DataError

LOOKED_AT = 200  # values of a column that its kind is told from
TEXTS = ("text", "sentence", "content", "document", "review", "body", "message", "description", "comment", "abstract", "question", "title")
SERIES_IDS = (
    "id",
    "series",
    "series_id",
    "unit",
    "unit_id",
    "entity",
    "machine",
    "machine_id",
    "device",
    "patient",
    "engine",
    "case",
    "key",
    "subject",
)
TIMES = ("time", "timestamp", "datetime", "date", "ds", "cycle", "step", "t", "index", "ts")
WIDE = 8  # numeric columns, without a time column, that make each row a series


@dataclass
class Roles:
    """form: text, path, picture, nested (a cell is a series), long, wide, recording (the whole table is one series)."""

    form: str
    sample: str = ""
    name: str | None = None
    time: str | None = None
    values: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find_roles(columns: dict[str, Any], wishes: PoolWishes, called: str) -> Roles:
    """Raises DataError where a named column is not there, or none can hold samples."""
    for said in (wishes.column, wishes.path_column, wishes.id_column, wishes.time_column, *wishes.value_columns):
        if said is not None and said not in columns:
            raise DataError(f"{called} has no column {said!r}.", f"It has: {', '.join(columns)}.")
    kinds = {name: kind_of(values) for name, values in columns.items()}
    free = [n for n in columns if n.lower() not in TARGETS or n in (wishes.column, wishes.path_column, *wishes.value_columns)]
    roles = _cells(columns, kinds, free, wishes) if not wishes.value_columns else None
    roles = roles or _numbers(columns, kinds, free, wishes, called)
    if roles is None:
        there = ", ".join(f"{n} ({k})" for n, k in kinds.items())
        raise DataError(f"no column of {called} holds texts, pictures or series: {there}.", "Name it: --column, or --path-column.")
    if roles.form not in ("long", "recording"):
        roles.name = roles.name or wishes.id_column or _named(columns, free, NAMES, (roles.sample, *roles.values))
    return roles


def kind_of(values: Any) -> str:
    """number, time, path, text, picture (bytes), nested, or empty: by the first values that are not missing."""
    some: list[Any] = []
    for v in values[:LOOKED_AT]:
        v = v.as_py() if hasattr(v, "as_py") else v
        if isinstance(v, (bytes, dict, list, tuple, np.ndarray)) or not is_missing(v):
            some.append(v)
    if not some:
        return "empty"
    first = some[0]
    if isinstance(first, bytes) or (isinstance(first, dict) and "bytes" in first) or hasattr(first, "getexif"):
        return "picture"
    if isinstance(first, (list, tuple, np.ndarray)):
        return "nested"
    if all(is_number(v) for v in some):
        return "number"
    if find_form(some) is not None:
        return "time"
    if not all(isinstance(v, str) for v in some):
        return "other"
    return "path" if all(modality_of(v) and len(v) < 1000 for v in some) else "text"


def _cells(columns: dict[str, Any], kinds: dict[str, str], free: Sequence[str], wishes: PoolWishes) -> Roles | None:
    """Where one cell is one sample."""
    if wishes.column is not None and kinds[wishes.column] != "number":
        form = {"picture": "picture", "nested": "nested"}.get(kinds[wishes.column], "text")
        return Roles(form, wishes.column)
    if wishes.path_column is not None:
        return Roles("path", wishes.path_column, name=wishes.id_column or wishes.path_column)
    for form, fits in (("picture", (None, "image")), ("path", (None, "image", "text")), ("nested", (None, "series", "image"))):
        found = [n for n in free if kinds[n] == form]
        if found and wishes.modality in fits and len(found) == 1:
            return Roles(form, found[0], name=found[0] if form == "path" else None, notes=[f"samples: column {found[0]!r}"])
        if len(found) > 1 and wishes.modality in fits:
            raise DataError(f"several columns hold {form}s: {', '.join(found)}.", "Say which: --column, or --path-column.")
    texts = [n for n in free if kinds[n] == "text" and n != wishes.id_column]
    if not texts or wishes.modality not in (None, "text"):
        return None
    best = _named(columns, texts, TEXTS, ()) or max(texts, key=lambda n: _length(columns[n]))
    # short words that repeat (a state, a sensor's name) are no documents unless the user says so
    numeric = sum(kinds[n] == "number" for n in free)
    if wishes.modality is None and best.lower() not in TEXTS and (_length(columns[best]) < 12 or numeric > 2 * len(texts) + 2):
        return None
    others = [n for n in texts if n != best]
    note = f"texts: column {best!r}" + (f" (not read: {', '.join(others)})" if others else "")
    return Roles("text", best, notes=[note])


def _numbers(columns: dict[str, Any], kinds: dict[str, str], free: Sequence[str], wishes: PoolWishes, called: str) -> Roles | None:
    """A table of numbers: series in long form, one a row, or one recording."""
    if wishes.modality not in (None, "series"):
        return None
    numeric = [n for n in free if kinds[n] == "number"]
    time = wishes.time_column or next((n for n in free if kinds[n] == "time"), None) or _named(columns, free, TIMES, (wishes.id_column or "",))
    given = wishes.column if wishes.column in numeric else None
    ident = wishes.id_column or _repeating(columns, [n for n in free if n != time])
    plain = all(n == f"c{j + 1}" for j, n in enumerate(columns))  # no head: an engine's number, its cycle, then sensors, as in C-MAPSS
    if plain and ident is None and len(numeric) > 2 and _counts_on(columns[numeric[0]], columns[numeric[1]]):
        ident, time = numeric[0], numeric[1]
    values = list(wishes.value_columns) or ([given] if given else [n for n in numeric if n not in (ident, time)])
    if not values:
        return None
    if ident is not None and _repeats(columns[ident]):
        return Roles(
            "long", "", ident, time, values, [f"{called}: series in long form, one for each {ident!r}" + (f", ordered by {time!r}" if time else "")]
        )
    steps = [n for n in values if n != wishes.id_column and n.lower() not in NAMES]
    if time is None and len(steps) >= 2 and (len(steps) >= WIDE or _numbered(steps)):
        return Roles("wide", values=steps, notes=[f"{called}: series in wide form, one a row, of {len(steps)} steps"])
    order = f", ordered by {time!r}" if time else ""
    return Roles("recording", time=time, values=values, notes=[f"{called}: one recording of {len(values)} channels{order}"])


def _named(columns: dict[str, Any], among: Sequence[str], known: Sequence[str], but: Sequence[str]) -> str | None:
    lower = {n.lower(): n for n in among if n in columns and n not in but}
    return next((lower[k] for k in known if k in lower), None)


def _length(values: Any) -> float:
    return float(np.mean([len(v) for v in values[:LOOKED_AT] if isinstance(v, str)] or [0]))


def _repeating(columns: dict[str, Any], among: Sequence[str]) -> str | None:
    lower = {n.lower(): n for n in among}
    return next((lower[k] for k in SERIES_IDS if k in lower and _repeats(columns[lower[k]])), None)


def _repeats(values: Any) -> bool:
    """Whether values stand for more than one row each, three on average."""
    some = [str(v) for v in values[:10_000]]
    return len(some) >= 3 * len(set(some))


def _counts_on(group: Any, count: Any) -> bool:
    """Whether `count` rises by one within each run of `group`, and begins anew with the next."""
    g, c = (np.array([float(v) for v in values[:10_000] if v is not None]) for values in (group, count))
    if len(g) != len(c) or len(g) < 3:
        return False
    same = np.diff(g) == 0
    return bool(same.mean() > 0.5 and (np.diff(c)[same] == 1).all() and (c[1:][~same] <= c[:-1][~same]).all())


def _numbered(names: Sequence[str]) -> bool:
    """t0, t1, t2 … or 0, 1, 2 …: one beginning, rising numbers."""
    heads = {n.rstrip("0123456789") for n in names}
    tails = [n[len(n.rstrip("0123456789")) :] for n in names]
    return len(heads) == 1 and all(tails) and all(int(b) - int(a) == 1 for a, b in pairwise(tails))

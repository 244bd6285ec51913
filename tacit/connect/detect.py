"""Detect: from the first records to a schema, where the columns are unambiguous, with a note on each finding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tacit.connect.columns import counts, identifies, joined, mostly, role_of
from tacit.connect.long_tables import find_long
from tacit.connect.records import Records
from tacit.connect.schema import CATEGORIES, OTHER, Role, Schema, Wishes
from tacit.connect.sought import Further, Known, near, seek
from tacit.connect.text import is_missing, is_number
from tacit.connect.time_column import find_time
from tacit.contracts.errors import SchemaError

KEYS = (
    "key",
    "machine",
    "host",
    "hostname",
    "device",
    "server",
    "node",
    "instance",
    "sensor",
    "card",
    "patient",
    "station",
    "turbine",
    "engine",
    "vehicle",
    "meter",
    "customer",
    "user",
    "account",
    "entity",
    "unit",
    "asset",
    "pump",
    "id",
)
NUMBERED = frozenset(
    [
        "key",
        "machine",
        "host",
        "device",
        "server",
        "node",
        "instance",
        "station",
        "turbine",
        "vehicle",
        "customer",
        "patient",
        "unit",
        "entity",
        "asset",
        "id",
    ]
)
KEY_ENDS = ("_id", "_key", "_name")  # weaker: these must repeat


def detect(sample: Records, wishes: Wishes, live: bool, further: Further | None = None) -> tuple[Schema, list[str]]:
    """Roles of all columns of the first records, and the notes on what was found.

    live: the sample may be a single record, so categories stay open and times of their own are not looked
    for in arrival order. further: see `seek`. Raises SchemaError where a column that was asked for is not there.
    """
    schema, notes = Schema(wishes), list[str]()
    columns = {name: [v for v in sample.column(j) if not is_missing(v)] for j, name in enumerate(sample.names)}
    _check([("--time", c) for c in (wishes.time,) if c] + [("--key", k) for k in wishes.key or ()], columns)
    find_time(schema, notes, columns, live)
    awaited = False
    if not find_long(schema, notes, columns, sample, live, further):
        awaited = seek(wishes, Known("column", columns, _listed), further, notes, live)
    _find_key(schema, notes, columns, len(sample))
    wanted, unwanted = wishes.wanted(), wishes.unwanted()
    keys = joined(sample, schema.of("key"))
    numbers: list[str] = []
    for name, values in columns.items():
        if name in schema.roles:
            continue
        if (wanted and name not in wanted) or name in unwanted or schema.long:
            schema.assign(name, "ignored")
            continue
        if not wanted and name.lower().endswith(("_id", "_key")) and identifies(values, 0):
            schema.assign(name, "ignored")
            notes.append(f"{name!r} is not used: it identifies, it does not measure (--columns or --key say otherwise)")
            continue
        role: Role = wanted.get(name) or role_of(values)  # type: ignore[assignment] # kinds are roles
        if role == "number" and not wanted.get(name) and counts(name, sample, keys):
            role = "counter"
            notes.append(f"{name!r} only grows: a counter, shown as a rate")
        if role == "category":
            _open_category(schema, notes, name, values, live)
        elif role == "number":
            schema.roles[name] = role
            numbers.append(name)
        elif role == "ignored":
            schema.assign(name, role)
            notes.append(f"{name!r} is not used: text. If it says whose the event is: --key {name}")
        else:
            schema.assign(name, role)
    if not schema.long and (numbers or not schema.features):
        schema = _in_order(schema, list(columns))
    if not schema.features and not schema.long and not live and not awaited and not _comes_later(schema, notes, further):
        raise _nothing_left(schema, wanted, list(columns))
    return schema, notes


def _check(asked: list[tuple[str, str]], columns: dict[str, Any]) -> None:
    """asked: (option, column). Raises SchemaError where there is no such column."""
    for option, name in asked:
        if name not in columns:
            raise SchemaError(f"{option} {name}: there is no such column.", near(name, columns) + _listed(columns))


def _listed(columns: Iterable[str]) -> str:
    return f"Columns here: {', '.join(list(columns)[:40])}."


def _comes_later(schema: Schema, notes: list[str], further: Further | None) -> bool:
    """Whether a column that is empty in the first rows has values behind them, or may have."""
    empty = schema.of("pending")
    found = further.look(empty) if empty and further is not None else None
    if found is None or (found.ended and not found.where):
        return False
    notes += [f"{name!r} has no value before {where}; that tells what it is" for name, where in found.where.items()]
    notes += [] if found.where else [f"no value in the first {found.rows:,} rows; the first one of each column tells what it is"]
    return True


def _nothing_left(schema: Schema, wanted: dict[str, str], columns: list[str]) -> SchemaError:
    """Why no feature is left: of all columns, or of those that were asked for."""
    if not wanted:
        return SchemaError(
            f"no column holds numbers, booleans or a few categories (columns: {', '.join(columns[:20])}).",
            "Name the ones to use with --columns, for example --columns name:category.",
        )
    reasons = {"time": "the time", "key": "the key", "pending": "without any value", "ignored": f"text of more than {CATEGORIES} words, or lists"}
    why = [f"{name!r} is {reasons.get(schema.roles[name], schema.roles[name])}" for name in wanted]
    texts = [name for name in wanted if schema.roles[name] == "ignored"]
    kinds = f"Say what it is to be read as: --columns {texts[0]}:category. " if texts else ""
    return SchemaError(f"no feature is left to learn from: {', '.join(why)}.", kinds + _listed(columns))


def _find_key(schema: Schema, notes: list[str], columns: dict[str, list[Any]], n: int) -> None:
    wishes = schema.wishes
    if wishes.key is not None:
        for name in wishes.key:
            schema.assign(name, "key")
        return
    free = [c for c in columns if c not in schema.roles and columns[c]]
    found = [c for c in free if c.lower() in KEYS and identifies(columns[c], n)]
    found = [c for c in found if c.lower() in NUMBERED or not any(map(is_number, columns[c]))]  # cpu "user" may be a measurement
    found = found or [c for c in free if c.lower().endswith(KEY_ENDS) and identifies(columns[c], n, must_repeat=True)]
    if schema.long and not found:
        texts = [c for c in free if not mostly(is_number, columns[c])]
        found = texts if len(texts) == 1 else []
    if len(found) == 1:
        schema.assign(found[0], "key")
        notes.append(f"key: {found[0]!r}")
    elif len(found) > 1:
        notes.append(f"key: none taken, {', '.join(map(repr, found))} could all be; choose with --key")


def _open_category(schema: Schema, notes: list[str], name: str, values: list[Any], live: bool) -> None:
    """A live category grows to eight values; a file's has those of its first rows and "(other)"."""
    schema.assign(name, "category")
    for value in dict.fromkeys(str(v).strip() for v in values):
        schema.category(name, value)
    if not live:
        known = schema.categories[name]
        known[OTHER] = schema.add(f"{name}={OTHER}", "indicator")
        schema.closed.add(name)
    notes.append(f"{name!r}: a category, {len(dict.fromkeys(map(str, values)))} values")


def _in_order(schema: Schema, order: list[str]) -> Schema:
    """The same schema with its features in the order of the columns."""
    made = {f.name: f for f in schema.features}
    out = Schema(schema.wishes, {}, schema.form, closed=schema.closed)
    for name in order:
        role = schema.roles[name]
        out.roles[name] = role
        if role == "category":
            out.categories[name] = {v: out.add(f"{name}={v}", "indicator") for v in schema.categories[name]}
        elif role in ("number", "counter", "boolean"):
            out.add(name, made[name].kind if name in made else "number")
    return out

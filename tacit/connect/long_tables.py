"""Long tables: (time, [key], name, value), a text column that names the feature and one that holds its value.

Each name is told by its own values: a number, a boolean, a category, or text that is not used. `--columns` chooses among
the names, unless it gives columns of the table their kinds: then the table is read as a wide one.
"""

from __future__ import annotations

from typing import Any

from tacit.connect.columns import mostly, role_of
from tacit.connect.records import Records
from tacit.connect.schema import OTHER, Schema
from tacit.connect.sought import Further, Known, seek
from tacit.connect.text import is_boolean, is_missing, is_number
from tacit.contracts.errors import SchemaError

NAMES = ("name", "metric", "feature", "variable", "measurement", "signal", "tag", "sensor", "channel", "parameter", "field", "item")
VALUES = ("value", "val", "reading", "measure", "v")
FEW = 5  # names in a note
Pair = tuple[str, str]  # the column of names, the column of values


def find_long(schema: Schema, notes: list[str], columns: dict[str, list[Any]], sample: Records, live: bool, further: Further | None = None) -> bool:
    """Whether this is a long table; then it has its roles, and so has each name of the first rows. Raises SchemaError.

    columns: their values that are not missing; further: see `seek`.
    """
    pair = _columns_of(schema, columns, sample)
    if pair is None:
        return False
    values = _by_name(sample, *pair)
    if _asked_wide(schema, columns, list(values), pair):
        notes.append(f"read as a wide table, as --columns says: {pair[0]!r} names no features")
        return False
    known = Known("feature", values, lambda names: _known(pair[0], list(names)), pair[0], columns)
    awaited = seek(schema.wishes, known, further, notes, live)
    schema.assign(pair[0], "name")
    schema.assign(pair[1], "value")
    notes.append(f"a long table: {pair[0]!r} names the feature, {pair[1]!r} holds its value")
    for name, some in values.items():
        _decide(schema, name, some, live)
    notes += _notes(schema, values)
    if not live and not awaited and values and all(schema.named.get(name) == "ignored" for name in values):
        texts = _texts(schema, [n for n in values if not schema.wishes.leaves_out(n)])
        raise SchemaError(f"no feature is left to learn from{f': {texts}' if texts else ''}.", known.listed(values))
    return True


def _columns_of(schema: Schema, columns: dict[str, list[Any]], sample: Records) -> Pair | None:
    """The only column of names and the only one of values: numbers, or numbers of one name at least; no other column holds numbers."""
    rest = [c for c in columns if c not in schema.roles and c not in (schema.wishes.key or ()) and columns[c]]
    names = [c for c in rest if c.lower() in NAMES and not any(map(is_number, columns[c]))]
    called = [c for c in rest if c.lower() in VALUES and c not in names]
    values = [c for c in called if mostly(is_number, columns[c])]
    if not values and len(names) == 1:
        values = [c for c in called if any(v and _numeric(v) for v in _by_name(sample, names[0], c).values())]
    others = [c for c in rest if c not in names + values and mostly(is_number, columns[c])]
    return (names[0], values[0]) if len(names) == len(values) == 1 and not others else None


def _by_name(sample: Records, name: str, value: str) -> dict[str, list[Any]]:
    """The values of each name that are not missing."""
    out: dict[str, list[Any]] = {}
    for called, cell in zip(*(sample.column(sample.names.index(c)) for c in (name, value)), strict=True):
        if not is_missing(called):
            own = out.setdefault(str(called), [])
            own += [] if is_missing(cell) else [cell]
    return out


def _asked_wide(schema: Schema, columns: dict[str, Any], names: list[str], pair: Pair) -> bool:
    """Whether --columns gives columns of the table, and those alone, a kind. Raises SchemaError where it names some otherwise."""
    wanted = schema.wishes.wanted()
    asked = [*wanted, *sorted(schema.wishes.unwanted())]
    raw = [c for c in asked if c in columns and c not in names]
    if raw and len(raw) == len(asked) and any(wanted.get(c) for c in raw):
        return True
    if raw:
        raise SchemaError(
            f"--columns {raw[0]}: that is a column of a long table, of which --columns chooses features: "
            f"{pair[0]!r} names them, {pair[1]!r} holds the values of all.",
            f"{_known(pair[0], names)} To read the table as a wide one, say kinds: --columns {pair[0]}:category,{pair[1]}:number.",
        )
    return False


def _decide(schema: Schema, name: str, values: list[Any], live: bool) -> None:
    """What a name's values are; with none that is seen yet, its first one will tell."""
    if not schema.settle(name) and values:
        schema.settle(name, "number" if _numeric(values) else role_of(values))
    if schema.named.get(name) == "category":
        for value in dict.fromkeys(str(v).strip() for v in values):
            schema.category(name, value)
        if not live:
            schema.categories[name][OTHER] = schema.add(f"{name}={OTHER}", "indicator")
            schema.closed.add(name)


def _notes(schema: Schema, values: dict[str, list[Any]]) -> list[str]:
    """What the user could not guess: choices, categories, texts that are not used, texts among numbers."""
    wishes, notes = schema.wishes, list[str]()
    chosen = [n for n in values if not wishes.leaves_out(n)]
    if len(chosen) < len(values):
        notes.append(f"{len(chosen):,} of {len(values):,} features are used, as --columns says" + (f": {_few(chosen)}" if chosen else ""))
    categories = [n for n in chosen if schema.named.get(n) == "category"]
    if categories:
        notes.append(f"{_few(categories)}: {'categories, their' if len(categories) > 1 else 'a category, its'} values are words")
    texts = _texts(schema, chosen)
    notes += [texts] if texts else []
    mixed = [n for n in chosen if schema.named.get(n) in ("number", "counter") and not mostly(_reads_as_number, values[n])]
    if mixed:
        notes.append(f"{_few(mixed)}: many values are no numbers; they are counted and become missing")
    return notes


def _texts(schema: Schema, chosen: list[str]) -> str:
    """Which of the chosen names are not used, and why; "" where all are."""
    texts = [n for n in chosen if schema.named.get(n) == "ignored"]
    return f"{_few(texts)}: not used, their values are text. To count what is no number as missing: --columns {texts[0]}:number" if texts else ""


def _numeric(values: list[Any]) -> bool:
    """Half of a name's values tell: they are of one feature, and the others are counted."""
    return 2 * sum(map(is_number, values)) >= len(values)


def _reads_as_number(value: Any) -> bool:
    return is_number(value) or is_boolean(value)


def _known(column: str, names: list[str]) -> str:
    more = f" and {len(names) - 40:,} more" if len(names) > 40 else ""
    return f"Features here, by {column!r}: {', '.join(names[:40])}{more}."


def _few(names: list[str]) -> str:
    return ", ".join(map(repr, names[:FEW])) + (f" and {len(names) - FEW:,} more" if len(names) > FEW else "")

"""JSON lines: one object a line → rows. Nested objects and short lists become columns ("cpu.user", "axis.0")."""

from __future__ import annotations

import codecs
import json
from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import orjson

from tacit.connect.records import Rows
from tacit.contracts.events import Refusals

LIST_LIMIT = 64  # a longer list is one value that cannot be used
_NESTED = {dict, list}


class Jsonl:
    """Reads JSON lines. names: all fields seen so far, in the order of their appearance."""

    name = "jsonl"

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.notes: list[str] = []

    def parse(
        self, lines: list[bytes], first: int, refusals: Refusals, place: str, final: bool, ahead: list[bytes] | None = None
    ) -> tuple[Rows, int]:
        """Rows of these lines, and how many of the lines were used: all. Lines that are no object are refused."""
        if first == 1 and lines and lines[0].startswith(codecs.BOM_UTF8):
            lines = [lines[0][3:], *lines[1:]]
        try:
            objects = list(map(orjson.loads, lines))
            numbers: Sequence[int] = range(first, first + len(lines))
            if not set(map(type, objects)) <= {dict}:
                raise ValueError
        except ValueError:
            objects, numbers = _one_by_one(lines, first, refusals, place)
        return self.rows(objects, numbers, place), len(lines)

    def rows(self, objects: list[dict[str, Any]], numbers: Sequence[int], place: str) -> Rows:
        """Rows of dictionaries; fields that a dictionary lacks are None, new ones are appended to `names`."""
        values = self._same(objects)
        if values is None or not _NESTED.isdisjoint(map(type, chain.from_iterable(values))):
            objects = [_flat(o) for o in objects]
            known = set(self.names)
            for o in objects:
                if not known.issuperset(o):
                    fresh = [k for k in o if k not in known]
                    self.names += tuple(fresh)
                    known.update(fresh)
            values = [[o.get(k) for k in self.names] for o in objects]
        return Rows(self.names, values, numbers, place)

    def afresh(self) -> None:
        """Another file begins: nothing changes."""

    def state(self) -> dict[str, Any]:
        """What decoding the next line needs."""
        return {"names": list(self.names)}

    def restore(self, state: dict[str, Any]) -> None:
        self.names = tuple(state["names"])

    def _same(self, objects: list[dict[str, Any]]) -> list[Any] | None:
        """Values by name where all dictionaries have the very same fields; None where they don't."""
        if len(self.names) < 2 or set(map(len, objects)) != {len(self.names)}:
            return None
        try:
            return list(map(itemgetter(*self.names), objects))
        except KeyError:
            return None


def _one_by_one(lines: list[bytes], first: int, refusals: Refusals, place: str) -> tuple[list[dict[str, Any]], list[int]]:
    objects: list[dict[str, Any]] = []
    numbers: list[int] = []
    for i, line in enumerate(lines):
        if not line.strip():
            continue
        where = f"{place}:{first + i}" if place else f"line {first + i}"
        try:
            value = orjson.loads(line)
        except ValueError as error:
            value = _python_json(line)
            if value is None:
                text = line[:200].decode("utf-8", "backslashreplace")
                refusals.add("invalid JSON", where, f"{error}: {text}")
                continue
        if not isinstance(value, dict):
            refusals.add("not a JSON object", where, line[:200].decode("utf-8", "replace"))
            continue
        objects.append(value)
        numbers.append(first + i)
    return objects, numbers


def _python_json(line: bytes) -> Any:
    """What Python writes though JSON forbids it: NaN and Infinity. None where the line is no JSON at all."""
    if b"NaN" not in line and b"Infinity" not in line:
        return None
    try:
        return json.loads(line)
    except ValueError:
        return None


def _flat(value: dict[str, Any], before: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, dict):
            out.update(_flat(inner, f"{before}{name}."))
        elif isinstance(inner, list) and len(inner) <= LIST_LIMIT:
            out.update(_flat({str(i): v for i, v in enumerate(inner)}, f"{before}{name}."))
        else:
            out[f"{before}{name}"] = inner
    return out

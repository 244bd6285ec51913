"""Decode: records → Events, by the schema found from the first ones.

Whole columns are converted at once; only a column that resists is read value by value, and what it holds
that cannot be used becomes NaN and is counted with its line and column.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.connect import times
from tacit.connect.clock import Clock
from tacit.connect.detect import detect
from tacit.connect.long_values import Used, long_values, used
from tacit.connect.records import Floats, Records
from tacit.connect.schema import Schema, Wishes, first_value
from tacit.connect.sought import Further
from tacit.connect.text import is_missing, to_numbers
from tacit.contracts.events import Events, Feature, Refusals

CELLS = 1 << 22  # of values in one batch: 32 MiB


class _Plan:
    """Where each role's columns stand in records with these names."""

    def __init__(self, schema: Schema, names: tuple[str, ...]) -> None:
        self.version, self.names = schema.version, names
        at = {role: [j for j, n in enumerate(names) if schema.roles.get(n) == role] for role in set(schema.roles.values())}
        self.time = at.get("time", [])
        self.keys = [names.index(k) for k in schema.wishes.key or schema.of("key") if k in names]
        self.pending = [j for j, n in enumerate(names) if schema.roles.get(n, "pending") == "pending"]
        self.numbers = [j for j, n in enumerate(names) if schema.roles.get(n) in ("number", "counter", "boolean")]
        self.columns = [schema.index[names[j]] for j in self.numbers]
        self.categories = at.get("category", [])
        self.name, self.value = at.get("name", []), at.get("value", [])
        self.in_order = self.columns == list(range(len(schema.features))) and not self.name


class Decoder:
    """Turns records into events and keeps what that needs: schema, clock, the next event's position.

    live: no look ahead, arrival is the wall clock; believes: leaps in time are checked against the wall
    clock (sources that cannot be replayed).
    """

    def __init__(self, wishes: Wishes, refusals: Refusals, notes: list[str], live: bool = False, believes: bool = False) -> None:
        self.schema = Schema(wishes)
        self.refusals, self.notes, self.live = refusals, notes, live
        self.clock = Clock(live=believes)
        self.next = 0
        self.begun = False
        self._plan: _Plan | None = None
        self._shared: tuple[int, dict[str, Any]] | None = None

    @property
    def features(self) -> tuple[Feature, ...]:
        """Known so far."""
        return self.schema.features

    def begin(self, sample: Records, further: Further | None = None) -> None:
        """Find the schema from the first records. further: all of them, for names that these lack. Raises SchemaError."""
        self.schema, notes = detect(sample, self.schema.wishes, self.live, further)
        self.notes += notes
        self.begun = True

    def most(self, limit: int) -> int:
        """How many records to decode at once, so that the values stay within memory."""
        return max(1, min(limit, CELLS // max(len(self.schema.features), 1)))

    def events(self, records: Records, key: str = "") -> Events:
        """The events of these records; key: whose they are where no column says it."""
        if not len(records):
            return self.nothing()
        plan = self._planned(records)
        some = used(records, self.schema, plan.name[0], plan.value[0] if plan.value else None, self.notes) if plan.name else None
        if some is not None:
            records = some.records
            if not len(records):
                return self.nothing()
        when, readable = self._times(records, plan)
        keys = self._keys(records, plan, key)
        values = self._long(some, plan) if some is not None else self._wide(records, plan)
        if not readable.all():
            name = self.schema.of("time")[0]
            for row in np.flatnonzero(~readable).tolist():
                sample = str(records.column(plan.time[0])[row]) if plan.time else ""
                self.refusals.add("time cannot be read", records.where(row, name), sample)
            when, values = when[readable], values[readable]
            keys = [k for k, ok in zip(keys, readable.tolist(), strict=True) if ok]
        return self._events(keys, when, values)

    def nothing(self) -> Events:
        """No events: nothing came in time."""
        none = np.empty(0, np.int64)
        return Events([], none, np.empty((0, len(self.features))), none, self.features, np.empty(0, bool))

    def state(self) -> dict[str, Any]:
        """What decoding the next record needs. The schema's part is shared between states: never change it."""
        if self._shared is None or self._shared[0] != self.schema.version:
            self._shared = (self.schema.version, self.schema.state())
        return {"next": self.next, "schema": self._shared[1], "clock": self.clock.state(), "refused": self.refusals.state()}

    def restore(self, state: dict[str, Any]) -> None:
        if state["schema"]["roles"]:  # else it was taken before the first record, and the columns are still to be found
            self.schema.restore(state["schema"])
            self.begun = True
        self.clock.restore(state["clock"])
        self.refusals.restore(state["refused"])
        self.next, self._plan = int(state["next"]), None

    def _events(self, keys: Sequence[str], when: NDArray[np.int64], values: Floats) -> Events:
        late, leaps = self.clock.late(keys, when)
        for row in leaps:
            stamp = str(when[row : row + 1].astype("datetime64[ns]").astype("datetime64[s]")[0])
            Refusals.add(self.refusals, "time far ahead: event kept, clock not moved", f"event {self.next + row}, key {keys[row]!r}", stamp)
        positions = np.arange(self.next, self.next + len(when), dtype=np.int64)
        self.next += len(when)
        return Events(keys, when, values, positions, self.schema.features, late)

    def _planned(self, records: Records) -> _Plan:
        plan = self._plan
        if plan is None or plan.version != self.schema.version or plan.names != records.names:
            plan = _Plan(self.schema, records.names)
        if plan.pending and not plan.name:
            for j in plan.pending:
                value = first_value(records.column(j))
                if value is not None:
                    note = self.schema.meet(records.names[j], value)
                    self.notes += [note] if note else []
            plan = _Plan(self.schema, records.names)
        self._plan = plan
        return plan

    def _times(self, records: Records, plan: _Plan) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        n = len(records)
        if plan.time:
            return times.read(records.column(plan.time[0]), self.schema.form)
        if self.schema.form:  # the time column is not in these records
            return np.zeros(n, np.int64), np.zeros(n, bool)
        if self.live:
            return np.full(n, time.time_ns(), np.int64), np.ones(n, bool)
        return np.arange(self.next, self.next + n, dtype=np.int64) * 1_000_000_000, np.ones(n, bool)

    def _keys(self, records: Records, plan: _Plan, key: str) -> list[str]:
        if not plan.keys:
            return [key] * len(records)
        parts = [self._key_part(records, j) for j in plan.keys]
        return parts[0] if len(parts) == 1 else list(map("/".join, zip(*parts, strict=True)))

    def _key_part(self, records: Records, j: int) -> list[str]:
        column = records.column(j)
        column = column.tolist() if isinstance(column, np.ndarray) else column
        kinds = set(map(type, column))
        if kinds <= {str} and "" not in column:
            return column  # type: ignore[no-any-return]
        out = ["" if v is None or v != v else str(v) for v in column]
        for row, v in enumerate(out):
            if not v:
                Refusals.add(self.refusals, "key is missing: event kept under ''", records.where(row, records.names[j]))
        return out

    def _wide(self, records: Records, plan: _Plan) -> Floats:
        n = len(records)
        numbers = self._numbers(records, plan.numbers)
        codes = [(j, *self._codes(records, j)) for j in plan.categories]
        if not codes and plan.in_order and len(plan.columns) == len(self.features):
            return numbers
        values = np.full((n, len(self.features)), np.nan)
        values[:, plan.columns] = numbers
        for j, code, born in codes:
            own = np.array(list(self.schema.categories[records.names[j]].values()), dtype=np.int64)
            known = np.flatnonzero(code >= 0)
            values[np.ix_(known, own)] = 0.0
            values[known, code[known]] = 1.0
            for row, feature in born:  # before its first row a new category did not exist, whatever the batch
                values[:row, feature] = np.nan
        return values

    def _numbers(self, records: Records, js: list[int]) -> Floats:
        if not js:
            return np.empty((len(records), 0))
        try:
            values = records.numbers(js)
        except (ValueError, TypeError, OverflowError):
            values = np.empty((len(records), len(js)))
            for k, j in enumerate(js):
                values[:, k] = self._one_column(records, j)
        if not np.isfinite(values).all():
            self._not_finite(values, records, js)
        return values

    def _one_column(self, records: Records, j: int) -> Floats:
        try:
            return records.numbers([j])[:, 0]
        except (ValueError, TypeError, OverflowError):
            column = records.column(j)
            values, bad = to_numbers(column)
            for row, reason in bad.items():
                self.refusals.add(reason, records.where(row, records.names[j]), str(column[row]))
            return values

    def _not_finite(self, values: Floats, records: Records, js: list[int]) -> None:
        """Infinite values become NaN and are counted; so is NaN where it was written as such, not merely missing."""
        for k in np.flatnonzero(~np.isfinite(values).all(axis=0)).tolist():
            rows = np.flatnonzero(np.isinf(values[:, k])).tolist()
            column = records.column(js[k])
            name = records.names[js[k]]
            for row in rows:
                self.refusals.add("infinite value", records.where(row, name), str(column[row]))
            values[rows, k] = np.nan
            if isinstance(column, list):
                for row in np.flatnonzero(np.isnan(values[:, k])).tolist():
                    if isinstance(column[row], str) and column[row].strip().lower().lstrip("+-") == "nan":
                        Refusals.add(self.refusals, "NaN written as a value", records.where(row, name), column[row])

    def _codes(self, records: Records, j: int) -> tuple[NDArray[np.int64], list[tuple[int, int]]]:
        """The feature number of each row's category, -1 where it is missing; and (row, feature) of new ones."""
        column = records.column(j)
        name = records.names[j]
        known = self.schema.categories[name]
        codes = np.fromiter(map(known.get, column, repeat(-2)), np.int64, len(column))
        born: list[tuple[int, int]] = []
        for row in np.flatnonzero(codes == -2).tolist():
            if is_missing(column[row]):
                codes[row] = -1
                continue
            before = len(self.features)
            codes[row], note = self.schema.category(name, str(column[row]).strip())
            self.notes += [note] if note else []
            if len(self.features) > before:
                born.append((row, before))
        return codes, born

    def _long(self, some: Used, plan: _Plan) -> Floats:
        """One feature an event: the row's name says which."""

        def numbers(records: Records) -> Floats:
            return self._numbers(records, plan.value)[:, 0] if plan.value else np.full(len(records), np.nan)

        return long_values(some, self.schema, numbers, some.records.names[plan.name[0]], self.refusals)

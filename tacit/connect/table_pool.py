"""Table pool: the samples of a table's columns: texts, pictures, files that are named, series in cells, in rows or in long form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tacit.connect.column_roles import Roles, find_roles
from tacit.connect.file_bytes import as_text
from tacit.connect.file_listing import modality_of
from tacit.connect.pool_wishes import COLUMNS, PoolWishes
from tacit.connect.text import is_number, to_numbers
from tacit.connect.times import find_form
from tacit.connect.times import read as read_times
from tacit.contracts.errors import DataError
from tacit.contracts.pool import Pool


class TablePool(Pool):
    """What `table`, `frames` and `hub` share: `_hold` columns, then read from them."""

    listens: ClassVar[tuple[str, ...]] = COLUMNS

    def _hold(self, columns: dict[str, Any], bad: dict[int, str], wishes: PoolWishes, base: Path | None, called: str) -> None:
        if not columns or not len(next(iter(columns.values()))):
            raise DataError(f"{called} holds no row.")
        roles = find_roles(columns, wishes, called)
        self.notes: list[str] = list(roles.notes)
        self._bad, self._base = bad, base
        self._form = roles.form
        self.value_names = tuple(roles.values)
        used = [*roles.values, roles.sample]
        if bad:
            first = next(iter(bad))
            self.notes.append(f"{called}: {len(bad):,} rows do not fit; row {first + 1}: {bad[first]}")
        if roles.form in ("long", "recording"):
            self._hold_long(columns, roles, called)
        else:
            self._hold_rows(columns, roles, wishes, called)
        rest = [n for n in columns if n not in (*used, roles.name, roles.time)]
        at = slice(None) if roles.form not in ("long", "recording") else self._first
        self.columns = {n: _column(columns[n])[at] for n in rest if _plain(columns[n])}
        self.described = f"{len(self.names):,} {self.modality} samples of {called}"

    def read(self, at: Sequence[int] | NDArray[np.int64]) -> list[Any]:
        if self._form in ("long", "recording"):
            return [self._values[self._starts[int(i)] : self._starts[int(i) + 1]] for i in at]
        return [OSError(self._bad[int(i)]) if int(i) in self._bad else self._one(int(i)) for i in at]

    def _one(self, i: int) -> Any:
        if self._form == "wide":
            return self._values[i][:, None]
        value = self._cells[i]
        value = value.as_py() if hasattr(value, "as_py") else value
        if self._form == "text":
            return "" if value is None or value != value else str(value)
        if self._form == "path":
            return _file(Path(str(value)) if self._base is None else self._base / str(value), self.modality)
        if isinstance(value, dict):
            path = value.get("path")
            value = value["bytes"] if value.get("bytes") is not None else path and _file(Path(path), "image")
        if value is None:
            return OSError("nothing in its cell")
        if self._form == "picture":
            return value
        array = np.asarray(value)
        return array.astype(np.uint8) if self.modality == "image" else _series(array)

    def _hold_rows(self, columns: dict[str, Any], roles: Roles, wishes: PoolWishes, called: str) -> None:
        n = len(next(iter(columns.values())))
        if roles.form == "wide":
            self.modality, self._values = "series", _matrix(columns, roles.values, self.notes)
        else:
            self._cells = columns[roles.sample]
            endings = {modality_of(str(v)) for v in self._cells[:200]} - {None} if roles.form == "path" else set()
            if roles.form == "path" and len(endings) != 1 and wishes.modality is None:
                raise DataError(f"{called}: column {roles.sample!r} names files of several or unknown kinds.", "Say which: --modality.")
            found = {"text": "text", "picture": "image", "nested": "series"}.get(roles.form) or next(iter(endings), None)
            self.modality = str(wishes.modality or found)
        names = [str(i) for i in range(n)]
        if roles.name is not None:
            given = [_word(v) if i not in self._bad else f"row {i + 1}" for i, v in enumerate(columns[roles.name])]
            if len(set(given)) == n:
                names = given
            elif wishes.id_column is not None or roles.form == "path":
                twice = next(v for i, v in enumerate(given) if v in given[:i])
                raise DataError(
                    f"{called}: {roles.name!r} names {twice!r} twice.", "Each sample has a name of its own; leave --id-column out for positions."
                )
            else:
                self.notes.append(f"column {roles.name!r} repeats itself: samples are called by their position")
        self.names: Sequence[str] = names

    def _hold_long(self, columns: dict[str, Any], roles: Roles, called: str) -> None:
        """Rows sorted by series, then time; series in the order in which they first appear."""
        self.modality = "series"
        values = _matrix(columns, roles.values, self.notes)
        good = np.array([i for i in range(len(values)) if i not in self._bad])
        times = np.zeros(len(values)) if roles.time is None else _times(columns[roles.time], roles.time, called)
        if roles.name is None:
            codes, self.names = np.zeros(len(values), np.int64), [Path(called).name]
        else:
            place: dict[str, int] = {}
            codes = np.array([-1 if i in self._bad else place.setdefault(_word(v), len(place)) for i, v in enumerate(columns[roles.name])])
            self.names = list(place)
        order = good[np.lexsort((times[good], codes[good]))]
        self._values = values[order]
        self._starts = np.searchsorted(codes[order], np.arange(len(self.names) + 1))
        self._first = order[self._starts[:-1]]


def _file(path: Path, modality: str) -> Any:
    try:
        data = path.read_bytes()
    except OSError as error:
        return error
    return data if modality == "image" else as_text(data)[0]


def _matrix(columns: dict[str, Any], names: Sequence[str], notes: list[str]) -> NDArray[np.float32]:
    """[rows, names] with NaN where missing; texts among numbers are counted."""
    out = np.empty((len(columns[names[0]]), len(names)), np.float32)
    for j, name in enumerate(names):
        array = columns[name]
        if isinstance(array, np.ndarray) and array.dtype.kind in "biuf":
            out[:, j] = array
            continue
        numbers, bad = to_numbers(array)
        out[:, j] = numbers
        if bad:
            row = next(iter(bad))
            notes.append(f"column {name!r}: {len(bad):,} values are no numbers and count as missing; row {row + 1}: {str(array[row])[:40]!r}")
    return out


def _times(values: Any, name: str, called: str) -> NDArray[np.float64] | NDArray[np.int64]:
    if all(is_number(v) for v in values[:200]):
        return to_numbers(values)[0]
    form = find_form([v for v in values[:200] if v is not None])
    if form is None:
        raise DataError(f"{called}: column {name!r} holds no times.", "Name another: --time-column.")
    times, ok = read_times(values, form[0])
    if not ok.all():
        raise DataError(
            f"{called}: {int((~ok).sum())} times of column {name!r} cannot be read; row {int(np.argmin(ok)) + 1}: {values[int(np.argmin(ok))]!r}."
        )
    return times


def _series(array: NDArray[Any]) -> Any:
    try:
        series = array.astype(np.float32) if array.dtype != object else np.array([np.asarray(a, np.float32) for a in array])
    except (TypeError, ValueError) as error:
        return OSError(f"no series of numbers: {error}")
    return series[:, None] if series.ndim == 1 else series


def _word(value: Any) -> str:
    value = value.as_py() if hasattr(value, "as_py") else value
    return str(int(value)) if isinstance(value, (float, np.floating)) and float(value).is_integer() else str(value).strip()


def _plain(values: Any) -> bool:
    return isinstance(values, (list, np.ndarray)) and not any(isinstance(v, (list, dict, bytes, np.ndarray)) for v in values[:20])


def _column(values: Any) -> NDArray[Any]:
    """As numbers where all are, else as objects."""
    if isinstance(values, np.ndarray):
        return values
    if all(isinstance(v, str) for v in values[:200]) and all(map(is_number, values)):
        return to_numbers(values)[0]
    return np.array(values, dtype=object)

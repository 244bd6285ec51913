"""Times: epoch numbers and written dates → nanoseconds since 1970 UTC.

A column has one form, found from its first values: "s", "ms", "us" or "ns" for epoch numbers, "own" for seconds from a
start of its own, "iso", or a pattern of strptime. Whole columns are converted at once; a value that resists is tried by itself:
a moment written in another way is read, while a date among seconds of an own start, or a small number among dates, says none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.connect.text import is_number, to_number

Times = NDArray[np.int64]
OWN = "own"  # seconds from a start of its own
SCALE = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1, OWN: 1_000_000_000}
LEAST = 10  # values among which an odd one may be
EPOCH = 1e8  # the least number that is taken for one since 1970: s of the year 1973
LIMIT = 9_200_000_000_000_000_000  # ns: the year 2261
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:?\d\d|$)")
_ZONE = re.compile(r"(?:Z|z| ?UTC|[+-]\d\d:?\d\d|[+-]\d\d)$")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PATTERNS = (
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%Y %I:%M:%S %p",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d-%m-%Y %H:%M:%S",
    "%d/%b/%Y:%H:%M:%S %z",
    "%a, %d %b %Y %H:%M:%S %Z",
)


def unit_of(size: float) -> str:
    """The unit of an epoch number by its size: seconds up to the year 5138, and so on in thousands."""
    return "s" if size < 1e11 else "ms" if size < 1e14 else "us" if size < 1e17 else "ns"


def find_form(values: Sequence[Any]) -> tuple[str, str] | None:
    """The form of a column of times and a note on it; None where these are no times.

    values: the first ones, none missing. Nearly all must be times of one kind; a few odd ones do not hide it. Epoch numbers
    are only told from other numbers by the column's name, so the caller asks for them by name.
    """
    kinds = list(map(_kind, values))
    most, many = Counter(kinds).most_common(1)[0] if kinds else ("", 0)
    if not most or not nearly_all(many, len(values)):
        return None
    of_one_kind = [v for v, kind in zip(values, kinds, strict=True) if kind == most]
    if most == "number":
        size = float(np.median([abs(to_number(v)) for v in of_one_kind]))
        unit = unit_of(size)
        return (unit, f"epoch {unit}") if size >= EPOCH else (OWN, "seconds from a start of its own")
    texts = [v.strip() for v in of_one_kind if isinstance(v, str)]
    if most == "iso":
        naive = not any(_ZONE.search(t[10:]) for t in texts)
        return "iso", "" if not texts else "ISO 8601, no zone: read as UTC" if naive else "ISO 8601"
    return _pattern_of(texts, len(values))


def nearly_all(many: int, n: int) -> bool:
    """Whether so many of n values tell what a column is: nine in ten, or all where they are few."""
    return many == n or (n >= LEAST and 10 * many >= 9 * n)


def is_finite(value: Any) -> bool:
    """Whether a raw value is a number that may be a time: none that is true or false, infinite or NaN."""
    return not isinstance(value, np.bool_) and is_number(value) and bool(np.isfinite(to_number(value)))


def _kind(value: Any) -> str:
    """number, iso, written (by a pattern), or "" for what is no time."""
    if isinstance(value, np.datetime64) or hasattr(value, "isoformat"):
        return "iso"
    if is_finite(value):
        return "number"
    if not isinstance(value, str) or one(value) is None:
        return ""
    return "iso" if _ISO.match(value.strip()) else "written"


def _pattern_of(texts: list[str], n: int) -> tuple[str, str] | None:
    """The pattern that fits nearly all of n values; of several the one by which they are in order."""
    fit = {p: sum(_pattern(t, p) is not None for t in texts) for p in PATTERNS}
    best = max(fit.values())
    if not nearly_all(best, n):
        return None
    fitting = [p for p in PATTERNS if fit[p] == best]
    in_order = [p for p in fitting if _grows([_pattern(t, p) for t in texts])]
    chosen = (in_order or fitting)[0]
    doubt = f" (or {fitting[1]}: say --time if so)" if len(fitting) > 1 and len(in_order) != 1 else ""
    return chosen, f"{chosen}, {'as zoned' if '%z' in chosen.lower() else 'read as UTC'}{doubt}"


def read(values: Any, form: str) -> tuple[Times, NDArray[np.bool_]]:
    """A column of times in ns, [n], and which of them could be read, [n]."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return _from_datetimes(values)
    out: tuple[Times, NDArray[np.bool_]] | None = None
    if form in SCALE:
        out = _numbers(values, SCALE[form])
    elif form == "iso":
        out = _iso(values)
    if out is not None and out[1].all():
        return out
    scale = SCALE.get(form, 0)
    pairs = [_one_of(v, form, scale) for v in values]
    ok = np.array([p is not None for p in pairs], dtype=bool)
    return np.array([p or 0 for p in pairs], dtype=np.int64), ok


@lru_cache(maxsize=65536)
def one(text: str) -> int | None:
    """One written time in ns; None where it cannot be read."""
    text = text.strip()
    body = text[:-3].rstrip() + "Z" if text.endswith("UTC") else text
    try:
        return _since_epoch(datetime.fromisoformat(body))
    except ValueError:
        pass  # not ISO 8601; one of the patterns may fit
    for pattern in PATTERNS:
        found = _pattern(text, pattern)
        if found is not None:
            return found
    return None


@lru_cache(maxsize=65536)
def _pattern(text: str, pattern: str) -> int | None:
    try:
        return _since_epoch(datetime.strptime(text, pattern))
    except ValueError:
        return None


def _since_epoch(when: datetime) -> int | None:
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    gap = when - _EPOCH
    ns = (gap.days * 86_400 + gap.seconds) * 1_000_000_000 + gap.microseconds * 1_000
    return ns if abs(ns) < LIMIT else None


def _one_of(value: Any, form: str, scale: int) -> int | None:
    if form == OWN and not is_number(value):
        return None  # a date says nothing of a clock with a start of its own
    if isinstance(value, np.datetime64):
        ns = value.astype("datetime64[ns]").astype(np.int64)
        return int(ns) if abs(int(ns)) < LIMIT else None
    if isinstance(value, datetime):
        return _since_epoch(value)
    if isinstance(value, str):
        found = _pattern(value.strip(), form) if "%" in form else None
        if found is None and not is_number(value):
            found = one(value)
        if found is not None:
            return found
    if not is_finite(value):
        return None
    number = to_number(value)
    if not scale and abs(number) < EPOCH:
        return None  # a small number among dates
    times, ok = _scaled(np.array([number]), scale or SCALE[unit_of(abs(number))])
    return int(times[0]) if ok[0] else None


def _numbers(values: Any, scale: int) -> tuple[Times, NDArray[np.bool_]] | None:
    if isinstance(values, list) and bool in set(map(type, values)):
        return None  # true is no second
    try:
        if isinstance(values, list) and values and isinstance(values[0], str):
            try:
                array = np.array(list(map(int, values)))
            except ValueError:
                array = np.array(list(map(float, values)))
        else:
            array = np.asarray(values)
    except (ValueError, TypeError, OverflowError):
        return None
    return _scaled(array, scale) if array.dtype.kind in "iuf" else None


def _scaled(array: NDArray[Any], scale: int) -> tuple[Times, NDArray[np.bool_]]:
    """Epoch numbers times `scale` ns. A float of today's seconds is exact to 0.24 µs: rounded to whole µs."""
    with np.errstate(invalid="ignore"):
        ok = np.abs(array.astype(np.float64)) * scale < LIMIT
    array = np.where(ok, array, 0)
    if array.dtype.kind in "iu":
        return array.astype(np.int64) * scale, ok
    whole = np.floor(array)
    grain = np.where(np.abs(array) * scale > 1e17, 1e3, 1.0)
    part = np.round((array - whole) * scale / grain) * grain
    return whole.astype(np.int64) * scale + part.astype(np.int64), ok


def _iso(values: Any) -> tuple[Times, NDArray[np.bool_]] | None:
    texts: list[Any] = values if isinstance(values, list) else list(values)
    if not texts or not all(isinstance(t, str) for t in texts):
        return None
    zone = _ZONE.search(texts[0][10:])
    shift = 0
    if zone is not None:
        tail = zone.group()
        if not all(map(str.endswith, texts, [tail] * len(texts))):
            return None
        digits = tail.strip("Zz UTC").replace(":", "")
        if digits:
            sign = -1 if digits[0] == "-" else 1
            shift = sign * (int(digits[1:3]) * 60 + int(digits[3:5] or 0)) * 60 * 1_000_000_000
        texts = [t[: -len(tail)] for t in texts]
    joined = "".join(texts)
    if joined.count("-") != 2 * len(texts) or "+" in joined or "Z" in joined or "z" in joined:
        return None  # mixed zones: numpy would read them, with a warning
    unit = "ns" if max(map(len, texts)) > 26 else "us"
    try:
        array = np.array(texts, dtype=f"datetime64[{unit}]")
    except ValueError:
        return None
    times, ok = _from_datetimes(array)
    return times - shift, ok


def _from_datetimes(array: NDArray[Any]) -> tuple[Times, NDArray[np.bool_]]:
    seconds = array.astype("datetime64[s]").astype(np.int64)
    ok = (np.abs(seconds) < LIMIT // 1_000_000_000) & ~np.isnat(array)
    return np.where(ok, array.astype("datetime64[ns]").astype(np.int64), 0), ok


def _grows(times: list[int | None]) -> bool:
    known = [t for t in times if t is not None]
    return all(a <= b for a, b in pairwise(known))

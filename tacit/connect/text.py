"""Text → numbers: what counts as missing, as true, as a number, and what must be refused.

The fast way converts whole columns at once; a column that resists is read value by value here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

MISSING = frozenset({"", "na", "n/a", "#n/a", "null", "none", "nil", "-", "?", "\\n", "nat"})
TRUE = frozenset({"true", "yes", "on", "t", "y"})
FALSE = frozenset({"false", "no", "off", "f", "n"})


def is_missing(value: Any) -> bool:
    """None, a float NaN, a NaT, or one of the words for "nothing here"."""
    if value is None:
        return True
    if isinstance(value, str):
        return value.strip().lower() in MISSING
    return bool(value != value)


def to_number(value: Any) -> float:
    """A raw value as a number, NaN where it is missing. Raises ValueError where it is neither.

    Infinite values pass; the decoder refuses them.
    """
    if value is None:
        return math.nan
    if isinstance(value, str):
        text = value.strip()
        try:
            return float(text)
        except ValueError:
            lower = text.lower()
            if lower in MISSING:
                return math.nan
            if lower in TRUE:
                return 1.0
            if lower in FALSE:
                return 0.0
            if text.count(",") == 1 and "." not in text:  # 0,25 as in 0.25
                return float(text.replace(",", "."))
            raise
    if isinstance(value, (list, dict, tuple, bytes)):
        raise ValueError(f"{type(value).__name__} where a number was expected")
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except TypeError as error:
        raise ValueError(str(error)) from error


def to_numbers(values: Any) -> tuple[NDArray[np.float64], dict[int, str]]:
    """A column of raw values as numbers, [n]; and what could not be read: {row: reason}, NaN there."""
    out = np.empty(len(values))
    bad: dict[int, str] = {}
    for i, value in enumerate(values):
        try:
            out[i] = to_number(value)
        except ValueError:
            out[i] = math.nan
            bad[i] = "text in a numeric column"
    return out, bad


def is_number(value: Any) -> bool:
    """Whether a raw value reads as a number (words for true and false do not)."""
    if isinstance(value, bool):
        return False
    if isinstance(value, str) and value.strip().lower() in (TRUE | FALSE | MISSING):
        return False
    try:
        to_number(value)
    except ValueError:
        return False
    return True


def is_boolean(value: Any) -> bool:
    """Whether a raw value is true or false, by type or by word."""
    if isinstance(value, str):
        return value.strip().lower() in (TRUE | FALSE)
    return isinstance(value, (bool, np.bool_))

"""Columns: what a column is by the values of its first rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tacit.connect.records import Records
from tacit.connect.schema import CATEGORIES, Role, counts_by_name
from tacit.connect.text import is_boolean, is_missing, is_number, to_number

REPEATS = 20  # with so many rows, a key must repeat
RARE = 0.02  # restarts a step that a counter may have
COUNTED = 50  # steps to see before a column is taken for a counter by its values alone


def identifies(values: list[Any], n: int, must_repeat: bool = False) -> bool:
    """Names, or whole numbers that come again."""
    if any(isinstance(v, (float, np.floating)) or (is_number(v) and "." in str(v)) for v in values):
        return False
    if not must_repeat and not any(map(is_number, values)):
        return True
    return n < REPEATS or len(set(map(str, values))) <= n // 2


def role_of(values: list[Any]) -> Role:
    """What a column is by its first values."""
    if not values:
        return "pending"
    if all(map(is_boolean, values)):
        return "boolean"
    if mostly(is_number, values):
        return "number"
    if not all(isinstance(v, (str, bool, int, float)) for v in values):
        return "ignored"
    return "category" if len({str(v) for v in values}) <= CATEGORIES else "ignored"


def joined(sample: Records, names: list[str]) -> list[str]:
    """The key of each record."""
    parts = [[str(v) for v in sample.column(sample.names.index(name))] for name in names]
    return list(map("/".join, zip(*parts, strict=True))) if parts else [""] * len(sample)


def counts(name: str, sample: Records, keys: list[str]) -> bool:
    """Whether a numeric column only grows within each key: said by its name, or seen in enough steps of whole numbers."""
    before: dict[str, float] = {}
    up = down = again = 0
    whole = True
    for key, value in zip(keys, sample.column(sample.names.index(name)), strict=True):
        if is_missing(value) or not is_number(value):
            continue
        now = to_number(value)
        whole = whole and now >= 0 and now == np.floor(now)
        then = before.get(key, now)
        up += now > then
        down += now < then and now > 0.1 * then
        again += now < then and now <= 0.1 * then  # a fall to almost nothing is a restart; one that comes often is a wave
        before[key] = now
    if counts_by_name(name):
        return down == 0
    steps = len(sample) - len(before)
    return whole and down == 0 and again <= RARE * steps and steps >= COUNTED and up >= 0.5 * steps


def mostly(claim: Any, values: Sequence[Any]) -> bool:
    """Whether a claim holds of four in five values."""
    return sum(map(bool, map(claim, values))) >= 0.8 * len(values)

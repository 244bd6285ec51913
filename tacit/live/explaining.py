"""Sentences: an alert's reasons in words that say what, how much, and what was expected."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tacit.contracts.events import Feature

Reason = tuple[str, float, float, float, float]


WHY = (
    "unusual after what came before",
    "far from its last hundred values",
    "unusual for so long",
    "moved over its last twenty values",
    "further out than it was of late",
)


def number(x: float) -> str:
    """Four significant digits, thousands separated, no exponent between 1e-4 and 1e9."""
    if not math.isfinite(x):
        return "missing"
    size = abs(x)
    if size >= 1e9 or (0 < size < 1e-4):
        return f"{x:.3g}"
    digits = 0 if size >= 1000 else max(0, 3 - (math.floor(math.log10(size)) if size > 0 else 0))
    text = f"{x:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def apart(x: float, other: float) -> str:
    """x with as many digits as tell it from another number."""
    for digits in (0, 6, 9, 12):
        text = number(x) if digits == 0 else f"{x:,.{digits}g}"
        if text != (number(other) if digits == 0 else f"{other:,.{digits}g}"):
            break
    return text


def phrase(reason: Reason, unit: str = "", channel: int = 0, alone: bool = False) -> str:
    """One reason: 'cpu.user is 97.1 %, above the expected 3.2 to 18.4'."""
    name, _, observed, low, high = reason
    unit = f" {unit}" if unit else ""
    if not math.isfinite(observed):
        return f"{name} is missing"
    if observed > high:
        return f"{name} is {apart(observed, high)}{unit}, above the expected {number(low)} to {apart(high, observed)}"
    if observed < low:
        return f"{name} is {apart(observed, low)}{unit}, below the expected {apart(low, observed)} to {number(high)}"
    why = WHY[channel]
    if channel == 0 and not alone:
        why = "unusual beside the other features"
    return f"{name} is {number(observed)}{unit}, {why} (by itself expected: {number(low)} to {number(high)})"


def sentence(key: str, reasons: Sequence[Reason], features: Sequence[Feature], channel: int = 0) -> str:
    """The large reasons of one insight in a sentence, largest first; `channel`: which of the four said most."""
    units = {f.name: f.unit for f in features}
    large = [r for r in reasons if r[1] >= 0.1][:3] or list(reasons[:1])
    parts = [phrase(r, units.get(r[0], ""), channel, len(features) == 1) for r in large]
    if not parts:
        return "Unusual, without a single feature standing out."
    body = "; ".join(parts)
    return f"{key}: {body}." if key else f"{body}."


def beyond(key: str, left: Sequence[tuple[str, str, float, float, float, bool]]) -> str:
    """An alert by bounds in a sentence; left: (name, unit, value, low, high, whether the value is the mean of the last ones), furthest first."""
    parts = []
    for name, unit, value, low, high, mean in left[:3]:
        bound = high if value > high else low
        told = f"{apart(value, bound)} {unit}".rstrip()
        kept = f"{number(low)} to {apart(high, value)}" if value > high else f"{apart(low, value)} to {number(high)}"
        what = f"{name} is {told} in the mean of its last ten values" if mean else f"{name} is {told}"
        parts.append(f"{what}, {'above' if value > high else 'below'} the {kept} that it kept to")
    body = "; ".join(parts)
    return f"{key}: {body}." if key else f"{body}."

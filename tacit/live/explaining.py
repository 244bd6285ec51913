"""Sentences: an alert's reasons in words that say what, how much, and what was expected."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

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


def together(value: float, low: float, high: float) -> tuple[str, str]:
    """The value and the band that it left, 'low to high', with equally many digits: four of the largest number, or as many as tell the value from the
    band's near end. What is nothing beside the largest is 0; a band that is one number is written as one."""
    near = high if value > high else low
    size = max(abs(x) for x in (value, low, high, 0.0) if math.isfinite(x))
    if size >= 1e9 or 0 < size < 1e-4:
        texts = _until_apart(lambda x, n: f"{x + 0.0:.{n}g}", range(3, 16), value, near)
    else:
        least = 0 if size >= 1000 or size == 0 else 3 - math.floor(math.log10(size))
        texts = _until_apart(lambda x, n: _plain(f"{x:,.{n}f}"), range(least, least + 10), value, near)
    one, other = texts(low), texts(high)
    return texts(value), one if one == other else f"{one} to {other}"


def _until_apart(write: Callable[[float, int], str], digits: range, x: float, y: float) -> Callable[[float], str]:
    """Writes with the fewest digits that tell x from y."""
    n = next((n for n in digits if write(x, n) != write(y, n)), digits[-1])
    return lambda z: write(z, n)


def _plain(text: str) -> str:
    """Without zeros at its end, or a minus before nothing."""
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def phrase(reason: Reason, unit: str = "", channel: int = 0, alone: bool = False) -> str:
    """One reason: 'cpu.user is 97.1 %, above the expected 3.2 to 18.4'."""
    name, _, observed, low, high = reason
    unit = f" {unit}" if unit else ""
    if not math.isfinite(observed):
        return f"{name} is missing"
    if observed > high or observed < low:
        told, band = together(observed, low, high)
        return f"{name} is {told}{unit}, {'above' if observed > high else 'below'} the expected {band}"
    why = WHY[channel]
    if channel == 0 and not alone:
        why = "unusual beside the other features"
    band = f" (by itself expected: {together(math.nan, low, high)[1]})" if math.isfinite(low) and math.isfinite(high) else ""
    return f"{name} is {number(observed)}{unit}, {why}{band}"


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
        told, kept = together(value, low, high)
        what = f"{name} is {told} {unit}".rstrip() + (" in the mean of its last ten values" if mean else "")
        parts.append(f"{what}, {'above' if value > high else 'below'} the {kept} that it kept to")
    body = "; ".join(parts)
    return f"{key}: {body}." if key else f"{body}."

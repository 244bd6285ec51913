"""Naming: names as a user gives them (one, several with commas, a list), and names that nothing answers to, options of functions among them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tacit.contracts.errors import UnknownName


def several(given: str | Sequence[str], known: Iterable[str] = ()) -> tuple[str, ...]:
    """ "knn", "knn,probe" and ["knn", "probe"] → the names. A name that is known as it stands is not cut at its commas."""
    whole = set(known)
    found: list[str] = []
    for text in [given] if isinstance(given, str) else given:
        found += [text] if text in whole else [part.strip() for part in text.split(",") if part.strip()]
    return tuple(dict.fromkeys(found))


def require_known(kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Raises UnknownName for the first that is not known."""
    there = set(known)
    for name in names:
        if name not in there:
            raise UnknownName(kind, name, there)


def named_options(function: Callable[..., Any]) -> list[str]:
    """What may be given to a function by name alone."""
    return [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]

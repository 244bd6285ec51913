"""Naming: names as a user gives them (one, several with commas, a list), and names that nothing answers to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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

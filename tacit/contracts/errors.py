"""Errors that a user can act on: what was wrong, what is known, what to try.

One tree, so that `except TacitError` catches all that we raise on purpose. The command line prints the
text and leaves with `exit_code`; anything else is a bug and shows its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MANY = 24  # names: more are not listed


class TacitError(Exception):
    """Something the user can mend. Args: what was wrong (with where), then what to try."""

    exit_code = 2

    def __init__(self, wrong: str, try_: str = "") -> None:
        super().__init__(f"{wrong} {try_}".strip())
        self.wrong, self.try_ = wrong, try_


class SourceError(TacitError):
    """A source cannot be opened or read at all."""


class BadRecord(TacitError):
    """One record cannot be used; raised only under --strict, else counted (see Refusals)."""


class SchemaError(TacitError):
    """Columns cannot be made out, or a named one is not there."""


class SinkError(TacitError):
    """A sink refuses; nothing it acknowledged is lost."""


class SinkClosed(SinkError):
    """The reader of standard output or of a named pipe has gone (`| head`): no fault, the run ends cleanly."""

    exit_code = 0


class ModelError(TacitError):
    """A model folder is damaged, half-written, or of another version or stream."""


class DataError(TacitError):
    """Data to learn from or to evaluate on cannot be used: nothing readable, leakage, labels that do not fit."""


class CollapseError(TacitError):
    """Learning has collapsed: embeddings hardly differ any more. Says what to change."""


class PortInUse(TacitError):
    """The dashboard's port is taken."""


class MissingPart(TacitError):
    """A package that this needs is not installed."""


class UnknownName(TacitError):
    """A name that nothing answers to; proposes the nearest. Of many names all are never listed: nobody reads sixty."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1)
        guess = f"Did you mean {near[0]!r}?" if near else ""
        if len(names) <= MANY:
            guess = f"{guess} Known here: {', '.join(names)}.".strip()
        elif not near:
            guess = f"The nearest of {len(names)} known here: {', '.join(difflib.get_close_matches(name, names, n=5, cutoff=0.0))}."
        super().__init__(f"no {kind} is called {name!r}.", guess)

"""Check: what a look at the data comes to. A check is one file with `check(look) -> list[Finding]`; `run_checks` names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """check: which one; severity: error (do not go on), warning (look at it), note; sentence: for people, whole.

    names: samples that it is about, the worst first; groups: those that belong together (duplicates); figures: numbers behind the sentence.
    """

    check: str
    severity: Severity
    sentence: str
    names: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)

    def facts(self, most: int = 100) -> dict[str, Any]:
        """For JSON, with at most so many names."""
        return {
            "check": self.check,
            "severity": self.severity,
            "sentence": self.sentence,
            "names": list(self.names[:most]),
            "figures": dict(self.figures),
        }


def some(names: tuple[str, ...] | list[str], most: int = 3) -> str:
    """a.png, b.png, c.png and 7 more."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")

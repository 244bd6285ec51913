"""Episode: one alert from its opening to its closing, and what people said of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["expected", "problem"]
VERDICTS: tuple[Verdict, ...] = ("expected", "problem")


@dataclass(slots=True)
class Episode:
    """opened, closed: event times in ns (closed None while open); reasons as in Insight, at the peak.

    surprise: the highest so far; suppressed: it would have alerted, but feedback or the budget held it back
    (why says which); feedback: None until someone spoke.
    """

    id: int
    key: str
    opened: int
    position: int
    surprise: float
    sentence: str
    reasons: list[tuple[str, float, float, float, float]] = field(default_factory=list)
    closed: int | None = None
    suppressed: str = ""
    feedback: Verdict | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}

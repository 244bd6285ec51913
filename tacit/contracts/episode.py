"""Episode: one alert from its opening to its closing, and what people said of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["expected", "problem"]
OPENING = 16
OWN = "tacit's own use of the machine"  # how the reason of an episode begins that was held back on our own account
VERDICTS: tuple[Verdict, ...] = ("expected", "problem")


@dataclass(slots=True)
class Episode:
    """opened, closed: event times in ns (closed None while open); reasons as in Insight, at the highest of the first OPENING events:
    what it was that happened, not how it ended.

    surprise: the highest so far; suppressed: it would have alerted, but feedback on one like it held it back (it says on
    which), or it was our own doing on a machine that we watch (it says what), or it was slight in a
    young stream; feedback: None until someone spoke; events: of its key while it was open.
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
    events: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}

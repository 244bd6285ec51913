"""Sink: where insights go.

`write` takes insights with the source's position behind them, so that a transactional sink commits both
at once. Writing the same (source, position) twice leaves one row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from tacit.contracts.insight import Insights
from tacit.contracts.source import Position


class Sink(ABC):
    """Where insights go. Raises SinkError when it refuses; what `flush` returned from is safe."""

    positions: ClassVar[bool] = True  # `write` uses `after`; where no sink does it is not taken (it holds every key's clock) and is empty

    def resume(self, source: str, position: Position) -> None:  # noqa: B027 - a sink that upserts has nothing to do
        """The source goes on from `position`; insights past it may be there already and will come again."""

    def last(self, source: str) -> Position | None:
        """Where the source stood behind what is here of it; None for one that never wrote here, or where that is not known."""
        return None

    @abstractmethod
    def write(self, source: str, insights: Insights, after: Position) -> None:
        """Take insights of one micro-batch; `after` is where the source stands behind them."""

    @abstractmethod
    def flush(self) -> None:
        """Return only when all that was written is safe."""

    @abstractmethod
    def close(self) -> None:
        """Flush and let go."""

"""Wrapped: a source around a source, for what holds events back or changes their order."""

from __future__ import annotations

from tacit.contracts.events import Feature, Refusals
from tacit.contracts.source import Source


class Wrapped(Source):
    """Says what the source within says. Subclasses poll it and keep the positions."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.name, self.format = source.name, getattr(source, "format", "")
        self.live = source.live
        self.replayable, self.ends, self.machine = source.replayable, source.ends, source.machine  # type: ignore[misc] # as the source within

    @property
    def features(self) -> tuple[Feature, ...]:  # type: ignore[override] # as the source within
        return self.source.features

    @property
    def refusals(self) -> Refusals:  # type: ignore[override]
        return self.source.refusals

    @property
    def notes(self) -> list[str]:  # type: ignore[override]
        return self.source.notes

    def waiting(self) -> int:
        """Events read from the source within that were not given yet; where none ever wait, none."""
        return 0

    def close(self) -> None:
        self.source.close()

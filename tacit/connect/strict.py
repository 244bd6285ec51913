"""Strict: what --strict makes of a refusal."""

from __future__ import annotations

from tacit.connect.schema import Wishes
from tacit.contracts.errors import BadRecord
from tacit.contracts.events import Refusals


class Strict(Refusals):
    """Refusals under --strict: the first one stops the stream."""

    def add(self, reason: str, where: str, sample: str = "", n: int = 1) -> None:
        """Raises BadRecord, always."""
        super().add(reason, where, sample, n)
        raise BadRecord(f"{where}: {reason}: {sample[: self.excerpt]}.", "Without --strict it would be counted and the stream would go on.")


def refusals_for(wishes: Wishes) -> Refusals:
    """Where a source counts what it refuses."""
    return Strict() if wishes.strict else Refusals()

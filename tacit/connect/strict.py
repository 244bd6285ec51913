"""Strict: what --strict makes of a refusal: the good events before the bad record are given, then the stream stops at it.

A source whose batch holds a bad record is left as it was before that batch (`whole`), and is asked again for half as
many (`Careful`), until the bad record is the first one: its position then stands before the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tacit.connect.decode import Decoder
from tacit.connect.schema import Wishes
from tacit.connect.wrapped import Wrapped
from tacit.contracts.errors import BadRecord
from tacit.contracts.events import Events, Refusals
from tacit.contracts.source import Position


class Strict(Refusals):
    """Refusals under --strict: the first one stops the stream. It is not counted: it comes again, mended or not."""

    def add(self, reason: str, where: str, sample: str = "", n: int = 1) -> None:
        """Raises BadRecord, always."""
        raise BadRecord(f"{where}: {reason}: {sample[: self.excerpt]}.", "Without --strict it would be counted and the stream would go on.")


class Careful(Wrapped):
    """A strict source that gives what comes before its bad record."""

    def poll(self, limit: int, timeout: float) -> Events | None:
        """As the source within. Raises BadRecord only where no event is before it, and stands there."""
        while True:
            try:
                return self.source.poll(limit, timeout)
            except BadRecord:
                if limit <= 1:
                    raise
                limit //= 2

    def position(self) -> Position:
        return self.source.position()

    def seek(self, position: Position) -> None:
        self.source.seek(position)

    def count_on(self, last: Position) -> None:
        self.source.count_on(last)


def refusals_for(wishes: Wishes) -> Refusals:
    """Where a source counts what it refuses."""
    return Strict() if wishes.strict else Refusals()


@contextmanager
def whole(decoder: Decoder, back: Callable[[], None]) -> Iterator[None]:
    """Records are read and decoded within. Where one is bad it is as if nothing was: the decoder as before, the source by `back`.

    The clock and the count need no undoing: the decoder moves them once nothing can be refused any more.
    """
    if not isinstance(decoder.refusals, Strict):
        yield
        return
    schema, counted, noted = decoder.schema.state(), decoder.refusals.state(), len(decoder.notes)
    try:
        yield
    except BadRecord:
        decoder.schema.restore(schema)
        decoder.refusals.restore(counted)
        del decoder.notes[noted:]
        back()
        raise

"""Stream: bytes that come as they please → events, and the source that standard input and followed files have in common."""

from __future__ import annotations

from functools import partial
from typing import Any

from tacit.connect.decode import Decoder
from tacit.connect.formats.csv import Csv
from tacit.connect.formats.jsonl import Jsonl
from tacit.connect.lines import Lines, Mark
from tacit.connect.readers import SAMPLE, parser_of
from tacit.connect.records import Rows
from tacit.connect.schema import Wishes
from tacit.connect.sought import Further
from tacit.connect.strict import refusals_for, whole
from tacit.contracts.events import Events, Feature
from tacit.contracts.source import Source

GRACE = 0.2  # s to collect more rows before the columns are told from the first ones


class TextStream:
    """Lines of CSV or JSON, fed in pieces. place: what messages call the stream ("" = only the line)."""

    def __init__(self, decoder: Decoder, place: str) -> None:
        self.decoder, self.place = decoder, place
        self.lines = Lines()
        self.parser: Csv | Jsonl | None = None
        self.ended = False

    def feed(self, data: bytes) -> None:
        """Take bytes."""
        self.lines.feed(data)

    def finish(self) -> None:
        """The bytes have ended: what stands without a newline is a line."""
        self.lines.finish()
        self.ended = True

    def afresh(self) -> None:
        """Another file begins: lines count from 1, a CSV header may come again."""
        self.lines.reset(0, 0)
        self.ended = False
        if self.parser is not None:
            self.parser.afresh()

    def waiting(self) -> int:
        """Whole lines that no event was made of yet."""
        return len(self.lines)

    def enough_to_begin(self) -> bool:
        """Whether the columns could not be told better by waiting a little."""
        return self.decoder.begun or self.ended or len(self.lines) >= SAMPLE

    def events(self, limit: int) -> Events | None:
        """The next events; None where no whole record is waiting."""
        while len(self.lines):
            parser = self._parser()
            if parser is None:
                continue
            back = partial(self._back, self.lines.mark(), parser.state())
            with whole(self.decoder, back):
                records = self._records(parser, self.decoder.most(limit))
            if records is None:
                return None
            self.decoder.notes += [note for note in parser.notes if note not in self.decoder.notes]
            parser.notes.clear()
            if len(records):
                if not self.decoder.begun:
                    self.decoder.begin(records, Further(lambda: iter(())) if isinstance(parser, Csv) else None)  # a CSV's head names all columns
                with whole(self.decoder, back):
                    return self.decoder.events(records)
        return None

    def _records(self, parser: Csv | Jsonl, wanted: int) -> Rows | None:
        """What so many lines hold, or more where one record spans more; None where its end has not come."""
        while True:
            lines = self.lines.peek(wanted)
            final = self.ended and len(lines) == len(self.lines)
            records, used = parser.parse(lines, self.lines.line + 1, self.decoder.refusals, self.place, final)
            if used:
                self.lines.consume(used, self.decoder.refusals, self.place)
                return records
            if len(lines) == len(self.lines):
                return None
            wanted += 1

    def _back(self, mark: Mark, parsed: dict[str, Any]) -> None:
        """As it was before these lines were parsed."""
        assert self.parser is not None
        self.lines.back(mark)
        self.parser.restore(parsed)
        self.parser.notes.clear()  # they are found again

    def state(self) -> dict[str, Any]:
        """Where it stands: bytes and lines consumed, and what parsing the next line needs."""
        parser = None if self.parser is None else {"format": self.parser.name, **self.parser.state()}
        return {"offset": self.lines.offset, "line": self.lines.line, "parser": parser}

    def restore(self, state: dict[str, Any]) -> None:
        self.lines.reset(int(state["offset"]), int(state["line"]))
        self.ended = False
        self.parser = None
        if state["parser"] is not None:
            self.parser = Jsonl() if state["parser"]["format"] == "jsonl" else Csv()
            self.parser.restore(state["parser"])

    def _parser(self) -> Csv | Jsonl | None:
        """The parser, chosen by the first line that is not blank; blank ones are consumed."""
        if self.parser is None:
            lines = self.lines.peek(SAMPLE)
            first = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
            if first == len(lines):
                self.lines.consume(len(lines), self.decoder.refusals, self.place)
                return None
            self.parser = parser_of(lines[first][:4096], self.place or "standard input")
        return self.parser


class Streamed(Source):
    """Lines that go on coming. Subclasses feed `_stream`. believes: see Decoder."""

    def __init__(self, name: str, place: str, wishes: Wishes | None, believes: bool) -> None:
        self.name = name
        self.wishes = wishes or Wishes()
        self.refusals = refusals_for(self.wishes)
        self.notes: list[str] = []
        self._decoder = Decoder(self.wishes, self.refusals, self.notes, live=True, believes=believes)
        self._stream = TextStream(self._decoder, place)

    @property
    def features(self) -> tuple[Feature, ...]:  # type: ignore[override] # read-only here
        return self._decoder.features

    @property
    def format(self) -> str:
        """What comes, for people; "" before the first line."""
        return self._stream.parser.name if self._stream.parser else ""

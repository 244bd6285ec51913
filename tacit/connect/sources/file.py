"""File: CSV, JSON lines or Parquet, plain or gzipped, or a folder of them; replayable to the byte."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

from tacit.connect.decode import Decoder
from tacit.connect.readers import SAMPLE, Reader, TextReader, list_files, open_reader
from tacit.connect.records import Records
from tacit.connect.schema import Wishes
from tacit.connect.sought import Further
from tacit.connect.strict import refusals_for, whole
from tacit.contracts.errors import SourceError
from tacit.contracts.events import Events, Feature, Refusals
from tacit.contracts.source import Position, Source


class File(Source):
    """A file, or the files of a folder one after the other in the order of their names.

    In a folder of several files without a key column, each file's stem is the key. A position names the file,
    the byte (of the uncompressed text; of Parquet the row) and a checksum of the file's beginning, so that a
    file that has changed since is refused.
    """

    replayable: ClassVar[bool] = True
    ends: ClassVar[bool] = True

    def __init__(self, path: str, wishes: Wishes | None = None) -> None:
        self.path = path
        self.name = f"file:{Path(path).resolve()}"
        self.wishes = wishes or Wishes()
        self.refusals = refusals_for(self.wishes)
        self.notes: list[str] = []
        self.files = list_files(Path(path))
        self._decoder = Decoder(self.wishes, self.refusals, self.notes)
        self._at = 0
        self._first = 0  # the number of the first event
        self._begin()
        self._reader: Reader = self._open(0)

    @property
    def features(self) -> tuple[Feature, ...]:  # type: ignore[override] # read-only here
        return self._decoder.features

    @property
    def format(self) -> str:
        """What the current file holds, for people: "csv", "jsonl, gzip"."""
        return self._reader.format

    def poll(self, limit: int, timeout: float) -> Events | None:
        """The next events; None at the end of the last file. A file never waits."""
        while True:
            with whole(self._decoder, self._reader.back):
                records = self._reader.next(self._decoder.most(limit), self.refusals)
                self._hear()
                if records is not None and len(records):
                    return self._decoder.events(records, self._key())
            if records is None:
                if self._at + 1 >= len(self.files):
                    return None
                self._reader.close()
                self._at += 1
                self._reader = self._open(self._at)

    def position(self) -> Position:
        """The file, where in it, and the decoder's state."""
        place = {"file": self.files[self._at].name, "first": self._first, "reader": self._reader.state(), "check": self._reader.check()}
        return {**place, **self._decoder.state()}

    def seek(self, position: Position) -> None:
        """Raises SourceError where the file is gone, shorter, or begins otherwise."""
        names = [f.name for f in self.files]
        if position["file"] not in names:
            raise SourceError(f"{self.path}: the position lies in {position['file']!r}, which is not there.", f"Here: {', '.join(names[:20])}.")
        self._reader.close()
        self._at = names.index(position["file"])
        self._reader = self._open(self._at)
        self._reader.restore(position["reader"], position["check"])
        self._decoder.restore(position)
        self._first = int(position.get("first", 0))

    def count_on(self, last: Position) -> None:
        """The same events where the file that was read last begins as it did; a jsonl: sink does not know which file that was."""
        if "file" not in last:
            return
        try:
            reader = self._open([f.name for f in self.files].index(last["file"]))
            try:
                reader.restore(last["reader"], last["check"])
                first = int(last.get("first", 0))
            finally:
                reader.close()
        except (SourceError, ValueError):
            first = int(last["next"])
        self._first = self._decoder.next = max(self._decoder.next, first)

    def close(self) -> None:
        self._reader.close()

    def _open(self, at: int) -> Reader:
        return open_reader(self.files[at], self.files[at].name)

    def _begin(self) -> None:
        """Find the schema from the first rows of the first file that has any."""
        for at in range(len(self.files)):
            reader = self._open(at)
            try:
                sample = reader.next(SAMPLE, Refusals())  # refusals count when the rows are read for good
                while sample is not None and not len(sample):  # blank or refused lines first
                    sample = reader.next(SAMPLE, Refusals())
            finally:
                reader.close()
            if sample is not None and len(sample):
                self._decoder.begin(sample, Further(partial(self._rows, at)))
                break
        else:
            self.notes.append("empty: no rows at all")
        if len(self.files) > 1 and not self._decoder.schema.of("key"):
            self.notes.append(f"{len(self.files)} files: each file's name is its key")

    def _rows(self, first: int) -> Iterator[Records]:
        """All rows from this file on, as they may come; nothing is counted."""
        for at in range(first, len(self.files)):
            reader = self._open(at)
            try:
                while (records := reader.next(SAMPLE, Refusals())) is not None:
                    yield records
            finally:
                reader.close()

    def _key(self) -> str:
        return self.files[self._at].name.split(".")[0] if len(self.files) > 1 else ""

    def _hear(self) -> None:
        """Pass on what the reader noted, once."""
        if isinstance(self._reader, TextReader) and self._reader.notes:
            self.notes += [n for n in self._reader.notes if n not in self.notes]
            self._reader.notes.clear()

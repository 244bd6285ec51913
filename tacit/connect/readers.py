"""Readers: one file → records, from any position; text by byte offset, Parquet by row."""

from __future__ import annotations

import difflib
import gzip
import re
import zlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, BinaryIO

from tacit.connect.file_listing import modality_of, pictures_in
from tacit.connect.formats.csv import Csv
from tacit.connect.formats.jsonl import Jsonl
from tacit.connect.formats.parquet import Parquet
from tacit.connect.lines import Lines
from tacit.connect.records import Records
from tacit.contracts.errors import SourceError
from tacit.contracts.events import Refusals

SAMPLE = 2000  # rows the schema is found from
BLOCK = 1 << 18
AHEAD = 50  # lines by which a CSV header is told
SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".pq")
ABOUT = re.compile(r"\.|(readme|licen[cs]e|copying|notice|authors|changelog|requirements)\b.*\.txt", re.IGNORECASE)  # of the data, not data
HEAD = 4096  # bytes whose checksum tells whether a file is still the same


class Reader(ABC):
    """One file's records in order."""

    format: str

    @abstractmethod
    def next(self, limit: int, refusals: Refusals) -> Records | None:
        """Up to `limit` records, maybe none of them usable; None at the end."""

    @abstractmethod
    def back(self) -> None:
        """As before the last `next`: its records come again, or the bad one that ended it."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Where to go on."""

    @abstractmethod
    def restore(self, state: dict[str, Any], check: list[int]) -> None:
        """Go on there. Raises SourceError where `check` does not fit this file."""

    @abstractmethod
    def check(self) -> list[int]:
        """[bytes, crc32] of the file's beginning up to the position, HEAD at most."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""


class TextReader(Reader):
    """CSV or JSON lines, gzipped or not. place: what messages call the file."""

    def __init__(self, path: Path, place: str) -> None:
        self.path, self.place = path, place
        self._file, packed = open_bytes(path)
        try:
            self._head = self._read(HEAD)
            self._file.seek(0)
            self.parser = parser_of(self._head, str(path))
        except SourceError:
            self._file.close()
            raise
        self.format = self.parser.name + (", gzip" if packed else "")
        self.notes = self.parser.notes
        self._lines = Lines()
        self._done = False
        self._before = (self._lines.mark(), self.parser.state())

    def next(self, limit: int, refusals: Refusals) -> Records | None:
        wanted = limit
        while True:
            while len(self._lines) < max(wanted, AHEAD) and not self._done:
                block = self._read(BLOCK)
                if block:
                    self._lines.feed(block)
                else:
                    self._lines.finish()
                    self._done = True
            lines = self._lines.peek(wanted)
            if not lines:
                return None
            final = self._done and len(lines) == len(self._lines)
            self._before = (self._lines.mark(), self.parser.state())
            records, used = self.parser.parse(lines, self._lines.line + 1, refusals, self.place, final, self._lines.peek(max(wanted, AHEAD)))
            self._lines.consume(used, refusals, self.place)
            if used:
                return records
            wanted += 1  # a header alone, or a record that spans them all

    def back(self) -> None:
        mark, parser = self._before
        self._lines.back(mark)
        self.parser.restore(parser)
        self.notes.clear()  # it is found again

    def state(self) -> dict[str, Any]:
        return {"offset": self._lines.offset, "line": self._lines.line, "parser": self.parser.state()}

    def restore(self, state: dict[str, Any], check: list[int]) -> None:
        head = self._head[: check[0]]
        if len(head) < check[0] or zlib.crc32(head) != check[1]:
            raise SourceError(f"{self.path} has changed since the position was taken.", "Start without the saved position, or restore the file.")
        if int(state["offset"]) > self._size():
            raise SourceError(f"{self.path} is shorter than the position ({state['offset']:,} bytes).", "Start without the saved position.")
        self._file.seek(int(state["offset"]))
        self._lines.reset(int(state["offset"]), int(state["line"]))
        self.parser.restore(state["parser"])
        self._done = False

    def check(self) -> list[int]:
        size = min(len(self._head), self._lines.offset)
        return [size, zlib.crc32(self._head[:size])]

    def close(self) -> None:
        self._file.close()

    def _read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise SourceError(f"{self.path} cannot be read on: {error}.", "Is the file whole?") from error

    def _size(self) -> int:
        return self.path.stat().st_size if not isinstance(self._file, gzip.GzipFile) else 1 << 62


class TableReader(Reader):
    """Parquet."""

    format = "parquet"

    def __init__(self, path: Path, place: str) -> None:
        self.path, self.place = path, place
        self._file = Parquet(str(path))
        self._row = 0
        self._before = 0

    def next(self, limit: int, refusals: Refusals) -> Records | None:
        self._before = self._row
        if self._row >= self._file.total:
            return None
        records = self._file.rows(self._row, limit, self.place)
        self._row += len(records)
        return records

    def back(self) -> None:
        self._row = self._before

    def state(self) -> dict[str, Any]:
        return {"row": self._row}

    def restore(self, state: dict[str, Any], check: list[int]) -> None:
        if check != self.check():
            raise SourceError(f"{self.path} has changed since the position was taken.", "Start without the saved position, or restore the file.")
        self._row = int(state["row"])

    def check(self) -> list[int]:
        return [self._file.total, zlib.crc32(",".join(self._file.names).encode())]

    def close(self) -> None:
        self._file.close()


def open_reader(path: Path, place: str) -> Reader:
    """The reader for a file, by its first bytes. Raises SourceError."""
    file, _ = open_bytes(path)
    try:
        magic = file.read(4)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{path} cannot be read: {error}.", "Is it a gzip file, and whole?") from error
    finally:
        file.close()
    return TableReader(path, place) if magic == b"PAR1" else TextReader(path, place)


def parser_of(head: bytes, what: str) -> Csv | Jsonl:
    """The text format by its first bytes. Raises SourceError for what is no text."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise SourceError(f"{what} is UTF-16.", "Save it as UTF-8, for example with: iconv -f UTF-16 -t UTF-8")
    if start[:1] == b"{":
        return Jsonl()
    if head[:2] == b"\x1f\x8b":
        raise SourceError(f"{what} is gzipped.", "Give the file itself, or unpack it: zcat FILE | tacit watch -")
    if b"\0" in start.partition(b"\n")[0]:
        raise SourceError(f"{what} is binary, neither CSV, JSON lines nor Parquet.", "tacit inspect shows what a source holds.")
    if start[:1] == b"[" and start[1:].lstrip()[:1] in (b"{", b"["):
        raise SourceError(f"{what} is one JSON array, not JSON lines.", "Turn it into lines, for example with: jq -c '.[]'")
    return Csv()


def open_bytes(path: Path) -> tuple[BinaryIO | gzip.GzipFile, bool]:
    """The file's bytes, unpacked, and whether they were packed. Raises SourceError, with near names."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        return (gzip.open(path, "rb"), True) if packed else (path.open("rb"), False)
    except OSError as error:
        raise missing(path, error) from error


def list_files(path: Path) -> list[Path]:
    """The file, or those of the folder that hold data, by name. Raises SourceError where there are none."""
    if not path.is_dir():
        if not path.exists():
            raise missing(path, FileNotFoundError(2, "no such file"))
        if path.is_fifo():
            raise SourceError(f"{path} is a pipe, which can be read only once.", f"Read it as standard input: tacit watch - < {path}")
        if modality_of(path.name) == "image":
            raise SourceError(f"{path} is a picture, and a stream's events are rows of a file.", "Pictures are for `tacit learn FOLDER --out MODEL`.")
        return [path]
    files = sorted(f for f in path.iterdir() if f.is_file() and f.name.removesuffix(".gz").endswith(SUFFIXES) and not ABOUT.match(f.name))
    if not files:
        if pictures := pictures_in(path):
            raise SourceError(
                f"no data file in the folder {path}: it holds {pictures}, and a stream's events are rows of files.",
                f"Pictures are for `tacit learn {path} --out FOLDER`, which looks at them first, too.",
            )
        folders = sorted(f.name for f in path.iterdir() if f.is_dir())
        inside = f"It has folders, choose one: {', '.join(folders[:10])}." if folders else f"Known: {' '.join(SUFFIXES)}, each also .gz."
        raise SourceError(f"no data file in the folder {path}.", inside)
    return files


def missing(path: Path, error: OSError) -> SourceError:
    """What to say of a path that cannot be opened: why, and near names in its folder."""
    reason = error.strerror or str(error)
    near: list[str] = []
    if not path.exists() and path.parent.is_dir():
        near = difflib.get_close_matches(path.name, [f.name for f in path.parent.iterdir()], n=3, cutoff=0.5)
    if near:
        return SourceError(f"{path}: {reason.lower()}.", f"Near it in {path.parent}: {', '.join(near)}.")
    if not path.exists():
        return SourceError(f"{path}: {reason.lower()}.", "Check the path; a relative one starts from the working directory.")
    return SourceError(f"{path}: {reason.lower()}.", "Check who may read it.")

"""JSON lines: one insight a line, to a file or to standard output and nothing else there."""

from __future__ import annotations

import os
import select
from pathlib import Path
from typing import ClassVar

import orjson

from tacit.connect.encode import Encoder
from tacit.contracts.errors import SinkClosed, SinkError
from tacit.contracts.insight import Insights
from tacit.contracts.sink import Sink
from tacit.contracts.source import Position

BEGIN = b'{"key":'  # of every insight's line


class Jsonl(Sink):
    """target: a file, appended to, or "-" for standard output.

    Each batch is written whole before `write` returns; `flush` makes a file's lines safe on disk. A torn last
    line, as a killed run leaves it, is cut off at the start. A run that goes on from a saved position says so
    by `resume`: lines past it are there already, so the same insights are not written a second time.
    Lines don't name their source: one file, one source.
    """

    positions: ClassVar[bool] = False

    def __init__(self, target: str) -> None:
        self.target = target
        self._encoder = Encoder()
        self._written = -1  # of a resumed file: the last position in it
        self._file = target != "-"
        if not self._file:
            self._descriptor = os.dup(1)
            return
        try:
            regular = Path(target).is_file() or not Path(target).exists()
            # of a named pipe the reading end stays its reader's, whose going must be felt; like a shell, we wait until there is one
            self._descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_APPEND if regular else os.O_WRONLY, 0o644)
            if os.fstat(self._descriptor).st_size and Path(target).is_file():
                self._check_ours()
                self._cut_torn_line()
        except OSError as error:
            raise SinkError(f"{target} cannot be written: {error.strerror}.", "Choose another file for --out jsonl:FILE.") from error

    def resume(self, source: str, position: Position) -> None:
        """The source goes on from `position`; what lies beyond it in the file stays and is not written again."""
        if self._file:
            last = self._last_position()
            self._written = last if last >= int(position["next"]) else -1

    def last(self, source: str) -> Position | None:
        """Behind the last line, whichever source it is of."""
        return {"next": self._last_position() + 1} if self._file and Path(self.target).is_file() else None

    def write(self, source: str, insights: Insights, after: Position) -> None:
        """Raises SinkClosed where the reader of standard output or of a named pipe has gone, SinkError where nothing can be written."""
        if self._written >= 0:
            fresh = (insights.positions > self._written).nonzero()[0]
            if not len(fresh):
                return
            if len(fresh) < len(insights):
                insights = insights.take(fresh)
            self._written = -1
        self._write(self._encoder.lines(insights))

    def flush(self) -> None:
        """What was written is on disk behind this."""
        if self._file and self._descriptor >= 0:
            try:
                os.fsync(self._descriptor)
            except OSError as error:
                if error.errno not in (22, 95):  # a pipe or a device has no disk
                    raise SinkError(f"{self.target} cannot be made safe: {error.strerror}.", "Is the disk full?") from error

    def close(self) -> None:
        if self._descriptor >= 0:
            try:
                self.flush()
            finally:
                os.close(self._descriptor)
                self._descriptor = -1

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        size = os.fstat(self._descriptor).st_size if self._file else 0
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [], 1.0)
            except BrokenPipeError as error:
                raise SinkClosed(f"the reader of {self._called()} has gone.") from error
            except OSError as error:
                if self._file:
                    self._take_back(size)
                raise SinkError(
                    f"{self._called()} cannot be written: {error.strerror}.", "Make room or choose another --out; what was written before is whole."
                ) from error

    def _called(self) -> str:
        return self.target if self._file else "standard output"

    def _take_back(self, size: int) -> None:
        """Leave no half line behind a failed write."""
        if Path(self.target).is_file():
            os.ftruncate(self._descriptor, size)

    def _check_ours(self) -> None:
        """Raises SinkError where the file begins with anything but an insight: it is somebody's, and stays as it is."""
        head = os.pread(self._descriptor, len(BEGIN), 0)
        if head != BEGIN[: len(head)]:
            os.close(self._descriptor)
            raise SinkError(f"{self.target} holds other lines than insights: {head!r}.", "Choose another file for --out jsonl:FILE.")

    def _cut_torn_line(self) -> None:
        size = os.fstat(self._descriptor).st_size
        end = self._last_newline(size)
        if end + 1 < size:
            os.ftruncate(self._descriptor, end + 1)

    def _last_newline(self, before: int) -> int:
        """Where the last newline before this byte stands, -1 = nowhere."""
        while before > 0:
            start = max(0, before - (1 << 16))
            found = os.pread(self._descriptor, before - start, start).rfind(b"\n")
            if found >= 0:
                return start + found
            before = start
        return -1

    def _last_position(self) -> int:
        """The position in the last line, -1 where there is none. Raises SinkError where it is no insight."""
        size = os.fstat(self._descriptor).st_size
        if not size:
            return -1
        start = self._last_newline(size - 1) + 1
        line = os.pread(self._descriptor, size - start, start)
        try:
            return int(orjson.loads(line)["position"])
        except (ValueError, KeyError, TypeError) as error:
            raise SinkError(f"{self.target} holds other lines than insights: {line[:80]!r}.", "Choose another file for --out jsonl:FILE.") from error

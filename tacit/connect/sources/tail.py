"""Tail: a growing file, followed through growth, rotation and truncation."""

from __future__ import annotations

import os
import time
import zlib
from pathlib import Path
from typing import BinaryIO, ClassVar

from tacit.connect.readers import HEAD, missing
from tacit.connect.schema import Wishes
from tacit.connect.stream import GRACE, Streamed
from tacit.contracts.errors import SourceError
from tacit.contracts.events import Events, Refusals
from tacit.contracts.source import Position

BLOCK = 1 << 18
LOOK = 0.1  # s between looks at a file that does not grow


class Tail(Streamed):
    """path: a CSV or JSON lines file; read from its beginning, then followed. A last line without end waits.

    When the name comes to stand for another file (rotation), the old one is read to its end first. When it
    shrinks, it is read from its beginning. A position holds inode, byte and a checksum of the beginning; a
    file that was rotated away since is looked for beside the new one, and where it is gone, what it may have
    held unread is counted as refused.
    """

    replayable: ClassVar[bool] = True
    ends: ClassVar[bool] = False
    live = True

    def __init__(self, path: str, wishes: Wishes | None = None) -> None:
        if not path:
            raise SourceError("tail: names no file.", "Write tail:FILE.")
        self.path = Path(path)
        super().__init__(f"tail:{self.path.resolve()}", self.path.name, wishes, believes=False)
        self._first = 0  # the number of the file's first event
        self._file = self._open(self.path)

    def poll(self, limit: int, timeout: float) -> Events | None:
        """What has been appended; never None: a file may always grow."""
        deadline = time.monotonic() + timeout
        patience = time.monotonic() + GRACE
        while True:
            grew = self._fill(limit)
            begin = self._stream.enough_to_begin() or time.monotonic() >= patience
            if self._stream.waiting() and begin:
                events = self._stream.events(limit)
                if events is not None:
                    return events
            if not grew and not (begin and self._turned()):
                left = (deadline if begin else patience) - time.monotonic()
                if left <= 0 and begin:
                    return self._decoder.nothing()
                time.sleep(max(min(left, LOOK), 0.0))

    def position(self) -> Position:
        """Inode, byte, a checksum of the file's beginning, and the decoder's state."""
        size = min(self._stream.lines.offset, HEAD)
        head = os.pread(self._file.fileno(), size, 0)
        here = {"inode": os.fstat(self._file.fileno()).st_ino, "check": [len(head), zlib.crc32(head)]}
        return {**here, "first": self._first, "stream": self._stream.state(), **self._decoder.state()}

    def seek(self, position: Position) -> None:
        self._decoder.restore(position)
        self._first = int(position.get("first", 0))
        self._stream.restore(position["stream"])
        found = self._find(int(position["inode"]), position["check"], int(position["stream"]["offset"]))
        self._file.close()
        if found is not None:
            self._file = self._open(found)
            self._file.seek(int(position["stream"]["offset"]))
            return
        self._file = self._open(self.path)
        Refusals.add(self.refusals, "rotated away unread: unknown number of lines", self.name, "the file of the saved position is gone")
        self._afresh()

    def count_on(self, last: Position) -> None:
        """The same events only in the file that was read last, where it is still there under its name."""
        here, check = os.fstat(self._file.fileno()), last.get("check", [0, 0])
        head = os.pread(self._file.fileno(), check[0], 0)
        same = here.st_ino == last.get("inode") and [len(head), zlib.crc32(head)] == check and here.st_size >= last["stream"]["offset"]
        self._first = self._decoder.next = max(self._decoder.next, int(last.get("first", 0) if same else last["next"]))

    def close(self) -> None:
        self._file.close()

    def _fill(self, limit: int) -> bool:
        """Read on where fewer than `limit` lines wait; whether something came."""
        grew = False
        while self._stream.waiting() < limit:
            try:
                block = self._file.read(BLOCK)
            except OSError as error:
                raise SourceError(f"{self.path} cannot be read on: {error.strerror}.", "Is its disk still there?") from error
            if not block:
                break
            self._stream.feed(block)
            grew = True
        return grew

    def _turned(self) -> bool:
        """At the end of what is there: whether the file was rotated or truncated; if so, begin with the new one."""
        here = os.fstat(self._file.fileno())
        if here.st_size < self._file.tell():
            self._file.seek(0)
            self._say(f"{self.path.name} was truncated: read from its beginning")
            self._afresh()
            return True
        try:
            there = self.path.stat()
        except OSError:  # between the rotation and the new file's first line there may be none
            return False
        if (there.st_ino, there.st_dev) == (here.st_ino, here.st_dev):
            return False
        at = self._file.tell()
        if self._file.read(1):  # the old file grew meanwhile
            self._file.seek(at)
            return True
        if self._stream.lines.unfinished():  # nobody will end this line any more
            self._stream.finish()
            return True
        fresh = self._open(self.path)
        self._file.close()
        self._file = fresh
        self._say(f"{self.path.name} was rotated: the new file is followed")
        self._afresh()
        return True

    def _afresh(self) -> None:
        """A file from its beginning: a torn last line of the one before is refused, a CSV header is read again."""
        torn = self._stream.lines.unfinished() + sum(map(len, self._stream.lines.peek(1000)))
        if torn:
            Refusals.add(self.refusals, "torn record", f"{self.path.name}:{self._stream.lines.line + 1}", f"{torn} bytes without their end")
        self._stream.afresh()
        self._first = self._decoder.next

    def _say(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def _find(self, inode: int, check: list[int], offset: int) -> Path | None:
        """The file of a position: under its own name, or beside it under a rotated one."""
        for path in (self.path, *sorted(self.path.parent.glob(f"{self.path.name}?*"))):
            try:
                with path.open("rb") as file:
                    state = os.fstat(file.fileno())
                    head = file.read(check[0])
            except OSError:  # it went away between the listing and the opening
                continue
            if state.st_ino == inode and state.st_size >= offset and [len(head), zlib.crc32(head)] == check:
                return path
        return None

    def _open(self, path: Path) -> BinaryIO:
        try:
            return path.open("rb", buffering=0)  # raw, so that tell is the byte read last
        except OSError as error:
            raise missing(path, error) from error

"""Lines: bytes as they come → whole lines, with exact offsets and bounded memory.

A line over the limit is never held: its bytes are thrown away as they come, and it is counted when its place
in the order is reached.
"""

from __future__ import annotations

from tacit.contracts.events import Refusals

LINE_LIMIT = 16 << 20  # bytes
Mark = tuple[int, int, int, bool]


class Lines:
    """A queue of whole lines. `offset`, `line`: bytes and lines consumed so far; where to go on.

    feed bytes; look at up to n lines with `peek`; then `consume` as many as were used. limit: the longest
    line in bytes that is kept.
    """

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self.limit = limit
        self.reset(0, 0)

    def reset(self, offset: int, line: int) -> None:
        """Forget what is queued; the next byte fed is at `offset`, behind `line` lines."""
        self.offset, self.line = offset, line
        self._whole: list[bytes] = []
        self._first = 0  # of _whole, the first that is not consumed
        self._parts: list[bytes] = []
        self._length = 0  # of the unfinished line
        self._skipping = False
        self._oversized: dict[int, int] = {}  # line number (from 1) → bytes, newline included
        self._unended = False  # the last line of the stream had no newline

    def feed(self, data: bytes) -> None:
        """Take more bytes."""
        body, newline, rest = data.rpartition(b"\n")
        if newline:
            whole = body.split(b"\n")
            if self._skipping or self._length:
                whole[0] = self._ended(whole[0])
            if len(data) > self.limit:
                whole = [line if len(line) <= self.limit else self._oversize(len(line) + 1, i) for i, line in enumerate(whole)]
            self._compact()
            self._whole += whole
        self._grow(rest)

    def finish(self) -> None:
        """No more bytes will come: an unfinished line counts as whole."""
        if self._length:
            self._unended = True
            self._whole.append(self._ended(b""))

    def unfinished(self) -> int:
        """Bytes of the line that has no newline yet."""
        return self._length

    def __len__(self) -> int:
        return len(self._whole) - self._first

    def peek(self, n: int) -> list[bytes]:
        """Up to n lines, without their newlines; a line that was too long is b""."""
        return self._whole[self._first : self._first + n]

    def consume(self, n: int, refusals: Refusals, place: str) -> None:
        """The first n lines were used: move the offset behind them, count those that were too long."""
        for number in sorted(k for k in self._oversized if k <= self.line + n):
            size = self._oversized[number]
            where = f"{place}:{number}" if place else f"line {number}"
            refusals.add("line too long", where, f"{size:,} bytes, over the limit of {self.limit:,}")  # under --strict it ends here, nothing moved
            self.offset += size - 1
            del self._oversized[number]
        used = self._whole[self._first : self._first + n]
        self._first += n
        self.offset += sum(map(len, used)) + n
        if self._unended and self._first == len(self._whole):
            self.offset -= 1
            self._unended = False
        self.line += n

    def mark(self) -> Mark:
        """Where it stands, for `back`."""
        return self._first, self.offset, self.line, self._unended

    def back(self, mark: Mark) -> None:
        """The lines consumed since `mark` come again; none was fed since, and none of them was too long."""
        self._first, self.offset, self.line, self._unended = mark

    def _grow(self, rest: bytes) -> None:
        self._length += len(rest)
        if self._skipping:
            return
        self._parts.append(rest)
        if self._length > self.limit:
            self._parts, self._skipping = [], True

    def _ended(self, last: bytes) -> bytes:
        """The unfinished line, now whole; b"" and noted where it was too long."""
        length = self._length + len(last)
        too_long = self._skipping or length > self.limit
        line = b"" if too_long else b"".join([*self._parts, last])
        self._parts, self._length, self._skipping = [], 0, False
        if too_long:
            self._oversize(length + 1, 0)
        return line

    def _oversize(self, size: int, ahead: int) -> bytes:
        self._oversized[self.line + len(self) + ahead + 1] = size
        return b""

    def _compact(self) -> None:
        if self._first:
            del self._whole[: self._first]
            self._first = 0

"""Standard input: JSON lines or CSV, as they come."""

from __future__ import annotations

import os
import queue
import select
import stat
import sys
import threading
import time
from contextlib import suppress
from typing import ClassVar

from tacit.connect.schema import Wishes
from tacit.connect.stream import GRACE, Streamed
from tacit.contracts.errors import SourceError
from tacit.contracts.events import Events
from tacit.contracts.source import Position

BLOCK = 1 << 16
TICK = 0.2  # s after which the thread looks whether it is still wanted


class Stdin(Streamed):
    """Reads a pipe in a thread of its own, so that `poll` returns what there is when its time is up.

    descriptor: read from it; None = standard input's. It cannot be replayed; `seek` goes on counting where an
    earlier run stopped and keeps its columns, so that positions stay unique.
    """

    replayable: ClassVar[bool] = False
    ends: ClassVar[bool] = True

    def __init__(self, wishes: Wishes | None = None, descriptor: int | None = None) -> None:
        super().__init__("-", "", wishes, believes=True)
        self._blocks: queue.Queue[bytes | OSError] = queue.Queue(maxsize=64)
        self._descriptor = _stdin() if descriptor is None else descriptor
        self.live = not _is_file(self._descriptor)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._read, name="tacit-stdin", daemon=True)
        self._thread.start()

    def poll(self, limit: int, timeout: float) -> Events | None:
        """What has come: as soon as there is one whole line; None once the other end closed."""
        deadline = time.monotonic() + timeout
        while True:
            while self._stream.waiting() < limit and self._take(0.0):
                pass
            if self._stream.waiting() and not self._stream.enough_to_begin():
                grace = time.monotonic() + GRACE
                while not self._stream.enough_to_begin() and self._take(grace - time.monotonic()):
                    pass
            events = self._stream.events(limit)
            if events is not None:
                return events
            if self._stream.ended:
                return None
            if not self._take(deadline - time.monotonic()) and time.monotonic() >= deadline:
                return self._decoder.nothing()

    def position(self) -> Position:
        """How many events there were, and the decoder's state."""
        return self._decoder.state()

    def seek(self, position: Position) -> None:
        """Go on counting from an earlier run's position; what was read then is gone."""
        self._decoder.restore(position)

    def count_on(self, last: Position) -> None:
        self._decoder.next = max(self._decoder.next, int(last["next"]))

    def close(self) -> None:
        """Ends the thread; the descriptor is its owner's."""
        self._closed.set()
        self._thread.join(10 * TICK)  # it sits in a read for longer only where another process took what was there

    def _take(self, wait: float) -> bool:
        """One block from the thread into the stream; False where none came within `wait` seconds, or none will."""
        if self._stream.ended:
            return False
        try:
            block = self._blocks.get(timeout=wait) if wait > 0 else self._blocks.get_nowait()
        except queue.Empty:
            return False
        if isinstance(block, OSError):
            raise SourceError(f"standard input cannot be read: {block.strerror}.", "Pipe something into it: producer | tacit watch -")
        if block:
            self._stream.feed(block)
        else:
            self._stream.finish()
        return True

    def _read(self) -> None:
        block: bytes | OSError = b"-"
        ready = select.poll()
        ready.register(self._descriptor, select.POLLIN)
        while block and not isinstance(block, OSError) and not self._closed.is_set():
            try:
                if not ready.poll(1e3 * TICK):
                    continue
                block = os.read(self._descriptor, BLOCK)
            except OSError as error:
                block = error
            self._give(block)

    def _give(self, block: bytes | OSError) -> None:
        """Waits for room, until nobody wants it any more."""
        while not self._closed.is_set():
            with suppress(queue.Full):
                self._blocks.put(block, timeout=TICK)
                return


def _is_file(descriptor: int) -> bool:
    """Whether it is a file that was redirected, not a pipe. A descriptor that is closed is none; reading it says so."""
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _stdin() -> int:
    if sys.stdin is None:
        raise SourceError("there is no standard input.", "Pipe something into it: producer | tacit watch -")
    return sys.stdin.fileno()

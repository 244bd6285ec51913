"""History: what the dashboard can show, now and hours back, also after a restart.

The live loop pushes; a sample goes into a bounded queue; a thread of ours writes it to one SQLite file. A push
never waits, whatever the disk does: what isn't kept is counted.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tacit.contracts.episode import VERDICTS, Episode
from tacit.contracts.errors import TacitError, UnknownName
from tacit.contracts.insight import Insights
from tacit.serve.reading import Columns, Reader
from tacit.serve.sample import Kept, Sampler, keep
from tacit.serve.store import Store

Item = Kept | Episode | tuple[int, str]
FOREVER = 2**62


class History:
    """A bounded store of insights and episodes in one file.

    path: the SQLite file, or a folder to hold history.sqlite; None: a temporary one, gone after close.
    keep_rows: the bound, at up to 64 features (fewer rows where there are more features); rate: rows a second kept.
    queue_rows: rows that may wait for the disk; pause: seconds between two writes.
    """

    def __init__(self, path: Path | None = None, keep_rows: int = 200_000, rate: float = 400.0, queue_rows: int = 20_000, pause: float = 0.2) -> None:
        self.keep_rows, self.rate, self.queue_rows, self.pause = keep_rows, rate, queue_rows, pause
        self._temporary = Path(tempfile.mkdtemp(prefix="tacit-history-")) if path is None else None
        self.path = self._temporary or Path(str(path))
        if self.path.is_dir():
            self.path = self.path / "history.sqlite"
        if not self.path.parent.is_dir():
            raise TacitError(f"the folder {self.path.parent} for the dashboard's history does not exist.", "Create it.")
        self._store = Store(self.path, keep_rows)
        self.reader = Reader(self.path)
        self._sampler = Sampler(rate)
        self._queue: deque[Item] = deque()
        self._put = self._taken = 0  # rows queued, rows off the queue: each counted by one thread alone
        self._offered = self._full = self._failed = 0
        self._error = ""
        self._features = 1
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tacit-history", daemon=True)
        self._thread.start()

    # -- from the live loop: never waits ------------------------------------------------------------------------

    def push(self, insights: Insights) -> None:
        """Offer insights; a sample of them is copied and queued."""
        n = len(insights)
        self._offered += n
        if n == 0 or self._stop.is_set():
            return
        rows = self._sampler.choose(insights, time.monotonic())
        if self._put - self._taken + len(rows) > self.queue_rows:
            self._full += len(rows)
        elif len(rows):
            self._put += len(rows)
            self._queue.append(keep(insights, rows))

    def episode(self, episode: Episode) -> None:
        """An episode opened, changed or closed."""
        self._queue.append(plain(episode))

    def feedback(self, episode: int, verdict: str) -> None:
        """What a person said of an episode."""
        if verdict not in VERDICTS:
            raise UnknownName("verdict", verdict, VERDICTS)
        self._queue.append((int(episode), verdict))

    # -- the writer ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.wait(self.pause):
            self._drain()
        self._drain()

    def _drain(self) -> None:
        items = [self._queue.popleft() for _ in range(len(self._queue))]
        if not items:
            return
        taken = sum(len(i) for i in items if isinstance(i, Kept))
        db = self._store.db
        try:
            db.execute("begin immediate")
            for item in items:
                if isinstance(item, Kept):
                    self._features = max(len(item.features), 1)
                    self._store.write(item)
                elif isinstance(item, Episode):
                    self._store.episode(item)
                else:
                    self._store.feedback(*item)
            self._store.thin(self._features)
            db.execute("commit")
            self._error = ""
        except (sqlite3.Error, ValueError, TypeError) as error:  # a full disk must not stop the stream: counted and shown
            self._failed += taken
            self._error = f"{self.path}: {error}"
            self._store.roll_back()
            if isinstance(error, sqlite3.OperationalError):  # alerts are tried again; rows are a sample anyway
                self._queue.extendleft(i for i in reversed(items) if not isinstance(i, Kept))
                self._stop.wait(1.0)
        self._taken += taken

    def flush(self, timeout: float = 10.0) -> None:
        """Wait until what has been pushed can be read."""
        until = time.monotonic() + timeout
        while (self._queue or self._put > self._taken) and self._thread.is_alive() and time.monotonic() < until:
            time.sleep(0.005)

    def close(self) -> None:
        """Write what waits, and let go; a temporary history is removed."""
        self._stop.set()
        self._thread.join()
        self._store.close()
        if self._temporary is not None:
            shutil.rmtree(self._temporary)

    # -- for the pages ------------------------------------------------------------------------------------------

    def stats(self) -> dict[str, Any]:
        """Offered, kept and not kept; nothing is dropped silently."""
        return {
            "offered": self._offered,
            "kept": self._put - self._failed,
            "sampled_out": self._offered - self._put - self._full,
            "queue_full": self._full,
            "write_failed": self._failed,
            "waiting": self._put - self._taken,
            "rows": self._store.rows,
            "newest": self._store.newest,
            "episodes_version": self._store.change,
            "bytes": self.path.stat().st_size if self.path.exists() else 0,
            "error": self._error,
        }

    def window(
        self,
        key: str,
        start: int | None = None,
        end: int | None = None,
        max_points: int = 600,
        features: Sequence[int] = (),
        after: int | None = None,
    ) -> Columns:
        """Columns of a key between two event times (ns, both included; None: from the beginning, to the end).

        With `after`, the newest rows written since that row's id, unthinned.
        """
        start, end = (-FOREVER if start is None else start), (FOREVER if end is None else end)
        if after is None and (start == -FOREVER or end == FOREVER):
            first, last = self.reader.extent(key) or (0, 0)
            start, end = max(start, first), min(end, last)
        return self.reader.window(key, start, end, max(max_points, 1), features, after)

    def keys(self, limit: int = 100, search: str = "") -> list[dict[str, Any]]:
        return self.reader.keys(time.time(), limit, search)

    def features(self) -> list[dict[str, Any]]:
        return self.reader.features()

    def trouble(self, key: str, start: int | None = None, end: int | None = None) -> dict[int, float]:
        """How far each feature left its expected band, at worst in the window, in usual widths of the band; 0 inside."""
        ids = [f["id"] for f in self.reader.features()]
        found = self.window(key, start, end, 60 if len(ids) > 200 else 300, ids)["features"]
        out = {}
        for number in ids:
            f = found[str(number)]
            width, outside = f["high"] - f["low"], np.maximum(f["observed"] - f["high"], f["low"] - f["observed"])
            known = np.isfinite(width) & np.isfinite(outside)
            usual = np.median(width[known]) + 1e-6 * np.abs(f["high"][known]).max() + 1e-30 if known.any() else 1.0
            out[number] = float(np.clip(outside[known].max(initial=0.0) / usual, 0, 1e6))
        return out

    def episodes(self, key: str | None = None, limit: int = 100, before: int | None = None, suppressed: bool = True) -> list[dict[str, Any]]:
        return self.reader.episodes(key, limit, before, suppressed)

    def one_episode(self, number: int) -> dict[str, Any] | None:
        return self.reader.episode(number)


def plain(e: Episode) -> Episode:
    """A copy in Python's own numbers, so that the caller may go on changing its own."""
    reasons = [(str(name), float(a), float(b), float(c), float(d)) for name, a, b, c, d in e.reasons]
    closed = None if e.closed is None else int(e.closed)
    copy = replace(e, id=int(e.id), opened=int(e.opened), position=int(e.position), surprise=float(e.surprise), events=int(e.events))
    copy.reasons, copy.closed = reasons, closed
    return copy

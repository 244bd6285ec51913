"""SQLite: table `insights`, one row an insight, unique by (source, position), committed with the source's position."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import orjson

from tacit.connect.encode import FIELDS, Encoder
from tacit.contracts.errors import SinkError
from tacit.contracts.insight import Insights
from tacit.contracts.sink import Sink
from tacit.contracts.source import Position

_COLUMNS = ("source", *FIELDS)
_TABLES = """
create table if not exists insights (
    source text not null, key text not null, time text not null, position integer not null,
    score real, alert integer, expected text not null, forecast text not null, reasons text not null,
    sentence text, drift real, model text not null, late integer not null,
    primary key (source, position)
);
create table if not exists positions (source text primary key, position text not null);
"""
_UPSERT = (
    f"insert into insights ({', '.join(_COLUMNS)}) values ({', '.join('?' * len(_COLUMNS))}) on conflict (source, position) do update set "
    + ", ".join(f"{c} = excluded.{c}" for c in _COLUMNS if c not in ("source", "position"))
)
_POSITION = "insert into positions values (?, ?) on conflict (source) do update set position = excluded.position"


class Sqlite(Sink):
    """target: the database file. Compound fields are JSON text, `late` is 0 or 1.

    Rows wait in memory and are committed in one transaction with the position behind them, after `rows` of
    them or `seconds` since the last commit, and at `flush`. A commit that fails leaves them waiting: the next
    write or flush tries again. WAL with full sync: what was committed survives kill -9 and a power cut.
    """

    def __init__(self, target: str, rows: int = 5000, seconds: float = 0.5, busy: float = 5.0) -> None:
        self.target, self.rows, self.seconds, self.busy = target, rows, seconds, busy
        self._encoder = Encoder()
        self._waiting: list[tuple[Any, ...]] = []
        self._positions: dict[str, Position] = {}
        self._committed = time.monotonic()
        try:
            self._base = sqlite3.connect(target, timeout=busy, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise self._refusal(error) from error
        try:
            self._base.execute("pragma journal_mode = wal")
            self._base.execute("pragma synchronous = full")
            self._base.executescript(_TABLES)
        except sqlite3.Error as error:
            self._base.close()
            raise self._refusal(error) from error
        self._open = True

    def last(self, source: str) -> Position | None:
        """Where the source stood at the last commit; None for one that never wrote here."""
        row = self._base.execute("select position from positions where source = ?", (source,)).fetchone()
        return None if row is None else orjson.loads(row[0])

    def write(self, source: str, insights: Insights, after: Position) -> None:
        e = self._encoder.encode(insights)
        n = len(insights)
        scores = [None if s != s else s for s in insights.score.tolist()]
        drifts = [None if d != d else d for d in insights.drift.tolist()]
        rows = zip(
            [source] * n,
            insights.keys,
            e.times,
            insights.positions.tolist(),
            scores,
            [a or None for a in insights.alert.tolist()],
            [f"{{{t}}}" for t in e.expected],
            [f"{{{t}}}" for t in e.forecast],
            [f"[{t}]" for t in e.reasons],
            [insights.sentences.get(i) for i in range(n)],
            drifts,
            [insights.model] * n,
            insights.late.tolist(),
            strict=True,
        )
        self._waiting += rows
        self._positions[source] = after
        if len(self._waiting) >= self.rows or time.monotonic() - self._committed >= self.seconds:
            self.flush()

    def flush(self) -> None:
        """Commit. Raises SinkError for a full disk, a locked database, a file that is no database."""
        if not self._waiting and not self._positions:
            return
        try:
            self._base.execute("begin immediate")
            self._base.executemany(_UPSERT, self._waiting)
            self._base.executemany(_POSITION, [(s, orjson.dumps(p).decode()) for s, p in self._positions.items()])
            self._base.execute("commit")
        except sqlite3.Error as error:
            if self._base.in_transaction:
                self._base.rollback()
            raise self._refusal(error) from error
        self._waiting, self._positions, self._committed = [], {}, time.monotonic()

    def close(self) -> None:
        if self._open:
            try:
                self.flush()
            finally:
                self._base.close()
                self._open = False

    def _refusal(self, error: sqlite3.Error) -> SinkError:
        text = str(error)
        advice = {
            "locked": "Another program is writing to it; end it, or choose another file.",
            "full": "Make room on the disk; what was committed before is whole.",
            "readonly": "Check who may write to the file and its folder.",
            "unable to open": "Check that its folder is there and may be written to.",
            "not a database": "Choose another file for --out sqlite:FILE.",
        }
        hint = next((advice[word] for word in advice if word in text), "Choose another file for --out sqlite:FILE.")
        return SinkError(f"{self.target}: {text}.", hint)

"""Store: the ledger, every number ever measured, in one SQLite file beside the models. Rows are added, never changed.

Write-ahead logging, so that reading never waits for writing and a kill loses nothing that was acknowledged; triggers refuse updates and
deletions, so that a figure in a report is what was measured then.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tacit.contracts.errors import DataError, UnknownName
from tacit.ledger.result import Result

PATIENCE = 30.0  # seconds to wait for another process that writes
COLUMNS = tuple(f.name for f in fields(Result))
NUMBERS = {"value": "real", "low": "real", "high": "real", "labels": "integer", "n": "integer", "seed": "integer", "seeds": "integer"}
MADE = f"""
create table if not exists results (id integer primary key, {", ".join(f"{c} {NUMBERS.get(c, 'text')}" for c in COLUMNS)});
create index if not exists by_model on results (model, dataset, protocol);
create trigger if not exists no_update before update on results begin select raise(abort, 'the ledger is only added to'); end;
create trigger if not exists no_delete before delete on results begin select raise(abort, 'the ledger is only added to'); end;
"""


def _make(base: sqlite3.Connection) -> None:
    """Tables and the write-ahead log. While another process makes them the log is refused at once, without waiting: it is asked for again."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            base.executescript(f"pragma journal_mode = wal; {MADE} pragma user_version = 1;")
            return
        except sqlite3.OperationalError as e:
            if "locked" not in str(e) or time.monotonic() > until:
                raise
            time.sleep(0.02)


class Ledger:
    """path: of the file, made with its first row where it is not there. Raises DataError where it is no ledger or could not be made."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if self.path.exists():
            with self._open() as base:
                self._ready(base)
        elif not os.access(self.path.parent, os.W_OK):  # before the work whose rows it is for
            raise DataError(
                f"the ledger {self.path} cannot be opened: nothing can be written there.", "Name a file in a folder that can be written to."
            )

    def _ready(self, base: sqlite3.Connection) -> None:
        """Raises DataError for a ledger of another version."""
        if int(base.execute("pragma user_version").fetchone()[0]) not in (0, 1):
            raise DataError(f"{self.path} is a ledger of a newer tacit.", "Update tacit, or name another file.")
        _make(base)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            base = sqlite3.connect(self.path, timeout=PATIENCE)
        except sqlite3.Error as e:
            raise DataError(f"the ledger {self.path} cannot be opened: {e}.", "Name a file in a folder that can be written to.") from e
        try:
            yield base
        except sqlite3.Error as e:
            raise DataError(
                f"the ledger {self.path} cannot be used: {e}.", "Check that it is a ledger and that there is space; or name another file."
            ) from e
        finally:
            base.close()

    def add(self, results: Iterable[Result]) -> list[Result]:
        """All or none of them; the time is put in where it is missing. Returns what was written."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        written = [r if r.time else replace(r, time=now) for r in results]
        rows = [tuple(r.row()[c] for c in COLUMNS) for r in written]
        if not rows:
            return written
        with self._open() as base, base:
            self._ready(base)
            base.executemany(f"insert into results ({', '.join(COLUMNS)}) values ({', '.join('?' * len(COLUMNS))})", rows)
        return written

    def query(self, limit: int = 0, **where: Any) -> list[Result]:
        """In order of arrival; model="…", protocol="knn", labels=[1, 10] …; of the last `limit` where one is given. Raises UnknownName."""
        for name in where:
            if name not in COLUMNS:
                raise UnknownName("column of the ledger", name, COLUMNS)
        asked = {c: v if isinstance(v, list | tuple) else [v] for c, v in where.items()}
        clause = " and ".join(f"{c} in ({', '.join('?' * len(v))})" for c, v in asked.items()) or "1"
        order = f"order by id desc limit {int(limit)}" if limit else "order by id"
        found = self._read(f"select {', '.join(COLUMNS)} from results where {clause} {order}", [x for v in asked.values() for x in v])
        rows = [Result.of(dict(zip(COLUMNS, row, strict=True))) for row in found]
        return rows[::-1] if limit else rows

    def newest(self, **where: Any) -> list[Result]:
        """As `query`, of each measurement the newest alone: same model, data, protocol, metric, contestant, labels and unit."""
        return newest(self.query(**where))

    def values(self, column: str) -> list[Any]:
        """What stands in a column, each once, in order of arrival. Raises UnknownName."""
        if column not in COLUMNS:
            raise UnknownName("column of the ledger", column, COLUMNS)
        return [value for (value,) in self._read(f"select {column} from results group by {column} order by min(id)")]

    def __len__(self) -> int:
        return sum(int(n) for (n,) in self._read("select count(*) from results"))

    def _read(self, question: str, asked: Sequence[Any] = ()) -> list[Any]:
        """Rows; none where the file is not there yet."""
        if not self.path.exists():
            return []
        with self._open() as base:
            return base.execute(question, asked).fetchall()


def newest(results: Iterable[Result]) -> list[Result]:
    """Of each measurement the last alone, in the order of these: same model, data, split, protocol, metric, contestant, labels and unit."""
    kept: dict[tuple[Any, ...], Result] = {}
    for r in results:
        mark = (r.model, r.dataset, r.split, r.protocol, r.metric, r.contestant, r.labels, r.unit)
        kept.pop(mark, None)
        kept[mark] = r
    return list(kept.values())

"""Store: the SQLite file behind the dashboard, and its one writer.

A row holds a key's values as float32 [5, F] (observed, low, middle, high, forecast). Each row has a level: how
often two divides its number within its key, so that half the rows are of level 0, a quarter of level 1, and so
on; a row of level l lives until `life * 2**l` newer rows are written. What is left thins out with age while its
reach doubles with each level: hours back cost no more than minutes. Rows of an alert stand LIFT levels higher,
the first row of each alert on the highest: at any zoom it is there.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from contextlib import closing
from pathlib import Path

import numpy as np
import orjson

from tacit.contracts.episode import Episode
from tacit.contracts.errors import ModelError
from tacit.serve.sample import Kept

LEVELS = 14
LIFT = 4
KEYS = 20_000
EPISODES = 20_000
HALF_LIFE = 30.0  # seconds after which a key's surprise counts half in the ranking
VALUES = ("observed", "low", "middle", "high", "forecast")
SCHEMA = """
create table if not exists schemas(id integer primary key, features text not null unique);
create table if not exists features(id integer primary key, name text not null unique, unit text, kind text, muted integer);
create table if not exists keys(id integer primary key, name text not null unique, rows integer not null default 0,
    edge integer not null default 0, score real, alert integer not null default 0, heat real not null default -1e300, seen real);
create index if not exists keys_by_heat on keys(heat);
create table if not exists rows(id integer primary key autoincrement, key integer not null, time integer not null,
    level integer not null, position integer not null, alert integer not null, score real, surprise real,
    late integer not null, schema integer not null, data blob not null);
create index if not exists rows_by_time on rows(key, time, level);
create index if not exists rows_by_level on rows(level, id);
create table if not exists episodes(id integer primary key, key text not null, opened integer not null, closed integer,
    surprise real, feedback text, episode text not null, changed integer not null);
create index if not exists episodes_by_key on episodes(key, opened);
"""
INSERT = """insert into rows(key, time, level, position, alert, score, surprise, late, schema, data)
select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 where not exists (select 1 from rows where key = ?1 and time = ?2 and position = ?4)"""
UPSERT = """insert into episodes values(?, ?, ?, ?, ?, ?, ?, ?) on conflict(id) do update set
feedback = case when opened = excluded.opened then coalesce(excluded.feedback, feedback) else excluded.feedback end,
key = excluded.key, opened = excluded.opened, closed = excluded.closed, surprise = excluded.surprise,
episode = excluded.episode, changed = excluded.changed"""


def connect(path: Path) -> sqlite3.Connection:
    """A connection of one's own; raises ModelError where the file is none of ours."""
    try:
        db = sqlite3.connect(path, timeout=10, check_same_thread=False, isolation_level=None)
    except sqlite3.Error as error:
        raise ModelError(f"the dashboard's history {path} cannot be opened: {error}.", "Check the folder's permissions.") from error
    return db


class Store:
    """The writer. Used by one thread; readers open connections of their own (WAL lets them)."""

    def __init__(self, path: Path, keep_rows: int) -> None:
        self.path, self.keep_rows = path, keep_rows
        self.db = connect(path)
        try:
            self.db.execute("pragma journal_mode = wal")
            self.db.execute("pragma synchronous = normal")
            self.db.execute("pragma journal_size_limit = 16777216")
            self.db.executescript(SCHEMA)
            self.rows = int(self.db.execute("select count(*) from rows").fetchone()[0])
            self.newest = int(self.db.execute("select coalesce(max(id), 0) from rows").fetchone()[0])
            self.change = int(self.db.execute("select coalesce(max(changed), 0) from episodes").fetchone()[0])
        except sqlite3.DatabaseError as error:
            self.db.close()
            raise ModelError(
                f"the dashboard's history {path} is damaged: {error}.", "Move it away; only the past on the dashboard is lost."
            ) from error
        self._keys: dict[str, list[int]] = {}  # name -> [id, rows, alert]
        self._edges: dict[str, deque[int]] = {}  # the last event times of a key: one event dated next year must not move its clock
        self._schemas: dict[tuple[str, ...], int] = {}
        self._thinned = self.newest

    def write(self, kept: Kept) -> None:
        """Append rows. Inside a transaction of the caller."""
        schema = self._schema(kept)
        scores = [None if s != s else s for s in kept.score.tolist()]
        surprise = [None if s != s else s for s in kept.surprise.tolist()]
        times, positions, alerts, late = (a.tolist() for a in (kept.times, kept.positions, kept.alert, kept.late))
        rows: list[tuple[object, ...]] = []
        touched: dict[str, tuple[int, float]] = {}
        for i, name in enumerate(kept.keys):
            key = self._key(name)
            key[1] += 1
            level = (key[1] & -key[1]).bit_length() - 1 + (LIFT if alerts[i] else 0)
            if alerts[i] != key[2]:
                level, key[2] = (LEVELS if alerts[i] else level), alerts[i]
            rows.append(
                (key[0], times[i], min(level, LEVELS), positions[i], alerts[i], scores[i], surprise[i], late[i], schema, kept.data[i].tobytes())
            )
            self._edges.setdefault(name, deque(maxlen=15)).append(times[i])
            touched[name] = (i, max(touched.get(name, (0, 0.0))[1], surprise[i] or 0.0))
        self.rows += self.db.executemany(INSERT, rows).rowcount
        self.newest = int(self.db.execute("select coalesce(max(id), 0) from rows").fetchone()[0])
        now = time.time()
        self.db.executemany(
            "update keys set rows = ?, edge = ?, score = ?, alert = ?, heat = max(heat, ?), seen = ? where id = ?",
            [(self._keys[k][1], self._edge(k), scores[i], alerts[i], heat(most, now), now, self._keys[k][0]) for k, (i, most) in touched.items()],
        )

    def _edge(self, key: str) -> int:
        """The newest of the key's last times that isn't far off the rest: robust to a stray clock."""
        times = sorted(self._edges[key])
        n = len(times)
        if n < 4:
            return self._edges[key][-1]
        bound = times[n // 2] + 4 * (times[n - 1 - n // 6] - times[n // 6]) + 10**9
        return max(t for t in times if t <= bound)

    def _key(self, name: str) -> list[int]:
        if name not in self._keys:
            if len(self._keys) >= KEYS:
                self._keys.clear()
                self._edges.clear()
            self.db.execute("insert or ignore into keys(name) values(?)", (name,))
            self._keys[name] = list(self.db.execute("select id, rows, alert from keys where name = ?", (name,)).fetchone())
        return self._keys[name]

    def _schema(self, kept: Kept) -> int:
        names = tuple(f.name for f in kept.features)
        if names not in self._schemas:
            sql = """insert into features(name, unit, kind, muted) values(?, ?, ?, ?)
                on conflict(name) do update set unit = excluded.unit, kind = excluded.kind, muted = excluded.muted"""
            self.db.executemany(sql, [(f.name, f.unit, f.kind, f.muted) for f in kept.features])
            ids = dict(self.db.execute("select name, id from features"))
            text = orjson.dumps([ids[n] for n in names]).decode()
            self.db.execute("insert or ignore into schemas(features) values(?)", (text,))
            self._schemas[names] = int(self.db.execute("select id from schemas where features = ?", (text,)).fetchone()[0])
        return self._schemas[names]

    def episode(self, episode: Episode) -> None:
        """Open, update or close: the newest word on an episode holds, but feedback is never lost to a later update."""
        e = episode
        self.change += 1
        text = orjson.dumps(e.as_dict()).decode()
        self.db.execute(UPSERT, (e.id, e.key, e.opened, e.closed, e.surprise, e.feedback, text, self.change))
        if e.closed is not None:
            self.db.execute("update keys set alert = 0 where name = ? and alert = ?", (e.key, e.id))

    def feedback(self, episode: int, verdict: str | None) -> None:
        self.change += 1
        self.db.execute("update episodes set feedback = ?, changed = ? where id = ?", (verdict, self.change, episode))

    def thin(self, features: int) -> None:
        """Delete the rows whose level has outlived itself, then the oldest beyond the bound."""
        most = max(min(self.keep_rows, self.keep_rows * 64 // max(features, 1)), 100)
        life = max(most // (LEVELS // 2 + 2), 1)
        if self.newest - self._thinned < life // 8 and self.rows <= most:
            return
        self._thinned = self.newest
        for level in range(LEVELS):
            gone = self.db.execute("delete from rows where level = ? and id <= ?", (level, self.newest - (life << level)))
            self.rows -= gone.rowcount
        if self.rows > most:
            sql = "delete from rows where id in (select id from rows order by id limit ?)"
            self.rows -= self.db.execute(sql, (self.rows - most,)).rowcount
        if self.db.execute("delete from keys where id not in (select id from keys order by seen desc limit ?)", (KEYS,)).rowcount:
            self._keys.clear()
        self.db.execute("delete from episodes where id not in (select id from episodes order by opened desc limit ?)", (EPISODES,))

    def roll_back(self) -> None:
        """Undo the caller's transaction, and forget what was remembered from inside it."""
        if self.db.in_transaction:
            self.db.execute("rollback")
        self._keys.clear()
        self._schemas.clear()
        self.rows = int(self.db.execute("select count(*) from rows").fetchone()[0])

    def close(self) -> None:
        with closing(self.db):
            self.db.execute("pragma wal_checkpoint(truncate)")


def heat(surprise: float, now: float) -> float:
    """Surprise that halves every HALF_LIFE seconds, as a number that needs no updating to be ranked."""
    return float(np.log(max(surprise, 1e-9)) + now * np.log(2.0) / HALF_LIFE)

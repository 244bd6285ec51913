"""Reading: what the dashboard asks of the history, as columns.

A long window is drawn from the rows of a higher level first, then in buckets of equal time: a bucket shows the
observed value that lies farthest from what was expected there (so a spike never vanishes), the mean band, and the
largest surprise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from tacit.serve.store import LEVELS, VALUES, connect, heat

Columns = dict[str, Any]
Block = NDArray[np.float32]  # [n, 5, features]
SECOND = 1e-9


class Reader:
    """Reads of one history file; a connection a call, so any thread may ask."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def _read(self) -> Iterator[Any]:
        with closing(connect(self.path)) as db:
            db.execute("pragma query_only = on")
            yield db

    def features(self) -> list[dict[str, Any]]:
        """All features ever seen, in the order of their first event."""
        with self._read() as db:
            rows = db.execute("select id, name, unit, kind, muted from features order by id").fetchall()
        return [{"id": i, "name": n, "unit": u, "kind": k, "muted": bool(m)} for i, n, u, k, m in rows]

    def keys(self, now: float, limit: int, search: str) -> list[dict[str, Any]]:
        """Keys, those with an open alert first, then by surprise of late."""
        pattern = "%" + search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        sql = """select name, rows, edge, score, alert, heat, seen from keys where name like ? escape '\\' and rows > 0
            order by alert > 0 desc, heat desc limit ?"""
        with self._read() as db:
            rows = db.execute(sql, (pattern, limit)).fetchall()
        still = heat(1.0, now)
        return [
            {"key": n, "rows": r, "time": e * SECOND, "score": s, "alert": a or None, "surprise": float(np.exp(h - still)), "seen": w}
            for n, r, e, s, a, h, w in rows
        ]

    def count_keys(self) -> int:
        with self._read() as db:
            return int(db.execute("select count(*) from keys where rows > 0").fetchone()[0])

    def extent(self, key: str) -> tuple[int, int] | None:
        """From the oldest row of the key to its robust newest time, ns; None where nothing is known of it."""
        with self._read() as db:
            row = db.execute("select id, edge from keys where name = ?", (key,)).fetchone()
            if row is None:
                return None
            first = db.execute("select min(time) from rows where key = ?", (row[0],)).fetchone()[0]
        return (row[1] if first is None else min(int(first), row[1]), row[1])

    def window(self, key: str, start: int, end: int, points: int, features: Sequence[int], after: int | None = None) -> Columns:
        """Columns of a key's rows with start <= time <= end (ns): at most about `points` of them.

        With `after`: the `points` newest rows written since that id, as they are.
        """
        with self._read() as db:
            found = db.execute("select id from keys where name = ?", (key,)).fetchone()
            number = -1 if found is None else found[0]
            where = "from rows where key = ? and time between ? and ?" + ("" if after is None else " and id > ?")
            args = (number, start, end, *(() if after is None else (after,)))
            counts = dict(db.execute(f"select level, count(*) {where} group by level", args).fetchall())
            total, level = sum(counts.values()), 0
            while after is None and level < LEVELS and sum(c for lv, c in counts.items() if lv >= level) > 4 * points:
                level += 1
            data = ", schema, data" if features else ""
            sql = f"select id, time, position, alert, score, surprise, late {data} {where} and level >= ? order by time, id"
            if after is not None:
                sql = f"select * from ({sql.replace('order by time, id', 'order by id desc limit ?')}) order by time, id"
            rows = db.execute(sql, (*args, level, *(() if after is None else (points,)))).fetchall()
            schemas = {i: orjson.loads(text) for i, text in db.execute("select id, features from schemas")} if features else {}
        head = list(zip(*(r[:7] for r in rows), strict=True)) or [()] * 7
        columns: Columns = {
            "id": np.array(head[0], np.int64),
            "time": np.array(head[1], np.int64),
            "position": np.array(head[2], np.int64),
            "alert": np.array(head[3], np.int64),
            "score": np.array(head[4], np.float64),
            "surprise": np.array(head[5], np.float64),
            "late": np.array(head[6], np.bool_),
        }
        block = decode([(r[7], r[8]) for r in rows], schemas, features) if features else np.empty((len(rows), 5, 0), np.float32)
        last = int(columns["id"].max(initial=after or 0))
        if len(rows) > points and after is None:
            columns, block = bucket(columns, block, start, end, points)
        columns["time"] = columns["time"] * SECOND
        series = {str(f): {name: block[:, v, j] for v, name in enumerate(VALUES)} for j, f in enumerate(features)}
        return {"key": key, "rows": total, "shown": len(columns["time"]), "last": last, **columns, "features": series}

    def episodes(self, key: str | None, limit: int, before: int | None, suppressed: bool) -> list[dict[str, Any]]:
        """Newest first; open ones lead."""
        where, args = ["1"], list[Any]()
        if key is not None:
            where, args = [*where, "key = ?"], [*args, key]
        if before is not None:
            where, args = [*where, "id < ?"], [*args, before]
        if not suppressed:
            where = [*where, "json_extract(episode, '$.suppressed') = ''"]
        sql = f"select episode, feedback from episodes where {' and '.join(where)} order by closed is null desc, id desc limit ?"
        with self._read() as db:
            return [told(*row) for row in db.execute(sql, (*args, limit))]

    def episode(self, number: int) -> dict[str, Any] | None:
        with self._read() as db:
            row = db.execute("select episode, feedback from episodes where id = ?", (number,)).fetchone()
        return None if row is None else told(*row)


def told(text: str, feedback: str | None) -> dict[str, Any]:
    """An episode as JSON for the page: times in seconds, reasons by name."""
    e = orjson.loads(text)
    names = ("feature", "share", "observed", "low", "high")
    reasons = [dict(zip(names, r, strict=True)) for r in e["reasons"]]
    closed = None if e["closed"] is None else e["closed"] * SECOND
    return {**e, "opened": e["opened"] * SECOND, "closed": closed, "reasons": reasons, "feedback": feedback}


def decode(rows: Sequence[tuple[int, bytes]], schemas: dict[int, list[int]], features: Sequence[int]) -> Block:
    """[n, 5, len(features)], NaN where a row's schema lacks the feature."""
    out = np.full((len(rows), len(VALUES), len(features)), np.nan, np.float32)
    numbers = np.array([s for s, _ in rows], np.int64)
    for schema in np.unique(numbers):
        at = np.flatnonzero(numbers == schema)
        place = {f: j for j, f in enumerate(schemas[int(schema)])}
        have = [j for j, f in enumerate(features) if f in place]
        raw = np.frombuffer(b"".join(rows[int(i)][1] for i in at), "<f4").reshape(len(at), len(VALUES), -1)
        if have:
            out[at[:, None, None], np.arange(len(VALUES))[:, None], np.array(have)] = raw[:, :, [place[features[j]] for j in have]]
    return out


def bucket(columns: Columns, block: Block, start: int, end: int, points: int) -> tuple[Columns, Block]:
    """Rows put together in at most `points` buckets of equal time."""
    time = columns["time"]
    which = ((time - start) / max(end - start, 1) * points).astype(np.int64)
    first = np.flatnonzero(np.r_[True, which[1:] != which[:-1]])
    last = np.r_[first[1:], len(time)] - 1
    out = {name: columns[name][last] for name in ("id", "time", "position")}
    out["alert"] = np.maximum.reduceat(columns["alert"], first)
    out["late"] = np.logical_or.reduceat(columns["late"], first)
    out["score"], out["surprise"] = (np.fmax.reduceat(columns[n], first) for n in ("score", "surprise"))
    seen = np.isfinite(block)
    count = np.add.reduceat(seen, first, axis=0, dtype=np.float32)
    clean = np.where(seen, block, np.float32(0)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (np.add.reduceat(clean, first, axis=0) / count).astype(np.float32)
    least, most = np.fmin.reduceat(block[:, 0], first, axis=0), np.fmax.reduceat(block[:, 0], first, axis=0)
    centre = np.where(np.isfinite(mean[:, 2]), mean[:, 2], mean[:, 0])
    mean[:, 0] = np.where(most - centre >= centre - least, most, least)
    return out, mean

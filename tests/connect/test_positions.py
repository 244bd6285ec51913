"""Positions: every replayable source goes on exactly where it stood, wherever it was left."""

from __future__ import annotations

import gzip
import json

import numpy as np
import orjson
import pyarrow
import pyarrow.parquet
import pytest

from connect.conftest import drain, join, same
from tacit.contracts.errors import SourceError


def rows(n):
    rng = np.random.default_rng(3)
    for i in range(n):
        row = {"time": 1_700_000_000_000 + 10 * i - int(rng.integers(0, 150)), "machine": f"m{i % 7}", "a": float(rng.normal()), "mode": "ab"[i % 2]}
        if i > 2500:
            row["fresh"] = i
        if i > 2600:
            row["state"] = f"s{i % 11}"
        if i % 97 == 5:
            row["a"] = "bad"
        yield row


def make(kind, write, tmp_path):
    some = list(rows(3000))
    text = "\n".join(map(json.dumps, some)) + "\nnot json\n"
    if kind == "jsonl":
        return write("f.jsonl", text)
    if kind == "gz":
        return write("f.jsonl.gz", gzip.compress(text.encode()))
    if kind == "folder":
        for part in range(3):
            write(f"d/{part}.jsonl", "\n".join(map(json.dumps, some[part * 1000 : part * 1000 + 1000])))
        return str(tmp_path / "d")
    if kind == "parquet":
        clean = {n: [None if r.get(n) == "bad" else r.get(n) for r in some] for n in ("time", "machine", "a", "mode", "fresh")}
        pyarrow.parquet.write_table(pyarrow.table(clean), tmp_path / "f.parquet", row_group_size=700)
        return str(tmp_path / "f.parquet")
    if kind == "table":
        return some
    names = ["time", "machine", "a", "mode"]
    lines = [",".join(f'"{r[n]}\n"' if n == "mode" and i % 50 == 0 else str(r[n]) for n in names) for i, r in enumerate(some)]
    return write("f.csv", ",".join(names) + "\n" + "\n".join(lines))


@pytest.mark.parametrize("options", [{}, {"reorder": "200ms"}, {"reorder": "2s"}, {"speed": 1e8}], ids=["plain", "reorder", "long", "paced"])
@pytest.mark.parametrize("kind", ["jsonl", "gz", "folder", "parquet", "table", "csv"])
def test_seek_is_exact(open_source, write, tmp_path, kind, options):
    spec = make(kind, write, tmp_path)
    first = open_source(spec, **options)
    parts, places = [], []
    rng = np.random.default_rng(0)
    while (events := first.poll(int(rng.integers(1, 400)), 0.1)) is not None:
        parts.append(events)
        places.append(orjson.dumps(first.position()))
    whole = join(parts, first)
    assert len(whole) == 3000
    assert whole.positions.tolist() == list(range(3000))
    assert whole.late.any() == ("reorder" not in options) or kind == "folder"
    for at in (0, len(parts) // 2, len(parts) - 2):
        again = open_source(spec, **options)
        again.seek(orjson.loads(places[at]))
        rest = drain(again, limit=333)
        assert same(join([*parts[: at + 1], rest], again), whole)
        assert again.refusals.counts == first.refusals.counts


def test_a_file_that_changed_is_refused(open_source, write):
    path = write("f.csv", "time,a\n" + "".join(f"{i},{i}\n" for i in range(100)))
    source = open_source(path)
    source.poll(50, 0)
    position = source.position()
    write("f.csv", "time,a\n" + "".join(f"{i},{i + 7}\n" for i in range(100)))
    with pytest.raises(SourceError, match="has changed since the position was taken"):
        open_source(path).seek(position)
    write("f.csv", "time,a\n0,0\n")
    with pytest.raises(SourceError, match=r"has changed|is shorter"):
        open_source(path).seek(position)


def test_positions_stay_cheap_with_many_columns(open_source, write):
    head = {f"f{j}": 1.0 for j in range(2000)}
    source = open_source(write("w.jsonl", "\n".join(json.dumps({"time": i, **head}) for i in range(20))))
    source.poll(5, 0)
    a = source.position()
    source.poll(5, 0)
    b = source.position()
    assert a["schema"] is b["schema"]

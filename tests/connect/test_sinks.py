"""Sinks: the rows equal the insights, and what was acknowledged survives."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import asdict, fields

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.connect.encode import FIELDS, Encoder
from tacit.connect.open import open_sink
from tacit.contracts.errors import SinkClosed, SinkError, UnknownName
from tacit.contracts.events import Feature
from tacit.contracts.insight import Insight, Insights

NAMES = ["a", 'b "quoted", %s', "ü%d", "d"]
number = st.floats(width=32, allow_nan=True, allow_infinity=True)


@st.composite
def batches(draw):
    n, width = draw(st.integers(0, 6)), draw(st.integers(0, 4))
    floats = {
        name: np.array(draw(st.lists(number, min_size=n * width, max_size=n * width)), np.float32).reshape(n, width)
        for name in ("low", "middle", "high", "forecast", "shares")
    }
    columns = {
        "score": np.array(draw(st.lists(st.floats(0, 1) | st.just(np.nan), min_size=n, max_size=n)), float),
        "surprise": np.zeros(n),
        "observed": np.array(draw(st.lists(st.floats(), min_size=n * width, max_size=n * width)), float).reshape(n, width),
        "alert": np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), np.int64),
        "drift": np.array(draw(st.lists(number, min_size=n, max_size=n)), np.float32),
        "late": np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool),
    }
    keys = draw(st.lists(st.text(st.characters(codec="utf-8"), max_size=5), min_size=n, max_size=n))
    sentences = {i: draw(st.text(st.characters(codec="utf-8"))) for i in range(n) if draw(st.booleans())}
    times = np.array(draw(st.lists(st.integers(0, 2**60), min_size=n, max_size=n)), np.int64)
    positions = np.arange(n) + draw(st.integers(0, 2**40))
    features = tuple(Feature(name) for name in NAMES[:width])
    return Insights(keys, times, positions, features, **columns, **floats, model="simple %", sentences=sentences)


def jsonable(value, single):
    """As JSON: NaN and the infinite null; single-precision numbers in their shortest form."""
    if isinstance(value, float):
        if not np.isfinite(value):
            return None
        return float(str(np.float32(value))) if single else value
    if isinstance(value, dict):
        return {k: jsonable(v, single) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(v, single) for v in value]
    return value


def as_json(insight):
    out = {k: jsonable(v, k in ("expected", "forecast", "drift")) for k, v in asdict(insight).items()}
    out["reasons"] = [[n, jsonable(s, True), jsonable(o, False), jsonable(lo, True), jsonable(h, True)] for n, s, o, lo, h in insight.reasons]
    return out


@given(batches())
def test_a_line_equals_the_insight(insights):
    lines = Encoder().lines(insights).split(b"\n")
    assert lines.pop() == b""
    rows = [orjson.loads(line) for line in lines]
    assert rows == [as_json(i) for i in insights]
    assert all(list(r) == [f.name for f in fields(Insight)] == list(FIELDS) for r in rows)


def some(n, start=0, width=3):
    rng = np.random.default_rng(start)

    def f():
        return rng.random((n, width)).astype(np.float32)

    return Insights(
        [f"k{i % 3}" for i in range(n)],
        np.arange(n) * 10**9,
        np.arange(start, start + n),
        tuple(Feature(f"f{j}") for j in range(width)),
        rng.random((n, width)),
        rng.random(n),
        rng.random(n),
        np.arange(n) % 2,
        *(f() for _ in range(5)),
        rng.random(n).astype(np.float32),
        np.zeros(n, bool),
        "simple",
        {0: "a sentence"},
    )


def positions(path):
    return [orjson.loads(line)["position"] for line in path.read_bytes().splitlines()]


def test_jsonl_goes_on_after_a_torn_line(tmp_path):
    path = tmp_path / "o.jsonl"
    sink = open_sink(f"jsonl:{path}")
    sink.write("s", some(10), {"next": 10})
    sink.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    sink = open_sink(f"jsonl:{path}")
    sink.resume("s", {"next": 4})
    for start in range(4, 14, 3):
        sink.write("s", some(3, start), {"next": start + 3})
    sink.close()
    assert positions(path) == list(range(16))
    assert path.read_bytes().startswith(whole.rpartition(b'{"key"')[0])


def test_jsonl_refusals_say_what_to_do(tmp_path):
    with pytest.raises(SinkError, match="No such file or directory"):
        open_sink(f"jsonl:{tmp_path}/nowhere/o.jsonl")
    with pytest.raises(UnknownName, match="no sink is called 'csv'"):
        open_sink("csv:x")
    (tmp_path / "other").write_text("hello\n")
    with pytest.raises(SinkError, match="holds other lines than insights"):
        open_sink(f"jsonl:{tmp_path}/other")
    (tmp_path / "mixed").write_text('{"key":"","position":0}\nhello\n')
    sink = open_sink(f"jsonl:{tmp_path}/mixed")
    with pytest.raises(SinkError, match="holds other lines than insights"):
        sink.resume("s", {"next": 1})
    sink.close()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
def test_a_full_disk_is_a_sink_error():
    sink = open_sink("jsonl:/dev/full")
    with pytest.raises(SinkError, match="No space left on device"):
        sink.write("s", some(3), {"next": 3})
    sink.close()


SCRIPT = """
import sys
sys.path[:0] = {path!r}
from connect.test_sinks import some
from tacit.connect.open import open_sink
sink = open_sink({spec!r})
start = 0
while True:
    sink.write("s", some(50, start), {{"next": start + 50}})
    start += 50
    if start % 200 == 0:
        sink.flush()
        print(start, file=sys.stderr, flush=True)
"""


def start(spec, **options):
    script = SCRIPT.format(path=[p for p in sys.path if p], spec=spec)
    return subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, **options)


def test_standard_output_holds_lines_only_and_ends_with_its_reader():
    with start("jsonl:-", stdout=subprocess.PIPE) as process:
        rows = [orjson.loads(process.stdout.readline()) for _ in range(5)]
        process.stdout.close()
        errors = process.stderr.read()
    assert [r["position"] for r in rows] == list(range(5))
    assert SinkClosed.__name__.encode() in errors and SinkClosed("").exit_code == 0
    assert b"Exception ignored" not in errors


def test_a_named_pipe_ends_with_its_reader(tmp_path):
    """More than a pipe holds: were the reading end ours too, the write would wait for ever."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with start(f"jsonl:{path}") as process:
        try:
            with path.open("rb") as reader:
                rows = [orjson.loads(reader.readline()) for _ in range(5)]
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert [r["position"] for r in rows] == list(range(5))
    assert SinkClosed.__name__.encode() in errors and f"the reader of {path} has gone".encode() in errors


@pytest.mark.parametrize("kind", ["sqlite", "jsonl"])
def test_what_was_acknowledged_survives_a_kill(tmp_path, kind):
    path = tmp_path / "o"
    with start(f"{kind}:{path}") as process:
        for _ in range(3):
            acknowledged = int(process.stderr.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stderr.read().split()
        acknowledged = max([acknowledged, *(int(r) for r in rest[:-1])])
    sink = open_sink(f"{kind}:{path}")
    if kind == "jsonl":
        sink.close()
        found = positions(path)
    else:
        next_ = sink.last("s")["next"]
        sink.close()
        with sqlite3.connect(path) as base:
            found = [r[0] for r in base.execute("select position from insights order by position")]
        base.close()
        assert len(found) == next_
    assert found == list(range(len(found))) and len(found) >= acknowledged


def test_sqlite_rows_are_unique_and_equal_the_insights(tmp_path):
    path = tmp_path / "o.db"
    for _ in range(2):
        sink = open_sink(f"sqlite:{path}")
        sink.write("one", some(7), {"next": 7})
        sink.write("two", some(4), {"next": 4, "file": "x"})
        assert sink.last("two") in (None, {"next": 4, "file": "x"})
        sink.close()
    base = sqlite3.connect(path)
    base.row_factory = sqlite3.Row
    rows = [dict(r) for r in base.execute("select * from insights where source = 'one' order by position")]
    assert base.execute("select count(*) from insights").fetchone()[0] == 11
    base.close()
    for row, insight in zip(rows, some(7), strict=True):
        for name in ("expected", "forecast", "reasons"):
            row[name] = orjson.loads(row[name])
        assert row.pop("source") == "one"
        expected = as_json(insight)
        assert row.pop("drift") == pytest.approx(expected.pop("drift"))
        assert row == expected


def test_sqlite_locked_loses_nothing(tmp_path):
    path = tmp_path / "o.db"
    sink = open_sink(f"sqlite:{path}")
    sink._base.execute("pragma busy_timeout = 50")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    sink.write("s", some(5), {"next": 5})
    with pytest.raises(SinkError, match=r"database is locked. Another program is writing to it"):
        sink.flush()
    other.rollback()
    other.close()
    sink.flush()
    assert sink.last("s") == {"next": 5}
    sink.close()


def test_sqlite_refusals_say_what_to_do(tmp_path):
    (tmp_path / "text").write_text("not a database at all, but long enough to be looked at" * 20)
    with pytest.raises(SinkError, match=r"not a database. Choose another file"):
        open_sink(f"sqlite:{tmp_path}/text")
    with pytest.raises(SinkError, match=r"unable to open database file. Check that its folder is there"):
        open_sink(f"sqlite:{tmp_path}/nowhere/o.db")
    sink = open_sink(f"sqlite:{tmp_path}/o.db")
    sink._base.execute("pragma max_page_count = 8")
    sink.write("s", some(500), {"next": 500})
    with pytest.raises(SinkError, match=r"database or disk is full. Make room"):
        sink.flush()
    sink._base.execute("pragma max_page_count = 100000")
    sink.close()
    base = sqlite3.connect(tmp_path / "o.db")
    assert base.execute("select count(*) from insights").fetchone()[0] == 500
    base.close()


@pytest.mark.parametrize("text", [b"a,b\n1,2\n", b"notes without an end of line", b'{"name": 1}\n'])
def test_jsonl_never_touches_a_file_of_somebody_else(tmp_path, text):
    file = tmp_path / "notes"
    file.write_bytes(text)
    with pytest.raises(SinkError, match="other lines than insights"):
        open_sink(f"jsonl:{file}")
    assert file.read_bytes() == text

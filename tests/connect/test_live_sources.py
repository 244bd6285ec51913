"""Live sources: standard input, followed files, iterables, tables, the host."""

from __future__ import annotations

import itertools
import os
import threading
import time
from datetime import UTC, datetime

import numpy as np
import orjson
import pandas
import polars
import pyarrow
import pytest

from connect.conftest import drain
from tacit.connect.schema import Wishes
from tacit.connect.sources.host import Host
from tacit.connect.sources.stdin import Stdin
from tacit.contracts.errors import SchemaError, SourceError


@pytest.fixture
def pipe():
    read, write = os.pipe()
    source = Stdin(descriptor=read)
    yield source, write
    source.close()
    if write not in closed:
        os.close(write)
    time.sleep(0.05)
    os.close(read)


closed: set[int] = set()


def finish(descriptor):
    os.close(descriptor)
    closed.add(descriptor)


def test_standard_input_does_not_wait_for_a_full_block(pipe):
    closed.clear()
    source, write = pipe
    began = time.monotonic()
    assert len(source.poll(1000, 0.05)) == 0
    os.write(write, b'{"time": 1, "key": "k", "x": 1}\n{"time": 2, "key": "k", "x": 2}\n{"time": 3,')
    events = source.poll(1000, 2.0)
    assert events.values[:, 0].tolist() == [1, 2]
    assert time.monotonic() - began < 1.5
    os.write(write, b' "key": "k", "x": 3}')
    assert len(source.poll(1000, 0.05)) == 0
    finish(write)
    assert source.poll(1000, 2.0).values[:, 0].tolist() == [3]
    assert source.poll(1000, 0.1) is None


def test_standard_input_takes_csv_and_counts_on(pipe):
    closed.clear()
    source, write = pipe
    os.write(write, b"a,b\n1,2\n3,x\n")
    finish(write)
    before = time.time_ns()
    events = source.poll(10, 2.0)
    assert abs(events.times[0] - before) < 5e9
    assert "time: none found, the wall clock at arrival" in source.notes
    read, again_write = os.pipe()
    again = Stdin(descriptor=read)
    again.seek(orjson.loads(orjson.dumps(source.position())))
    os.write(again_write, b"a,b\n5,6\n")
    os.close(again_write)
    events = again.poll(10, 2.0)
    assert events.positions.tolist() == [2]
    time.sleep(0.05)
    os.close(read)


@pytest.mark.parametrize("blocks", [0, 100])
def test_closed_standard_input_leaves_no_thread(monkeypatch, blocks):
    """Neither one that waits for more nor one that waits for room."""
    monkeypatch.setattr("tacit.connect.sources.stdin.BLOCK", 10)
    before = set(threading.enumerate())
    read, write = os.pipe()
    source = Stdin(descriptor=read)
    (reader,) = set(threading.enumerate()) - before
    os.write(write, b"x" * 10 * blocks)
    deadline = time.monotonic() + 10
    while blocks and not source._blocks.full() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert source._blocks.full() == (blocks > 0) and reader.is_alive()
    source.close()
    assert not reader.is_alive()
    os.close(write)
    os.close(read)


def collect(source, n, seconds=3.0):
    out, deadline = [], time.monotonic() + seconds
    while len(out) < n and time.monotonic() < deadline:
        events = source.poll(100, 0.05)
        out += events.values[:, 0].tolist()
    return out


def line(i):
    return f'{{"time": {i}, "x": {i}}}\n'


def test_tail_follows_growth_rotation_and_truncation(open_source, tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(line(1) + line(2) + '{"time": 3,')
    source = open_source(f"tail:{path}")
    assert collect(source, 2) == [1, 2]
    with path.open("a") as file:
        file.write(' "x": 3}\n')
    assert collect(source, 1) == [3]
    with path.open("a") as file:
        file.write(line(4) + line(5).rstrip())
    path.rename(tmp_path / "log.jsonl.1")
    path.write_text(line(6))
    assert collect(source, 3) == [4, 5, 6]
    with path.open("r+") as file:
        file.truncate(0)
    assert collect(source, 1, 0.3) == []
    with path.open("a") as file:
        file.write(line(7))
    assert collect(source, 1) == [7]
    assert "log.jsonl was rotated: the new file is followed" in source.notes
    assert "log.jsonl was truncated: read from its beginning" in source.notes
    assert source.refusals.total == 0


def test_tail_goes_on_in_a_file_rotated_while_it_was_away(open_source, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("time,x\n1,1\n2,2\n3,3\n")
    source = open_source(f"tail:{path}")
    assert source.poll(1, 1.0).values[:, 0].tolist() == [1]
    position = orjson.loads(orjson.dumps(source.position()))
    path.rename(tmp_path / "log.csv.1")
    path.write_text("time,x\n4,4\n")
    again = open_source(f"tail:{path}")
    again.seek(position)
    assert collect(again, 3) == [2, 3, 4]
    (tmp_path / "log.csv.1").unlink()
    lost = open_source(f"tail:{path}")
    lost.seek(position)
    assert collect(lost, 1) == [4]
    assert lost.refusals.counts == {"rotated away unread: unknown number of lines": 1}


def test_tail_of_a_missing_file_names_near_ones(open_source, tmp_path):
    (tmp_path / "pump.log").write_text("")
    with pytest.raises(SourceError, match=r"pump.log"):
        open_source(f"tail:{tmp_path}/pmup.log")


WHEN = [datetime(2024, 1, 1, 0, 0, s, tzinfo=UTC) for s in range(4)]


def tables():
    naive = [w.replace(tzinfo=None) for w in WHEN]
    columns = {"time": naive, "machine": ["a", "b", "a", "b"], "x": [1.0, None, 3.0, 4.0]}
    yield "pandas", pandas.DataFrame(columns)
    yield "zoned", pandas.DataFrame({**columns, "time": pandas.to_datetime(WHEN)})
    yield "index", pandas.DataFrame(columns).set_index("time")
    yield "polars", polars.DataFrame(columns)
    yield "pyarrow", pyarrow.table(columns)
    yield "mapping", {**columns, "x": [1.0, np.nan, 3.0, 4.0]}
    yield "dicts", [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    yield "generator", ({"time": w, "machine": m, "x": x} for w, m, x in zip(WHEN, *list(columns.values())[1:], strict=True))


@pytest.mark.parametrize(("kind", "table"), list(tables()), ids=lambda v: v if isinstance(v, str) else "")
def test_tables_of_all_kinds(open_source, kind, table):
    source = open_source(table, key="machine")
    events = drain(source, limit=3)
    assert [f.name for f in source.features] == ["x"]
    assert events.keys == ["a", "b", "a", "b"]
    assert np.array_equal(events.values[:, 0], [1, np.nan, 3, 4], equal_nan=True)
    assert events.times.tolist() == [int(w.timestamp()) * 10**9 for w in WHEN]
    assert source.refusals.total == 0


def test_arrays(open_source):
    events = drain(open_source(np.arange(6.0).reshape(3, 2)))
    assert events.values.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert events.times.tolist() == [0, 10**9, 2 * 10**9]
    assert drain(open_source(np.arange(3))).values[:, 0].tolist() == [0, 1, 2]
    with pytest.raises(SourceError, match="no table"):
        open_source(np.zeros((2, 2, 2)))
    with pytest.raises(SourceError, match="a int is no source"):
        open_source(7)


def test_host_reads_itself_and_mutes_its_own_use():
    source = Host(interval=0.02)
    got = [source.poll(10, 1.0) for _ in range(3)]
    assert all(len(e) == 1 for e in got)
    assert [f.name for f in source.features if f.muted] == ["tacit.cpu"]
    assert all(b.times[0] > a.times[0] for a, b in itertools.pairwise(got))
    assert abs(got[0].times[0] - time.time_ns()) < 5e9
    assert len(source.poll(10, 0.0)) == 0
    again = Host(interval=0.02)
    again.seek(orjson.loads(orjson.dumps(source.position())))
    assert again.poll(10, 1.0).positions.tolist() == [3]
    with pytest.raises(SchemaError, match="this machine tells no such thing"):
        Host(Wishes(columns=("cpu.nothing",)))


def test_pace_keeps_the_intervals(open_source, write):
    path = write("f.csv", "time,x\n" + "".join(f"{1_700_000_000 + i},{i}\n" for i in range(5)) + "1800000000,9\n1800000001,10\n")
    source = open_source(path, speed="10x")
    began = time.monotonic()
    assert source.poll(10, 0.0).values[:, 0].tolist() == [0]
    assert len(source.poll(10, 0.0)) == 0
    events = drain(source)
    assert len(events) == 6
    assert 0.45 < time.monotonic() - began < 1.5


def test_a_dict_that_is_filled_again_is_taken_as_it_was_yielded(open_source):
    def again():
        row = {}
        for i in range(50):
            row.update(time=1_700_000_000 + i, x=i * 37 % 101 + 0.25)
            yield row

    assert drain(open_source(again())).values[:, 0].tolist() == [i * 37 % 101 + 0.25 for i in range(50)]

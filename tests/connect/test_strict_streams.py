"""Strict: the good events before a bad record are given, the position stands before it, and once it is mended nothing is missing or twice."""

from __future__ import annotations

import gzip
import json
import os

import orjson
import pytest

from connect.conftest import drain, join, same
from tacit.connect.lines import Lines
from tacit.connect.schema import Wishes
from tacit.connect.sources.stdin import Stdin
from tacit.connect.strict import Careful, Strict
from tacit.contracts.errors import BadRecord

N, BAD = 3000, 2500
NAMES = ("time", "machine", "a", "mode")
KEYLESS = {"key is missing: event kept under ''": 1}


def rows():
    """A key is missing before the bad record, and a new category and a new field come behind it, all in one batch with it."""
    for i in range(N):
        row = {"time": 1_700_000_000 + i, "machine": f"m{i % 7}", "a": i * 37 % 101 + 0.25, "mode": "ab"[i % 2]}
        if i == BAD - 300:
            row["machine"] = ""
        if i > BAD + 50:
            row["mode"] = "c"
        if i > BAD + 100:
            row["fresh"] = i
        yield row


def content(kind, broken):
    """What is put into the file, or the table itself; where it is broken, record BAD cannot be used."""
    some = list(rows())
    if kind == "table":
        return [*some[:BAD], 7, *some[BAD + 1 :]] if broken else some
    if broken and kind in ("value", "packed", "csv value"):
        some[BAD]["a"] = "oops"
    if broken and kind == "time":
        some[BAD]["time"] = "yesterday"
    if kind.startswith("csv"):
        lines = [",".join(str(row[name]) for name in NAMES) for row in some]
        lines[BAD] = lines[BAD].rpartition(",")[0] if broken and kind == "csv width" else lines[BAD]
        return "\n".join([",".join(NAMES), *lines]) + "\n"
    lines = list(map(json.dumps, some))
    lines[BAD] = "{broken" if broken and kind == "form" else lines[BAD]
    text = "\n".join(lines) + "\n"
    return gzip.compress(text.encode()) if kind == "packed" else text


def gather(source, parts, timeout):
    while (events := source.poll(2048, timeout)) is not None:
        parts.append(events)


def until_bad(source, timeout=0.2):
    """The events before it, and what is said of it."""
    parts = []
    with pytest.raises(BadRecord) as stopped:
        gather(source, parts, timeout)
    return join(parts, source), str(stopped.value)


@pytest.mark.parametrize("options", [{}, {"speed": 1e8}, {"reorder": "2s"}], ids=["plain", "paced", "reorder"])
@pytest.mark.parametrize("kind", ["value", "time", "form", "packed", "csv value", "csv width", "table"])
def test_what_comes_before_a_bad_record_is_given_and_what_follows_once_it_is_mended(open_source, write, kind, options):
    def place(broken):
        made = content(kind, broken)
        return made if kind == "table" else write("s.gz" if kind == "packed" else "s", made)

    source = open_source(place(True), key="machine", strict=True, **options)
    before, said = until_bad(source)
    assert (len(before) == BAD) if "reorder" not in options else (BAD - 3 <= len(before) < BAD)
    assert f"row {BAD + 1}" in said if kind == "table" else f":{BAD + 1 + kind.startswith('csv')}" in said
    assert [f.name for f in source.features] == ["a", "mode=a", "mode=b", "mode=(other)"] and source.refusals.counts == KEYLESS
    position = orjson.loads(orjson.dumps(source.position()))
    again = open_source(place(False), key="machine", strict=True, **options)
    again.seek(position)
    rest = drain(again)
    assert same(join([before, rest], again), drain(open_source(place(False), key="machine", **options)))
    assert again.refusals.counts == KEYLESS


def test_a_bad_first_record_is_told_at_once_and_stays_where_it_is(open_source, write):
    good = "".join(f"{1_700_000_000 + i},{i * 37 % 101}.25\n" for i in range(100))
    source = open_source(write("s.csv", f"time,a\nyesterday,1.25\n{good}"), strict=True)
    for _ in range(3):
        before, said = until_bad(source)
        assert len(before) == 0 and "s.csv:2" in said and "yesterday" in said
    assert source.position()["next"] == 0 and source.refusals.total == 0


def test_a_followed_file(open_source, write):
    path = write("s.csv", content("csv value", True))
    source = open_source(f"tail:{path}", key="machine", strict=True)
    before, said = until_bad(source)
    assert len(before) == BAD and "oops" in said
    position = orjson.loads(orjson.dumps(source.position()))
    write("s.csv", content("csv value", False))
    again, whole = (open_source(f"tail:{path}", key="machine", strict=True) for _ in range(2))
    again.seek(position)
    rest = again.poll(1000, 1.0)
    assert same(join([before, rest], again), join([whole.poll(1000, 1.0) for _ in range(4)], whole))


def test_standard_input_gives_what_came_before():
    read, write = os.pipe()
    source = Careful(Stdin(Wishes(key=("machine",), strict=True), descriptor=read))
    with os.fdopen(write, "wb") as end:
        end.write(content("value", True).encode())
    before, said = until_bad(source)
    assert len(before) == BAD and f"line {BAD + 1}" in said and source.position()["next"] == BAD
    assert [f.name for f in source.features] == ["a", "mode=a", "mode=b"] and len(set(source.notes)) == len(source.notes) > 0
    source.close()
    os.close(read)


@pytest.mark.parametrize("bad", [{"a": "oops"}, None], ids=["value", "no dict"])
def test_dicts_one_after_the_other(open_source, bad):
    some = list(rows())
    some[BAD] = {**some[BAD], **bad} if bad else 7
    source = open_source(iter(some), key="machine", strict=True)
    before, _ = until_bad(source, 5.0)
    assert before.values[:, 0].tolist() == [row["a"] for row in rows()][:BAD]
    assert len(until_bad(source, 5.0)[0]) == 0, "it stays where it is"
    assert source.position()["next"] == BAD and source.refusals.counts == KEYLESS


def test_a_line_that_is_too_long_is_not_consumed():
    lines = Lines(limit=20)
    lines.feed(b"one\n" + b"x" * 50 + b"\nlast\n")
    lines.consume(1, Strict(), "f")
    with pytest.raises(BadRecord, match="f:2: line too long"):
        lines.consume(2, Strict(), "f")
    assert (lines.offset, lines.line, lines.peek(2)) == (4, 1, [b"", b"last"])


def test_what_is_no_dict_is_counted_once(open_source):
    source = open_source([{"time": 1, "a": 1.5}, 7, {"time": 2, "a": 2.5}])
    assert drain(source).values[:, 0].tolist() == [1.5, 2.5] and source.refusals.counts == {"not a dict": 1}


def test_a_place_before_the_first_record_does_not_fix_the_columns(open_source, write):
    """A live stream was killed before it had saved more than where it began."""
    path = write("s.csv", content("csv value", False))
    first, again = (open_source(f"tail:{path}", key="machine") for _ in range(2))
    again.seek(orjson.loads(orjson.dumps(first.position())))
    one, other = (join([source.poll(1000, 1.0) for _ in range(4)], source) for source in (first, again))
    assert same(one, other) and len(one) == N and [f.name for f in again.features][:3] == ["a", "mode=a", "mode=b"]


def test_what_was_held_of_a_stream_that_cannot_come_again_is_not_taken_from_the_next(open_source):
    """With --speed: the first run let one of its events go, the next one has others."""
    first = open_source(({"time": 1_700_000_000 + i, "x": i * 37 % 101 + 0.25} for i in range(100)), speed=1)
    assert len(first.poll(10, 5.0)) == 1
    again = open_source(({"time": 1_700_001_000 + i, "x": i * 37 % 101 + 0.75} for i in range(100)), speed=1e8)
    again.seek(orjson.loads(orjson.dumps(first.position())))
    events = drain(again)
    assert events.values[:, 0].tolist() == [i * 37 % 101 + 0.75 for i in range(100)] and events.positions.tolist() == list(range(1, 101))

"""Bad input: nothing is dropped silently, nothing moves the clock for the rest, memory stays bounded."""

from __future__ import annotations

import gzip
import json
import os
import tracemalloc

import numpy as np
import pytest

from connect.conftest import drain
from tacit.connect.lines import Lines
from tacit.connect.readers import list_files, parser_of
from tacit.connect.sources.file import File
from tacit.contracts.errors import SchemaError, SourceError
from tacit.contracts.events import Refusals


def test_an_empty_stream_ends_at_once(open_source, write):
    for name, content in (("a.csv", ""), ("b.csv", "time,a\n"), ("c.jsonl", "\n\n")):
        source = open_source(write(name, content))
        assert source.poll(10, 0) is None
        assert source.notes == ["empty: no rows at all"]


def test_one_row_and_a_constant_column(open_source, write):
    events = drain(open_source(write("a.csv", "time,a,b\n1,5,6\n")))
    assert events.values.tolist() == [[5, 6]]
    events = drain(open_source(write("b.csv", "time,a\n" + "".join(f"{i},7\n" for i in range(100)))))
    assert (events.values == 7).all()


def test_nan_infinity_text_and_huge_numbers(open_source, write):
    rows = ["1.5", "NaN", "inf", "-Infinity", "broken", "1e300", "1e999", "", "null", "-1e300"]
    source = open_source(write("a.csv", "time,x,y\n" + "".join(f"{i},{v},{i}.5\n" for i, v in enumerate(rows))), columns="x:number,y")
    events = drain(source)
    nan = np.nan
    assert np.array_equal(events.values[:, 0], [1.5, nan, nan, nan, nan, 1e300, nan, nan, nan, -1e300], equal_nan=True)
    assert np.array_equal(events.values[:, 1], np.arange(10) + 0.5)
    assert source.refusals.counts == {"text in a numeric column": 1, "infinite value": 3, "NaN written as a value": 1}
    assert ("infinite value", "a.csv:4, column 'x'", "inf") in source.refusals.samples


def test_json_nan_as_python_writes_it(open_source, write):
    source = open_source(write("a.jsonl", '{"time": 1, "x": 1}\n{"time": 2, "x": NaN}\n{"time": 3, "x": Infinity}\n'))
    events = drain(source)
    assert np.array_equal(events.values[:, 0], [1, np.nan, np.nan], equal_nan=True)
    assert source.refusals.counts == {"infinite value": 1}


def test_two_thousand_columns(open_source, write):
    rng = np.random.default_rng(1)
    values = rng.normal(size=(50, 2000))
    head = "time," + ",".join(f"f{j}" for j in range(2000))
    path = write("w.csv", head + "\n" + "\n".join(f"{i}," + ",".join(map(repr, row.tolist())) for i, row in enumerate(values)) + "\n")
    events = drain(open_source(path))
    assert np.array_equal(events.values, values)


def test_invalid_lines_are_counted_and_sampled_and_the_stream_goes_on(open_source, write):
    good = [json.dumps({"time": i, "x": i}) for i in range(100)]
    lines = [*good[:50], '{"time": 50, "x"', "[1, 2]", '"text"', "", *good[50:]]
    source = open_source(write("a.jsonl", "\n".join(lines)))
    assert drain(source).values[:, 0].tolist() == list(range(100))
    assert source.refusals.counts == {"invalid JSON": 1, "not a JSON object": 2}
    reason, where, sample = source.refusals.samples[0]
    assert (reason, where) == ("invalid JSON", "a.jsonl:51") and '{"time": 50' in sample


def test_rows_of_another_width_are_refused(open_source, write):
    source = open_source(write("a.csv", "time,a,b\n1,2,3\n2,3\n3,4,5,6\n4,5,6\n"))
    assert drain(source).values.tolist() == [[2, 3], [5, 6]]
    assert source.refusals.counts == {"wrong number of columns": 2}
    assert source.refusals.samples[0][1:] == ("a.csv:3", "2 instead of 3: 2,3")


def test_binary_garbage(open_source, write):
    garbage = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8).tobytes()
    with pytest.raises(SourceError, match="binary, neither CSV, JSON lines nor Parquet"):
        open_source(write("a.csv", b"\x00" + garbage))
    with pytest.raises(SourceError, match="UTF-16"):
        open_source(write("b.csv", "time,a\n1,2\n".encode("utf-16")))
    with pytest.raises(SourceError, match="one JSON array"):
        open_source(write("c.json", '[{"a": 1}, {"a": 2}]'))
    middle = b'{"time": 1, "x": 1}\n' + garbage + b'\n{"time": 2, "x": 2}\n'
    source = open_source(write("d.jsonl", middle))
    assert drain(source).values[:, 0].tolist() == [1, 2]
    assert source.refusals.total == garbage.count(b"\n") + 1 - sum(not g.strip() for g in garbage.split(b"\n"))
    csv = b"time,x\n1,1\n" + garbage.replace(b"\n", b"") + b"\n2,2\n"
    source = open_source(write("e.csv", csv))
    assert drain(source).values[:, 0].tolist() == [1, 2]
    assert source.refusals.counts == {"binary, not text": 1}


def test_a_hundred_megabyte_line_is_skipped_without_being_held(open_source, write, tmp_path):
    path = tmp_path / "big.jsonl"
    with path.open("wb") as file:
        file.write(b'{"time": 1, "x": 1}\n{"time": 2, "x": "')
        for _ in range(100):
            file.write(b"a" * (1 << 20))
        file.write(b'"}\n{"time": 3, "x": 3}\n')
    tracemalloc.start()
    source = open_source(str(path))
    events = drain(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert events.values[:, 0].tolist() == [1, 3]
    assert source.refusals.counts == {"line too long": 1}
    assert source.refusals.samples[0][1] == "big.jsonl:2"
    assert peak < 80 << 20
    again = open_source(str(path))
    position = source.position()
    assert position["reader"]["offset"] == path.stat().st_size
    again.seek(position)
    assert again.poll(10, 0) is None


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_lines_and_offsets_are_exact_however_the_bytes_come(size, ending):
    data = b"one\n\ntwo two\n" + b"x" * 50 + b"\nlast" + ending
    lines, refusals, got = Lines(limit=20), Refusals(), []
    for i in range(0, len(data), size):
        lines.feed(data[i : i + size])
        while lines.peek(1):
            got += lines.peek(1)
            lines.consume(1, refusals, "f")
            done = lines.offset
            assert data[:done].endswith(b"\n")
    lines.finish()
    got += lines.peek(10)
    lines.consume(len(lines), refusals, "f")
    assert got == [b"one", b"", b"two two", b"", b"last"]
    assert lines.offset == len(data) and lines.line == 5
    assert refusals.samples == [("line too long", "f:4", "51 bytes, over the limit of 20")]


def test_times_that_cannot_be_read_are_refused(open_source, write):
    source = open_source(write("a.csv", "time,x\n2020-01-01,1\nyesterday,2\n2020-01-03,3\n,4\n2020-01-04,5\n"), time=None)
    with pytest.raises(SchemaError):
        open_source(write("b.csv", "time,x\nyesterday,2\n"), time="time")
    events = drain(source)
    assert len(events) in (3, 5)


def test_text_without_any_use_is_an_error(open_source, write):
    with pytest.raises(SchemaError, match="no column holds numbers"):
        open_source(write("a.csv", "word\n" + "".join(f"w{i}\n" for i in range(50))))


def test_a_few_bad_times_do_not_hide_the_time(open_source, write):
    lines = [json.dumps({"time": 1.7e9 + i if i != 30 else "rubbish", "a": i % 7}) for i in range(60)]
    source = open_source(write("s.jsonl", "\n".join(lines) + "\n"))
    events = drain(source)
    assert len(events) == 59 and [f.name for f in events.features] == ["a"]
    assert source.refusals.counts["time cannot be read"] == 1


def test_the_key_is_not_taken_for_the_time(open_source, write):
    events = drain(open_source(write("s.csv", "time,a\n1,2\n1,3\n2,4\n"), key="time"))
    assert list(events.keys) == ["1", "1", "2"]


def test_a_pipe_and_packed_text_on_standard_input_are_refused_in_words(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="standard input"):
        list_files(tmp_path / "pipe")
    with pytest.raises(SourceError, match="zcat"):
        parser_of(gzip.compress(b"a,b"), "standard input")


def test_a_parquet_file_damaged_in_the_middle(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    pyarrow = pytest.importorskip("pyarrow")
    file = tmp_path / "s.parquet"
    parquet.write_table(pyarrow.table({"a": np.random.default_rng(0).standard_normal(2000)}), file)
    data = bytearray(file.read_bytes())
    data[10:4000] = bytes(255 - b for b in data[10:4000])
    file.write_bytes(data)
    with pytest.raises(SourceError, match="row 1"):
        File(str(file))


def test_blank_lines_before_the_header_hide_nothing(open_source, write):
    source = open_source(write("s.csv", "\r\n\r\ntime,a\n1700000000,2\n1700000001,3\n"))
    assert [f.name for f in source.features] == ["a"] and len(drain(source)) == 2

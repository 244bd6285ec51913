"""CSV and JSON lines: what is found in them, and what comes out."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from connect.conftest import drain, same
from tacit.connect.inspect import describe
from tacit.contracts import catalog
from tacit.contracts.errors import BadRecord, SchemaError, SourceError, UnknownName

SECOND = 1_000_000_000


def names(source):
    return [f.name for f in source.features]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_bom_and_crlf(open_source, write, delimiter):
    rows = [["time", "key", "a", "b"], ["2024-01-01 00:00:01", "x", "1.5", "2"], ["2024-01-01 00:00:02", "y", "2.5", ""]]
    text = "\ufeff" + "\r\n".join(delimiter.join(r) for r in rows) + "\r\n"
    source = open_source(write("f.csv", text))
    events = drain(source)
    assert names(source) == ["a", "b"]
    assert events.keys == ["x", "y"]
    assert np.array_equal(events.values, [[1.5, 2.0], [2.5, np.nan]], equal_nan=True)
    assert events.times[1] - events.times[0] == SECOND
    assert source.refusals.total == 0


def test_quotes_that_span_lines_keep_line_numbers(open_source, write):
    text = 'time,note,a\n1,"two\nlines, one field",1\n2,"a ""quoted"" word",x\n3,plain,3\n'
    source = open_source(write("q.csv", text), columns="a:number")
    events = drain(source, limit=1)
    assert np.array_equal(events.values[:, 0], [1, np.nan, 3], equal_nan=True)
    assert source.refusals.samples == [("text in a numeric column", "q.csv:4, column 'a'", "x")]


def test_a_quote_that_never_closes_costs_one_line(open_source, write):
    text = 'time,a\n1,1\n2,"2\n' + "".join(f"{i},{i}\n" for i in range(3, 500))
    source = open_source(write("q.csv", text))
    events = drain(source)
    assert len(events) == 498
    assert source.refusals.counts == {"broken quotes": 1}
    assert source.refusals.samples[0][1] == "q.csv:3"


def test_no_header_is_found_and_said(open_source, write):
    source = open_source(write("f.csv", "0.5,1.5\n0.6,1.6\n0.7,1.7\n"))
    events = drain(source)
    assert names(source) == ["c1", "c2"]
    assert len(events) == 3
    assert any("no header line (f.csv:1 holds values)" in n for n in source.notes)


@pytest.mark.parametrize("limit", [1, 1000])
def test_blank_lines_before_and_after_the_header(open_source, write, limit):
    source = open_source(write("f.csv", "\n" * 70 + "time,a\n" + "\n" * 70 + "1,1\n\n2,2\n"))
    assert drain(source, limit=limit).values[:, 0].tolist() == [1, 2]
    assert source.refusals.total == 0


def test_headers_with_numbers_for_names(open_source, write):
    source = open_source(write("f.csv", "time,1,2\n2020-01-01,0.5,0.1\n2020-01-02,0.5,0.2\n"))
    assert names(source) == ["1", "2"]


def test_decimal_commas(open_source, write):
    source = open_source(write("f.csv", "time;a\n2020-01-01;0,5\n2020-01-02;0,75\n"))
    assert drain(source).values[:, 0].tolist() == [0.5, 0.75]


def test_gzip_reads_the_same(open_source, write):
    text = "time,a\n" + "".join(f"{1700000000 + i},{i}\n" for i in range(2000))
    plain, packed = open_source(write("a.csv", text)), open_source(write("b.csv.gz", gzip.compress(text.encode())))
    assert same(drain(plain), drain(packed, limit=77))
    assert packed.format == "csv, gzip"


def test_json_nested_lists_null_and_new_fields(open_source, write):
    lines = [
        {"ts": 1700000000.5, "host": "a", "cpu": {"user": 1, "sys": 2}, "axis": [0.1, 0.2], "up": True},
        {"ts": 1700000001.5, "host": "b", "cpu": {"user": 3, "sys": None}, "axis": [0.3, 0.4], "up": False},
        {"ts": 1700000002.5, "host": "a", "cpu": {"user": 5}, "fresh": 7},
    ]
    source = open_source(write("f.jsonl", "\n".join(map(json.dumps, lines))))
    events = drain(source, limit=2)
    assert names(source) == ["cpu.user", "cpu.sys", "axis.0", "axis.1", "up", "fresh"]
    assert [f.kind for f in source.features][4] == "boolean"
    nan = np.nan
    expected = [[1, 2, 0.1, 0.2, 1, nan], [3, nan, 0.3, 0.4, 0, nan], [5, nan, nan, nan, nan, 7]]
    assert np.array_equal(events.values, expected, equal_nan=True)
    assert events.times[0] == 1_700_000_000_500_000_000


def test_columns_appear_after_the_sample_and_vanish(open_source, write):
    rows = [{"time": i, "a": i} for i in range(3000)] + [{"time": i, "b": "on"} for i in range(3000, 3010)]
    source = open_source(write("f.jsonl", "\n".join(map(json.dumps, rows))))
    before = source.features
    events = drain(source)
    assert source.features[: len(before)] == before
    assert names(source) == ["a", "b"]
    assert source.features[1].kind == "boolean"
    assert np.isnan(events.values[3000:, 0]).all() and (events.values[3000:, 1] == 1).all()
    assert "column 'b' appeared: boolean" in source.notes


def test_a_new_header_in_midstream_moves_the_columns(open_source, write):
    text = "time,a,b\n1,10,20\n2,11,21\ntime,a,b\n3,12,22\ntime,b,c\n4,23,33\n"
    source = open_source(write("f.csv", text))
    events = drain(source)
    nan = np.nan
    assert names(source) == ["a", "b", "c"]
    assert np.array_equal(events.values, [[10, 20, nan], [11, 21, nan], [12, 22, nan], [nan, 23, 33]], equal_nan=True)
    assert source.refusals.total == 0


def test_categories_keep_an_other(open_source, write):
    rows = "".join(f"{i},{'abc'[i % 3]},{i % 2}\n" for i in range(2500)) + "2500,zzz,1\n2501,,0\n"
    source = open_source(write("f.csv", "time,mode,x\n" + rows))
    events = drain(source)
    assert names(source) == ["mode=a", "mode=b", "mode=c", "mode=(other)", "x"]
    assert events.values[0, :4].tolist() == [1, 0, 0, 0]
    assert events.values[2500, :4].tolist() == [0, 0, 0, 1]
    assert np.isnan(events.values[2501, :4]).all()


def test_many_texts_are_ignored_with_advice(open_source, write):
    source = open_source(write("f.csv", "time,label,x\n" + "".join(f"{i},w{i % 30},{i}.5\n" for i in range(90))))
    assert names(source) == ["x"]
    assert any("--key label" in n for n in source.notes)


def test_long_tables(open_source, write):
    text = "time,machine,name,value\n1,m1,heat,20\n1,m1,flow,3\n2,m2,heat,21\n3,m1,late_one,5\n"
    source = open_source(write("f.csv", text))
    events = drain(source, limit=2)
    nan = np.nan
    assert names(source) == ["heat", "flow", "late_one"]
    assert events.keys == ["m1", "m1", "m2", "m1"]
    assert np.array_equal(events.values, [[20, nan, nan], [nan, 3, nan], [21, nan, nan], [nan, nan, 5]], equal_nan=True)


def test_counters_are_told_from_values_and_names(open_source, write):
    rng = np.random.default_rng(0)
    grows = np.cumsum(rng.integers(0, 9, 200))
    text = "time,packets,errors_total,level\n" + "".join(f"{i},{g},{i // 50},{rng.normal():.3f}\n" for i, g in enumerate(grows))
    source = open_source(write("f.csv", text))
    assert [f.kind for f in source.features] == ["counter", "counter", "number"]


def test_options_win_and_unknown_ones_are_refused(open_source, write):
    path = write("f.csv", "when_it_was,who,a,b\n2020-01-01,x,1,2\n2020-01-02,y,3,4\n")
    source = open_source(path, key="who", time="when_it_was", columns=["b:counter"])
    events = drain(source)
    assert names(source) == ["b"] and source.features[0].kind == "counter"
    assert events.keys == ["x", "y"]
    assert names(open_source(path, columns="-a")) == ["who=x", "who=y", "who=(other)", "b"]
    with pytest.raises(SchemaError, match=r"--key woh: there is no such column. Did you mean 'who'\?"):
        open_source(path, key="woh")
    with pytest.raises(SchemaError, match="--time a: values such as"):
        open_source(write("g.csv", "a,b\nred,1\nblue,2\n"), time="a")


def test_a_measurement_is_no_key(open_source, write):
    source = open_source(write("f.csv", "time,user,system\n" + "".join(f"{i},{i % 5},{i % 3}\n" for i in range(60))))
    assert names(source) == ["user", "system"]


def test_every_part_can_be_loaded_by_name():
    parts = {kind: catalog.names(kind) for kind in ("source", "format", "sink")}
    assert parts["source"] == ["file", "host", "rows", "stdin", "table", "tail"]
    assert parts["format"] == ["csv", "jsonl", "parquet"] and parts["sink"] == ["jsonl", "sqlite"]
    for kind, known in parts.items():
        for name in known:
            assert catalog.load(kind, name).__doc__


def test_two_key_columns_are_joined(open_source, write):
    source = open_source(write("f.csv", "time,site,unit,a\n1,s,u,1\n2,s,v,1\n"), key="site,unit")
    assert drain(source).keys == ["s/u", "s/v"]


def test_folders_take_stems_for_keys(open_source, write, tmp_path):
    for name in ("b", "a"):
        write(f"d/{name}.csv", f"time,x\n1,{ord(name)}\n2,5\n")
    write("d/c.jsonl", '{"time": 1, "x": 3, "y": 4}\n')
    write("d/readme.md", "no data")
    source = open_source(tmp_path / "d")
    events = drain(source)
    assert events.keys == ["a", "a", "b", "b", "c"]
    assert names(source) == ["x", "y"]
    assert not events.late.any()


def test_describe_says_what_was_found(open_source, write):
    text = "time,machine,a\n" + "".join(f"{1700000000 + i},m{i % 2},{'' if i % 4 else i}\n" for i in range(100))
    rows = {(s, n): t for s, n, t in describe(open_source(write("f.csv", text)))}
    assert rows["source", "events"] == "100 read (all of it)"
    assert rows["key", ""] == "2: 'm0', 'm1'"
    assert rows["feature", "a"] == "number, 0 to 96, 75 % missing"
    assert rows["time", "first"] == "2023-11-14T22:13:20.000000Z"
    assert rows["time", "median interval"] == "2 s within a key"


def test_missing_files_name_near_ones(open_source, write, tmp_path):
    write("pump_station.csv", "a\n1\n")
    with pytest.raises(SourceError, match=r"no such file.*pump_station.csv"):
        open_source(str(tmp_path / "pump_sttion.csv"))
    with pytest.raises(UnknownName, match=r"no source is called 'hots:'. Did you mean 'host:'\?"):
        open_source("hots:")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="no data file in the folder"):
        open_source(str(tmp_path / "empty"))


def test_strict_stops_with_file_and_line(open_source, write):
    path = write("f.jsonl", '{"time": 1, "a": 1}\n{"time": 2, "a": 2}\n{"time": 3, "a"\n')
    with pytest.raises(BadRecord, match=r"f.jsonl:3: invalid JSON"):
        drain(open_source(path, strict=True))
    path = write("f.csv", "time,a\n" + "".join(f"{i},{i}\n" for i in range(20)) + "20,broken\n")
    with pytest.raises(BadRecord, match=r"f.csv:22, column 'a': text in a numeric column: broken. Without --strict"):
        drain(open_source(path, strict=True))

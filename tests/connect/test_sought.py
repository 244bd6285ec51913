"""Names in --columns that the first rows lack: what comes later is taken, a slip is refused, and why nothing is left is said."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tacit.connect import sought
from tacit.connect.open import open_source as open_plainly
from tacit.contracts.errors import SchemaError
from tests.connect.conftest import drain

LATE = 2500  # of 3,000 rows
START = 1_714_557_600


def wide(rows: int = 3000) -> list[dict[str, Any]]:
    return [{"time": START + i, "x": i % 5, **({"pressure": i % 7} if i >= LATE else {})} for i in range(rows)]


def long(rows: int = 3000) -> list[dict[str, Any]]:
    return [{"time": START + i, "name": "temp" if i < LATE or i % 2 else "pressure", "value": i % 9} for i in range(rows)]


def text(rows: list[dict[str, Any]], kind: str) -> str:
    if kind == "jsonl":
        return "".join(json.dumps(r) + "\n" for r in rows)
    return "time,name,value\n" + "".join(",".join(map(str, r.values())) + "\n" for r in rows)


@pytest.mark.parametrize("wish", ["pressure", "pressure,x", "pressure:number"])
@pytest.mark.parametrize("kind", ["jsonl", "list"])
def test_a_column_that_begins_late_is_taken(open_source, write, wish: str, kind: str) -> None:
    source = open_source(write("w.jsonl", text(wide(), "jsonl")) if kind == "jsonl" else wide(), columns=wish)
    where = "w.jsonl:2501" if kind == "jsonl" else "line 2501"
    named = wish.partition(",")[0]
    assert any(n == f"--columns {named.removesuffix(':number')}: comes first at {where}, and is taken from there" for n in source.notes)
    events = drain(source)
    assert {f.name for f in source.features} == {"pressure", *(["x"] if "," in wish else [])} and len(events) == 3000
    own = events.values[:, source.features.index(next(f for f in source.features if f.name == "pressure"))]
    assert np.isnan(own[:LATE]).all() and np.array_equal(own[LATE:], np.arange(LATE, 3000) % 7)
    assert not source.refusals.total


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_feature_that_begins_late_is_taken(open_source, write, kind: str) -> None:
    source = open_source(write(f"l.{kind}", text(long(), kind)), columns="pressure")
    assert any("--columns pressure: comes first at l." in n for n in source.notes)
    events = drain(source)
    assert [f.name for f in source.features] == ["pressure"] and len(events) == 250 and np.isfinite(events.values).all()


def test_a_column_of_a_later_file_is_found_and_one_that_is_left_out_stays_out(open_source, write, tmp_path) -> None:
    write("days/a.jsonl", text(wide(100), "jsonl"))
    write("days/b.jsonl", text(wide(), "jsonl"))
    assert drain(open_source(str(tmp_path / "days"), columns="pressure")).values.shape == (3100, 1)
    source = open_source(str(tmp_path / "days"), columns="-pressure")
    drain(source)
    assert [f.name for f in source.features] == ["x"]


def test_a_csv_column_whose_values_begin_late_is_taken(open_source, write) -> None:
    rows = "".join(f"{START + i},{i % 5},{i % 7 if i >= LATE else ''}\n" for i in range(3000))
    source = open_source(write("w.csv", "time,x,pressure\n" + rows), columns="pressure")
    assert "'pressure' has no value before w.csv:2502; that tells what it is" in source.notes
    assert np.isfinite(drain(source).values[LATE:]).all()
    with pytest.raises(SchemaError, match="no feature is left to learn from: 'pressure' is without any value"):
        open_source(write("e.csv", "time,x,pressure\n" + "".join(f"{START + i},{i % 5},\n" for i in range(3000))), columns="pressure")


@pytest.mark.parametrize("rows", [wide(), long()], ids=["wide", "long"])
def test_what_no_row_holds_is_refused(write, rows: list[dict[str, Any]]) -> None:
    path = write("f.jsonl", text(rows, "jsonl"))
    with pytest.raises(SchemaError, match=r"--columns humidity: there is no such (column|feature)\. (Columns|Features) here"):
        open_plainly(path, columns="humidity")
    with pytest.raises(SchemaError, match=r"--columns presure: there is no such .* Did you mean 'pressure'\? .* pressure\."):
        open_plainly(path, columns="presure")
    with pytest.raises(SchemaError, match=r"--columns pressure:nubmer: there is no kind 'nubmer'"):
        open_plainly(path, columns="pressure:nubmer")


def test_behind_the_bound_a_slip_is_refused_and_another_name_is_awaited(open_source, write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sought, "AHEAD", 100)
    path = write("l.jsonl", text(long(), "jsonl"))
    with pytest.raises(SchemaError, match=r"--columns tmep: there is no such feature in the first 2,000 rows\. Did you mean 'temp'\?"):
        open_source(path, columns="tmep")
    source = open_source(path, columns="pressure")
    assert "--columns pressure: no such feature in the first 2,000 rows; it is taken once it comes" in source.notes
    assert len(drain(source)) == 250
    monkeypatch.setattr(sought, "AHEAD", 10_000)
    assert "--columns pressure: comes first at l.jsonl:2501, and is taken from there" in open_source(path, columns="pressure").notes


def test_a_stream_of_json_may_name_a_column_that_has_not_come(open_source, write) -> None:
    source = open_source("tail:" + write("w.jsonl", text(wide(), "jsonl")), columns="pressure")
    for _ in range(30):
        assert len(source.poll(100, 1.0)) == 100
    assert source.notes[1:] == ["--columns pressure: no such column has come yet", "column 'pressure' appeared: number"]
    assert [f.name for f in source.features] == ["pressure"]
    with pytest.raises(SchemaError, match=r"--columns y: there is no such column. Did you mean 'yy'\?"):
        open_source("tail:" + write("t.jsonl", '{"time": 1, "yy": 2}\n'), columns="y").poll(10, 1.0)
    with pytest.raises(SchemaError, match=r"--columns pressure: there is no such column\. Columns here"):
        open_source("tail:" + write("w.csv", "time,x\n1,2\n2,3\n"), columns="pressure").poll(10, 1.0)


def test_why_nothing_is_left_is_said(open_source, write) -> None:
    words = [{"time": START + i, "x": i % 5, "message": f"word {i} of many"} for i in range(100)]
    said = r"no feature is left to learn from: 'message' is text of more than 8 words, or lists\. .*--columns message:category"
    with pytest.raises(SchemaError, match=said):
        open_source(write("w.jsonl", text(words, "jsonl")), columns="message")
    rows = [{"time": r["time"], "name": n, "value": r[n]} for r in words for n in ("x", "message")]
    said = r"no feature is left to learn from: 'message': not used, their values are text.*--columns message:number.* Features here, .* x, message"
    with pytest.raises(SchemaError, match=said):
        open_source(write("l.jsonl", text(rows, "jsonl")), columns="message")

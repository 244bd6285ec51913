"""Reached: how far a source that ends was read, in rows or lines, of how many."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from tacit.connect.reached import reached

LINES = "".join(f'{{"time": {1_700_000_000 + i}, "x": {i % 10}}}\n' for i in range(1000))  # all of one length
LINE = {"csv": "{},{}\n", "jsonl": '{{"time": {}, "x": {}}}\n', "parquet": ""}


def test_half_of_each_kind(open_source, write, tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"time": list(range(1000)), "x": [i % 7 for i in range(1000)]}), tmp_path / "s.parquet")
    write("d/a.jsonl", LINES)
    write("d/b.jsonl", LINES)
    kinds = {
        write("s.jsonl", LINES): "line 500 of about 1,000 of s.jsonl",
        write("s.jsonl.gz", gzip.compress(LINES.encode())): "line 500 of about 1,000 of s.jsonl.gz",
        str(tmp_path / "d"): "line 500 of about 1,000 of a.jsonl, file 1 of 2",
        str(tmp_path / "s.parquet"): "row 500 of 1,000 of s.parquet",
    }
    for spec, told in kinds.items():
        for options in ({}, {"strict": True}):
            source = open_source(spec, **options)
            assert len(source.poll(500, 1.0)) == 500
            assert reached(source) == told
    table = open_source([{"time": i, "x": i % 7} for i in range(1000)])
    table.poll(500, 1.0)
    assert reached(table) == "row 500 of 1,000"


def test_where_no_end_is_known(open_source, write) -> None:
    assert reached(open_source({"time": i, "x": i} for i in range(10))) == ""
    assert reached(open_source(f"tail:{write('s.jsonl', LINES)}")) == ""
    path = Path(write("t.jsonl", LINES))
    source = open_source(str(path))
    source.poll(500, 1.0)
    path.unlink()
    assert reached(source) == "line 500 of t.jsonl"


def test_what_was_read_ahead_and_waits_was_not_reached(open_source, write, tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"time": list(range(1000)), "x": [i % 7 for i in range(1000)]}), tmp_path / "s.parquet")
    csv = "time,x\n" + "".join(f"{1_700_000_000 + 3600 * i},{i % 10}\n" for i in range(1000))  # an hour apart: how fast we are matters to none
    kinds = {
        write("s.jsonl", LINES): "about line {} of about 1,000 of s.jsonl",
        str(tmp_path / "s.parquet"): "about row {} of 1,000 of s.parquet",
    }
    for spec, told in kinds.items():
        for options in ({"speed": "1x"}, {"reorder": 100}, {"speed": "1x", "reorder": 100, "strict": True}):
            source = open_source(spec, **options)
            given = len(source.poll(500, 1.0))
            assert 0 < given < 500
            assert reached(source) == told.format(given)
    paced = open_source(write("s.csv", csv), speed="1x")
    assert len(paced.poll(500, 0.0)) == 1
    assert reached(paced).startswith("about line 2 of about 1,001 of")
    paced = open_source([{"time": 3600 * i, "x": i % 7} for i in range(1000)], speed="1x")
    paced.poll(500, 0.0)
    assert reached(paced) == "about row 1 of 1,000"


def test_what_waits_of_two_files_was_reached_in_the_first(open_source, write, tmp_path: Path) -> None:
    for name, start in (("a", 0), ("b", 50)):
        write(f"d/{name}.csv", "time,x\n" + "".join(f"{1_700_000_000 + start + i},{i % 10}\n" for i in range(50)))
    source = open_source(str(tmp_path / "d"), reorder=1000)
    source.poll(60, 0.0)
    source.poll(60, 0.0)
    assert reached(source).startswith("about line 0 of a.csv, file 1 of 2")


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(
    ("rows", "reorder", "limit", "least", "nth"),
    [
        ([50, 50], 20, 40, 80, 2),  # the first event that waits is of the second file
        ([50, 80], 20, 25, 105, 2),
        ([50, 50], 10, 40, 60, 2),
        ([50, 50], 60, 15, 30, 1),  # all of the second and some of the first wait
        ([50, 50, 50], 60, 15, 80, 2),  # all of the third, some of the second
        ([50, 10, 50], 33, 10, 53, 2),  # and it was read in one
        ([50, 10, 50], 30, 10, 53, 2),  # all of the third and no other
    ],
)
def test_what_waits_is_of_the_newest_file_first(
    form: str, rows: list[int], reorder: int, limit: int, least: int, nth: int, open_source: Any, write: Any, tmp_path: Path
) -> None:
    at = 1_700_000_000
    for name, n in zip("abc", rows, strict=False):
        path = write(f"d/{name}.{form}", "time,x\n" * (form == "csv") + "".join(LINE[form].format(t, t % 7) for t in range(at, at + n)))
        if form == "parquet":
            pyarrow.parquet.write_table(pyarrow.table({"time": list(range(at, at + n)), "x": [t % 7 for t in range(at, at + n)]}), path)
        at += n
    source, given = open_source(str(tmp_path / "d"), reorder=reorder), 0
    while given < least:
        given += len(source.poll(min(limit, least - given) if nth == 1 else limit, 0.0))
    row, word = given - sum(rows[: nth - 1]), "row" if form == "parquet" else "line"
    assert 0 < row <= rows[nth - 1]
    assert reached(source).startswith(f"about {word} {row + (form == 'csv')} of ")
    assert reached(source).endswith(f"{'abc'[nth - 1]}.{form}, file {nth} of {len(rows)}")


def test_a_file_that_went_away_since_is_no_error(open_source: Any, write: Any, tmp_path: Path) -> None:
    for k, name in enumerate("abc"):
        write(f"d/{name}.jsonl", "".join(LINE["jsonl"].format(1_700_000_000 + 50 * k + t, t % 7) for t in range(10 if name == "b" else 50)))
    source, given = open_source(str(tmp_path / "d"), reorder=53), 0
    while given < 54:
        given += len(source.poll(10, 0.0))
    (tmp_path / "d/b.jsonl").unlink()
    assert reached(source) == "about line 50 of about 50 of a.jsonl, file 1 of 3"

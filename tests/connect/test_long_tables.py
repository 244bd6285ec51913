"""Long tables: --columns chooses among their features, each feature is what its own values are, a wide reading is had by kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from connect.conftest import drain, join, same
from tacit.connect.inspect import describe
from tacit.contracts.errors import BadRecord, SchemaError

NAN = np.nan
HEAD = "ts,device,name,value\n"
EACH = {"temp": "{i}.5", "rpm": "{i}00", "mode": "{word}", "door": "{flag}", "log": "line {i} of it"}


def table(n: int = 60, names: tuple[str, ...] = ("temp", "rpm")) -> str:
    """n times every name; of the five kinds of EACH."""
    rows = []
    for i in range(n):
        words = {"i": i, "word": ("auto", "hand", "off-line")[i % 3], "flag": ("true", "false")[i % 2]}
        rows += [f"{1_700_000_000 + i},d{i % 2},{name},{EACH[name].format(**words)}" for name in names]
    return HEAD + "\n".join(rows) + "\n"


def names(source: Any) -> list[str]:
    return [f.name for f in source.features]


@pytest.mark.parametrize("wish", ["temp", "-rpm", "temp,-rpm", "temp:number"])
def test_columns_choose_among_the_features(open_source, write, wish: str) -> None:
    source = open_source(write("long.csv", table()), columns=wish)
    events = drain(source)
    assert names(source) == ["temp"] and list(events.positions) == list(range(60))
    assert events.values[:, 0].tolist() == [i + 0.5 for i in range(60)] and events.keys[:3] == ["d0", "d1", "d0"]
    assert "1 of 2 features are used, as --columns says: 'temp'" in source.notes
    assert not source.refusals.total


def test_a_feature_can_be_given_a_kind(open_source, write) -> None:
    source = open_source(write("long.csv", table()), columns="rpm:counter,temp")
    assert [(f.name, f.kind) for f in source.features] == [("temp", "number"), ("rpm", "counter")]
    source = open_source(write("l.csv", HEAD + "".join(f"{i},d,code,{i % 2 + 404}\n{i},d,x,{i}\n" for i in range(9))), columns="code:category")
    assert names(source) == ["code=404", "code=405", "code=(other)"]
    assert drain(source).values[:2].tolist() == [[1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    ("wish", "said"),
    {
        "tmep": r"--columns tmep: there is no such feature. Did you mean 'temp'\? Features here, by 'name': temp, rpm.",
        "-rpn": r"--columns rpn: there is no such feature. Did you mean 'rpm'\?",
        "value": r"--columns value: that is a column of a long table.* Features here, by 'name': temp, rpm. .*name:category,value:number",
        "temp,value:number": r"--columns value: that is a column of a long table",
        "-name": r"--columns name: that is a column of a long table",
        "temp:nubmer": r"--columns temp:nubmer: there is no kind 'nubmer'. Known: number, counter",
        "-temp,-rpm": r"no feature is left to learn from. Features here, by 'name': temp, rpm.",
    }.items(),
)
def test_what_is_no_feature_is_refused_in_words(open_source, write, wish: str, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        open_source(write("long.csv", table()), columns=wish)


def test_a_wide_reading_is_had_by_kinds(open_source, write) -> None:
    path = write("long.csv", table())
    source = open_source(path, columns="value:number")
    assert names(source) == ["value"] and len(drain(source)) == 120
    assert any("read as a wide table" in n for n in source.notes)
    assert names(open_source(path, columns="name:category,value:number")) == ["name=temp", "name=rpm", "name=(other)", "value"]
    with pytest.raises(SchemaError, match="--columns temp: there is no such column"):
        open_source(write("wide.csv", "ts,name,value,more\n1,a,2,3\n2,a,3,4\n"), columns="temp")


def test_values_of_every_kind_are_read_by_name(open_source, write) -> None:
    source = open_source(write("mixed.csv", table(names=tuple(EACH))))  # two values in five are numbers
    events = drain(source, limit=7)
    assert [(f.name, f.kind) for f in source.features] == [
        ("temp", "number"),
        ("rpm", "number"),
        *((f"mode={word}", "indicator") for word in ("auto", "hand", "off-line", "(other)")),
        ("door", "boolean"),
    ]
    assert len(events) == 240, "rows of 'log' are no events"
    expected = [[3.5, *[NAN] * 6], [NAN, 300, *[NAN] * 5], [NAN, NAN, 1, 0, 0, 0, NAN], [*[NAN] * 6, 0.0]]
    assert np.array_equal(events.values[12:16], expected, equal_nan=True)
    assert "'mode': a category, its values are words" in source.notes
    assert any(n.startswith("'log': not used, their values are text") and "--columns log:number" in n for n in source.notes)
    assert not source.refusals.total
    told = [text for section, name, text in describe(open_source(write("m.csv", table(names=tuple(EACH))))) if (section, name) == ("feature", "temp")]
    assert told and told[0].startswith("number, 0.5 to 59.5")


def test_texts_among_the_numbers_of_a_name_are_counted(open_source, write) -> None:
    text = HEAD + "".join(f"{i},d,temp,{'broken' if i % 3 == 0 else i}\n{i},d,state,{'ok' if i % 2 else 'bad'}\n" for i in range(30))
    source = open_source(write("mixed.csv", text))
    drain(source)
    assert names(source) == ["temp", "state=bad", "state=ok", "state=(other)"]
    assert source.refusals.counts == {"text in a numeric column": 10}
    assert source.refusals.samples[0][1] == "mixed.csv:2, column 'value'"
    assert "'temp': many values are no numbers; they are counted and become missing" in source.notes
    with pytest.raises(BadRecord, match=r"mixed\.csv:2, column 'value': text in a numeric column: broken"):
        open_source(write("mixed.csv", text), strict=True).poll(10, 0.0)


def test_names_that_come_later_are_settled_by_their_first_value(open_source, write) -> None:
    text = table(1200) + "".join(f"{1_700_002_000 + i},d,late,\n{1_700_002_000 + i},d,late,{w}\n" for i, w in enumerate(["on it", "off it", "3"]))
    text += "1700003000,d,,7\n1700003000,d,later,8\n1700003000,d,flag,true\n"
    path = write("long.csv", text)
    source = open_source(path)
    whole = drain(source, 997)
    assert names(source)[2:] == ["late=on it", "late=off it", "late=3", "later", "flag"]
    assert np.isnan(whole.values[[-9, -7, -5, -3]]).all() and whole.values[-8, 2:].tolist()[:1] == [1.0], "a value that is missing"
    assert source.refusals.counts == {"name of the feature is missing": 1}
    assert "feature 'late' appeared: category" in source.notes
    one = open_source(path)
    assert same(whole, drain(one, 1)) and one.features == source.features
    chosen = open_source(path, columns="rpm")
    assert len(drain(chosen)) == 1201 and names(chosen) == ["rpm"], "and the row without a name, which is counted"


def test_a_position_in_the_midst_of_a_mixed_table(open_source, write) -> None:
    path = write("mixed.csv", table(names=tuple(EACH)))
    source = open_source(path, columns="-rpm")
    first = source.poll(100, 0.0)
    position = source.position()
    again = open_source(path, columns="-rpm")
    again.seek(position)
    whole = open_source(path, columns="-rpm")
    assert same(join([first, drain(again)], again), drain(whole))


def test_a_table_of_arrays_is_read_as_a_file_is(open_source, write) -> None:
    lines = [line.split(",") for line in table(names=tuple(EACH)).splitlines()]
    rows = [dict(zip(lines[0], cells, strict=True)) for cells in lines[1:]]
    columns = {name: np.array([int(r[name]) for r in rows]) if name == "ts" else [r[name] for r in rows] for name in lines[0]}
    from_file = drain(open_source(write("mixed.csv", table(names=tuple(EACH))), columns="-door"))
    for given in (rows, columns):
        assert same(drain(open_source(given, columns="-door")), from_file)


def test_a_live_stream_may_name_what_has_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    from tacit.connect.decode import Decoder
    from tacit.connect.records import Rows
    from tacit.connect.schema import Wishes
    from tacit.contracts.events import Refusals

    notes: list[str] = []
    decoder = Decoder(Wishes(columns=("temp", "late")), Refusals(), notes, live=True)
    head = ("ts", "name", "value")
    decoder.begin(Rows(head, [("1", "temp", "5")], [1]))
    assert "--columns late: no such feature has come yet" in notes
    events = decoder.events(Rows(head, [("1", "temp", "5"), ("2", "rpm", "6"), ("3", "late", "7")], [1, 2, 3]))
    assert [f.name for f in events.features] == ["temp", "late"]
    assert np.array_equal(events.values, [[5, NAN], [NAN, 7]], equal_nan=True)
    assert len(decoder.events(Rows(head, [("4", "rpm", "6")], [4]))) == 0

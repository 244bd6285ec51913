"""The time column: what is named like a time and nearly always is one stays the time, whatever a few records say."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tacit.connect.decode import Decoder
from tacit.connect.inspect import describe
from tacit.connect.open import open_source as open_plainly
from tacit.connect.records import Rows
from tacit.connect.schema import Wishes
from tacit.contracts.events import Refusals
from tests.connect.conftest import drain

ODD = 120  # the row, of 300
EPOCH = 1_714_557_600
SECOND = 1_000_000_000


def iso(i: int) -> str:
    return str(np.datetime_as_string(np.datetime64(EPOCH + i, "s"))) + "Z"


def rows(times: list[Any]) -> list[dict[str, Any]]:
    return [{"time": t, "x": i % 7} for i, t in enumerate(times)]


def with_odd(times: list[Any], odd: Any) -> list[dict[str, Any]]:
    return rows([*times[:ODD], odd, *times[ODD + 1 :]])


REFUSED = {
    "a word among small numbers": (list(range(300)), "yesterday"),
    "true among small numbers": (list(range(300)), True),
    "a date among small numbers": (list(range(300)), iso(5)),
    "a small number among dates": ([iso(i) for i in range(300)], 12),
    "a word among epochs": ([EPOCH + i for i in range(300)], "yesterday"),
    "a word among patterns": ([f"31/05/2024 {i // 60:02d}:{i % 60:02d}:00" for i in range(300)], "yesterday"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("kind", ["jsonl", "csv", "list"])
def test_an_odd_time_is_refused_and_the_rest_goes_on(open_source, write, case: str, kind: str) -> None:
    table = with_odd(*REFUSED[case])
    text = "\n".join(map(json.dumps, table)) if kind == "jsonl" else "time,x\n" + "\n".join(f"{r['time']},{r['x']}" for r in table)
    for time in (None, "time"):
        source = open_source(table if kind == "list" else write(f"y.{kind}", text + "\n"), time=time)
        events = drain(source)
        assert [f.name for f in source.features] == ["x"] and len(events) == 299 and not events.late.any()
        assert source.refusals.counts == {"time cannot be read": 1}
        assert source.refusals.samples[0][1].endswith(f"{ODD + 1 + (kind == 'csv')}, column 'time'")


def test_inspect_tells_of_the_odd_time(open_source, write) -> None:
    table = with_odd(list(range(300)), "yesterday")
    told = describe(open_source(write("y.jsonl", "\n".join(map(json.dumps, table)))))
    assert ("refused", "time cannot be read", "1 times") in told


def test_a_late_event_among_small_numbers_is_late(open_source) -> None:
    source = open_source(with_odd(list(range(300)), 40))
    events = drain(source)
    assert [f.name for f in source.features] == ["x"] and np.flatnonzero(events.late).tolist() == [ODD]
    assert events.times[-1] == 299 * SECOND


def test_a_number_that_leaps_ahead_is_no_reason_either(open_source) -> None:
    events = drain(open_source(with_odd(list(range(300)), 10**7)))
    assert len(events) == 300 and not events.late.any() and events.times[ODD] == 10**7 * SECOND


@pytest.mark.parametrize(("times", "odd"), [([EPOCH + i for i in range(300)], iso(ODD)), ([iso(i) for i in range(300)], EPOCH + ODD)])
def test_a_moment_written_in_another_way_is_read(open_source, times: list[Any], odd: Any) -> None:
    source = open_source(with_odd(times, odd))
    events = drain(source)
    assert [f.name for f in source.features] == ["x"] and not source.refusals.total
    assert events.times.tolist() == [(EPOCH + i) * SECOND for i in range(300)]


def test_a_live_stream_refuses_it_too() -> None:
    refusals = Refusals()
    decoder = Decoder(Wishes(), refusals, [], live=True)
    few = Rows(("time", "x"), [(t, 1.0) for t in [*range(9), "yesterday", *range(10, 20)]], range(1, 21))
    decoder.begin(few)
    assert len(decoder.events(few)) == 19
    assert refusals.samples == [("time cannot be read", "line 10, column 'time'", "yesterday")]


@pytest.mark.parametrize(
    "values",
    [
        [i % 24 for i in range(300)],  # the hour of the day
        [20 + 5 * np.sin(i / 9) for i in range(300)],
        [i if i % 8 else "broken" for i in range(300)],  # more than one in ten
        [i if i % 8 else -i for i in range(300)],
    ],
)
def test_what_is_not_nearly_always_a_time_is_none(values: list[Any]) -> None:
    source = open_plainly(rows(values))
    assert any(n.startswith("time: none found") for n in source.notes)
    source.close()

"""The speed benchmark's own parts: what is fed, counted and drawn up."""

import json

import numpy as np
import pytest

from benchmarks.speed import batches
from benchmarks.speed_command import lines
from benchmarks.speed_events import EVENTS, Feed, rate, simulated
from benchmarks.tables import cell, markdown


def test_rate_feeds_every_row_once():
    seen = []
    median, slowest = rate(Feed(lambda rows: rows.tolist(), lambda r: seen.append(r[0])), np.arange(70.0)[:, None], 10, 5, 20)
    assert seen == list(range(70))
    assert 0 < slowest <= median


def test_simulated_is_what_it_says():
    x = simulated(5000, 3)
    assert x.shape == (5000, 3) and np.isfinite(x).all()
    assert np.array_equal(x, simulated(5000, 3))


def test_keys_come_and_go():
    names = [set(n) for n, rows in batches(200_000, 1000, alive=100) if rows.shape == (1000, 8)]
    assert len(names) == 200
    assert not names[0] & names[-1] or len(names[0] & names[-1]) < 100
    assert len(set().union(*names)) > 110


def test_lines_are_json_with_a_key_and_a_time():
    first, *_, last = [json.loads(line) for line in lines(2001)]
    assert first["key"] == "k0" and last["key"] == "k0"
    assert last["time"] > first["time"]
    assert [k for k in first if k.startswith("f")] == [f"f{j}" for j in range(8)]


@pytest.mark.parametrize("name", ["EWMA z-score, pure Python", "krcf 30x256, attribution", "tacit, one call an event"])
def test_feeds_take_what_they_prepare(name):
    if "krcf" in name:
        pytest.importorskip("krcf")
    feed = EVENTS[name][0](8)
    for given in feed.prepare(simulated(300, 8)):
        feed.one(given)


def test_tables():
    assert [cell(v) for v in (1234567, 0.12345, 12.345, 4321.0, float("nan"), "x", True)] == ["1,234,567", "0.123", "12.3", "4,321", "–", "x", "True"]
    assert markdown([{"a": 1}, {"b": 2}]).splitlines() == ["| a | b |", "|---|---|", "| 1 |  |", "|  | 2 |"]

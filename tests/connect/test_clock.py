"""The clock: late events, leaps ahead, reordering."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connect.conftest import drain
from tacit.connect.clock import Clock
from tacit.connect.reorder import seconds_of
from tacit.contracts.errors import SourceError

DAY = 86_400 * 10**9
YEAR = 365 * DAY


def late(times, keys=None, **options):
    clock = Clock(**options)
    times = np.array(times, dtype=np.int64)
    flags, leaps = clock.late(keys or [""] * len(times), times)
    return flags.tolist(), leaps


def test_duplicates_are_not_late_and_backward_ones_are():
    assert late([5, 5, 6, 4, 6, 7])[0] == [False, False, False, True, False, False]


def test_keys_have_clocks_of_their_own():
    assert late([5, 1, 4, 2], ["a", "b", "a", "b"])[0] == [False, False, True, False]


def test_one_event_dated_next_year_makes_nobody_late():
    base = 1_700_000_000 * 10**9
    times = [base + i * 10**9 for i in range(10)]
    flags, leaps = late([*times[:5], base + YEAR, *times[5:]])
    assert not any(flags) and leaps == [5]


def test_a_first_event_dated_next_year_makes_nobody_late():
    base = 1_700_000_000 * 10**9
    assert late([base + YEAR, *(base + i * 10**9 for i in range(10))]) == ([False] * 11, [])


def test_a_stream_that_slept_goes_on():
    base = 1_700_000_000 * 10**9
    after = base + 30 * DAY
    times = [base, base + 1, after, after + 1, after + 2, after + 1, base + 2]
    assert late(times)[0] == [False] * 5 + [True, True]


def test_monthly_readings_move_the_clock():
    flags, leaps = late([i * 30 * DAY for i in range(20)] + [18 * 30 * DAY])
    assert flags == [False] * 20 + [True] and len(leaps) == 0


def test_live_leaps_that_the_wall_clock_bears_out_are_believed_at_once():
    now = time.time_ns()
    assert late([now - 30 * DAY, now - 30 * DAY + 1, now, now - 5], live=True) == ([False, False, False, True], [])
    assert late([now - 5, now - 4, now + YEAR, now - 3], live=True) == ([False] * 4, [2])


def test_memory_is_bounded_and_keys_that_stay_are_kept():
    clock = Clock(most=100)
    for i in range(1000):
        clock.late(["stays", f"k{i}"], np.array([i + 10, i]))
    state = clock.state()
    assert len(state["newest"]) + len(state["older"]) <= 202
    assert clock.late(["stays"], np.array([5]))[0].tolist() == [True]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50) | st.sampled_from([YEAR, 2 * YEAR, 40 * DAY])), max_size=60),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_batches_and_states_do_not_matter(events, cuts):
    keys, times = [k for k, _ in events], np.array([t for _, t in events], dtype=np.int64)
    whole = Clock(most=2).late(keys, times)[0].tolist()
    edges = sorted({0, len(events), *(c for c in cuts if c < len(events))})
    clock, flags = Clock(most=2), []
    for a, b in pairwise(edges):
        fresh = Clock(most=2)
        fresh.restore(clock.state())
        clock = fresh
        flags += clock.late(keys[a:b], times[a:b])[0].tolist()
    assert flags == whole


def test_an_event_of_next_year_in_a_file_is_kept_and_said(open_source, write):
    times = [1_700_000_000 + i for i in range(100)]
    times[50] += 365 * 86_400
    source = open_source(write("f.csv", "time,a\n" + "".join(f"{t},{i}\n" for i, t in enumerate(times))))
    events = drain(source, limit=7)
    assert len(events) == 100 and not events.late.any()
    assert source.refusals.counts == {"time far ahead: event kept, clock not moved": 1}
    assert source.refusals.samples[0][1:] == ("event 50, key ''", "2024-11-13T22:14:10")


def test_reorder_sorts_within_its_bound_and_flags_the_rest(open_source, write):
    seconds = [1, 2, 5, 3, 4, 8, 1, 9, 20, 365 * 86_400, 21, 19]
    text = "time,a\n" + "".join(f"{1_700_000_000 + s},{s}\n" for s in seconds)
    events = drain(open_source(write("f.csv", text), reorder="3s"), limit=2)
    assert events.values[:, 0].tolist() == [1, 2, 3, 4, 5, 1, 8, 9, 365 * 86_400, 19, 20, 21]
    assert events.late.tolist() == [False] * 5 + [True] + [False] * 6
    assert events.positions.tolist() == list(range(12))


def test_spans():
    assert [seconds_of(s) for s in ("5s", "500ms", "2m", 7, "1.5")] == [5, 0.5, 120, 7, 1.5]
    for wrong in ("soon", "5 years", "."):
        with pytest.raises(SourceError, match="no such span"):
            seconds_of(wrong)

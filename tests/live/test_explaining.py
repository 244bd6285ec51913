"""Sentences: numbers that a person compares have equally many digits, and enough of them."""

from __future__ import annotations

import math

import pytest

from tacit.live.explaining import beyond, phrase


@pytest.mark.parametrize(
    ("value", "low", "high", "told"),
    [
        (97.1234, 3.2, 18.41, "97.12 %, above the expected 3.2 to 18.41"),
        (-3.0, -2.0, 5.0, "-3 %, below the expected -2 to 5"),
        (1.566, 4.91e-8, 0.9383, "1.566 %, above the expected 0 to 0.938"),  # what is nothing beside the largest is nothing
        (80.0, -1e-9, 7.41e-6, "80 %, above the expected 0"),
        (2.471, 0.1333, 0.1333, "2.471 %, above the expected 0.133"),  # a band of one number
        (843.335938, 843.3, 843.33551, "843.3359 %, above the expected 843.3 to 843.3355"),  # as many digits as tell them apart
        (1_700_000_000.5, 1_699_999_999.0, 1_700_000_000.25, "1700000000.5 %, above the expected 1699999999 to 1700000000.2"),
        (5_626.2, 0.0, 894.53, "5,626 %, above the expected 0 to 895"),
        (3e-6, 1e-6, 2e-6, "3e-06 %, above the expected 1e-06 to 2e-06"),
        (1e-30, 0.0, 0.0, "1e-30 %, above the expected 0"),
        (4.0, 2.101, 4.252, "4 %, unusual beside the other features (by itself expected: 2.101 to 4.252)"),
        (4.0, math.nan, math.nan, "4 %, unusual beside the other features"),
    ],
)
def test_a_reason_in_words(value: float, low: float, high: float, told: str) -> None:
    assert phrase(("x", 0.9, value, low, high), "%") == f"x is {told}"


def test_what_left_its_bounds() -> None:
    left = [("cpu.1", "%", 28.341, 0.0598, 8.5104, True), ("processes", "", 67.0, 67.03, 69.0, False), ("load", "", 2.0, 0.0, 0.0, False)]
    said = "cpu.1 is 28.34 % in the mean of its last ten values, above the 0.06 to 8.51 that it kept to; "
    said += "processes is 67, below the 67.03 to 69 that it kept to; load is 2, above the 0 that it kept to."
    assert beyond("m1", left) == f"m1: {said}"

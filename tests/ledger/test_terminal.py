"""Rows of the ledger in a terminal: no line of numbers is wider than asked, shares stay within 0 and 100, nothing measured is left out."""

from __future__ import annotations

import math
from dataclasses import replace

from tacit.ledger.report import grid, interval, numbers
from tacit.ledger.result import GAIN, Result
from tacit.ledger.terminal import as_terminal

ROW = Result("fairness", "error_rate", 0.25, "ours", "ours", dataset="d", n=50, low=-0.1, high=0.6, interval="95 %")


def test_blocks_are_as_wide_as_the_terminal() -> None:
    rows = [replace(ROW, unit=f"group {k}", title=t, contestant=t, value=0.01 * k) for k in range(12) for t in ("ours", "PCA")]
    said = as_terminal(rows, width=70)
    assert max(map(len, said.splitlines())) <= 70
    assert all(f"error rate, group {k}" in said for k in range(12))
    assert "* ours" in said and "11.0" in said


def test_labels_stand_in_a_row_best_at_the_most_first() -> None:
    found = (("a", 1, 0.8), ("a", 3, 0.5), ("b", 1, 0.4), ("b", 3, 0.7))
    few = [replace(ROW, protocol="few_shot", metric="accuracy", title=t, labels=n, value=v, low=v - 0.1, high=v + 0.1) for t, n, v in found]
    saved = replace(ROW, protocol="few_shot", metric="labels_saved", labels=1, value=0.2, extra={"rung": "b"})
    said = as_terminal([*few, saved])
    assert "3 a class" in said and "70.0 ± 10.0" in said and said.index("* b") < said.index("* a")
    assert "saved" not in said


def test_what_failed_and_what_was_found_is_said() -> None:
    gain = Result("knn", GAIN, 0.1, title="PCA", dataset="d", extra={"sentence": "helps a lot."})
    rows = [gain, Result("dense", "accuracy", math.nan, dataset="d", failed="no masks")]
    assert "It helps a lot." in as_terminal(rows) and "not measured: no masks" in as_terminal(rows)
    assert "helps" not in as_terminal(rows, sentences=False)


def test_intervals_of_shares_end_at_0_and_100() -> None:
    high = replace(ROW, protocol="few_shot", metric="accuracy", labels=1, value=0.95, low=0.8, high=1.1)
    assert interval(high) == "80.0 to 100.0" and interval(ROW) == "0.0 to 60.0"
    assert "95.0 (80.0 to 100.0)" in grid([high])
    assert interval(replace(ROW, metric="mean_squared_error", low=-0.1, high=1.2)) == "-0.1 to 1.2"


def test_measures_are_called_by_their_names() -> None:
    rows = [replace(ROW, protocol="clustering", metric=m, labels=0, value=0.5) for m in ("nmi", "ari")]
    said = as_terminal(rows)
    assert "normalised mutual information" in said and "adjusted Rand index" in said and "nmi" not in said
    assert "expected calibration error" in numbers([replace(ROW, protocol="calibration", metric="ece", labels=0, value=0.1)])

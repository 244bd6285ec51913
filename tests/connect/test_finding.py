"""What is found by itself: counters, and which files of a folder are data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tacit.connect.open import open_source
from tacit.contracts.errors import SourceError


def kinds(values: list[float]) -> str:
    source = open_source([{"time": 10 * i, "x": x} for i, x in enumerate(values)])
    return source.features[0].kind


def test_what_only_grows_and_seldom_restarts_is_a_counter() -> None:
    assert kinds([i * 3 for i in range(500)]) == "counter"
    assert kinds([i * 3 % 750 for i in range(1000)]) == "counter"  # four restarts in a thousand steps


@pytest.mark.parametrize("period", [5, 13, 24, 40])
def test_a_wave_that_falls_to_nothing_over_and_over_is_none(period: int) -> None:
    assert kinds([i % period for i in range(1000)]) == "number"


def test_files_about_the_data_are_no_data(tmp_path: Path) -> None:
    for name in ("LICENSE.txt", "readme.txt", "NOTICE.txt", ".hidden.csv"):
        (tmp_path / name).write_text("Permission is hereby granted, free of charge,\nto any person\n")
    with pytest.raises(SourceError, match="no data file"):
        open_source(str(tmp_path))
    for name in ("readme-times.csv", "licences.csv"):
        (tmp_path / name).write_text("time,x\n" + "".join(f"{i},{i % 7}\n" for i in range(30)))
    source = open_source(str(tmp_path))
    assert "2 files: each file's name is its key" in source.notes
    source.close()

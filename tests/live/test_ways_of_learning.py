"""Where nobody says how to learn: files and tables learn in line, what may be live is never held up."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tacit.app.assemble import Wish, assemble
from tacit.app.watching import Show, run_watch
from tacit.connect.sources.stdin import Stdin

ROWS = [{"time": 1.7e9 + k, "x": float(k % 7)} for k in range(40)]


def mode(wish: Wish) -> str:
    runner = assemble(wish)
    try:
        return str(runner.learning.mode)
    finally:
        runner.close()


@pytest.mark.parametrize(
    ("source", "way"),
    [(lambda: ROWS, "inline"), (lambda: iter(ROWS), "background"), (lambda: (row for row in ROWS), "background"), (lambda: "host:", "background")],
)
def test_a_list_ends_and_a_generator_may_wait(source: Callable[[], Any], way: str) -> None:
    assert mode(Wish(source(), None)) == way
    assert mode(Wish(source(), None, learn="inline")) == "inline"


def test_a_file_ends_but_for_one_that_is_replayed_at_its_pace(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,x\n" + "".join(f"{row['time']},{row['x']}\n" for row in ROWS))
    assert mode(Wish(str(path), None)) == "inline" and mode(Wish(str(path), None, reorder="5s")) == "inline"
    assert mode(Wish(str(path), None, speed="60x")) == "background"


def test_a_pipe_may_be_live_and_a_file_at_standard_input_is_not(tmp_path: Path) -> None:
    read, write = os.pipe()
    piped = Stdin(descriptor=read)
    assert piped.live and piped.ends
    os.close(write)
    piped.close()
    path = tmp_path / "a.jsonl"
    path.write_text('{"time": 1, "x": 2}\n')
    with path.open("rb") as file:
        given = Stdin(descriptor=file.fileno())
        assert not given.live
        given.close()


def test_a_pipe_that_ends_before_its_encoder_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("tacit.live.learning.FIRST", 1000)
    monkeypatch.setattr("tacit.live.learning.missing", lambda: None)
    monkeypatch.setattr("tacit.live.workers.Worker.done", lambda self: False)
    rows = ({"time": 1.7e9 + k, "x": float(k % 7), "y": float(k % 11)} for k in range(6000))
    run_watch(Wish(rows, None, model=tmp_path / "m"), Show(dashboard=False, until_end=True))
    assert capsys.readouterr().err.splitlines()[-1] == "an encoder was being learned and is left; `--learn inline` waits for it"

"""Progress where nobody sees a bar: a plain line for each new thing, not a flood, and nothing where quiet is asked for."""

from __future__ import annotations

import pytest

from tacit.app.showing import AGAIN, AT_ONCE, Screen


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_each_new_thing_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen() as screen:
        share = screen.sharing("evaluating", Clock())
        for now, done in (("embedding", 0.0), ("knn", 0.1), ("knn", 0.2), ("few_shot: HOG", 0.55), ("done", 1.0)):
            share(now, done)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert not out
    assert lines == ["evaluating: embedding", "evaluating: knn (10% done)", "evaluating: few_shot: HOG (55% done)", "evaluating: done (100% done)"]


def test_a_flood_is_held_back_and_what_comes_later_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Screen() as screen:
        share = screen.sharing("evaluating", clock)
        for i in range(500):
            share(f"part {i}", i / 500)
        assert len(capsys.readouterr().err.splitlines()) == AT_ONCE
        clock.now += AGAIN
        share("part 500", 1.0)
        share("part 501", 1.0)
        assert capsys.readouterr().err.splitlines() == ["evaluating: part 500 (100% done)"]


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen(quiet=True) as screen:
        screen.sharing("evaluating", Clock())("knn", 0.1)
    assert capsys.readouterr() == ("", "")

"""Progress where nobody sees a bar: a plain line for each new thing, no flood, nothing where quiet is asked for; what a line of learning says."""

from __future__ import annotations

import pytest

from tacit.app.showing import AGAIN, AT_ONCE, Screen, told
from tacit.learning.gap import GapWatch


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


def line(step: int, loss: float, held_out: float) -> dict[str, float]:
    return {"step": float(step), "loss": loss, "held_out": held_out, "gap": held_out - loss, "rank": 9.0, "alignment": 0.25, "uniformity": -2.5}


def test_the_gap_is_a_figure_and_what_is_measured_is_shown() -> None:
    assert told(line(8, 1.0, 1.25), [1.0]).endswith(" · held-out 1.25 · gap +0.25 · rank 9 · alignment 0.25 · uniformity -2.5")
    assert "gap -0.1" in told(line(8, 1.1, 1.0), [1.1])
    assert "gap" not in told({"step": 8.0, "loss": 1.0}, [1.0])


@pytest.mark.parametrize(("grows", "many"), [(0.03, 1), (0.0, 0)])
def test_a_gap_that_has_grown_for_long_is_said_once(grows: float, many: int, capsys: pytest.CaptureFixture[str]) -> None:
    with Screen() as screen:
        report = screen.learning("learning")
        for look in range(40):
            report(line(look + 1, 2 - grows * look, 2.2), (look + 1) / 40)
    said = [text for text in capsys.readouterr().err.splitlines() if "has grown for" in text]
    assert len(said) == many
    assert all("has grown for 8 looks, from +0.47 to " in text for text in said)


def test_a_gap_that_opens_at_the_start_or_closes_again_is_not_said() -> None:
    early, again, below = GapWatch(), GapWatch(), GapWatch()
    assert not any(below.see(line(i, 3 - 0.02 * i, 2.0), 0.5) for i in range(50)), "held-out samples fare no worse"
    assert not any(early.see(line(i, 2 - min(i, 9) * 0.1, 2.0), (i + 1) / 40) for i in range(40))
    assert not any(again.see(line(i, 2 - 0.3 * (i % 8 > 1), 2.0), 0.5) for i in range(80))

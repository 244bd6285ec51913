"""When learning begins: at fixed counts, and by itself once what it needs has come."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
from streams import noise, stream

from tacit.live import learning, workers
from tacit.live.journal import Journal
from tacit.live.ladder import Comparison, Ladder
from tacit.live.learning import FIRST, Learning
from tacit.live.model import LiveModel
from tacit.live.workers import Worker


class Asked:
    """Stands for the worker process: notes that it was started, and never ends."""

    started: list[Any] = []

    def __init__(self, room: Path, windows: Any, seed: int, budget: dict[str, float], before: Path | None, tasks: str) -> None:
        Asked.started.append((len(windows["z"]), seed, budget, before))

    def done(self) -> bool:
        return False

    def curve(self) -> list[Any]:
        return []

    def progress(self) -> float:
        return 0.5

    def stop(self) -> None:
        pass

    def clean(self) -> None:
        pass


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """(model, learning, what is missing): change the last to install things."""
    Asked.started = []
    lacks = {"what": "torch is not installed"}
    monkeypatch.setattr(learning, "missing", lambda: lacks["what"] or None)
    monkeypatch.setattr(learning, "Worker", Asked)
    monkeypatch.setattr(learning, "ASK", 0.0)
    model = LiveModel(stream(noise(1, 2)).features)
    learns = Learning("background", tmp_path, 3)
    learns.attach(model)
    return model, learns, lacks


def test_learning_waits_for_what_is_missing_and_then_begins(watched: Any, tmp_path: Path) -> None:
    model, learns, lacks = watched
    model.process(stream(noise(FIRST + 100, 2)))
    learns.turn(model, Journal(None))
    assert Asked.started == [] and learns.status()["learning"]["state"] == "off" and "torch" in learns.status()["learning"]["message"]
    lacks["what"] = ""
    learns.turn(model, Journal(None))
    ((windows, seed, budget, before),) = Asked.started
    assert windows >= 24 and seed == 4 and budget == {"seconds": learning.SECONDS, "share": learning.SHARE} and before is None
    assert learns.status()["learning"]["state"] == "learning" and learns.status()["learning"]["message"] == ""
    learns.close()
    assert learns.left


def test_nothing_is_left_where_nothing_was_being_learned(watched: Any) -> None:
    _, learns, _ = watched
    learns.close()
    assert not learns.left


def test_nothing_is_started_before_the_first_count(watched: Any) -> None:
    """What is missing is asked all the same, so that nobody reads for a quarter of an hour that it is."""
    model, learns, lacks = watched
    model.process(stream(noise(FIRST - 1, 2)))
    learns.turn(model, Journal(None))
    assert learns.status()["learning"]["message"] == "torch is not installed" and learns.status()["learning"]["next_in"] is None
    lacks["what"] = ""
    learns.turn(model, Journal(None))
    assert Asked.started == [] and learns.until_next(model.seen) == 1
    assert learns.status()["learning"]["message"] == "" and learns.status()["learning"]["next_in"] == 1


def test_what_make_run_fetches_is_said_to_be_on_its_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(workers.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("TACIT_FETCHING", str(tmp_path / "fetching"))
    assert "not installed" in str(workers.missing())
    fetching = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    (tmp_path / "fetching").write_text(f"{fetching.pid}\n")
    try:
        assert "is being fetched" in str(workers.missing())
    finally:
        fetching.communicate()
    assert "not installed" in str(workers.missing())
    (tmp_path / "fetching").write_text("")
    assert "not installed" in str(workers.missing())


def test_a_status_is_told_while_an_attempt_ends(watched: Any, tmp_path: Path) -> None:
    """Asked from another thread: the worker and the comparison go between two looks at them, its files before they are read."""
    _, learns, _ = watched

    class Ending(Learning):
        def __getattribute__(self, name: str) -> Any:
            found = super().__getattribute__(name)
            if name in ("worker", "ladder") and found:
                setattr(self, name, None if name == "worker" else Ladder())
            return found

    learns.__class__ = Ending
    learns.message, ladder = "", Ladder()
    ladder.now = Comparison("simple", "0123456789abcdef", "", (3.0, 2.0, 1.0), (1, 1, 1))
    learns.ladder = ladder
    attempt = Worker.__new__(Worker)
    attempt.room, attempt.budget = tmp_path / "gone", {"steps": 1}
    learns.worker = attempt
    told = learns.status()
    assert (told["learning"]["state"], told["learning"]["progress"]) == ("learning", 0.0)
    assert [row["name"] for row in told["ladder"]] == ["last value", "simple bank", "challenger 01234567"]
    assert learns.status()["learning"]["state"] == "waiting"


@pytest.mark.parametrize(
    ("there", "whole", "says"),
    [
        (set(), set(), "torch is not installed"),
        ({"torch"}, set(), "torch: being installed"),
        ({"torch", "onnx"}, {"torch"}, "onnx: being installed"),
        ({"torch"}, {"torch"}, None),
        ({"torch", "onnx", "onnxruntime"}, {"torch", "onnx", "onnxruntime"}, None),
    ],
)
def test_half_an_installation_is_none(monkeypatch: pytest.MonkeyPatch, there: set[str], whole: set[str], says: str | None) -> None:
    """While pip unpacks, a package can be found but its record is not yet written."""

    class Metadata:
        def read_text(self, name: str) -> str | None:
            return "" if name == "RECORD" else None

    def distribution(name: str) -> Metadata:
        if name not in whole:
            raise PackageNotFoundError(name)
        return Metadata()

    monkeypatch.setattr(workers.importlib.util, "find_spec", lambda name: ModuleSpec(name, None) if name in there else None)
    monkeypatch.setattr(workers, "distribution", distribution)
    said = workers.missing()
    assert said is None if says is None else said is not None and said.startswith(says)

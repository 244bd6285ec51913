"""What tacit does to the machine that it watches pages nobody; what goes on without it does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from streams import noise, stream

from tacit.app.assemble import Wish, assemble
from tacit.connect.sources.host import Host
from tacit.connect.sources.table import Table
from tacit.contracts.episode import OWN
from tacit.contracts.events import Events, Feature
from tacit.live import own_use
from tacit.live.model import LiveModel
from tacit.live.own_use import AGAIN, FETCHES, LATELY, LEARNS, SERVES, STILL, OwnUse
from tacit.live.runner import Runner
from tacit.live.workers import fetched_now

MACHINE = tuple(Feature(name) for name in ("cpu.user", "net.received", "memory.cached"))
CALM, LONG = 6000, 200


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Seconds, to be moved by hand."""
    at = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(own_use.time, "monotonic", lambda: at.now)
    return at


def moved(feature: int, by: float = 8.0) -> Events:
    values = noise(CALM + LONG, 3, 0)
    values[CALM:, feature] += by
    return stream(values, features=MACHINE)


def part(events: Events, start: int, stop: int) -> Events:
    rows = slice(start, stop)
    return Events(events.keys[rows], events.times[rows], events.values[rows], events.positions[rows], events.features, events.late[rows])


def watched(events: Events, machine: bool = True) -> tuple[LiveModel, OwnUse, Any]:
    learning = SimpleNamespace(worker=None, attempts=0)
    own, model = OwnUse(machine, learning), LiveModel(MACHINE)  # type: ignore[arg-type]
    own.attach(model)
    own.see(model, model.process(part(events, 0, CALM)))
    own._attached -= 10 * STILL
    return model, own, learning


def opened(model: LiveModel) -> list[str]:
    """Why each episode since the calm was held back."""
    return [e.suppressed for e in model.episodes.all.values() if e.position >= CALM]


def test_an_alert_about_what_learning_moves_is_held_back_and_says_so(clock: Any) -> None:
    events = moved(0)
    model, own, learning = watched(events)
    learning.worker = object()
    insights = model.process(part(events, CALM, CALM + LONG))
    own.see(model, insights)
    assert opened(model) == [f"{OWN}: {LEARNS}"] and not insights.alert.any()


@pytest.mark.parametrize(("feature", "learns", "machine"), [(1, True, True), (0, False, True), (2, False, True), (0, True, False)])
def test_what_it_does_not_move_when_it_does_not_and_other_streams_alert(clock: Any, feature: int, learns: bool, machine: bool) -> None:
    events = moved(feature)
    model, _, learning = watched(events, machine)
    learning.worker = object() if learns else None
    insights = model.process(part(events, CALM, CALM + LONG))
    assert opened(model) == [""] and insights.alert.any()


def test_what_goes_on_without_it_is_shown_after_all(clock: Any) -> None:
    events = moved(0)
    model, own, learning = watched(events)
    learning.worker = object()
    own.see(model, model.process(part(events, CALM, CALM + 20)))
    learning.worker = None
    clock.now += STILL - 1
    own.see(model, model.process(part(events, CALM + 20, CALM + 24)))
    assert opened(model) == [f"{OWN}: {LEARNS}"]
    model.episodes.take_changed()
    clock.now += 2
    own.see(model, model.process(part(events, CALM + 24, CALM + 28)))
    (shown,) = [e for e in model.episodes.take_changed() if not e.suppressed]
    insights = model.process(part(events, CALM + 28, CALM + 32))
    assert "cpu.user" in shown.sentence and (insights.alert == shown.id).all()


def test_what_is_over_with_it_is_never_shown(clock: Any) -> None:
    events = moved(0)
    events.values[CALM + 20 :, 0] -= 8.0
    model, own, learning = watched(events)
    learning.worker = object()
    own.see(model, model.process(part(events, CALM, CALM + 20)))
    learning.worker = None
    for start in range(CALM + 20, CALM + LONG, 20):
        clock.now += 30
        own.see(model, model.process(part(events, start, start + 20)))
    assert opened(model) == [f"{OWN}: {LEARNS}"]


def test_another_trouble_later_does_not_show_it(clock: Any) -> None:
    events = moved(0)
    events.values[CALM + 20 :, 0] -= 8.0
    events.values[CALM + 40 :, 1] += 8.0
    model, own, learning = watched(events)
    learning.worker = object()
    own.see(model, model.process(part(events, CALM, CALM + 20)))
    learning.worker = None
    clock.now += STILL + 1
    for start in range(CALM + 20, CALM + LONG, 20):
        own.see(model, model.process(part(events, start, start + 20)))
    assert opened(model) == [f"{OWN}: {LEARNS}", ""]


def test_what_we_filled_for_good_is_never_shown(clock: Any) -> None:
    events = moved(2)
    model, own, learning = watched(events)
    learning.worker = object()
    own.see(model, model.process(part(events, CALM, CALM + 20)))
    learning.worker = None
    clock.now += STILL + 1
    own.see(model, model.process(part(events, CALM + 20, CALM + LONG)))
    assert opened(model) == [f"{OWN}: {LEARNS}"]


def test_each_thing_excuses_what_it_moves_for_a_while(clock: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = OwnUse(True, None)
    traffic, computing, both, other = (
        {"net.lo.sent": 0.9},
        {"disk.read": 1.0},
        {"cpu.0": 0.4, "net.sent": -0.5},
        {"net.sent": 0.5, "clock.offset": 0.5},
    )
    assert not any(map(own.excuse, (traffic, computing, both, other)))
    own.note(SERVES)
    assert own.excuse(traffic) == f"{OWN}: {SERVES}" and own.excuse(both) and not own.excuse(computing) and not own.excuse(other)
    assert own.excuse({}) == "" and not own.excuse({"network": 1.0})
    clock.now += LATELY + 0.1
    assert not own.excuse(traffic) and own.excuse(traffic, STILL)
    installing = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    (tmp_path / "fetching").write_text(str(installing.pid))
    monkeypatch.setenv("TACIT_FETCHING", str(tmp_path / "fetching"))
    try:
        assert own.excuse({"net.sent": 0.5, "memory.cached": 0.5}) == f"{OWN}: {FETCHES}"
    finally:
        installing.communicate()


def test_a_page_that_is_open_excuses_nothing_for_long(clock: Any) -> None:
    """What a page asks for while it is open: its parts, keys every two seconds (not reported), series every fifteen."""
    own = OwnUse(True, None)
    own.asked("/")
    assert own.excuse({"net.lo.sent": 1.0})
    excused = 0
    for second in range(600):
        clock.now += 1
        if second % 15 == 0:
            own.asked("/api/series")
        if second % 40 == 0:
            own.asked("/")
        excused += bool(own.excuse({"net.lo.sent": 1.0}))
    assert excused <= 3 * LATELY
    clock.now += AGAIN
    own.asked("/api/series")  # after a silence
    assert own.excuse({"net.lo.sent": 1.0})


def test_after_a_restart_nothing_is_shown_for_a_minute(clock: Any) -> None:
    events = moved(0)
    model, own, learning = watched(events)
    learning.worker = object()
    own.see(model, model.process(part(events, CALM, CALM + 20)))
    again = OwnUse(True, None)
    again.attach(model)
    again.see(model, model.process(part(events, CALM + 20, CALM + 60)))
    assert opened(model) == [f"{OWN}: {LEARNS}"]
    clock.now += STILL + 1
    again.see(model, model.process(part(events, CALM + 60, CALM + 64)))
    assert opened(model) == [""]


def test_an_attempt_inline_is_noticed_too(clock: Any) -> None:
    learning = SimpleNamespace(worker=None, attempts=3)
    own = OwnUse(True, learning)  # type: ignore[arg-type]
    assert not own.excuse({"cpu.0": 1.0})
    learning.attempts = 4
    assert own.excuse({"cpu.0": 1.0})


def test_no_excuse_is_left_behind(clock: Any) -> None:
    model = LiveModel(MACHINE)
    own = OwnUse(True, None)
    own.attach(model)
    own.note(LEARNS)
    assert model.episodes.excuse({"cpu.0": 1.0})
    OwnUse(False, None).attach(model)
    assert not model.episodes.excuse({"cpu.0": 1.0})


def test_whoever_has_the_number_now_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "fetching"
    monkeypatch.setenv("TACIT_FETCHING", str(file))
    assert not fetched_now()
    file.write_text(str(os.getpid()))
    assert fetched_now()
    os.utime(file, (1e9, 1e9))  # written before that process began
    assert not fetched_now()


def test_a_source_around_the_machine_is_the_machine() -> None:
    runner = assemble(Wish("host:", reorder="5s", learn="off"))
    assert not isinstance(runner.source, Host) and runner.own.machine
    runner.close()


def test_a_runner_excuses_on_its_own_machine_alone(clock: Any) -> None:
    class Ours(Table):
        machine: ClassVar[bool] = True

    rows = [{"time": i, "x": float(v)} for i, v in enumerate(np.random.default_rng(0).standard_normal(200))]
    for source, excused in ((Ours(rows), True), (Table(rows), False)):
        runner = Runner(source, LiveModel)
        runner.own.note(LEARNS)
        runner.step()
        assert runner.model is not None
        assert bool(runner.model.episodes.excuse({"cpu.user": 1.0})) is excused
        runner.close()
    assert Host.machine and not Table.machine

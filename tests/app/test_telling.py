"""What the terminal says, in words for people."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tacit.app.telling import Terminal, count, moment, span
from tacit.contracts.episode import Episode
from tacit.contracts.events import Refusals
from tacit.live.silence import Silence


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.25, "0.25 s"), (9.4, "9.4 s"), (45.2, "45 s"), (432, "7 min 12 s"), (3600, "1 h"), (7205, "2 h"), (213_300, "2 d 11 h"), (86_399.9, "1 d")],
)
def test_spans(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_counts_and_moments() -> None:
    assert (count(1, "key"), count(0, "alert"), count(4032, "event")) == ("1 key", "0 alerts", "4,032 events")
    assert moment(1_700_000_000 * 10**9) == "2023-11-14 22:13:20"


def test_an_alert_is_told_when_it_opens_and_when_it_closed(capsys: pytest.CaptureFixture[str]) -> None:
    terminal, second = Terminal(), 10**9
    episode = Episode(3, "m1", 1_700_000_000 * second, 5, 9.0, "m1: x is [red]9\x1b[2J", [])
    terminal.episode(episode)
    terminal.episode(episode)
    episode.closed = episode.opened + 90 * second
    terminal.episode(episode)
    terminal.episode(episode)
    terminal.episode(Episode(4, "m1", 0, 5, 9.0, "held back", [], suppressed="like episode 3"))
    said = capsys.readouterr().err.splitlines()
    assert said == ["2023-11-14 22:13:20  alert 3  m1: x is [red]9\ufffd[2J", "2023-11-14 22:14:50  alert 3 closed after 1 min 30 s"]


def test_an_alert_that_did_not_close_is_told_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    second = 10**9
    episodes = {id: Episode(id, "m1", (1_700_000_000 + id) * second, 5, 9.0, f"m1: x is {id}", []) for id in (1, 2, 3)}
    episodes[1].closed, episodes[3].suppressed = episodes[1].opened + second, "like episode 1"
    model = SimpleNamespace(episodes=SimpleNamespace(all=episodes), keys=SimpleNamespace(slots={"m1": 0}))
    source = SimpleNamespace(refusals=Refusals(), ends=False)
    runner = SimpleNamespace(model=model, source=source, ended=False, events=10, folder=None, silence=Silence(), learning=None)
    Terminal().sum_up(runner, 0, 0)
    first, *rest = capsys.readouterr().err.splitlines()
    assert first == "10 events, 1 key, 2 alerts (1 still open)"
    assert rest == ["  alert 2, open since 2023-11-14 22:13:22, had not closed: m1: x is 2"]
    Terminal().sum_up(runner, 5, 1)
    assert "10 events (5 new), 1 key, 2 alerts (1 new, 1 still open)" in capsys.readouterr().err
    episodes[2].closed = episodes[2].opened + second
    Terminal().sum_up(runner, 0, 0)
    assert capsys.readouterr().err == "10 events, 1 key, 2 alerts\n"


@pytest.mark.parametrize(
    ("ended", "folder", "more"),
    [
        (True, None, "; `--learn inline` waits for it"),
        (False, None, ""),
        (False, "m", "; the next run into the same model begins it anew"),
    ],
)
def test_an_attempt_that_is_left_is_told(ended: bool, folder: str | None, more: str, capsys: pytest.CaptureFixture[str]) -> None:
    model = SimpleNamespace(episodes=SimpleNamespace(all={}), keys=SimpleNamespace(slots={"m1": 0}))
    runner = SimpleNamespace(model=model, source=SimpleNamespace(refusals=Refusals(), ends=False), ended=ended, events=10, folder=folder)
    runner.silence, runner.learning = Silence(), SimpleNamespace(left=True)
    Terminal().sum_up(runner, 0, 0)
    assert capsys.readouterr().err.splitlines() == ["10 events, 1 key, 0 alerts", f"an encoder was being learned and is left{more}"]
    runner.learning.left = False
    Terminal().sum_up(runner, 0, 0)
    assert capsys.readouterr().err == "10 events, 1 key, 0 alerts\n"

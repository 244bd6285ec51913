"""Features that a key has no more, though its events go on: told at the end and in the status, in few words, whatever the batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live.streams import rows, stream

from tacit.app.telling import Terminal
from tacit.connect.open import open_source
from tacit.contracts.events import Feature
from tacit.live.model import LiveModel
from tacit.live.runner import Runner
from tacit.live.silence import Silence
from tacit.live.status import status

NAN = np.nan


def said(values: Any, keys: list[str] | None = None, sizes: tuple[int, ...] = (700,), names: tuple[Feature, ...] = ()) -> list[str]:
    """What is said after these events, cut into batches of these sizes."""
    events, model, silence, at = (
        stream(values, keys, features=names),
        LiveModel(names or tuple(Feature(f"f{j}") for j in range(values.shape[1]))),
        Silence(),
        0,
    )
    while at < len(events):
        size = sizes[at % len(sizes)]
        silence.see(model.process(rows(events, at, at + size)))
        at += size
    return silence.said()


def values_of(n: int, features: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).normal(size=(n, features))


def test_a_feature_that_stayed_away_is_named_with_when_and_how_long() -> None:
    values = values_of(1500, 3)
    values[900:, 1] = NAN
    for sizes in ((700,), (1500,), (1, 7, 33)):
        assert said(values, sizes=sizes) == ["'f1' has not come since 2023-11-14 22:28:19 (600 events)"]
    values[1490, 1] = 0.0
    assert said(values) == []


def test_what_comes_seldom_or_whose_key_has_ended_is_not_named() -> None:
    values = values_of(3000, 3)
    values[np.arange(3000) % 80 != 0, 1] = NAN  # every 80th event, 38 times; absent for a thousand it is not unusual
    values[2000:, 1] = NAN
    values[20:, 2] = NAN  # too few times
    assert said(values) == []
    values = values_of(2000, 2)
    keys = ["a" if i < 1000 else "b" for i in range(2000)]
    values[:1000, 1] = values[1000:, 0] = NAN
    assert said(values, keys) == [], "the key that had it is over"


def test_it_is_told_by_key_and_not_as_a_flood() -> None:
    values = values_of(6000, 8)
    keys = [f"m{i % 5}" for i in range(6000)]
    values[3000:, 0] = np.where(np.arange(3000) % 5 == 2, NAN, values[3000:, 0])
    assert said(values, keys) == ["'f0' of m2 has not come since 2023-11-14 23:03:17 (600 events)"]
    values[3000:, :7] = NAN
    found = said(values, keys)
    assert len(found) == 6 and found[-1] == "2 more features have not come for as long"
    assert found[0].startswith("'f0' of m0, m1, m2 and 2 more has not come since") and found[0].endswith("(up to 600 events)")


def test_the_values_of_a_category_are_one_column() -> None:
    values = np.column_stack([values_of(1500, 1), np.arange(1500) % 2, (np.arange(1500) + 1) % 2]).astype(float)
    values[900:, 1:] = NAN
    names = (Feature("x"), Feature("state=on", "indicator"), Feature("state=off", "indicator"))
    assert [s.partition(" has")[0] for s in said(values, names=names)] == ["'state'"]


def test_keys_beyond_what_is_followed_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tacit.live.silence.CELLS", 4)
    values = values_of(3000, 2)
    values[1000:, 1] = NAN
    assert [s.partition(" has")[0] for s in said(values, [f"m{i % 3}" for i in range(3000)])] == ["'f1' of m1, m0"]  # m2 is not followed


def test_a_run_says_it_at_its_end_and_in_the_status_and_the_next_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(name: str, start: int, stop: int, rpm: int) -> Runner:
        lines = [f"{1_700_000_000 + i},{i % 7},{i % 11 if i < rpm else ''}" for i in range(start, stop)]
        (tmp_path / name).write_text("time,x,rpm\n" + "\n".join(lines) + "\n")
        runner = Runner(open_source(str(tmp_path / name), columns="x:number,rpm:number"), LiveModel, folder=tmp_path / "m")
        while runner.step() is not None:
            pass
        runner.close()
        Terminal().sum_up(runner, 0, 0)
        return runner

    told = "'rpm' has not come since 2023-11-14 22:28:19 (600 events)"
    assert told in status(run("a.csv", 0, 1500, 900))["source_notes"]
    assert f"  {told}\n" in capsys.readouterr().err
    run("b.csv", 1500, 1900, 0)
    assert "  'rpm' has not come in this run (400 events)\n" in capsys.readouterr().err

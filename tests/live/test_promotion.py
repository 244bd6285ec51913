"""An encoder learned from the stream, from the first window to its place: promoted where it earns it, refused where nothing is to be learned, the
same after a kill, and scores that go on meaning what they meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streams import differences, noise

from tacit.connect.sources.table import Table
from tacit.contracts.insight import Insights
from tacit.live import learning
from tacit.live.learning import Learning
from tacit.live.model import LiveModel, join
from tacit.live.runner import Runner

N = 8_700


def logistic(n: int) -> np.ndarray[Any, Any]:
    """Two features whose next value is a parabola of the last, and noise: no correlation with the past at all, so nothing for what is linear."""
    rng = np.random.default_rng(5)
    x = np.empty((n, 2))
    x[0] = 0.3, 0.6
    for i in range(1, n):
        x[i] = 3.8 * x[i - 1] * (1 - x[i - 1])
    return x + 0.01 * rng.standard_normal((n, 2))


def table(values: np.ndarray[Any, Any]) -> list[dict[str, Any]]:
    return [{"time": 1_700_000_000 + i, "x": float(a), "y": float(b)} for i, (a, b) in enumerate(values)]


def runner(values: np.ndarray[Any, Any], folder: Path) -> Runner:
    return Runner(Table(table(values)), LiveModel, [], folder, Learning("inline", folder, 1), every=1e9)


def to_the_end(run: Runner, until: int = 1 << 60) -> list[Insights]:
    parts = []
    while (run.model is None or run.model.seen < until) and (insights := run.step()) is not None:
        parts.append(insights)
    return [p for p in parts if len(p)]


@pytest.fixture(autouse=True)
def shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "STEPS", 200)
    monkeypatch.setattr(learning, "LATER", 2.2)


def test_what_can_be_learned_is_promoted_and_survives_a_kill(tmp_path: Path) -> None:
    values = logistic(N)
    whole = runner(values, tmp_path / "whole")
    parts = to_the_end(whole)
    assert whole.learning is not None and whole.model is not None
    first = whole.learning.verdicts[0]
    assert first["decision"] == "promoted" and first["gain"] > 0.05, first
    assert whole.model.name == first["to"] and (tmp_path / "whole" / "encoders" / first["to"] / "encoder.json").is_file()
    models = [p.model for p in parts]
    at = models.index(first["to"])
    assert set(models[:at]) == {"simple"} and "simple" not in models[at:]
    assert first["position"] == sum(map(len, parts[:at])), "it speaks from the event after the verdict on"

    # the forecast is better with it, and scores are passed about as often as before
    insights = join(parts, parts[0])
    place = int(first["position"])
    wrong = np.abs(insights.observed - insights.middle)[:, 0]
    assert np.median(wrong[place + 500 :]) < 0.7 * np.median(wrong[2000:place])
    for part in (insights.score[2000:place], insights.score[place:]):
        assert 0.003 < (part > 0.99).mean() < 0.03

    # stopped while the trial runs, with nothing saved since before it began; and after the promotion
    again, got = runner(values, tmp_path / "cut"), []
    got += to_the_end(again, 3000)
    again.save(wait=True)
    kept = sum(map(len, got))
    for stop in (place - 700, place + 1500):
        more = to_the_end(again, stop)
        if stop > place:
            again.save(wait=True)
            got += more
            kept = sum(map(len, got))
        assert again.checkpoints is not None and again.learning is not None
        again.checkpoints.release()  # as the system does when a process is killed
        again = runner(values, tmp_path / "cut")
        assert again.model is not None and again.model.seen == kept
    got += to_the_end(again)
    assert again.model is not None and again.model.name == first["to"]
    assert differences(join(got, got[0]), insights) == []
    for run in (whole, again):
        run.close()


def test_where_nothing_can_be_learned_nothing_is_put_in_place(tmp_path: Path) -> None:
    run = runner(noise(9500, 2, 3), tmp_path)
    parts = to_the_end(run)
    assert run.learning is not None and run.learning.attempts == 2 and len(run.learning.verdicts) == 2
    for verdict in run.learning.verdicts:
        assert verdict["decision"] == "refused" and "learned" in verdict["reason"], verdict
    assert {p.model for p in parts} == {"simple"}
    run.close()

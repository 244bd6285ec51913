"""What the dashboard shows of trials: plain names, the simple bank where it is known, the same after a restart; ages in the stream's time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from streams import noise

from tacit.connect.sources.table import Table
from tacit.evaluation.comparison import Trial, Verdict
from tacit.heads.encode import no_encoder
from tacit.live.contest import Contender
from tacit.live.ladder import FAR, Ladder
from tacit.live.learning import Learning
from tacit.live.model import LiveModel
from tacit.live.runner import Runner
from tacit.live.shadow import CAP
from tacit.live.status import status

ONE, TWO, THREE = "a41f09c2d70e51b8", "77be01d9c3aa0412", "0c4d1e5566778899"


def tell(ladder: Ladder, champion: float, challenger: float, n: int = 40) -> None:
    """A stretch of one key in which both sides' losses are these."""
    z = np.zeros((n, 2), np.float32)
    ladder.add(np.zeros(n, np.int64), z, z.astype(float), np.full(n, champion, np.float32), np.full(n, challenger, np.float32))


def shown(ladder: Ladder) -> dict[str, Any]:
    return {rung["name"] + ("*" if rung["earlier"] else ""): round(rung["loss"], 3) for rung in ladder.rungs()}


def test_the_simple_bank_stays_on_the_ladder() -> None:
    ladder = Ladder()
    assert ladder.rungs() == []
    ladder.begin("simple", ONE, 4, 2)
    assert ladder.rungs() == []
    tell(ladder, 0.9, 0.8)
    assert shown(ladder) == {"last value": 0, "simple bank": 0.9, "challenger a41f09c2": 0.8}
    ladder.end("promoted")
    assert shown(ladder) == {"last value": 0, "simple bank": 0.9, "encoder a41f09c2": 0.8}
    ladder.begin(ONE, TWO, 4, 2)
    assert shown(ladder) == {"last value": 0, "simple bank": 0.9, "encoder a41f09c2": 0.8}, "until the next one has counted anything"
    tell(ladder, 0.7, 0.75)
    expected = {"last value": 0, "encoder a41f09c2": 0.7, "challenger 77be01d9": 0.75, "simple bank*": 0.9}
    assert shown(ladder) == expected
    again = Ladder()
    again.restore(orjson.loads(orjson.dumps(ladder.state())))
    assert again.rungs() == ladder.rungs() and [rung["events"] for rung in again.rungs()] == [40 - FAR, 40, 40, 40]
    ladder.end("refused")
    ladder.begin(ONE, THREE, 4, 2)
    tell(ladder, 0.6, 0.65)
    assert set(shown(ladder)) == {"last value", "encoder a41f09c2", "challenger 0c4d1e55", "simple bank*"}
    ladder.end("refused")
    assert "refused 0c4d1e55" in shown(ladder)


def test_the_last_value_is_judged_as_the_others_are() -> None:
    """Half at the next event, half at the far horizon, by key, over what was observed; in whatever batches it comes."""
    rng = np.random.default_rng(4)
    n, slots = 300, np.random.default_rng(1).integers(0, 3, 300)
    z, values = rng.standard_normal((n, 2)).astype(np.float32) * 2, np.zeros((n, 2))
    values[rng.random((n, 2)) < 0.1] = np.nan
    losses = []
    for slot in range(3):
        mine = (slots == slot).nonzero()[0]
        held = np.zeros((len(mine), 2))
        for t, i in enumerate(mine):
            seen = np.isfinite(values[i])
            held[t] = np.where(seen, z[i], held[t - 1] if t else 0)
            if t >= FAR and seen.any():
                near, far = z[i] - held[t - 1], z[i] - held[t - FAR]
                losses.append((np.minimum(near**2, CAP) / 2 + np.minimum(far**2, CAP) / 2)[seen].mean())
    for size in (n, 7, 1):
        ladder, ones = Ladder(), np.ones(n, np.float32)
        ladder.begin("simple", ONE, 4, 2)
        for at in range(0, n, size):
            part = slice(at, at + size)
            ladder.add(slots[part], z[part], values[part], ones[part], ones[part])
        rung = ladder.rungs()[0]
        assert rung["events"] == len(losses) and rung["loss"] == pytest.approx(np.mean(losses), rel=1e-5)


def a_runner(folder: Path) -> Runner:
    """A replay of 2024, one event a minute."""
    values = noise(1400, 2, 3)
    rows = [{"time": 1_710_000_000 + 60 * i, "x": float(a), "y": float(b)} for i, (a, b) in enumerate(values)]
    return Runner(Table(rows), LiveModel, [], folder, Learning("inline", folder, 1), every=1e9)


def test_the_live_path_tells_it_and_keeps_it(tmp_path: Path) -> None:
    run = a_runner(tmp_path)
    learns = run.learning
    assert learns is not None
    learns.next_at = 300
    run.step()
    model = run.model
    assert model is not None and model.seen == 300 and status(run)["ladder"] == []
    assert status(run)["model"] == {"champion": "simple", "age_events": None, "age_seconds": None}
    learns.trial, learns.challenger = Trial(1), ONE
    learns.sides = [Contender(model, no_encoder(), "simple") for _ in range(2)]
    learns.ladder.begin("simple", ONE, model.keys.capacity, model.columns)
    run.step()
    ladder = status(run)["ladder"]
    assert [(rung["name"], rung["events"]) for rung in ladder] == [("last value", 600), ("simple bank", 600), ("challenger a41f09c2", 600)]
    assert ladder[0]["loss"] > 1.5 * ladder[1]["loss"], "of white noise the last value is twice as wrong as the mean"
    learns._close(model, Verdict("refuse", 0.0, -0.1, 0.1, 600, "not better"))
    ladder = status(run)["ladder"]
    assert [rung["name"] for rung in ladder] == ["last value", "simple bank", "refused a41f09c2"]
    run.save(wait=True)
    run.close()
    again = a_runner(tmp_path)
    assert status(again)["ladder"] == ladder

    # in place for an hour of the stream, whatever the clock on the wall says
    assert again.learning is not None and again.model is not None
    clock = float(again.model.pool.clock[0])
    assert clock == 1_710_000_000 + 60 * 1399
    again.learning.verdicts.append({"decision": "promoted", "to": ONE, "position": 1340, "time": clock - 3600})
    again.model.name = ONE
    assert status(again)["model"] == {"champion": ONE, "age_events": 60, "age_seconds": 3600.0}
    again.model.name = TWO
    assert status(again)["model"]["age_seconds"] is None, "loaded from elsewhere: not known"
    again.model.name = "simple"
    again.close()

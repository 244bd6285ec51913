"""A period that nobody named is found in the stream, forecasts use it, and finding it depends on the order of events alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streams import cuts, differences, noise, rows, score, stream

from tacit.contracts.events import Feature
from tacit.heads import period, trace
from tacit.heads.encode import no_encoder
from tacit.live.checkpoint import Checkpoints
from tacit.live.contest import Contender
from tacit.live.model import LOOK, LiveModel
from tacit.live.storing import collect, put_back


def beating(n: int, every: float, height: float, F: int = 2, seed: int = 0) -> Any:
    """Noise of deviation 1/2 on a wave of this period, in events."""
    return height * np.sin(2 * np.pi * np.arange(n) / every)[:, None] + 0.5 * noise(n, F, seed)


def found(model: LiveModel) -> float:
    """Seconds; 0 where there is none."""
    omega = float(model.pool.omega[period.FOUND])
    return 2 * np.pi / omega if omega else 0.0


def deaf(features: tuple[Feature, ...]) -> LiveModel:
    """A model that never looks for a period."""
    model = LiveModel(features)
    model._look_for_period = lambda: None  # type: ignore[method-assign]
    return model


@pytest.mark.parametrize(("every", "step"), [(300, 1.0), (300, 60.0), (47, 0.25)])
def test_a_period_is_found_and_forecasts_are_better_for_it(every: int, step: float) -> None:
    n = 10_000
    events = stream(beating(n, every, 1.0), step=step)
    with_it, without = LiveModel(events.features), deaf(events.features)
    a, b = score(with_it, events, [4096]), score(without, events, [4096])
    assert found(with_it) == pytest.approx(every * step, rel=0.01) and found(without) == 0.0
    assert len(with_it.notes) == 1 and "a period of" in with_it.notes[0]
    late = slice(n // 2, n)

    wave = np.sin(2 * np.pi * np.arange(n) / every)[:, None]

    def loss(insights: Any) -> tuple[float, float, float]:
        """Beyond the noise: a step ahead, sixteen steps ahead; and the width of the band."""
        near = ((insights.middle[late] - wave[late]) ** 2).mean()
        far = ((insights.forecast[n // 2 : -16] - wave[n // 2 + 16 :]) ** 2).mean()
        return near, far, (insights.high[late] - insights.low[late]).mean()

    (near, far, width), (near_without, far_without, width_without) = loss(a), loss(b)
    assert near < 0.75 * near_without and far < 0.7 * far_without and width < width_without
    assert near < 0.07 * 0.25, "the noise is nearly all that is left"
    inside, inside_without = (((i.observed >= i.low) & (i.observed <= i.high))[late].mean() for i in (a, b))
    assert inside > 0.955 and inside > inside_without - 0.005


@pytest.mark.parametrize("kind", ["white", "walk", "constant"])
def test_none_is_found_where_there_is_none(kind: str) -> None:
    for seed in range(3):
        values = noise(20_000, 3, seed)
        values = np.cumsum(values, axis=0) if kind == "walk" else np.ones_like(values) if kind == "constant" else values
        model = LiveModel(stream(values[:1]).features)
        score(model, stream(values), [4096])
        assert found(model) == 0.0 and model.notes == []


def test_keys_share_a_period_each_with_its_own_phase() -> None:
    """Forty keys: what the first four show serves them all."""
    n, many = 120_000, 40
    t, key = np.arange(n) // many, np.arange(n) % many
    values = np.sin(2 * np.pi * t / 200 + key)[:, None] + 0.5 * noise(n, 1, 3)
    events = stream(values, [f"k{k}" for k in key], step=1 / many)
    model = LiveModel(events.features)
    insights = score(model, events, [1000])
    assert found(model) == pytest.approx(200, rel=0.01)
    assert ((insights.middle[n // 2 :] - values[n // 2 :]) ** 2).mean() < 1.12 * 0.25


def test_batches_and_restarts_do_not_matter_to_it(tmp_path: Path) -> None:
    """Cut anywhere, saved and read back before, at and after the find: the same bits, and the same for a contender beside it."""
    n = 3 * LOOK + 500
    events = stream(beating(n, 150, 1.0), [f"k{i % 2}" for i in range(n)])
    losses: list[Any] = []

    def watched(model: LiveModel) -> LiveModel:
        side = Contender(model, no_encoder(), "simple")
        made: list[Any] = []
        model.onlooker = lambda slots, times, out, values: made.append(side.run(slots, times, out.z, values, model.pool.omega))
        losses.append(made)
        return model

    whole = watched(LiveModel(events.features))
    expected = score(whole, events)
    assert found(whole) > 0.0
    assert differences(score(watched(LiveModel(events.features)), events, [1, 700, 2048, 3]), expected) == []
    assert np.concatenate(losses[0]).tobytes() == np.concatenate(losses[1]).tobytes()
    model, checkpoints = LiveModel(events.features), Checkpoints(tmp_path)
    parts = []
    for a, b in cuts(n, [LOOK - 1, 1, 1, 900]):
        parts.append(model.process(rows(events, a, b)))
        checkpoints.save(*collect(model, checkpoints.wants_full()), checkpoints.wants_full())
        checkpoints.wait()
        again = Checkpoints(tmp_path).load()
        assert again is not None
        model = LiveModel(events.features)
        put_back(model, *again, tmp_path)
    assert b"".join(p.score.tobytes() for p in parts) == expected.score.tobytes()
    assert b"".join(p.forecast.tobytes() for p in parts) == expected.forecast.tobytes()
    assert model.pool.omega.tobytes() == whole.pool.omega.tobytes()


def test_a_new_feature_keeps_the_period_and_a_key_that_went_leaves_no_trace() -> None:
    events = stream(beating(2 * LOOK + 10, 100, 1.0, 3))
    model = LiveModel(events.features[:2])
    model.process(rows(events, 0, 2 * LOOK, 2))
    assert found(model) > 0.0
    before = model.pool.omega.copy()
    model.process(rows(events, 2 * LOOK, 2 * LOOK + 10))
    assert model.pool.omega.tobytes() == before.tobytes() and model.pool.trace_marks[0, trace.INSIDE] + model.pool.trace_marks[0, trace.HELD] == 10
    model.idle = model.keys.idle = 1.0
    model._forget(int(events.times[-1]) + 10**12)
    assert not model.pool.trace.any() and not model.pool.trace_when.any() and not model.pool.trace_marks.any()

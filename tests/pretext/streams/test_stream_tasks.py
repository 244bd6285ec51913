"""Pretext tasks: what they pose, that nothing leaks, that they can be learned."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tacit.contracts import catalog
from tacit.nets.recurrent import RecurrentEncoder
from tacit.pretext.streams.contrastive import Contrastive
from tacit.pretext.streams.masked import Masked
from tacit.pretext.streams.predictive import Predictive
from tacit.pretext.streams.stream_task import StreamTask, Windows, mean_where

B, L, F, UNITS = 32, 64, 4, 16
LIVES = (2.0, 8.0, 32.0, 128.0)


def some_windows(seed: int = 0, missing: float = 0.1) -> Windows:
    rng = np.random.default_rng(seed)
    valid = rng.random((B, L, F)) >= missing
    z = np.where(valid, rng.standard_normal((B, L, F)), 0).astype(np.float32)
    return Windows(torch.from_numpy(z), torch.from_numpy(valid), torch.from_numpy(rng.exponential(1, (B, L)).astype(np.float32)))


def encoder_for() -> RecurrentEncoder:
    return RecurrentEncoder(F, LIVES, UNITS, 1)


def task(name: str) -> StreamTask:
    made = catalog.load("stream task", name)(F, UNITS, 0)
    assert isinstance(made, StreamTask)
    return made


def test_the_folder_is_the_list() -> None:
    assert {"contrastive", "masked", "predictive"} <= set(catalog.names("stream task"))


@pytest.mark.parametrize("name", catalog.names("stream task"))
def test_same_generator_same_puzzle_and_all_weights_learn(name: str) -> None:
    encoder, made = encoder_for(), task(name)
    one, two = (made.pose(some_windows(), np.random.default_rng(3)) for _ in range(2))
    for a, b in zip([*one.views, one.hidden, one.answer], [*two.views, two.hidden, two.answer], strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    outcome = made.solve(encoder, one)
    assert torch.isfinite(outcome.loss) and outcome.errors is not None and outcome.errors.shape == (B,)
    outcome.loss.backward()
    for layer in encoder.layers:
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in layer.parameters())
    assert all(p.grad is not None for p in made.parameters())


@pytest.mark.parametrize("name", catalog.names("stream task"))
def test_hidden_values_do_not_reach_the_units(name: str) -> None:
    encoder = encoder_for()
    puzzle = task(name).pose(some_windows(), np.random.default_rng(4))
    for view, hidden in zip(puzzle.views, puzzle.hidden, strict=True):
        assert hidden.any()
        other = view._replace(z=torch.where(hidden, 5.0, view.z), valid=view.valid ^ hidden)
        units = [encoder.units_of(encoder.states(*v, hidden=hidden)) for v in (view, other)]
        assert torch.equal(*units)


def test_masked_hides_as_stated() -> None:
    windows = Windows(*(part.repeat(8, 1, *[1] * (part.dim() - 2)) for part in some_windows(missing=0.2)))
    made = Masked(F, UNITS)
    puzzle = made.pose(windows, np.random.default_rng(5))
    hidden = puzzle.hidden[0]
    expected = 1 - (1 - made.steps) * (1 - made.values)
    assert hidden.float().mean() == pytest.approx(expected, abs=0.03)
    assert hidden.all(-1).float().mean() == pytest.approx(made.steps, abs=0.03)
    assert (puzzle.views[0].z[hidden] == 0).all() and not puzzle.views[0].valid[hidden].any()
    shown = ~hidden
    assert torch.equal(puzzle.views[0].z[shown], windows.z[shown])  # what is shown keeps its values
    assert not (puzzle.answer[1] & ~windows.valid).any()  # never asks for what was missing
    runs = hidden[:, : L // made.run * made.run].reshape(len(hidden), -1, made.run, F)
    assert (runs.all(2) == runs.any(2)).all()


def test_predictive_asks_for_the_future_only() -> None:
    windows, encoder, made = some_windows(missing=0.0), encoder_for(), Predictive(F, UNITS, rate=0.0)
    puzzle = made.pose(windows, np.random.default_rng(6))
    z = windows.z.clone()
    z[:, 40:] += 1.0  # the future of events up to 39
    changed = encoder.forecasts(z, encoder.states(z, windows.valid, windows.dt))
    same = encoder.forecasts(windows.z, encoder.states(*windows))
    assert torch.equal(changed[:, :40], same[:, :40]) and not torch.equal(changed[:, 40:], same[:, 40:])
    assert made.solve(encoder, puzzle).metrics.keys() == {"horizon_1", "horizon_4", "horizon_16"}  # 64 does not fit


def test_predictive_loss_is_zero_for_an_oracle() -> None:
    ramp = torch.linspace(-3, 3, L).repeat(B, F, 1).transpose(1, 2).contiguous()  # [B, L, F]
    encoder = encoder_for()
    with torch.no_grad():
        encoder.gated.weight.zero_()
        for m, h in enumerate(encoder.horizons):
            encoder.linear.bias[m * F : (m + 1) * F] = 6 / (L - 1) * h
    windows = Windows(ramp, torch.ones_like(ramp, dtype=torch.bool), torch.ones(B, L))
    made = Predictive(F, UNITS)
    assert float(made.solve(encoder, made.pose(windows, np.random.default_rng(0))).loss.detach()) < 1e-10


def test_contrastive_views_are_crops_with_jitter() -> None:
    windows = some_windows(missing=0.0)
    made = Contrastive(F, UNITS, jitter=0.0, drop=0.0)
    for seed in range(5):
        puzzle = made.pose(windows, np.random.default_rng(seed))
        length = puzzle.views[0].z.shape[1]
        assert made.crop * L - 1 <= length <= L and puzzle.views[1].z.shape[1] == length
        for view in puzzle.views:
            assert any(torch.equal(view.z, windows.z[:, at : at + length]) for at in range(L - length + 1))
    drops = [float(h[:, 0].float().mean()) for s in range(50) for h in Contrastive(F, UNITS).pose(windows, np.random.default_rng(s)).hidden]
    assert np.mean(drops) == pytest.approx(0.2, abs=0.02)
    noisy = Contrastive(F, UNITS, drop=0.0, crop=1.0).pose(windows, np.random.default_rng(0)).views[0].z - windows.z
    assert float(noisy.std()) == pytest.approx(0.1, abs=0.01) and abs(float(noisy.mean())) < 0.01


def test_contrastive_is_at_chance_for_equal_windows() -> None:
    windows = Windows(torch.zeros(B, L, F), torch.ones(B, L, F, dtype=torch.bool), torch.ones(B, L))
    made = Contrastive(F, UNITS, jitter=0.0, drop=0.0)
    outcome = made.solve(encoder_for(), made.pose(windows, np.random.default_rng(0)))
    assert float(outcome.loss.detach()) == pytest.approx(np.log(B), abs=1e-3)


def test_means_over_what_counts() -> None:
    values, counts = torch.tensor([[1.0, 3.0], [5.0, 7.0]]), torch.tensor([[True, False], [False, False]])
    mean, each = mean_where(values, counts)
    assert float(mean) == 1.0 and each.tolist() == [1.0, 0.0]

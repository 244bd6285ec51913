"""Trials: noise is refused, a real gain is promoted, and the decision depends on the pairs alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tacit.evaluation.comparison import ALPHA, Trial, block_length, relative_gain, student_quantile


def losses(rng: np.random.Generator, n: int, gain: float, memory: float = 0.98, runs: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Simulated: a level that both share wanders; each has its own autocorrelated share on top. [runs n], [runs n]"""
    walk = rng.standard_normal((n, runs, 3))
    walk[1:] *= np.sqrt(1 - memory**2)
    for t in range(1, n):
        walk[t] += memory * walk[t - 1]
    level = np.exp(0.5 * walk[..., 0])
    champion, challenger = level * np.exp(0.2 * walk[..., 1]), (1 - gain) * level * np.exp(0.2 * walk[..., 2])
    return champion.T.ravel(), challenger.T.ravel()


def decide(trial: Trial, champion: np.ndarray, challenger: np.ndarray, batch: int = 512) -> str:
    for at in range(0, len(champion), batch):
        trial.add(champion[at : at + batch], challenger[at : at + batch])
        if trial.verdict().state != "undecided":
            break
    return trial.verdict().state


@pytest.mark.parametrize("memory", [0.0, 0.9, 0.98])
def test_equal_losses_are_seldom_promoted(memory: float) -> None:
    rng = np.random.default_rng(1)
    champion, challenger = (side.reshape(200, 8000) for side in losses(rng, 8000, 0.0, memory, 200))
    promoted = sum(decide(Trial(1, 1000, 8000), a, b, 1000) == "promote" for a, b in zip(champion, challenger, strict=True))
    assert promoted <= 200 * ALPHA


def test_a_gain_of_five_percent_is_promoted() -> None:
    rng = np.random.default_rng(2)
    promoted = sum(decide(Trial(1, 1000, 30_000), *losses(rng, 30_000, 0.05, 0.9)) == "promote" for _ in range(20))
    assert promoted >= 18


def test_a_loss_is_refused_early() -> None:
    trial = Trial(1, 1000, 30_000)
    assert decide(trial, *losses(np.random.default_rng(3), 30_000, -0.2, 0.9)) == "refuse"
    assert trial.verdict().n < 30_000
    assert trial.verdict().reason.startswith("worse")


def test_later_attempts_are_held_to_more() -> None:
    total = sum(Trial(k).alpha * len(Trial(k).looks) for k in range(1, 500))
    assert total == pytest.approx(ALPHA, rel=0.01)
    assert Trial(2).alpha < Trial(1).alpha


def test_the_verdict_does_not_depend_on_batches_or_calls() -> None:
    champion, challenger = losses(np.random.default_rng(4), 8000, 0.03)
    whole, single = Trial(1, 1000, 8000), Trial(1, 1000, 8000)
    whole.add(champion, challenger)
    for a, b in zip(champion.tolist(), challenger.tolist(), strict=True):
        single.add(a, b)
        single.verdict()
    assert whole.verdict() == single.verdict()


def test_state_goes_through_json_and_on_exactly() -> None:
    champion, challenger = losses(np.random.default_rng(5), 8000, 0.02)
    trial, other = Trial(3, 1000, 8000), Trial(1)
    trial.add(champion[:3333], challenger[:3333])
    trial.verdict()
    other.restore(json.loads(json.dumps(trial.state())))
    for t in (trial, other):
        t.add(champion[3333:], challenger[3333:])
    assert trial.verdict() == other.verdict()
    assert trial.state() == other.state()


def test_the_deviation_matches_that_of_many_runs() -> None:
    rng = np.random.default_rng(6)
    gains, deviations = [], []
    for cells in np.stack(losses(rng, 1000, 0.0, 0.9, 200), axis=1).reshape(200, 1000, 2):
        gain, deviation, _ = relative_gain(cells)
        gains.append(gain)
        deviations.append(deviation)
    assert np.mean(deviations) == pytest.approx(np.std(gains), rel=0.25)


def test_blocks_grow_with_memory() -> None:
    rng = np.random.default_rng(7)
    lengths = [block_length(losses(rng, 2000, 0.0, m)[0]) for m in (0.0, 0.7, 0.95)]
    assert lengths[0] < lengths[1] < lengths[2] < 2000


def test_one_outlier_does_not_promote() -> None:
    trial = Trial(1, 1000, 1000)
    champion = np.full(1008, 0.1)
    champion[500] = 9.0
    trial.add(champion, np.full(1008, 0.1))
    assert trial.verdict().state == "refuse"


def test_constant_losses_and_perfect_champions() -> None:
    for value in (0.0, 0.5):
        trial = Trial(1, 1000, 2000)
        trial.add(np.full(2000, value), np.full(2000, value))
        assert trial.verdict().state == "refuse"


def test_what_is_not_a_loss_is_refused() -> None:
    for bad in (np.nan, np.inf, -1.0):
        with pytest.raises(ValueError, match="finite"):
            Trial(1).add(bad, 1.0)
    with pytest.raises(ValueError, match="attempt"):
        Trial(0)


def test_student_quantiles() -> None:
    assert student_quantile(0.975, 10) == pytest.approx(2.228, abs=0.01)
    assert student_quantile(0.995, 5) == pytest.approx(4.032, abs=0.15)
    assert student_quantile(0.975, 0.5) == np.inf

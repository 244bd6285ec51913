"""Stream task: a game on unlabelled windows of a live stream whose solving teaches an encoder.

`pose` makes a puzzle and has no weights, so that it can be tested and shown; `solve` has the weights that are thrown
away and returns the loss. A part is one module here that defines one public subclass; this contract isn't one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tacit.nets.recurrent import RecurrentEncoder


class Windows(NamedTuple):
    """B windows of L events: z, valid [B, L, F], dt [B, L] seconds since the event before."""

    z: Tensor
    valid: Tensor
    dt: Tensor

    def take(self, rows: NDArray[np.int64]) -> Windows:
        chosen = torch.from_numpy(rows)
        return Windows(self.z[chosen], self.valid[chosen], self.dt[chosen])


class Puzzle(NamedTuple):
    """views: what the encoder is shown; hidden: for each view what it must not see, True = not shown; answer: what is asked."""

    views: tuple[Windows, ...]
    hidden: tuple[Tensor, ...]
    answer: tuple[Tensor, ...]


class Outcome(NamedTuple):
    """loss: what to minimise; errors: [B] a window's own, where the loss has one; metrics: for people."""

    loss: Tensor
    errors: Tensor | None
    metrics: dict[str, float]


class StreamTask(nn.Module, ABC):
    """features: F, units: width of `encoder.units_of`, seed: of the first weights."""

    def __init__(self, features: int, units: int, seed: int = 0) -> None:
        super().__init__()
        self.features, self.units, self.seed = features, units, seed

    @abstractmethod
    def pose(self, windows: Windows, rng: np.random.Generator) -> Puzzle:
        """A puzzle about these windows; the same generator state poses the same one."""

    @abstractmethod
    def solve(self, encoder: RecurrentEncoder, puzzle: Puzzle) -> Outcome:
        """Loss of the encoder (and this task's own head) on the puzzle."""


def seeded_linear(inputs: int, outputs: int, seed: int) -> nn.Linear:
    """A linear layer whose first weights depend on `seed` alone: N(0, 1 / inputs), bias 0."""
    layer = nn.Linear(inputs, outputs)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(outputs, inputs, generator=torch.Generator().manual_seed(seed)) / inputs**0.5)
        layer.bias.zero_()
    return layer


def mean_where(values: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """values, counts [B, …] → (mean over all that counts, mean by window [B]); 0 where nothing counts."""
    kept = (values * counts).flatten(1).sum(1)
    many = counts.flatten(1).sum(1).to(values.dtype)
    return kept.sum() / many.sum().clamp_min(1), kept / many.clamp_min(1)

"""Contrastive: tell which two views come from the same window.

Views are crops of a window with its features jittered and some of them dropped; the last state of each is projected.
InfoNCE, Chen et al., "SimCLR", 2020, eq. 1: L = -log exp(a·p / tau) / sum_j exp(a·n_j / tau), both ways, other windows as negatives.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from tacit.nets.recurrent import RecurrentEncoder
from tacit.pretext.streams.stream_task import Outcome, Puzzle, StreamTask, Windows, seeded_linear


class Contrastive(StreamTask):
    """crop: shortest share of a window kept; jitter: deviation of the noise added; drop: share of features hidden; heat: tau."""

    def __init__(
        self, features: int, units: int, seed: int = 0, crop: float = 0.6, jitter: float = 0.1, drop: float = 0.2, heat: float = 0.2, width: int = 32
    ) -> None:
        super().__init__(features, units, seed)
        self.crop, self.jitter, self.drop, self.heat, self.width = crop, jitter, drop, heat, width
        self.project = seeded_linear(units, width, seed + 2)

    def pose(self, windows: Windows, rng: np.random.Generator) -> Puzzle:
        """Two views of one length; answer: [B] which view of the second set belongs to each of the first."""
        B, L, F = windows.z.shape
        length = int(L * rng.uniform(self.crop, 1.0))
        views, hidden = [], []
        for _ in range(2):
            at = int(rng.integers(0, L - length + 1))
            z, valid, dt = (part[:, at : at + length] for part in windows)
            noise = torch.from_numpy((self.jitter * rng.standard_normal(z.shape)).astype(np.float32))
            hide = torch.from_numpy(rng.random((B, 1, F)) < (self.drop if F > 1 else 0.0)).expand(z.shape)
            views.append(Windows((z + noise).masked_fill(hide | ~valid, 0), valid & ~hide, dt))
            hidden.append(hide)
        return Puzzle(tuple(views), tuple(hidden), (torch.arange(B),))

    def solve(self, encoder: RecurrentEncoder, puzzle: Puzzle) -> Outcome:
        first, second = (self._pooled(encoder, v, h) for v, h in zip(puzzle.views, puzzle.hidden, strict=True))
        likeness = first @ second.T / self.heat  # [B, B]
        answer = puzzle.answer[0]
        errors = 0.5 * (cross_entropy(likeness, answer, reduction="none") + cross_entropy(likeness.T, answer, reduction="none"))
        right = (likeness.argmax(1) == answer).float().mean()
        return Outcome(errors.mean(), errors.detach(), {"right": float(right)})

    def _pooled(self, encoder: RecurrentEncoder, view: Windows, hidden: Tensor) -> Tensor:
        last = encoder.units_of(encoder.states(*view, hidden=hidden))[:, -1]
        return normalize(self.project(last), dim=-1)  # [B, width]

"""Contrastive: tell which two views come from the same sample.

Two strong views of each sample are embedded and projected; each must be nearest to its partner among all 2 B - 1 others. On text, whose views
are light, this is SimCSE (Gao et al., 2021). Chen et al., "SimCLR", 2020, eq. 1: L = -log exp(s_ij / tau) / sum_k exp(s_ik / tau), by default
with the positive left out of the sum (Yeh et al., "Decoupled contrastive learning", 2022, eq. 5), which small batches need.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tacit.nets.encoder import Batch, Encoder
from tacit.nets.view import Views
from tacit.pretext.agreement_losses import contrast, pooled_views, spread_of
from tacit.pretext.pretext_task import Outcome, PretextTask, Puzzle, perceptron


class Contrastive(PretextTask):
    """heat: tau; outputs: width of the projections; decoupled: whether the positive is left out of the sum."""

    needs = frozenset({"views"})

    def __init__(self, encoder: Encoder, seed: int = 0, heat: float = 0.2, outputs: int = 128, decoupled: bool = True) -> None:
        super().__init__(encoder, seed)
        self.heat, self.outputs, self.decoupled = heat, outputs, decoupled
        self.project = perceptron((self.width, max(self.width, outputs), outputs), seed)

    def pose(self, batch: Batch, views: Views, rng: torch.Generator) -> Puzzle:
        """Two strong views; who belongs to whom is their order."""
        return Puzzle((views.strong(batch, rng), views.strong(batch, rng)), (None, None), (None,))

    def solve(self, encoder: Encoder, puzzle: Puzzle) -> Outcome:
        first, second = pooled_views(encoder, puzzle)
        projected = self.project(torch.cat([first, second]))
        errors, right = self.losses(projected)
        metrics = {"right": float(right.mean()), "spread": spread_of(projected)}
        return Outcome(errors.mean(), errors.detach(), metrics, first.detach(), second.detach())

    def losses(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """projected [2 B, W], first views first → ([B] losses, [B] share found)."""
        first, second = projected.chunk(2)
        return contrast(first, second, self.heat, self.decoupled)

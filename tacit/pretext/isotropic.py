"""Isotropic: teacher-free latent prediction; views of a sample guess their common centre, and all embeddings together are a round cloud.

What keeps them from shrinking to a point is a test of normality along random directions: no teacher, no stop-gradient, no negatives. Parts
of each view may be hidden, so that embeddings of parts guess that of the whole. Balestriero and LeCun, "LeJEPA", 2025:
L = (1 - lambda) mean_v |z_v - mean z|^2 + lambda SIGReg(z), SIGReg the Epps-Pulley statistic.
"""

from __future__ import annotations

import torch

from tacit.nets.encoder import Batch, Encoder
from tacit.nets.view import Views
from tacit.pretext.agreement_losses import deviation_of, full_precision, off_normal, pooled_views
from tacit.pretext.pretext_task import Outcome, PretextTask, Puzzle, perceptron


class Isotropic(PretextTask):
    """penalty: lambda; share: of each view's patches hidden, 0 = none; outputs: width of the projections; slices: random directions a step."""

    needs = frozenset({"views", "hide"})

    def __init__(self, encoder: Encoder, seed: int = 0, penalty: float = 0.05, share: float = 0.25, outputs: int = 32, slices: int = 256) -> None:
        super().__init__(encoder, seed)
        self.penalty, self.share, self.outputs, self.slices = penalty, share, outputs, slices
        self.project = perceptron((self.width, 512, outputs), seed)

    def pose(self, batch: Batch, views: Views, rng: torch.Generator) -> Puzzle:
        """Two strong views with blocks hidden; answer: directions [W, S] of length 1, drawn anew each time."""
        shown = (views.strong(batch, rng), views.strong(batch, rng))
        hidden = tuple(views.hidden(v, self.share, rng, blocks=True) if self.share else None for v in shown)
        directions = torch.randn(self.outputs, self.slices, generator=rng).to(batch.values.device)
        return Puzzle(shown, hidden, (directions / directions.norm(dim=0),))

    def solve(self, encoder: Encoder, puzzle: Puzzle) -> Outcome:
        (directions,) = puzzle.answer
        assert directions is not None
        first, second = pooled_views(encoder, puzzle)
        a, b = self.project(torch.cat([first, second])).chunk(2)
        with full_precision(a):
            errors = 0.25 * (a.float() - b.float()).square().mean(1)  # [B]: of both to the centre
        round_ = 0.5 * (off_normal(a, directions) + off_normal(b, directions))
        loss = (1 - self.penalty) * errors.mean() + self.penalty * round_
        metrics = {"distance": float(errors.detach().mean()), "off_normal": float(round_.detach()), "spread": deviation_of(a)}
        return Outcome(loss, errors.detach(), metrics, first.detach(), second.detach())

"""BYOL: from one view of a sample guess how a slowly moving copy of oneself sees another view of it.

The student has a predictor and the teacher no gradient; both keep the embeddings from shrinking to a point, without any negatives.
Grill et al., "Bootstrap Your Own Latent", 2020, eq. 2: L = 2 - 2 cos(q(z_1), z'_2), and the same with the views exchanged.
At momentum 0 the teacher is the student itself, as in Chen and He, "SimSiam", 2021.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tacit.nets.encoder import Batch, Encoder
from tacit.nets.view import Views
from tacit.pretext.agreement_losses import distance, pooled_views, side_by_side, spread_of
from tacit.pretext.moving_teacher import MovingTeacher
from tacit.pretext.pretext_task import Outcome, PretextTask, Puzzle, perceptron


class Byol(PretextTask):
    """momentum: of the teacher at the start; stop_gradient: without it the student's own projections are the answer and may give way, and
    all collapses (for experiments); predictor: without it the student answers itself."""

    needs = frozenset({"views"})
    settled = False

    def __init__(
        self,
        encoder: Encoder,
        seed: int = 0,
        momentum: float = 0.99,
        inner: int = 512,
        outputs: int = 128,
        stop_gradient: bool = True,
        predictor: bool = True,
    ) -> None:
        super().__init__(encoder, seed)
        self.momentum, self.inner, self.outputs, self.stop_gradient, self.predictor = momentum, inner, outputs, stop_gradient, predictor
        self.project = perceptron((self.width, inner, outputs), seed)
        self.guess = perceptron((outputs, inner, outputs), seed + 2) if predictor else torch.nn.Identity()
        self.teacher = MovingTeacher([encoder, self.project], momentum) if stop_gradient else None

    def pose(self, batch: Batch, views: Views, rng: torch.Generator) -> Puzzle:
        """Two strong views."""
        return Puzzle((views.strong(batch, rng), views.strong(batch, rng)), (None, None), (None,))

    def solve(self, encoder: Encoder, puzzle: Puzzle) -> Outcome:
        first, second = pooled_views(encoder, puzzle)
        projected = self.project(torch.cat([first, second]))
        wanted = self._wanted(puzzle, projected)
        there, back = distance(self.guess(projected), wanted.roll(len(first), 0)).chunk(2)
        errors = 0.5 * (there + back)  # [B]
        metrics = {"cosine": float(1 - errors.detach().mean() / 2), "spread": spread_of(projected)}
        return Outcome(errors.mean(), errors.detach(), metrics, first.detach(), second.detach())

    def _wanted(self, puzzle: Puzzle, projected: Tensor) -> Tensor:
        """What the teacher makes of the views, [2 B, W]."""
        if self.teacher is None:
            return projected
        batch, hidden = side_by_side(puzzle.views, puzzle.hidden, 0)
        with torch.no_grad():
            return self.teacher.parts[1](self.teacher(batch, hidden).pooled)  # type: ignore[no-any-return]

    def after_step(self, encoder: Encoder, progress: float) -> None:
        if self.teacher is not None:
            self.teacher.follow([encoder, self.project], progress)

"""VICReg: two views of a sample agree, every number of the embedding varies, and no two numbers say the same.

Bardes, Ponce and LeCun, "VICReg", 2022, eq. 6: L = mu v(Z) + mu v(Z') + lambda s(Z, Z') + nu c(Z) + nu c(Z'), v the lack of variance,
s the mean squared distance of the pairs, c the squared covariances. No negatives, no teacher.
"""

from __future__ import annotations

import torch

from tacit.nets.encoder import Batch, Encoder
from tacit.nets.view import Views
from tacit.pretext.agreement_losses import deviation_of, full_precision, pooled_views, variance_and_covariance
from tacit.pretext.pretext_task import Outcome, PretextTask, Puzzle, perceptron


class Vicreg(PretextTask):
    """invariance, variance, covariance: weights lambda, mu, nu (without the second all collapses); outputs: width of the projections."""

    needs = frozenset({"views"})

    def __init__(
        self, encoder: Encoder, seed: int = 0, invariance: float = 25.0, variance: float = 25.0, covariance: float = 1.0, outputs: int = 512
    ) -> None:
        super().__init__(encoder, seed)
        self.invariance, self.variance, self.covariance, self.outputs = invariance, variance, covariance, outputs
        self.project = perceptron((self.width, outputs, outputs), seed)

    def pose(self, batch: Batch, views: Views, rng: torch.Generator) -> Puzzle:
        """Two strong views."""
        return Puzzle((views.strong(batch, rng), views.strong(batch, rng)), (None, None), (None,))

    def solve(self, encoder: Encoder, puzzle: Puzzle) -> Outcome:
        first, second = pooled_views(encoder, puzzle)
        a, b = self.project(torch.cat([first, second])).chunk(2)
        with full_precision(a):
            errors = (a.float() - b.float()).square().mean(1)  # [B]
        (lack, same), (lack_too, same_too) = variance_and_covariance(a), variance_and_covariance(b)
        weights = self.invariance + 2 * self.variance + self.covariance  # so that the loss, and with it the gradient's size, is of order 1
        loss = self.invariance * errors.mean() + self.variance * (lack + lack_too) + self.covariance * (same + same_too)
        metrics = {"distance": float(errors.detach().mean()), "spread": deviation_of(a)}
        return Outcome(loss / max(weights, 1e-9), errors.detach(), metrics, first.detach(), second.detach())

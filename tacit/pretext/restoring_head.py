"""Restoring head: from tokens to what their patches held, and the loss of it; shared by all tasks that restore something.

Only the patches that are asked for go through the head: with a vocabulary of thousands the rest would cost more than the encoder.
Numbers: Huber loss, quadratic up to 2 deviations; categories: cross-entropy.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, smooth_l1_loss

from tacit.contracts.layout import Layout
from tacit.pretext.agreement_losses import full_precision
from tacit.pretext.pretext_task import content_width, perceptron


class RestoringHead(nn.Module):
    """width: of the tokens; inner: of a layer between, 0 = none."""

    def __init__(self, layout: Layout, patch: tuple[int, ...], width: int, seed: int, inner: int = 0) -> None:
        super().__init__()
        self.layout = layout
        outputs = content_width(layout, patch)
        self.guess = perceptron((width, inner, outputs) if inner else (width, outputs), seed, norm=False)

    def forward(self, tokens: Tensor, answer: Tensor, asked: Tensor, real: Tensor | None = None) -> tuple[Tensor, Tensor, dict[str, float]]:
        """tokens [B, N, D]; answer [B, N, P] or ids [B, N]; asked [B, N] bool; real: as answer, False = not to be asked.

        (mean loss of all that is asked, [B] a sample's own mean, metrics): right, the share of categories that were guessed, or explained, the
        share of the variance of numbers.
        """
        if real is not None:
            asked = asked & (real if real.ndim == 2 else real.any(-1))
        sample = asked.nonzero()[:, 0]  # [M]
        guess, wanted = self.guess(tokens[asked]), answer[asked]
        with full_precision(guess):
            guess = guess.float()
            if self.layout.kind == "category":
                each, counts = cross_entropy(guess, wanted, reduction="none"), torch.ones(len(sample), device=guess.device)
                metrics = {"right": float((guess.detach().argmax(-1) == wanted).float().mean()) if len(wanted) else 0.0}
            else:
                kept = torch.ones_like(wanted) if real is None else real[asked].to(wanted.dtype)
                each, counts = (smooth_l1_loss(guess, wanted, reduction="none", beta=2.0) * kept).sum(-1), kept.sum(-1)
                metrics = {"explained": _explained(guess.detach(), wanted, kept)}
            zeros = torch.zeros(len(asked), device=guess.device)
            many = zeros.index_add(0, sample, counts).clamp_min(1)
            errors = zeros.index_add(0, sample, each.detach()) / many
            return each.sum() / counts.sum().clamp_min(1), errors, metrics


def _explained(guess: Tensor, wanted: Tensor, kept: Tensor) -> float:
    """1 - squared error / variance about the mean of all that is asked; 0 where nothing varies."""
    middle = (wanted * kept).sum() / kept.sum().clamp_min(1)
    total = ((wanted - middle).square() * kept).sum()
    return float(1 - ((guess - wanted).square() * kept).sum() / total) if float(total) > 0 else 0.0

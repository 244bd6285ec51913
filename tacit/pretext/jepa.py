"""JEPA: from the visible parts of a sample guess how a teacher that sees all of it represents the hidden ones.

The student's tokens at hidden blocks go through a predictor and meet the teacher's tokens there, normalised token by token; nothing is
restored at the input, so noise need not be. Assran et al., "I-JEPA", 2023, eq. 1: L = mean over hidden places of |g(f(visible))_n - f'(x)_n|,
here Huber's; one predictor for all kinds of encoders, which carry the places themselves, as in Baevski et al., "data2vec", 2022, eq. 2.
"""

from __future__ import annotations

import torch
from torch.nn.functional import layer_norm, smooth_l1_loss

from tacit.nets.encoder import Batch, Encoder
from tacit.nets.view import Views
from tacit.pretext.agreement_losses import full_precision
from tacit.pretext.moving_teacher import MovingTeacher
from tacit.pretext.pretext_task import Outcome, PretextTask, Puzzle, perceptron


class Jepa(PretextTask):
    """share: of patches hidden, in blocks; momentum: of the teacher at the start; weak: whether samples are shifted a little first."""

    needs = frozenset({"hide"})
    settled = False

    def __init__(self, encoder: Encoder, seed: int = 0, share: float = 0.5, momentum: float = 0.99, weak: bool = True) -> None:
        super().__init__(encoder, seed)
        self.share, self.momentum, self.weak = share, momentum, weak
        self.guess = perceptron((self.width, 2 * self.width, self.width), seed, norm=False)
        self.teacher = MovingTeacher([encoder], momentum)

    def pose(self, batch: Batch, views: Views, rng: torch.Generator) -> Puzzle:
        """Views: the student's, with blocks hidden; the teacher's, which is the same, whole. answer: which patches are asked for [B, N]."""
        shown = views.weak(batch, rng) if self.weak else batch
        hidden = views.hidden(shown, self.share, rng, blocks=True)
        return Puzzle((shown, shown), (hidden, None), (hidden,))

    def solve(self, encoder: Encoder, puzzle: Puzzle) -> Outcome:
        (asked,) = puzzle.answer
        assert asked is not None
        student = encoder(puzzle.views[0], puzzle.hidden[0])
        teacher = self.teacher(puzzle.views[1])
        asked = asked if teacher.valid is None else asked & teacher.valid
        sample = asked.nonzero()[:, 0]  # [M]
        guess = self.guess(student.tokens[asked])
        with full_precision(guess):
            wanted = layer_norm(teacher.tokens[asked].float(), (self.width,))
            each = smooth_l1_loss(guess.float(), wanted, reduction="none", beta=2.0).mean(-1)
            zeros = torch.zeros(len(asked), device=each.device)
            many = zeros.index_add(0, sample, torch.ones_like(each)).clamp_min(1)
            errors = zeros.index_add(0, sample, each.detach()) / many
            loss = each.sum() / max(1, len(each))
        left = float((guess.detach().float() - wanted).square().mean()) if len(each) else 0.0
        return Outcome(loss, errors, {"left": left}, student.pooled.detach(), teacher.pooled)

    def after_step(self, encoder: Encoder, progress: float) -> None:
        self.teacher.follow([encoder], progress)

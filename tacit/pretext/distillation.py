"""Distillation: a student sorts one view of a sample into the classes that its slowly moving teacher finds for another view.

Classes are learned directions; the teacher's are centred, so that no class takes all, and sharpened, so that not all are alike.
Caron et al., "DINO", 2021, eq. 1 to 4: L = -sum_k softmax((t_k - c) / tau_t) log softmax(s_k / tau_s), c <- m c + (1 - m) mean t.
Two views of one size, each for the other; without small crops. The centre starts at the first batch's, not at 0.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, log_softmax, normalize

from tacit.nets.encoder import Batch, Encoder
from tacit.nets.view import Views
from tacit.pretext.agreement_losses import full_precision, pooled_views, side_by_side, spread_of
from tacit.pretext.moving_teacher import MovingTeacher
from tacit.pretext.pretext_task import Outcome, PretextTask, Puzzle, perceptron, seeded_linear


class Distillation(PretextTask):
    """classes: how many; warm, cool: tau of student and teacher; momentum: of the teacher at the start; centring: m of the centre."""

    needs = frozenset({"views"})
    settled = False

    def __init__(
        self,
        encoder: Encoder,
        seed: int = 0,
        classes: int = 512,
        warm: float = 0.1,
        cool: float = 0.04,
        momentum: float = 0.99,
        centring: float = 0.9,
    ) -> None:
        super().__init__(encoder, seed)
        self.classes, self.warm, self.cool, self.momentum, self.centring = classes, warm, cool, momentum, centring
        self.project = perceptron((self.width, 256, 64), seed)
        self.directions = nn.Parameter(seeded_linear(64, classes, seed + 2).weight.detach().clone())  # [K, 64]; only where they point counts
        self.teacher = MovingTeacher([encoder, self.project, nn.ParameterList([self.directions])], momentum)
        self.register_buffer("centre", torch.zeros(classes))
        self.register_buffer("begun", torch.zeros((), dtype=torch.bool))
        self.register_buffer("seen", torch.zeros(classes))  # sum of the teacher's since the last step
        self.register_buffer("many", torch.zeros(()))
        self.centre: Tensor
        self.begun: Tensor
        self.seen: Tensor
        self.many: Tensor

    def pose(self, batch: Batch, views: Views, rng: torch.Generator) -> Puzzle:
        """Two strong views."""
        return Puzzle((views.strong(batch, rng), views.strong(batch, rng)), (None, None), (None,))

    def solve(self, encoder: Encoder, puzzle: Puzzle) -> Outcome:
        first, second = pooled_views(encoder, puzzle)
        sorted_by_student = self._sort(self.project(torch.cat([first, second])), self.directions)  # [2 B, K] cosines
        wanted = self._wanted(puzzle).roll(len(first), 0)
        with full_precision(first):
            each = -(wanted * log_softmax(sorted_by_student / self.warm, -1)).sum(-1)
        there, back = each.chunk(2)
        errors = 0.5 * (there + back)
        entropy = -(wanted * wanted.clamp_min(1e-12).log()).sum(-1).mean()
        return Outcome(
            errors.mean(), errors.detach(), {"entropy": float(entropy), "spread": spread_of(sorted_by_student)}, first.detach(), second.detach()
        )

    @torch.no_grad()
    def _wanted(self, puzzle: Puzzle) -> Tensor:
        """The teacher's distributions, [2 B, K]; in training they are remembered for the centre."""
        parts = self.teacher.parts
        directions = parts[2]
        assert isinstance(directions, nn.ParameterList)
        found = self._sort(parts[1](self.teacher(*side_by_side(puzzle.views, puzzle.hidden, 0)).pooled), directions[0])
        if self.training:
            if not self.begun:
                self.centre.copy_(found.mean(0))
                self.begun.fill_(True)
            self.seen += found.sum(0)
            self.many += len(found)
        return ((found - self.centre) / self.cool).softmax(-1)

    def _sort(self, projected: Tensor, directions: Tensor) -> Tensor:
        with full_precision(projected):
            return linear(normalize(projected.float(), dim=-1), normalize(directions.float(), dim=-1))

    @torch.no_grad()
    def after_step(self, encoder: Encoder, progress: float) -> None:
        self.teacher.follow([encoder, self.project, nn.ParameterList([self.directions])], progress)
        if torch.distributed.is_available() and torch.distributed.is_initialized():  # one centre for all processes
            torch.distributed.all_reduce(self.seen)
            torch.distributed.all_reduce(self.many)
        if float(self.many):
            self.centre.lerp_(self.seen / self.many, 1 - self.centring)
        self.seen.zero_()
        self.many.zero_()

"""Contextual: a moment has the same embedding in whatever context it is seen, and another one than other moments and other samples.

Two overlapping pieces of a sample, half of each hidden, are embedded patch by patch; where they overlap, each patch must be nearest to
itself in the other piece, among the same place of other samples and among other places of its own, at every scale: lengths are halved by the larger
of two neighbours until one is left. Yue et al., "TS2Vec", 2022, eq. 1 to 3 and algorithm 1:

    L = mean over scales of (l_temporal + l_instance) / 2
    l_temporal = -log exp(r_t · r'_t) / Σ_u (exp(r_t · r'_u) + [u ≠ t] exp(r_t · r_u)),   l_instance the same over samples in place of u
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tacit.nets.encoder import Batch, Encoder
from tacit.nets.view import Views
from tacit.pretext.agreement_losses import full_precision, side_by_side
from tacit.pretext.pretext_task import Outcome, PretextTask, Puzzle


class Contextual(PretextTask):
    """share: of patches hidden in each piece; longest: overlaps of more patches are compared over time only once they are halved to that."""

    needs = frozenset({"overlap", "hide"})

    def __init__(self, encoder: Encoder, seed: int = 0, share: float = 0.5, longest: int = 256) -> None:
        super().__init__(encoder, seed)
        self.share, self.longest = share, longest

    def pose(self, batch: Batch, views: Views, rng: torch.Generator) -> Puzzle:
        """answer: how many patches they share (the last of the first piece, the first of the second)."""
        first, second, shared = views.overlapping(batch, rng)
        hidden = tuple(views.hidden(piece, self.share, rng) for piece in (first, second))
        return Puzzle((first, second), hidden, (torch.tensor(shared),))

    def solve(self, encoder: Encoder, puzzle: Puzzle) -> Outcome:
        assert puzzle.answer[0] is not None
        shared = int(puzzle.answer[0])
        tokens, pooled, real = encoder(*side_by_side(puzzle.views, puzzle.hidden, 0))
        first, second = tokens.chunk(2)
        valid = None if real is None else real.chunk(2)[0][:, -shared:] & real.chunk(2)[1][:, :shared]
        with full_precision(tokens):
            errors = hierarchical(first[:, -shared:].float(), second[:, :shared].float(), valid, self.longest)
        some = torch.ones_like(errors) if valid is None else valid.any(1).to(errors.dtype)  # a sample without any overlap is not asked
        loss = (errors * some).sum() / some.sum().clamp_min(1)
        return Outcome(loss, errors.detach(), {"shared": float(shared)}, *pooled.detach().chunk(2))


def hierarchical(first: Tensor, second: Tensor, valid: Tensor | None, longest: int) -> Tensor:
    """[B] losses: mean over scales of half the temporal and half the instance contrast. first, second: [B, n, D]; valid: [B, n]."""
    total, scales = torch.zeros(len(first), device=first.device), 0
    while True:
        n = first.shape[1]
        if len(first) > 1:
            over_samples = contrasted(first.transpose(0, 1), second.transpose(0, 1), None if valid is None else valid.T)  # [n, B]
            total = total + 0.5 * mean_over(over_samples.T, valid)
        if 1 < n <= longest:
            total = total + 0.5 * mean_over(contrasted(first, second, valid), valid)
        scales += 1
        if n == 1:
            return total / scales
        even = n // 2 * 2
        if valid is not None:  # so that the larger of two is the real one
            first, second = (x.masked_fill(~valid.unsqueeze(-1), -1e4) for x in (first, second))
            valid = valid[:, 0:even:2] | valid[:, 1:even:2]
        first, second = (torch.maximum(x[:, 0:even:2], x[:, 1:even:2]) for x in (first, second))


def contrasted(first: Tensor, second: Tensor, valid: Tensor | None) -> Tensor:
    """[G, M]: cross-entropy of finding second_m for first_m, and the reverse, among all 2 M - 1 others of the group that are real."""
    g, many = first.shape[:2]
    both = torch.cat([first, second], 1)  # [G, 2 M, D]
    if valid is not None:
        both = both.masked_fill(~valid.repeat(1, 2).unsqueeze(-1), 0)
    likeness = both @ both.transpose(1, 2)
    never = torch.eye(2 * many, dtype=torch.bool, device=both.device)
    barred = never if valid is None else never | ~valid.repeat(1, 2).unsqueeze(1)
    likeness = likeness.masked_fill(barred, -1e30)
    rows = torch.arange(2 * many, device=both.device)
    partner = ((rows + many) % (2 * many)).repeat(g)
    each = cross_entropy(likeness.flatten(0, 1), partner, reduction="none").view(g, 2, many)
    return each.mean(1) if valid is None else each.mean(1).masked_fill(~valid, 0)


def mean_over(losses: Tensor, valid: Tensor | None) -> Tensor:
    """[B, n] → [B], over what is real."""
    return losses.mean(1) if valid is None else losses.sum(1) / valid.sum(1).clamp_min(1)

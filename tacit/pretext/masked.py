"""Masked: restore single patches that are not shown, from those that are.

Numbers: a linear layer reads each hidden patch off its own token (Xie et al., "SimMIM", 2022, eq. 2, here with Huber's loss: L = mean over
hidden places of |x - x'|); targets may be normalised patch by patch (He et al., "Masked Autoencoders", 2022, section 4.1). Categories: of the
chosen places most are hidden, some hold a random other one, some stay as they are, and all are asked for, L = -log p(x | rest)
(Devlin et al., "BERT", 2019, section 3.1).
"""

from __future__ import annotations

import torch
from torch import Tensor

from tacit.nets.encoder import Batch, Encoder
from tacit.nets.view import Views
from tacit.pretext.pretext_task import Outcome, PretextTask, Puzzle
from tacit.pretext.restoring_head import RestoringHead


class Masked(PretextTask):
    """share: of patches asked for, None = 0.6 of numbers and 0.15 of categories; swapped, kept: shares of the chosen categories that are
    replaced by a random one and left (0 and 0: all hidden); normalised: whether each patch of numbers is asked for with mean 0 and deviation 1."""

    needs = frozenset({"hide"})

    def __init__(
        self, encoder: Encoder, seed: int = 0, share: float | None = None, swapped: float = 0.1, kept: float = 0.1, normalised: bool = False
    ) -> None:
        super().__init__(encoder, seed)
        self.share, self.swapped, self.kept, self.normalised = share, swapped, kept, normalised
        categories = self.layout.kind == "category"
        self.asked = share if share is not None else 0.15 if categories else 0.6
        self.head = RestoringHead(self.layout, self.patch, self.width, seed, self.width if categories else 0)
        ordinary = sorted(set(range(self.layout.vocabulary)) - set(self.layout.special.values()))
        self.register_buffer("ordinary", torch.tensor(ordinary, dtype=torch.long), persistent=False)
        self.ordinary: Tensor

    def pose(self, batch: Batch, views: Views, rng: torch.Generator) -> Puzzle:
        """answer: what the patches hold, which are asked for [B, N], what of them is real."""
        asked = views.hidden(batch, self.asked, rng)
        content, real = views.content(batch)
        if self.layout.kind == "category":
            batch, hidden = self._swap(batch, asked, rng)
        else:
            hidden, content = asked, patch_normalised(content, real) if self.normalised else content
        return Puzzle((batch,), (hidden,), (content, asked, real))

    def _swap(self, batch: Batch, asked: Tensor, rng: torch.Generator) -> tuple[Batch, Tensor]:
        """(batch with some ids replaced, what is hidden)."""
        lots = torch.rand(asked.shape, generator=rng).to(asked.device)
        drawn = torch.randint(max(1, len(self.ordinary)), asked.shape, generator=rng).to(asked.device)
        swap = asked & (lots < self.swapped)
        values = torch.where(swap, self.ordinary.to(asked.device)[drawn], batch.values) if len(self.ordinary) else batch.values
        return Batch(values, batch.valid), asked & (lots >= self.swapped + self.kept)

    def solve(self, encoder: Encoder, puzzle: Puzzle) -> Outcome:
        content, asked, real = puzzle.answer
        assert content is not None and asked is not None
        features = encoder(puzzle.views[0], puzzle.hidden[0])
        loss, errors, metrics = self.head(features.tokens, content, asked, real)
        return Outcome(loss, errors, metrics, features.pooled.detach())


def patch_normalised(content: Tensor, real: Tensor | None) -> Tensor:
    """[B, N, P] → each patch with mean 0 and deviation 1 over what is real of it; flat patches become 0."""
    kept = torch.ones_like(content) if real is None else real.to(content.dtype)
    many = kept.sum(-1, keepdim=True).clamp_min(1)
    away = (content - (content * kept).sum(-1, keepdim=True) / many) * kept
    return away / ((away.square().sum(-1, keepdim=True) / many) + 1e-4).sqrt()

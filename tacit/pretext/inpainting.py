"""Inpainting: restore contiguous pieces that are painted out, from what is around them.

A perceptron reads each hidden patch off its own token; blocks can't be filled in from the nearest neighbours, so more must be understood.
Pathak et al., "Context Encoders", 2016, eq. 1, here with Huber's loss and without an adversary: L = |M * (x - x'(x * (1 - M)))|.
"""

from __future__ import annotations

import torch

from tacit.nets.encoder import Batch, Encoder
from tacit.nets.view import Views
from tacit.pretext.pretext_task import Outcome, PretextTask, Puzzle
from tacit.pretext.restoring_head import RestoringHead


class Inpainting(PretextTask):
    """share: of patches painted out, None = 0.4 of numbers and 0.2 of categories."""

    needs = frozenset({"hide"})

    def __init__(self, encoder: Encoder, seed: int = 0, share: float | None = None) -> None:
        super().__init__(encoder, seed)
        self.share = share
        self.painted = share if share is not None else 0.2 if self.layout.kind == "category" else 0.4
        self.head = RestoringHead(self.layout, self.patch, self.width, seed, self.width)

    def pose(self, batch: Batch, views: Views, rng: torch.Generator) -> Puzzle:
        """answer: what the patches hold, which are asked for [B, N], what of them is real."""
        hidden = views.hidden(batch, self.painted, rng, blocks=True)
        content, real = views.content(batch)
        return Puzzle((batch,), (hidden,), (content, hidden, real))

    def solve(self, encoder: Encoder, puzzle: Puzzle) -> Outcome:
        content, hidden, real = puzzle.answer
        assert content is not None and hidden is not None
        features = encoder(puzzle.views[0], hidden)
        loss, errors, metrics = self.head(features.tokens, content, hidden, real)
        return Outcome(loss, errors, metrics, features.pooled.detach())

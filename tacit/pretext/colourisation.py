"""Colourisation: restore the colours of a picture that is shown without any.

Asked for is what draining took away, so that copying the brightness through earns nothing; a perceptron reads it off the tokens.
Zhang, Isola and Efros, "Colorful Image Colorization", 2016, eq. 1 (regression of the colour channels): L = |c - c'(gray x)|, here Huber's.
"""

from __future__ import annotations

import torch

from tacit.nets.encoder import Batch, Encoder
from tacit.nets.view import Views
from tacit.pretext.pretext_task import Outcome, PretextTask, Puzzle
from tacit.pretext.restoring_head import RestoringHead


class Colourisation(PretextTask):
    """weak: whether samples are also shifted a little first, so that few are not learned by heart."""

    needs = frozenset({"colour"})

    def __init__(self, encoder: Encoder, seed: int = 0, weak: bool = True) -> None:
        super().__init__(encoder, seed)
        self.weak = weak
        self.head = RestoringHead(self.layout, self.patch, self.width, seed, self.width)

    def pose(self, batch: Batch, views: Views, rng: torch.Generator) -> Puzzle:
        """answer: content less that of the drained picture; what of it is real."""
        whole = views.weak(batch, rng) if self.weak else batch
        gray = views.drained(whole)
        content, real = views.content(whole)
        return Puzzle((gray,), (None,), (content - views.content(gray)[0], real))

    def solve(self, encoder: Encoder, puzzle: Puzzle) -> Outcome:
        colours, real = puzzle.answer
        assert colours is not None
        features = encoder(puzzle.views[0])
        asked = torch.ones(features.tokens.shape[:2], dtype=torch.bool, device=colours.device)
        loss, errors, metrics = self.head(features.tokens, colours, asked, real)
        return Outcome(loss, errors, metrics, features.pooled.detach())

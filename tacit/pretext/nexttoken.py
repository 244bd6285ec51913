"""Next token: say what comes next, from all that came before; the next step or patch of a series as well.

L = -mean over n of log p(x_n+1 | x_1 .. x_n), Bengio et al., "A Neural Probabilistic Language Model", 2003, eq. 1; for texts as
Radford et al., "Improving Language Understanding by Generative Pre-Training", 2018, eq. 1; numbers by Huber's loss. Every token is a question.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tacit.nets.encoder import Batch, Encoder
from tacit.nets.view import Views
from tacit.pretext.pretext_task import Outcome, PretextTask, Puzzle
from tacit.pretext.restoring_head import RestoringHead


class NextToken(PretextTask):
    """Needs an encoder in which a token sees only what came before it."""

    needs = frozenset({"onward"})
    causal = True

    def __init__(self, encoder: Encoder, seed: int = 0) -> None:
        super().__init__(encoder, seed)
        self.head = RestoringHead(self.layout, self.patch, self.width, seed)

    def pose(self, batch: Batch, views: Views, rng: torch.Generator) -> Puzzle:
        """answer: content of the place after each, [B, N - 1] or [B, N - 1, P]; where there is one, [B, N - 1]; what of it is real."""
        content, real = views.content(batch)
        answer = content[:, 1:]
        after = None if real is None else real[:, 1:]
        asked = torch.ones(answer.shape[:2], dtype=torch.bool, device=answer.device)
        if real is not None:
            here = real if real.ndim == 2 else real.any(-1)
            asked = here[:, :-1] & (here[:, 1:])
        return Puzzle((batch,), (None,), (answer, asked, after))

    def solve(self, encoder: Encoder, puzzle: Puzzle) -> Outcome:
        answer, asked, real = puzzle.answer
        assert isinstance(answer, Tensor) and isinstance(asked, Tensor)
        features = encoder(puzzle.views[0])
        loss, errors, metrics = self.head(features.tokens[:, :-1], answer, asked, real)
        return Outcome(loss, errors, metrics, features.pooled.detach())

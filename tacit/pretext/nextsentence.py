"""Next sentence: does the second part of a text belong to the first, or to another one?

L = -log p(own | both parts), read off the pooled embedding; half of the pairs are their own. Devlin et al., "BERT", 2019, section 3.1, task 2.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from tacit.nets.encoder import Batch, Encoder
from tacit.nets.view import Views
from tacit.pretext.pretext_task import Outcome, PretextTask, Puzzle, perceptron


class NextSentence(PretextTask):
    """Needs a modality whose samples can be cut in two and paired."""

    needs = frozenset({"sentences"})

    def __init__(self, encoder: Encoder, seed: int = 0) -> None:
        super().__init__(encoder, seed)
        self.judge = perceptron((self.width, self.width, 1), seed, norm=False)

    def pose(self, batch: Batch, views: Views, rng: torch.Generator) -> Puzzle:
        """answer: [B] bool, the second part is its own."""
        pairs, own = views.paired(batch, rng)
        return Puzzle((pairs,), (None,), (own,))

    def solve(self, encoder: Encoder, puzzle: Puzzle) -> Outcome:
        own = puzzle.answer[0]
        assert isinstance(own, Tensor)
        pooled = encoder(puzzle.views[0]).pooled
        guess = self.judge(pooled).squeeze(1).float()
        errors = binary_cross_entropy_with_logits(guess, own.to(guess.dtype), reduction="none")
        right = float(((guess.detach() > 0) == own).float().mean())
        return Outcome(errors.mean(), errors.detach(), {"right": right}, pooled.detach())

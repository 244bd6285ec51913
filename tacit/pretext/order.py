"""Order: tell in which order of time the parts of a sample were put.

One order a sample, all equally likely, the true one among them; a small perceptron guesses it from the embedding. Misra, Zitnick and Hebert,
"Shuffle and Learn", 2016, and Noroozi and Favaro, "Unsupervised Learning by Solving Jigsaw Puzzles", 2016: L = -log p(order | x[order]).
"""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy

from tacit.nets.encoder import Batch, Encoder
from tacit.nets.view import Views
from tacit.pretext.agreement_losses import full_precision
from tacit.pretext.pretext_task import Outcome, PretextTask, Puzzle, perceptron


class Order(PretextTask):
    """orders: how many are told apart at most; weak: whether samples are also changed a little first, so that few are not learned by heart."""

    needs = frozenset({"order"})

    def __init__(self, encoder: Encoder, seed: int = 0, orders: int = 8, weak: bool = True) -> None:
        super().__init__(encoder, seed)
        self.orders, self.weak = orders, weak
        self.guess = perceptron((self.width, self.width, orders), seed)

    def pose(self, batch: Batch, views: Views, rng: torch.Generator) -> Puzzle:
        """answer: [B] the order, 0 = the true one."""
        classes = torch.randint(min(self.orders, views.orders), (len(batch),), generator=rng).to(batch.values.device)
        shown = views.weak(batch, rng) if self.weak else batch
        return Puzzle((views.ordered(shown, classes, rng),), (None,), (classes,))

    def solve(self, encoder: Encoder, puzzle: Puzzle) -> Outcome:
        (answer,) = puzzle.answer
        assert answer is not None
        pooled = encoder(puzzle.views[0]).pooled
        guess = self.guess(pooled)
        with full_precision(guess):
            errors = cross_entropy(guess.float(), answer, reduction="none")
        right = float((guess.detach().argmax(1) == answer).float().mean())
        return Outcome(errors.mean(), errors.detach(), {"right": right}, pooled.detach())

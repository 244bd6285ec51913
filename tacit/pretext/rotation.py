"""Rotation: tell by which of a few turns of space a sample was transformed.

One turn a sample, all equally likely; a linear layer guesses it from the embedding. Gidaris, Singh and Komodakis, "Unsupervised Representation
Learning by Predicting Image Rotations", 2018, eq. 2: L = -log p(y | turn_y(x)).
"""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy

from tacit.nets.encoder import Batch, Encoder
from tacit.nets.view import Views
from tacit.pretext.agreement_losses import full_precision
from tacit.pretext.pretext_task import Outcome, PretextTask, Puzzle, perceptron


class Rotation(PretextTask):
    """turns: how many are told apart at most; weak: whether samples are also shifted a little first, so that few are not learned by heart."""

    needs = frozenset({"rotate"})

    def __init__(self, encoder: Encoder, seed: int = 0, turns: int = 4, weak: bool = True) -> None:
        super().__init__(encoder, seed)
        self.turns, self.weak = turns, weak
        self.guess = perceptron((self.width, self.width, turns), seed)

    def pose(self, batch: Batch, views: Views, rng: torch.Generator) -> Puzzle:
        """answer: [B] the turn, 0 = as it is."""
        classes = torch.randint(min(self.turns, views.turns), (len(batch),), generator=rng).to(batch.values.device)
        shown = views.weak(batch, rng) if self.weak else batch
        return Puzzle((views.turned(shown, classes),), (None,), (classes,))

    def solve(self, encoder: Encoder, puzzle: Puzzle) -> Outcome:
        (answer,) = puzzle.answer
        assert answer is not None
        pooled = encoder(puzzle.views[0]).pooled
        guess = self.guess(pooled)
        with full_precision(guess):
            errors = cross_entropy(guess.float(), answer, reduction="none")
        right = float((guess.detach().argmax(1) == answer).float().mean())
        return Outcome(errors.mean(), errors.detach(), {"right": right}, pooled.detach())

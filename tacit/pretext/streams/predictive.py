"""Predictive: guess how far each feature will have moved, at each horizon that the encoder forecasts.

The tokens are the forecasts; nothing is thrown away. A few whole features are hidden from the gated units, so that one
feature's future is also learned from the others. CPC's idea (van den Oord et al., 2018) with a regression in place of its
InfoNCE, since the heads forecast values: L = mean over h, t, f of huber(y_h(t) - (z(t + h) - z(t))), delta 2.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import huber_loss

from tacit.nets.recurrent import CLIP, RecurrentEncoder
from tacit.pretext.streams.stream_task import Outcome, Puzzle, StreamTask, Windows, mean_where


class Predictive(StreamTask):
    """rate: share of features hidden through a window; first: share of a window that only warms up."""

    def __init__(self, features: int, units: int, seed: int = 0, rate: float = 0.1, first: float = 0.125) -> None:
        super().__init__(features, units, seed)
        self.rate, self.first = rate, first

    def pose(self, windows: Windows, rng: np.random.Generator) -> Puzzle:
        """Answers are the windows themselves: [B, L, F] values and what of them is real."""
        B, L, F = windows.z.shape
        hide = rng.random((B, 1, F)) < (self.rate if F > 1 else 0.0)
        return Puzzle((windows,), (torch.from_numpy(hide).expand(B, L, F),), (windows.z.clamp(-CLIP, CLIP), windows.valid))

    def solve(self, encoder: RecurrentEncoder, puzzle: Puzzle) -> Outcome:
        shown, F = puzzle.views[0], self.features
        z, valid = puzzle.answer
        first = int(self.first * z.shape[1])
        guesses = encoder.forecasts(shown.z, encoder.states(*shown, hidden=puzzle.hidden[0]))  # [B, L, E]
        losses, errors, metrics = [], [], {}
        for m, h in enumerate(encoder.horizons):
            if h >= z.shape[1] - first:
                continue
            guess = guesses[:, first:-h, m * F : (m + 1) * F]
            counts = valid[:, first:-h] & valid[:, first + h :]
            mean, each = mean_where(huber_loss(guess, z[:, first + h :] - z[:, first:-h], reduction="none", delta=2.0), counts)
            losses.append(mean)
            errors.append(each)
            metrics[f"horizon_{h}"] = float(mean.detach())
        return Outcome(torch.stack(losses).mean(), torch.stack(errors).mean(0).detach(), metrics)

"""Masked: hide runs of steps and single values from the gated units, and ask what they were.

Causal and SimMIM-like (Xie et al., 2022): a hidden value is 0 and not valid; a linear head on the units right there
must reconstruct it from what came before and from the features still shown. L = mean over hidden of huber(W h_t - z_t), delta 2.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import huber_loss

from tacit.nets.recurrent import CLIP, RecurrentEncoder
from tacit.pretext.streams.stream_task import Outcome, Puzzle, StreamTask, Windows, mean_where, seeded_linear


class Masked(StreamTask):
    """steps: share of events hidden whole, in runs of `run`; values: share of single features hidden through a run elsewhere."""

    def __init__(self, features: int, units: int, seed: int = 0, steps: float = 0.15, values: float = 0.25, run: int = 4) -> None:
        super().__init__(features, units, seed)
        self.steps, self.values, self.run = steps, values, run
        self.head = seeded_linear(units, features, seed + 1)

    def pose(self, windows: Windows, rng: np.random.Generator) -> Puzzle:
        """Answer: the values [B, L, F] and which of them are asked for (hidden and real)."""
        B, L, F = windows.z.shape
        runs = -(-L // self.run)
        whole = rng.random((B, runs, 1)) < self.steps
        some = rng.random((B, runs, F)) < self.values
        hide = torch.from_numpy(np.repeat(whole | some, self.run, axis=1)[:, :L])  # [B, L, F]
        shown = Windows(windows.z.masked_fill(hide, 0), windows.valid & ~hide, windows.dt)
        return Puzzle((shown,), (hide,), (windows.z.clamp(-CLIP, CLIP), hide & windows.valid))

    def solve(self, encoder: RecurrentEncoder, puzzle: Puzzle) -> Outcome:
        values, asked = puzzle.answer
        guess = self.head(encoder.units_of(encoder.states(*puzzle.views[0], hidden=puzzle.hidden[0])))  # [B, L, F]
        loss, errors = mean_where(huber_loss(guess, values, reduction="none", delta=2.0), asked)
        return Outcome(loss, errors.detach(), {"asked": float(asked.float().mean())})

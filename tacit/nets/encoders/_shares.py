"""Shares: a series of tokens as how often each of their numbers lies above thresholds, which are quantiles of the learning data's tokens.

What is bounded can't run away where a new sample lies outside of all that was seen, and how long something was so is told by how often.
The pooling by which random convolutions are read (Dempster, Petitjean & Webb, "ROCKET", 2020, section 3.2), here on learned tokens.
They are turned at random: so each column carries as much as any other, and standardising columns doesn't blow up what is hardly ever above or below.
"""

from __future__ import annotations

import torch
from scipy.stats import norm
from torch import Tensor, nn

MOST = 20_000  # tokens that the quantiles are taken of


class Shares(nn.Module):
    """at [Q, D]: thresholds; before a look at data those of a normal distribution, which is what a layer norm leaves, about. turn: [Q D, Q D]."""

    at: Tensor
    turn: Tensor

    def __init__(self, width: int, thresholds: int, seed: int) -> None:
        super().__init__()
        drawn = torch.randn(thresholds * width, thresholds * width, generator=torch.Generator().manual_seed(seed + 2))
        self.register_buffer("turn", torch.linalg.qr(drawn)[0].contiguous())  # kept with the weights: another machine's may differ
        self.levels = [(k + 0.5) / thresholds for k in range(thresholds)]
        self.register_buffer("at", torch.tensor(norm.ppf(self.levels), dtype=torch.float32).unsqueeze(1).repeat(1, width))

    @torch.no_grad()
    def settle(self, tokens: Tensor) -> None:
        """tokens [M, D] of samples that were learned from."""
        some = tokens[:: -(-len(tokens) // MOST)].float()
        self.at.copy_(torch.quantile(some, torch.tensor(self.levels, device=some.device), dim=0))

    def forward(self, tokens: Tensor, valid: Tensor | None) -> Tensor:
        """[B, N, D], valid [B, N] → [B, Q D], shares of the real tokens, turned; a sample without any gets 0."""
        real = torch.ones(tokens.shape[:2], device=tokens.device) if valid is None else valid.float()
        real = (real / real.sum(1, keepdim=True).clamp_min(1)).unsqueeze(-1)
        return torch.cat([((tokens > at).float() * real).sum(1) for at in self.at], 1) @ self.turn

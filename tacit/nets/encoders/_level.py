"""Level: what an encoder that centres each sample doesn't see, the mean of each channel, put beside what it says.

Turned at random to as many columns as that has, so that each column carries as much as any other and standardising columns leaves the balance as it
is; and weighed so that both halves vary as much.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

CLIP = 10.0  # deviations


class Level(nn.Module):
    """channels: C; width: W columns; turn [C, W], with right angles between rows where C <= W; balance: what they are multiplied by."""

    turn: Tensor
    balance: Tensor

    def __init__(self, channels: int, width: int, seed: int) -> None:
        super().__init__()
        drawn = torch.randn(max(channels, width), min(channels, width), generator=torch.Generator().manual_seed(seed))
        turn = torch.linalg.qr(drawn)[0]
        self.register_buffer("turn", (turn.T if channels <= width else turn).contiguous())
        self.register_buffer("balance", torch.ones(()))

    @torch.no_grad()
    def weigh(self, z: Tensor, valid: Tensor | None, beside: Tensor) -> None:
        """So that it varies as `beside` [n, W] does on z [n, L, C]."""
        self.balance.fill_(1.0)
        own, other = ((x - x.mean(0)).square().sum(1).mean().sqrt() for x in (self(z, valid), beside))
        self.balance.copy_(other / own.clamp_min(1e-6))

    def forward(self, z: Tensor, valid: Tensor | None) -> Tensor:
        """z [B, L, C] in deviations, 0 where nothing is real → [B, W]."""
        level = z.mean(1) if valid is None else z.sum(1) / valid.expand(z.shape).sum(1).clamp_min(1)
        return level.clamp(-CLIP, CLIP) @ self.turn * self.balance

"""Level: what an encoder that centres each sample doesn't see, the mean of each channel, put beside what it says.

Turned at random to a quarter as many columns as that has, each of which varies as one of that does: so it weighs half, whether columns are
standardised or not. Half was chosen on training engines (docs/log.md).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

CLIP = 10.0  # deviations
SHARE = 4


class Level(nn.Module):
    """channels: C; own: numbers beside which it stands; turn [C, width], with right angles between its rows; balance: what that is multiplied by."""

    turn: Tensor
    balance: Tensor

    def __init__(self, channels: int, own: int, seed: int) -> None:
        super().__init__()
        self.width = max(own // SHARE, channels)
        drawn = torch.randn(self.width, channels, generator=torch.Generator().manual_seed(seed))
        self.register_buffer("turn", torch.linalg.qr(drawn)[0].T.contiguous())
        self.register_buffer("balance", torch.ones(()))

    @torch.no_grad()
    def weigh(self, z: Tensor, valid: Tensor | None, beside: Tensor) -> None:
        """So that its columns vary as those of `beside` [n, own] do on z [n, L, C]."""
        self.balance.fill_(1.0)
        level, other = ((x - x.mean(0)).square().mean().sqrt() for x in (self(z, valid), beside))
        self.balance.copy_(other / level.clamp_min(1e-6))

    def forward(self, z: Tensor, valid: Tensor | None) -> Tensor:
        """z [B, L, C] in deviations, 0 where nothing is real → [B, width]."""
        level = z.mean(1) if valid is None else z.sum(1) / valid.expand(z.shape).sum(1).clamp_min(1)
        return level.clamp(-CLIP, CLIP) @ self.turn * self.balance

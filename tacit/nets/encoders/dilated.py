"""Dilated: residual blocks of dilated convolutions over the steps of a series, one token a step.

The reach doubles with each block, so ten of them see two thousand steps; missing values enter as 0 beside a channel that says so.
The embedding is the largest value that each number of a token takes over time. Yue et al., "TS2Vec", 2022, section 3.2 (there a step is
hidden after the first linear layer, as here, but by noughts; a learned token says that something is hidden, not that it is 0).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch, Encoder, Features
from tacit.nets.encoders._series import CLIP, Block, draw_weights, inside, instance_normalised, known, real_steps, refuse_other_than_series
from tacit.nets.simple_features import LOOKS, simple_aside


class Dilated(Encoder):
    """width: D; hidden: channels of the blocks; depth: blocks, 0 = until the reach covers the series; normalise: by the learning data's
    statistics ("whole") or each sample by its own ("instance": where levels mean nothing); pool: how tokens become the embedding;
    simple: whether random convolutions stand beside it."""

    modalities = frozenset({"series"})

    def __init__(
        self,
        layout: Layout,
        seed: int = 0,
        width: int = 320,
        hidden: int = 64,
        depth: int = 0,
        normalise: Literal["whole", "instance"] = "whole",
        pool: Literal["largest", "mean", "last"] = "largest",
        simple: bool = True,
    ) -> None:
        super().__init__(layout, seed)
        refuse_other_than_series(layout, "causal" if self.causal else "dilated")
        self.width, self.hidden, self.depth, self.normalise, self.pool, self.simple = width, hidden, depth, normalise, pool, simple
        self.patch = (1,)
        blocks = depth or min(10, max(3, (layout.size[0] - 1).bit_length()))
        widths = [hidden] * (blocks - 1) + [width]
        with torch.random.fork_rng(devices=[]):
            self.enter = nn.Linear(2 * layout.channels, hidden)
            self.blocks = nn.ModuleList(Block(hidden, w, 2**k, self.causal) for k, w in enumerate(widths))
        self.mask_token = nn.Parameter(torch.zeros(1, hidden))
        draw_weights(self, seed)
        self.aside, self.looks = simple_aside(simple, layout, width, seed), LOOKS if simple else 0
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, batch: Batch, hidden: Tensor | None = None) -> Features:
        """Any length goes; hidden: [B, L]."""
        z = self.normalised(batch).clamp(-CLIP, CLIP)  # [B, L, C]
        if self.normalise == "instance":
            z = instance_normalised(z, known(batch.valid, hidden))
        present = torch.ones_like(z) if batch.valid is None else batch.valid.to(z.dtype)
        x = self.enter(torch.cat([z, present], -1))  # [B, L, H]
        if hidden is not None:
            x = torch.where(hidden.unsqueeze(-1), self.mask_token.to(x.dtype), x)
        steps = None if batch.valid is None else real_steps(batch.valid)
        shown = None if steps is None else inside(steps, self.causal)[:, None, None].to(x.dtype)  # [B, 1, 1, L]
        x = x.transpose(1, 2).unsqueeze(2)  # [B, H, 1, L]
        for block in self.blocks:
            x = block(x, shown)
        x = x.squeeze(2)  # [B, D, L]
        return Features(x.transpose(1, 2), self.pooled(x, steps), steps)

    def pooled(self, x: Tensor, steps: Tensor | None) -> Tensor:
        """[B, D, L] → [B, D] over real steps; a sample without any gets 0."""
        if self.pool == "last":
            return _last(x, steps)
        if steps is None:
            return x.amax(-1) if self.pool == "largest" else x.mean(-1)
        real, many = steps.unsqueeze(1), steps.sum(1, keepdim=True)
        if self.pool == "mean":
            return (x * real).sum(-1) / many.clamp_min(1)
        return x.masked_fill(~real, torch.finfo(x.dtype).min).amax(-1).masked_fill(many == 0, 0)


def _last(x: Tensor, steps: Tensor | None) -> Tensor:
    """The token of the last real step, [B, D]."""
    if steps is None:
        return x[..., -1]
    at = steps.shape[1] - 1 - steps.flip(1).long().argmax(1)  # [B]
    found = x.gather(-1, at.view(-1, 1, 1).expand(-1, x.shape[1], 1)).squeeze(-1)
    return found.masked_fill(~steps.any(1, keepdim=True), 0)

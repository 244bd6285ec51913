"""Patches: a transformer over pieces of a series, one token a piece of `steps` steps with all its channels.

Every piece goes through one linear layer with its numbers and what of them is real; hidden ones are a learned token; positions are sines.
Attention passes over pieces in which nothing is real. Nie et al., "A Time Series is Worth 64 Words" (PatchTST), 2023, section 3.1;
channels are read together, not apart: what relates them is what few labels need.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad, scaled_dot_product_attention

from tacit.contracts.errors import DataError
from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch, Encoder, Features
from tacit.nets.encoders._series import CLIP, draw_weights, refuse_other_than_series


class Patches(Encoder):
    """width: D; depth: layers; heads: of attention; steps: a piece's, 0 = a 24th of the series, 1 to 32."""

    modalities = frozenset({"series"})

    def __init__(self, layout: Layout, seed: int = 0, width: int = 128, depth: int = 3, heads: int = 4, steps: int = 0) -> None:
        super().__init__(layout, seed)
        refuse_other_than_series(layout, "patches")
        if width % heads:
            raise DataError(f"{heads} heads can't share a width of {width}.", "Choose a width that is a multiple of the heads.")
        self.width, self.depth, self.heads, self.steps = width, depth, heads, steps
        self.patch = (steps or min(32, max(1, layout.size[0] // 24)),)
        with torch.random.fork_rng(devices=[]):
            self.enter = nn.Linear(2 * self.patch[0] * layout.channels, width)
            self.layers = nn.ModuleList(_Layer(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.mask_token = nn.Parameter(torch.zeros(1, width))
        draw_weights(self, seed)

    def forward(self, batch: Batch, hidden: Tensor | None = None) -> Features:
        """Any length goes; what doesn't fill its last piece is filled up as missing. hidden: [B, N]."""
        z = self.normalised(batch).clamp(-CLIP, CLIP)
        present = torch.ones_like(z) if batch.valid is None else batch.valid.to(z.dtype)
        more = -z.shape[1] % self.patch[0]
        both = pad(torch.cat([z, present], -1), (0, 0, 0, more))  # [B, N p, 2 C]
        x = self.enter(both.view(len(z), -1, self.patch[0] * both.shape[2]))  # [B, N, D]
        if hidden is not None:
            x = torch.where(hidden.unsqueeze(-1), self.mask_token.to(x.dtype), x)
        x = x + _sines(x.shape[1], self.width, x)
        valid = None if batch.valid is None else pad(batch.valid.any(-1), (0, more)).view(len(z), -1, self.patch[0]).any(-1)  # [B, N]
        for layer in self.layers:
            x = layer(x, valid)
        x = self.norm(x)
        if valid is None:
            return Features(x, x.mean(1), None)
        return Features(x, (x * valid.unsqueeze(-1)).sum(1) / valid.sum(1, keepdim=True).clamp_min(1), valid)


class _Layer(nn.Module):
    """Attention and two linear layers, each after a norm and past it: [B, N, D] → the same."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor, valid: Tensor | None) -> Tensor:
        b, n, d = x.shape
        q, k, v = self.ask(self.norm(x)).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)  # each [B, heads, N, D / heads]
        seen = None if valid is None else (valid | ~valid.any(1, keepdim=True)).view(b, 1, 1, n)  # a sample of nothing attends to all: no NaN
        x = x + self.join(scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(1, 2).reshape(b, n, d))
        narrow: Tensor = self.narrow(gelu(self.wide(self.after(x))))
        return x + narrow


def _sines(n: int, width: int, like: Tensor) -> Tensor:
    """Positions as sines and cosines of geometric wavelengths, [N, D]. Vaswani et al., 2017, section 3.5."""
    half = (width + 1) // 2
    rates = torch.exp(torch.arange(half, device=like.device) * (-math.log(10_000) / half))
    angles = torch.arange(n, device=like.device).unsqueeze(1) * rates  # [N, D / 2]
    return torch.cat([angles.sin(), angles.cos()], -1)[:, :width].to(like.dtype)

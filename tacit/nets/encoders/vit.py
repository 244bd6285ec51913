"""Vision transformer: patches of a picture are tokens, and what is hidden is a learned mask token.

Norm comes first, positions are fixed sines of row and column, pooled is the mean of the tokens or a class token.
Dosovitskiy et al., "An Image is Worth 16x16 Words", 2021, eq. 1 to 4; positions as of He et al., "Masked Autoencoders", 2022.
"""

from __future__ import annotations

from typing import ClassVar, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad, scaled_dot_product_attention

from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch, Encoder, Features
from tacit.nets.encoders._images import draw_weights, refuse_other_than_images
from tacit.nets.simple_features import LOOKS, simple_aside


class _Layer(nn.Module):
    """x + attention(norm(x)), then x + perceptron(norm(x))."""

    def __init__(self, width: int, heads: int, spread: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.second_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values, self.mixed = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, spread * width), nn.Linear(spread * width, width)

    def forward(self, x: Tensor) -> Tensor:
        b, n, d = x.shape
        q, k, v = self.queries_keys_values(self.norm(x)).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, d)
        x = x + self.mixed(seen)
        return cast(Tensor, x + self.narrow(gelu(self.wide(self.second_norm(x)))))


class ViT(Encoder):
    """side: of a patch; 0 takes 4 up to 48 pixels a side, 8 up to 128, else 16. spread: how much wider the perceptrons are inside.

    pooling: mean of the tokens, or cls, a token of its own that is not among `tokens`. simple: whether
    gradients and colours stand beside what is learned, in the embedding.
    """

    modalities: ClassVar[frozenset[str]] = frozenset({"image"})
    looks: int = LOOKS

    def __init__(
        self,
        layout: Layout,
        seed: int = 0,
        width: int = 192,
        depth: int = 6,
        heads: int = 3,
        side: int = 0,
        spread: int = 4,
        pooling: Literal["mean", "cls"] = "mean",
        simple: bool = True,
    ) -> None:
        refuse_other_than_images(layout, "vit")
        super().__init__(layout, seed)
        self.width, self.depth, self.heads, self.side, self.spread, self.pooling, self.simple = width, depth, heads, side, spread, pooling, simple
        step = side or next((s for s, most in ((4, 48), (8, 128)) if max(layout.size) <= most), 16)
        self.patch = (step, step)
        with torch.random.fork_rng(devices=[]):
            self.embed = nn.Linear(layout.channels * step * step, width)
            self.layers = nn.ModuleList(_Layer(width, heads, spread) for _ in range(depth))
            self.norm = nn.LayerNorm(width)
        self.mask = nn.Parameter(torch.zeros(width))
        self.cls = nn.Parameter(torch.zeros(width)) if pooling == "cls" else None
        generator = draw_weights(self, seed)
        for parameter in (self.mask, self.cls):
            if parameter is not None:
                nn.init.normal_(parameter, std=0.02, generator=generator)
        self.register_buffer("positions", sines(self.grid, width), persistent=False)
        self.positions: Tensor
        self.aside = simple_aside(simple, layout, width, seed)

    def patches(self, x: Tensor) -> Tensor:
        """x [B, C, H, W] → [B, N, C * ph * pw], row by row; the last row and column are filled up with the mean."""
        (rows, columns), (high, wide) = self.grid, self.patch
        b, c, h, w = x.shape
        x = pad(x, (0, columns * wide - w, 0, rows * high - h))
        return x.view(b, c, rows, high, columns, wide).permute(0, 2, 4, 1, 3, 5).reshape(b, rows * columns, c * high * wide)

    def forward(self, batch: Batch, hidden: Tensor | None = None) -> Features:
        x = self.embed(self.patches(self.normalised(batch)))  # [B, N, D]
        if hidden is not None:
            x = torch.where(hidden.unsqueeze(-1), self.mask.to(x.dtype), x)
        x = x + self.positions
        if self.cls is not None:
            x = torch.cat([self.cls.to(x.dtype).expand(len(x), 1, -1), x], 1)
        for layer in self.layers:
            x = layer(x)
        x = self.norm(x)
        return Features(x, x.mean(1)) if self.cls is None else Features(x[:, 1:], x[:, 0])


def sines(grid: tuple[int, ...], width: int) -> Tensor:
    """[rows * columns, width]: half for the row, half for the column, sine and cosine at wavelengths from 2 pi to 20000 pi."""
    quarter = width // 4
    rates = 10000 ** -(torch.arange(quarter) / quarter)
    places = [torch.arange(n).unsqueeze(1) * rates for n in grid]  # [rows, D/4], [columns, D/4]
    down, across = (torch.cat([p.sin(), p.cos()], 1) for p in places)
    both = torch.cat([down.repeat_interleave(grid[1], 0), across.repeat(grid[0], 1)], 1)
    return torch.nn.functional.pad(both, (0, width - both.shape[1]))

"""Patches: a transformer over pieces of a series, one token a piece of `steps` steps with all its channels.

Every piece goes through one linear layer with its numbers and what of them is real; hidden ones are a learned token; positions are sines.
Attention passes over pieces in which nothing is real. Nie et al., "A Time Series is Worth 64 Words" (PatchTST), 2023, section 3.1;
channels are read together, not apart: what relates them is what few labels need. The embedding is how often each number of a token lies above
thresholds (see `_shares`); the tasks see the mean of the tokens.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad, scaled_dot_product_attention

from tacit.contracts.errors import DataError
from tacit.contracts.layout import Layout, Samples
from tacit.nets.encoder import LOOK, Batch, Encoder, Features
from tacit.nets.encoders._level import Level
from tacit.nets.encoders._series import CLIP, centred, draw_weights, known, refuse_other_than_series
from tacit.nets.encoders._shares import Shares
from tacit.nets.simple_features import LOOKS, simple_aside

LEAST = 1e-2  # deviations: a channel that hardly moves within a sample is not blown up further


class Patches(Encoder):
    """width: D; depth: layers; heads: of attention; steps: a piece's, 0 = a 24th of the series, 1 to 32.

    normalise: by the learning data's statistics ("whole"), or each sample's channels about their own mean too ("centred": where one machine's
    level is another's alarm), and then the levels stand beside in the embedding; thresholds: of each number of a token; simple: whether random
    convolutions stand beside, too.
    """

    modalities = frozenset({"series"})
    looks: int = LOOKS
    within: Tensor

    def __init__(
        self,
        layout: Layout,
        seed: int = 0,
        width: int = 128,
        depth: int = 3,
        heads: int = 4,
        steps: int = 0,
        normalise: Literal["whole", "centred"] = "whole",
        thresholds: int = 8,
        simple: bool = False,
    ) -> None:
        super().__init__(layout, seed)
        refuse_other_than_series(layout, "patches")
        if width % heads:
            raise DataError(f"{heads} heads can't share a width of {width}.", "Choose a width that is a multiple of the heads.")
        if normalise not in ("whole", "centred"):
            raise DataError(f"normalise = {normalise!r} is unknown to the encoder 'patches'.", 'It is "whole" or "centred".')
        if thresholds < 1:
            raise DataError(f"{thresholds} thresholds read nothing off a token.", "Give 1 or more.")
        self.width, self.depth, self.heads, self.steps = width, depth, heads, steps
        self.normalise, self.thresholds, self.simple = normalise, thresholds, simple
        self.patch = (steps or min(32, max(1, layout.size[0] // 24)),)
        with torch.random.fork_rng(devices=[]):
            self.enter = nn.Linear(2 * self.patch[0] * layout.channels, width)
            self.layers = nn.ModuleList(_Layer(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.mask_token = nn.Parameter(torch.zeros(1, width))
        draw_weights(self, seed)
        self.shares = Shares(width, thresholds, seed)
        self.level = Level(layout.channels, width * thresholds, seed + 1) if normalise == "centred" else None
        self.aside = simple_aside(simple, layout, width * thresholds, seed)
        self.register_buffer("within", torch.ones(layout.channels))

    @property
    def view_options(self) -> dict[str, Any]:
        return {"within": tuple(self.within.tolist())} if self.normalise == "centred" else {}

    @property
    def settles(self) -> bool:
        return True

    @property
    def own(self) -> int:
        return self.width * self.thresholds

    @property
    def outputs(self) -> int:
        return self.own * (1 if self.aside is None else 2) + (0 if self.level is None else self.level.width)

    def joined(self, batch: Batch, features: Features) -> Tensor:
        """[shares | random convolutions | levels]."""
        shares: Tensor = self.shares(features.tokens, features.valid)
        both = shares if self.aside is None else self.aside(batch.values, batch.valid, shares)
        return both if self.level is None else torch.cat([both, self.level(self.normalised(batch), batch.valid)], 1)

    @torch.no_grad()
    def begin(self, samples: Samples) -> None:
        """Takes `within` from these samples: how far channels stray from their own mean in a sample, in deviations of all data."""
        super().begin(samples)
        batch = Batch.of(samples).to(self.mean.device)
        real = torch.ones_like(batch.values) if batch.valid is None else batch.valid.float()
        away = centred(self.normalised(batch), batch.valid).square().sum((0, 1)) / real.sum((0, 1)).clamp_min(1)
        self.within.copy_(torch.where(away > 0, away.sqrt().clamp_min(LEAST), 1.0))

    @torch.no_grad()
    def settle(self, samples: Samples) -> None:
        """Thresholds are quantiles of the tokens of these samples; what stands beside the shares is put in balance with them."""
        training = self.training
        self.eval()
        batches = [Batch.of(samples.take(slice(k, k + LOOK))).to(self.mean.device) for k in range(0, len(samples.values), LOOK)]
        said = [self(batch) for batch in batches]
        self.shares.settle(torch.cat([f.tokens.flatten(0, 1) if f.valid is None else f.tokens[f.valid] for f in said]))
        shares = torch.cat([self.shares(f.tokens, f.valid) for f in said])
        if self.aside is not None:
            self.aside.weigh(shares)
        if self.level is not None:
            whole = Batch.of(samples).to(self.mean.device)
            self.level.weigh(self.normalised(whole), whole.valid, shares)
        self.train(training)

    def forward(self, batch: Batch, hidden: Tensor | None = None) -> Features:
        """Any length goes; what doesn't fill its last piece is filled up as missing. hidden: [B, N]."""
        z = self.normalised(batch)
        if self.normalise == "centred":
            steps = None if hidden is None else hidden.repeat_interleave(self.patch[0], 1)[:, : z.shape[1]]
            z = centred(z, known(batch.valid, steps)) / self.within
        z = z.clamp(-CLIP, CLIP)
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

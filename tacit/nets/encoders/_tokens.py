"""What the transformers of tokens share: their layers, their places, and batches cut to their longest text.

Norm comes first and has no weights of its own scale but one (RMS: Zhang & Sennrich, 2019); queries and keys are normed and turned by their place
(rotary: Su et al., "RoFormer", 2021, eq. 34), so that only distances count and any length goes; the perceptron is relu squared (So et al.,
"Primer", 2021). Each layer's way back starts at nothing, so that the stream starts as the embedding itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, linear, pad, relu, rms_norm, scaled_dot_product_attention

from tacit.contracts.errors import DataError
from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch


class Layer(nn.Module):
    """x + attention(norm(x)), then x + perceptron(norm(x)). dropout draws from the global generator, which the learner owns."""

    def __init__(self, width: int, heads: int, share: float) -> None:
        super().__init__()
        self.heads, self.share = heads, share
        self.queries_keys_values, self.mixed = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.wide, self.narrow = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)
        self.norm, self.second_norm = nn.Parameter(torch.ones(width)), nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], seen: Tensor | None, causal: bool) -> Tensor:
        """x [B, N, D]; turn: cosines and sines [N, D / heads]; seen [B, 1, 1, N]: which tokens may be looked at, None = all."""
        b, n, d = x.shape
        qkv = self.queries_keys_values(rms_norm(x, (d,), self.norm)).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        both = rms_norm(qkv[:2], (d // self.heads,))  # [2, B, heads, N, D / heads]: queries and keys
        q, k = (both * turn[0] + _crossed(both) * turn[1]).unbind(0)
        heard = scaled_dot_product_attention(q, k, qkv[2], attn_mask=seen, is_causal=causal)
        x = x + self._dropped(self.mixed(heard.transpose(1, 2).reshape(b, n, d)))
        return x + self._dropped(self.narrow(relu(self.wide(rms_norm(x, (d,), self.second_norm))).square()))

    def _dropped(self, x: Tensor) -> Tensor:
        return dropout(x, self.share, self.training) if self.share else x


def _crossed(x: Tensor) -> Tensor:
    """(a, b) → (-b, a), of the two halves of the last axis."""
    a, b = x.chunk(2, -1)
    return torch.cat([-b, a], -1)


def turns(length: int, width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines [length, width] of place * rate; the rates fall from 1 to 1e-4."""
    rates = 10000 ** -(torch.arange(width // 2) * 2 / width)
    angles = torch.arange(length).unsqueeze(1) * rates
    angles = torch.cat([angles, angles], 1)
    return angles.cos(), angles.sin()


class Stack(nn.Module):
    """Embedding, layers, norm: ids [B, N] → tokens [B, N, D]."""

    def __init__(self, layout: Layout, width: int, depth: int, heads: int, share: float, seed: int) -> None:
        super().__init__()
        if width % (2 * heads):
            raise DataError(f"{heads} heads can't share a width of {width} in even parts.", "Choose a width that is a multiple of twice the heads.")
        self.share = share
        with torch.random.fork_rng(devices=[]):
            self.embed = nn.Embedding(layout.vocabulary, width)
            self.layers = nn.ModuleList(Layer(width, heads, share) for _ in range(depth))
        self.norm = nn.Parameter(torch.ones(width))
        cosines, sines = turns(layout.size[0], width // heads)
        self.register_buffer("cosines", cosines, persistent=False)
        self.register_buffer("sines", sines, persistent=False)
        self.cosines: Tensor
        self.sines: Tensor
        self._draw(seed)

    def _draw(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            nn.init.normal_(self.embed.weight, generator=generator)
            for layer in cast(Iterable[Layer], self.layers):
                for weight in (layer.queries_keys_values.weight, layer.wide.weight):
                    nn.init.normal_(weight, std=weight.shape[1] ** -0.5, generator=generator)
                nn.init.zeros_(layer.mixed.weight)
                nn.init.zeros_(layer.narrow.weight)

    def forward(self, ids: Tensor, seen: Tensor | None, causal: bool) -> Tensor:
        n = ids.shape[1]
        x = rms_norm(self.embed(ids), (self.embed.embedding_dim,))
        x = dropout(x, self.share, self.training) if self.share else x
        turn = (self.cosines[:n].to(x.dtype), self.sines[:n].to(x.dtype))
        for layer in self.layers:
            x = layer(x, turn, seen, causal)
        return rms_norm(x, (x.shape[-1],), self.norm)

    def guesses(self, tokens: Tensor) -> Tensor:
        """Tokens [.., D] → logits [.., vocabulary] by the embedding itself."""
        return linear(tokens, self.embed.weight)


def trimmed(batch: Batch, hidden: Tensor | None, mask: int) -> tuple[Tensor, Tensor | None]:
    """Ids [B, n] with what is hidden as the mask token, and valid [B, n] or None; n is the longest text's."""
    ids = batch.values if hidden is None else batch.values.masked_fill(hidden, mask)
    if batch.valid is None:
        return ids, None
    longest = max(1, int(batch.valid.any(0).nonzero().max()) + 1) if bool(batch.valid.any()) else 1
    valid = batch.valid[:, :longest]
    return ids[:, :longest], None if bool(valid.all()) else valid


def untrimmed(tokens: Tensor, length: int) -> Tensor:
    """Tokens [B, n, D] → [B, N, D] with zeros where there is padding only."""
    return tokens if tokens.shape[1] == length else pad(tokens, (0, 0, 0, length - tokens.shape[1]))


def mean_of_valid(tokens: Tensor, valid: Tensor | None) -> Tensor:
    """[B, N, D] → [B, D]; a text of no token gives zeros."""
    if valid is None:
        return tokens.mean(1)
    weight = valid.unsqueeze(-1).to(tokens.dtype)
    return (tokens * weight).sum(1) / weight.sum(1).clamp_min(1)


def refuse_other_than_text(layout: Layout, name: str) -> None:
    """Raises DataError where the samples are no texts."""
    if layout.modality != "text":
        raise DataError(f"the encoder {name!r} reads texts, not samples of {layout.modality}.", "Choose another with --encoder.")

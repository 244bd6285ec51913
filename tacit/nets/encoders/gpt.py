"""GPT: a transformer in which a token sees only those before it and itself.

Pooled is the mean of the real tokens, or the last one. Radford et al., "Improving Language Understanding by Generative Pre-Training", 2018.
Padding lies at the end, where nothing real can see it.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch, Encoder, Features
from tacit.nets.encoders._tokens import Stack, mean_of_valid, refuse_other_than_text, trimmed, untrimmed


class GPT(Encoder):
    """width: D; depth: layers; heads: of attention; dropout: share of each layer's output, while learning; pooling: mean or last."""

    modalities: ClassVar[frozenset[str]] = frozenset({"text"})
    causal: ClassVar[bool] = True

    def __init__(
        self,
        layout: Layout,
        seed: int = 0,
        width: int = 128,
        depth: int = 4,
        heads: int = 4,
        dropout: float = 0.0,
        pooling: Literal["mean", "last"] = "mean",
    ) -> None:
        refuse_other_than_text(layout, "gpt")
        super().__init__(layout, seed)
        self.width, self.depth, self.heads, self.dropout, self.pooling, self.patch = width, depth, heads, dropout, pooling, (1,)
        self.stack = Stack(layout, width, depth, heads, dropout, seed)

    def forward(self, batch: Batch, hidden: Tensor | None = None) -> Features:
        ids, valid = trimmed(batch, hidden, self.layout.special["mask"])
        tokens = self.stack(ids, None, True)  # [B, n, D]
        if self.pooling == "mean":
            pooled = mean_of_valid(tokens, valid)
        else:
            last = torch.full((len(ids),), ids.shape[1], device=ids.device) if valid is None else valid.sum(1).clamp_min(1)
            pooled = tokens[torch.arange(len(ids), device=ids.device), last - 1]
        return Features(untrimmed(tokens, batch.values.shape[1]), pooled, batch.valid)

"""Transformer: tokens look at each other both ways; a hidden one is the mask token.

Pooled is the mean of the real tokens. Vaswani et al., "Attention is all you need", 2017, encoder; Devlin et al., "BERT", 2019.
A batch is cut to its longest text before it is read, and padding is passed over.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch, Encoder, Features
from tacit.nets.encoders._tokens import Stack, mean_of_valid, refuse_other_than_text, trimmed, untrimmed


class Transformer(Encoder):
    """width: D; depth: layers; heads: of attention; dropout: share of each layer's output, while learning."""

    modalities: ClassVar[frozenset[str]] = frozenset({"text"})

    def __init__(self, layout: Layout, seed: int = 0, width: int = 128, depth: int = 3, heads: int = 4, dropout: float = 0.1) -> None:
        refuse_other_than_text(layout, "transformer")
        super().__init__(layout, seed)
        self.width, self.depth, self.heads, self.dropout, self.patch = width, depth, heads, dropout, (1,)
        self.stack = Stack(layout, width, depth, heads, dropout, seed)

    def forward(self, batch: Batch, hidden: Tensor | None = None) -> Features:
        ids, valid = trimmed(batch, hidden, self.layout.special["mask"])
        tokens = self.stack(ids, None if valid is None else valid[:, None, None, :], False)
        return Features(untrimmed(tokens, batch.values.shape[1]), mean_of_valid(tokens, valid), batch.valid)

"""Encoder: samples → tokens and one embedding. The kept part of learning; a part is one file in `nets/encoders/`.

The torch contracts of learning: Batch (samples on the device), Features (what an encoder says of them), Encoder.
Normalisation statistics are the encoder's own buffers, so training, evaluation and export agree.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from tacit.contracts.layout import Layout, Samples


class Batch(NamedTuple):
    """B samples on a device: image values [B, C, H, W] uint8, or float in 0..255; series [B, L, C] float; text [B, N] int64.

    valid as in Samples: None = all real.
    """

    values: Tensor
    valid: Tensor | None = None

    def to(self, device: torch.device | str) -> Batch:
        return Batch(self.values.to(device, non_blocking=True), None if self.valid is None else self.valid.to(device, non_blocking=True))

    def take(self, rows: Tensor) -> Batch:
        return Batch(self.values[rows], None if self.valid is None else self.valid[rows])

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def of(cls, samples: Samples) -> Batch:
        """From numpy, without a copy where it can be; token ids become int64."""
        values = torch.from_numpy(np.ascontiguousarray(samples.values))
        values = values.long() if values.dtype == torch.int32 else values
        return cls(values, None if samples.valid is None else torch.from_numpy(np.ascontiguousarray(samples.valid)))


class Features(NamedTuple):
    """tokens [B, N, D] in the order of the patch grid (row by row); pooled [B, D]; valid [B, N] bool, None = all real."""

    tokens: Tensor
    pooled: Tensor
    valid: Tensor | None = None


class Encoder(nn.Module, ABC):
    """layout: of what it reads; width: D; patch: places a token covers along each axis; seed: of the first weights.

    Constructors take (layout, seed, and options with defaults), store every argument under its own name, draw all first
    weights from `seed` alone and keep the global generator as it was.
    """

    modalities: ClassVar[frozenset[str]]
    causal: ClassVar[bool] = False
    layout: Layout
    seed: int
    width: int
    patch: tuple[int, ...]
    mean: Tensor
    deviation: Tensor

    def __init__(self, layout: Layout, seed: int = 0) -> None:
        super().__init__()
        self.layout, self.seed = layout, seed
        self.register_buffer("mean", torch.tensor(layout.mean, dtype=torch.float32))
        self.register_buffer("deviation", torch.tensor(layout.deviation, dtype=torch.float32))

    @property
    def grid(self) -> tuple[int, ...]:
        """Tokens along each axis; their product is N."""
        return tuple(-(-size // step) for size, step in zip(self.layout.size, self.patch, strict=True))

    def normalised(self, batch: Batch) -> Tensor:
        """Values with mean 0 and deviation 1 a channel by the learning data's statistics; missing ones are 0. Numbers only."""
        if self.layout.modality == "image":
            return (batch.values.to(self.mean.dtype) - self.mean.view(-1, 1, 1)) / self.deviation.view(-1, 1, 1)
        z = (batch.values - self.mean) / self.deviation
        return z if batch.valid is None else z.masked_fill(~batch.valid, 0)

    def begin(self, samples: Samples) -> None:
        """A look at samples that will be learned from, before the first step: for encoders that start from statistics of them."""

    @abstractmethod
    def forward(self, batch: Batch, hidden: Tensor | None = None) -> Features:
        """hidden: [B, N] bool on the patch grid, True = not shown: mapped to a mask token, or painted with the mean at the input."""

"""Encoder: samples → tokens and one embedding. The kept part of learning; a part is one file in `nets/encoders/`.

The torch contracts of learning: Batch (samples on the device), Features (what an encoder says of them), Encoder.
Normalisation statistics are the encoder's own buffers, so training, evaluation and export agree.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from tacit.contracts.layout import Layout, Samples
from tacit.nets.simple_features import Aside

LOOK = 256


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
    """layout: of what it reads; width: D; patch: places a token covers along each axis; seed: of the first weights; aside: simple features
    that stand beside what is learned, in the embedding alone: tasks see `pooled`; looks: samples that `begin` (and `settle`) want to see.

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
    aside: Aside | None
    looks: int = 0

    def __init__(self, layout: Layout, seed: int = 0) -> None:
        super().__init__()
        self.layout, self.seed = layout, seed
        self.aside = None
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

    @property
    def view_options(self) -> dict[str, Any]:
        """What the views must know to pose puzzles that fit: arguments of theirs."""
        return {}

    @property
    def own(self) -> int:
        """Numbers at the beginning of an embedding that are learned; what comes after them stands beside."""
        return self.width

    @property
    def outputs(self) -> int:
        """Numbers of an embedding: D, or 2 D with simple features beside."""
        return self.own if self.aside is None else 2 * self.own

    @property
    def settles(self) -> bool:
        """Whether `settle` looks at samples at all: they may have to be read for it."""
        return self.aside is not None

    def embedding(self, batch: Batch) -> Tensor:
        """[B, outputs]: what is read off, searched and predicted from."""
        return self.joined(batch, self(batch))

    def joined(self, batch: Batch, features: Features) -> Tensor:
        """The embedding from what was said of the batch, [B, outputs]."""
        return features.pooled if self.aside is None else self.aside(batch.values, batch.valid, features.pooled)

    def begin(self, samples: Samples) -> None:
        """A look at samples that will be learned from, before the first step: for what starts from statistics of them."""
        if self.aside is not None:
            self.aside.begin(samples)

    @torch.no_grad()
    def settle(self, samples: Samples) -> None:
        """A look at them after the last step: simple features are put in balance with what was learned."""
        if self.aside is None:
            return
        training, device = self.training, self.mean.device
        self.eval()
        parts = [self(Batch.of(samples.take(slice(k, k + LOOK))).to(device)).pooled for k in range(0, len(samples.values), LOOK)]
        self.train(training)
        self.aside.weigh(torch.cat(parts))

    @abstractmethod
    def forward(self, batch: Batch, hidden: Tensor | None = None) -> Features:
        """hidden: [B, N] bool on the patch grid, True = not shown: mapped to a mask token, or painted with the mean at the input."""

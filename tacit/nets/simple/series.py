"""Simple features of series: random convolutions, how often their answers are above thresholds taken from the data.

See random_convolutions for the method and its reference. A quarter as many as the rung has: nine tenths of what those bring. They are reckoned
by compiled loops on the processor, wherever the encoder is.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from tacit.contracts.layout import Layout
from tacit.nets.random_convolutions import RandomConvolutions
from tacit.nets.simple_features import SimpleFeatures


class SeriesSimple(SimpleFeatures):
    """seed: of the channels that are combined; many: features, to the next multiple of 84 below. Scales and thresholds are buffers."""

    modality: ClassVar[str] = "series"
    standardised: ClassVar[bool] = True
    mean: Tensor
    scale: Tensor
    biases: Tensor

    def __init__(self, layout: Layout, seed: int = 0, many: int = 2520) -> None:
        super().__init__(layout, seed)
        self.many = many
        self.kernels = RandomConvolutions(layout.size[0], layout.channels, np.random.default_rng([seed, 17]), many)
        self.measures = len(self.kernels.biases)
        self.register_buffer("mean", torch.zeros(layout.channels, 1))
        self.register_buffer("scale", torch.ones(layout.channels, 1))
        self.register_buffer("biases", torch.zeros(self.measures))

    def begin(self, values: Tensor, valid: Tensor | None) -> None:
        self.kernels.fit(values.cpu().numpy(), None if valid is None else valid.cpu().numpy(), np.random.default_rng([self.seed, 18]))
        for name in ("mean", "scale", "biases"):
            getattr(self, name).copy_(torch.from_numpy(getattr(self.kernels, name)))

    def forward(self, values: Tensor, valid: Tensor | None = None) -> Tensor:
        """values [B, L, C], valid the same → [B, P]."""
        self.kernels.become(*(b.cpu().numpy() for b in (self.mean, self.scale, self.biases)))
        found = self.kernels(values.detach().float().cpu().numpy(), None if valid is None else valid.cpu().numpy())
        return torch.from_numpy(found).to(values.device)

"""Simple features: what a field measured before it learned; fixed, beside what an encoder has learned. One class a modality in `nets/simple/`.

What is learned without labels leaves out what its views destroy (where things stand, colours), and that is just what hand-made features have.
They are turned to as many columns as the encoder is wide, by the leading principal directions and a random rotation (so that each column
carries as much as any other, and standardising columns leaves the balance as it is), and weighed so that both halves vary as much.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from tacit.contracts.catalog import load
from tacit.contracts.layout import Layout, Samples

PIECE = 256
LOOKS = 1000  # samples that directions are taken from, and what else encoders take from a look before the first step
TINY = 1e-12
CLIP = 20.0  # deviations: what hardly varied in what was learned from may be anything elsewhere


class SimpleFeatures(nn.Module, ABC):
    """layout: of the samples; seed: of what is drawn; measures: P, how many numbers come of one; standardised: whether each is brought to
    deviation 1 before directions are looked for (where small ones say as much as large). Nothing here is taught, but `begin` may look at samples."""

    modality: ClassVar[str]
    standardised: ClassVar[bool] = False
    measures: int

    def __init__(self, layout: Layout, seed: int = 0) -> None:
        super().__init__()
        self.layout, self.seed = layout, seed

    def begin(self, values: Tensor, valid: Tensor | None) -> None:
        """A look at samples, for features with thresholds."""

    @abstractmethod
    def forward(self, values: Tensor, valid: Tensor | None = None) -> Tensor:
        """[B, P] float32 of values and marks as a batch has them."""


class Aside(nn.Module):
    """Simple features as the second half of an embedding. width: D, of the first half.

    centre [P], scale [P], turn [P, D]: from the samples that are learned from; balance: what the second half is multiplied by.
    """

    centre: Tensor
    scale: Tensor
    turn: Tensor
    balance: Tensor

    def __init__(self, features: SimpleFeatures, width: int, seed: int) -> None:
        super().__init__()
        self.features, self.width, self.seed = features, width, seed
        self.register_buffer("centre", torch.zeros(features.measures))
        self.register_buffer("scale", torch.ones(features.measures))
        self.register_buffer("turn", torch.zeros(features.measures, width))
        self.register_buffer("balance", torch.ones(()))

    @torch.no_grad()
    def begin(self, samples: Samples) -> None:
        """Directions of these samples, scaled to vary by 1 in all."""
        self.features.begin(*self._tensors(samples))
        x = self._measured(samples).double()  # [n, P]
        centre = x.mean(0)
        x, scale = x - centre, torch.ones_like(centre)
        if self.features.standardised:
            deviation = x.square().mean(0).sqrt()
            scale = torch.where(deviation > 1e-6, 1 / deviation.clamp_min(TINY), 0.0)  # a constant one says nothing
        x = (x * scale).clamp(-CLIP, CLIP)
        rows, columns = x.shape
        if rows < columns:  # the smaller of the two products has the same directions
            energy, left = torch.linalg.eigh(x @ x.T)
            directions = x.T @ left / energy.clamp_min(TINY).sqrt()
        else:
            energy, directions = torch.linalg.eigh(x.T @ x)
        kept = min(self.width, int((energy > energy[-1].clamp_min(TINY) * 1e-9).sum()))
        energy, directions = energy[len(energy) - kept :], directions[:, directions.shape[1] - kept :]
        rotation = np.linalg.qr(np.random.default_rng([self.seed, 5]).standard_normal((self.width, self.width)))[0][:kept]
        turn = directions @ torch.from_numpy(rotation).to(x.device) / (energy.sum() / rows).clamp_min(TINY).sqrt()
        self.centre.copy_(centre)
        self.scale.copy_(scale)
        self.turn.copy_(turn)

    def weigh(self, pooled: Tensor) -> None:
        """So that the second half varies as the first does on pooled [n, D]."""
        self.balance.copy_((pooled.float() - pooled.float().mean(0)).square().sum(1).mean().sqrt())

    def forward(self, values: Tensor, valid: Tensor | None, pooled: Tensor) -> Tensor:
        """[B, 2 D]."""
        with torch.autocast(pooled.device.type, enabled=False), torch.no_grad():
            measured = ((self.features(values, valid) - self.centre) * self.scale).clamp(-CLIP, CLIP)
            second = measured @ self.turn * self.balance
        return torch.cat([pooled, second.to(pooled.dtype)], 1)

    def _tensors(self, samples: Samples) -> tuple[Tensor, Tensor | None]:
        valid = None if samples.valid is None else torch.from_numpy(np.ascontiguousarray(samples.valid)).to(self.centre.device)
        return torch.from_numpy(np.ascontiguousarray(samples.values)).to(self.centre.device), valid

    def _measured(self, samples: Samples) -> Tensor:
        return torch.cat([self.features(*self._tensors(samples.take(slice(k, k + PIECE)))) for k in range(0, len(samples.values), PIECE)])


def simple_aside(simple: bool, layout: Layout, width: int, seed: int) -> Aside | None:
    """The simple features of this modality beside an embedding of this width, where they are wanted."""
    return Aside(load("simple features", layout.modality)(layout, seed), width, seed) if simple else None

"""Twin: a torch encoder's weights as plain arrays for the live path.

Rows are transposed (inputs first), so that a step adds weighted rows; the tokens' shift and scale are folded into
the read-out: e = ((W x + b) - shift) * scale = (W * scale) x + (b - shift) * scale.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from tacit.heads.encode import Weights
from tacit.nets.recurrent import GatedLayer, RecurrentEncoder


def _plain(tensor: torch.Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), np.float32)


@torch.no_grad()
def to_weights(encoder: RecurrentEncoder) -> Weights:
    """The arrays that `tacit.heads.encode.step` runs on."""
    layers = cast(list[GatedLayer], list(encoder.layers))
    empty = torch.zeros(0, 0), torch.zeros(0)
    pairs = [(layer.weight.T, layer.bias) for layer in layers] + [empty] * (2 - len(layers))
    read = torch.cat([encoder.linear.weight, encoder.gated.weight], dim=1) * encoder.scale.unsqueeze(1)  # [E, F + M F + K H]
    bias = (encoder.linear.bias - encoder.shift) * encoder.scale
    rates = encoder.rates[:: encoder.features]
    (first, first_bias), (second, second_bias) = pairs
    return Weights(*(_plain(part) for part in (rates, first, first_bias, second, second_bias, read.T, bias)))


@torch.no_grad()
def from_weights(weights: Weights, encoder: RecurrentEncoder) -> None:
    """Put plain arrays back into an encoder of the same shape; scale stays 1, so that tokens agree and forecasts are scaled.

    Callers that go on training undo the scale first: see `tacit.export.folder.read`.
    """
    layers = cast(list[GatedLayer], list(encoder.layers))
    parts = [(weights.first, weights.first_bias), (weights.second, weights.second_bias)]
    for layer, (weight, bias) in zip(layers, parts, strict=False):
        layer.weight.copy_(torch.from_numpy(weight.T.copy()))
        layer.bias.copy_(torch.from_numpy(bias.copy()))
    plain = encoder.features + encoder.width
    out = torch.from_numpy(weights.out.T.copy())  # [E, F + M F + K H]
    encoder.linear.weight.copy_(out[:, :plain])
    encoder.gated.weight.copy_(out[:, plain:])
    encoder.linear.bias.copy_(torch.from_numpy(weights.out_bias.copy()))

"""A small residual net for pictures, made for minutes on a CPU: tokens are the places of the last feature map, pooled is their mean.

Most of its work is done at half the side and below, where a convolution of the same cost sees four times as much.
He, Zhang, Ren and Sun, "Identity Mappings in Deep Residual Networks", 2016, eq. 1: norm, relu, convolution, twice, plus the way past.
"""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch, Encoder, Features
from tacit.nets.encoders._images import draw_weights, painted, refuse_other_than_images
from tacit.nets.simple_features import LOOKS, simple_aside


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first_norm = nn.BatchNorm2d(inputs)
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.past = None if stride == 1 and inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = relu(self.first_norm(x))
        straight = x if self.past is None else self.past(y)
        return cast(Tensor, straight + self.second(relu(self.second_norm(self.first(y)))))


class ConvNet(Encoder):
    """base: channels of the first stage; blocks: residual blocks a stage. Each further stage halves the side and doubles the channels,
    until 4 to 7 places a side are left. simple: whether gradients and colours stand beside what is learned, in the embedding."""

    modalities: ClassVar[frozenset[str]] = frozenset({"image"})
    looks: int = LOOKS

    def __init__(self, layout: Layout, seed: int = 0, base: int = 32, blocks: int = 1, simple: bool = True) -> None:
        refuse_other_than_images(layout, "convnet")
        super().__init__(layout, seed)
        self.base, self.blocks, self.simple = base, blocks, simple
        stages = 1
        while max(layout.size) / 2 ** (stages + 1) >= 3.5 and stages < 5:
            stages += 1
        widths = [base * 2**k for k in range(stages)]
        self.width = widths[-1]
        self.patch = (2**stages, 2**stages)
        with torch.random.fork_rng(devices=[]):
            layers: list[nn.Module] = [nn.Conv2d(layout.channels, base, 3, 2, 1, bias=False)]
            inputs = base
            for stage, outputs in enumerate(widths):
                for k in range(blocks):
                    layers.append(_Block(inputs, outputs, 2 if stage and not k else 1))
                    inputs = outputs
            self.layers = nn.Sequential(*layers, nn.BatchNorm2d(self.width), nn.ReLU())
        draw_weights(self, seed)
        self.aside = simple_aside(simple, layout, self.width, seed)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, batch: Batch, hidden: Tensor | None = None) -> Features:
        x = painted(self.normalised(batch), hidden, self.grid, self.patch).contiguous(memory_format=torch.channels_last)
        maps = cast(Tensor, self.layers(x))  # [B, D, rows, columns]
        tokens = maps.flatten(2).transpose(1, 2)
        return Features(tokens, tokens.mean(1))

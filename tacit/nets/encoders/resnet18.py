"""ResNet-18 for pictures: tokens are the places of the last feature map, pooled is their mean.

Sides up to 48 get the stem for small pictures (3x3, no pooling), larger ones 7x7 with pooling.
He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2016, table 1; the small stem is that of
Chen et al., "A Simple Framework for Contrastive Learning" (SimCLR), 2020, appendix B.9.
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

SMALL = 48


class _Block(nn.Module):
    """relu(x + norm(conv(relu(norm(conv(x)))))), eq. 1 and 2; a 1x1 convolution leads past where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        straight = stride == 1 and inputs == outputs
        self.past = None if straight else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = self.second_norm(self.second(relu(self.first_norm(self.first(x)))))
        return relu(y + (x if self.past is None else self.past(x)))


class ResNet18(Encoder):
    """base: channels of the first stage; the last has 8 * base, which is the width. 11 million weights at 64. simple: whether gradients and
    colours stand beside what is learned, in the embedding."""

    modalities: ClassVar[frozenset[str]] = frozenset({"image"})
    looks: int = LOOKS

    def __init__(self, layout: Layout, seed: int = 0, base: int = 64, simple: bool = True) -> None:
        refuse_other_than_images(layout, "resnet18")
        super().__init__(layout, seed)
        self.base, self.simple, self.width = base, simple, 8 * base
        small = max(layout.size) <= SMALL
        stride = 8 if small else 32
        self.patch = (stride, stride)
        with torch.random.fork_rng(devices=[]):
            if small:
                stem: list[nn.Module] = [nn.Conv2d(layout.channels, base, 3, 1, 1, bias=False), nn.BatchNorm2d(base), nn.ReLU()]
            else:
                stem = [nn.Conv2d(layout.channels, base, 7, 2, 3, bias=False), nn.BatchNorm2d(base), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
            self.stem = nn.Sequential(*stem)
            blocks = []
            for stage, (inputs, outputs) in enumerate([(1, 1), (1, 2), (2, 4), (4, 8)]):
                blocks += [_Block(inputs * base, outputs * base, 2 if stage else 1), _Block(outputs * base, outputs * base, 1)]
            self.blocks = nn.Sequential(*blocks)
        draw_weights(self, seed)
        self.aside = simple_aside(simple, layout, self.width, seed)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, batch: Batch, hidden: Tensor | None = None) -> Features:
        x = painted(self.normalised(batch), hidden, self.grid, self.patch).contiguous(memory_format=torch.channels_last)
        maps = cast(Tensor, self.blocks(self.stem(x)))  # [B, D, rows, columns]
        tokens = maps.flatten(2).transpose(1, 2)
        return Features(tokens, tokens.mean(1))

"""Crop, flip, resize and blur of a batch of pictures as two matrix products: out = D X A^T, one pair (D, A) a picture.

A row of D or A holds the weights with which one output row (column) takes input rows (columns): a tent between the two nearest
(bilinear), or where it is blurred a Gaussian. So a blur costs nothing beyond the crop, and all channels share the weights.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

FARTHEST = 40.0  # exponents beyond it weigh nothing, and their exponentials are slow


class Window(NamedTuple):
    """What one axis is cut to, [B] each: start and length in pixels; flipped: read from its end; blur: deviation in output pixels, 0 = none."""

    start: Tensor
    length: Tensor
    flipped: Tensor
    blur: Tensor | None = None

    def part(self, rows: slice) -> Window:
        return Window(*(None if x is None else x[rows] for x in self))  # type: ignore[arg-type]


def weights(window: Window, size: int, device: torch.device) -> Tensor:
    """[B, size, size]: rows sum to 1. The window is never longer than the axis, so that a tent of width 1 leaves no pixel out."""
    step = (window.length / size).unsqueeze(1)  # input pixels a step of output
    places = torch.arange(size, dtype=torch.float32)
    at = (places + 0.5) * step + window.start.unsqueeze(1) - 0.5  # [B, size]
    at = torch.where(window.flipped.unsqueeze(1), at.flip(1), at).clamp(0, size - 1).to(device)
    places = places.to(device)
    matrix = (at.unsqueeze(2) - places).abs_().neg_().add_(1).clamp_(min=0)  # tent, [B, out, in]
    if window.blur is None:
        return matrix
    rows = (window.blur > 0).nonzero().squeeze(1)  # of the draws, which lie on the CPU: nothing waits for the device
    # a tent has variance 1/6 at least where it is read between pixels: added, the Gaussian does what both would do in turn
    variance = ((window.blur[rows] * step[rows, 0]) ** 2 + 1 / 6).to(device)
    far = (at[rows.to(device)].unsqueeze(2) - places).square_().div_(-2 * variance.view(-1, 1, 1))
    far.clamp_(min=-FARTHEST).exp_()
    return matrix.index_copy_(0, rows.to(device), far.div_(far.sum(2, keepdim=True)))


def resampled(values: Tensor, down: Window, across: Window) -> Tensor:
    """values [B, C, H, W] → float [B, C, H, W]: each picture through its own windows."""
    b, c, h, w = values.shape
    x = values.to(torch.float32).reshape(b, c * h, w)
    x = torch.bmm(x, weights(across, w, values.device).transpose(1, 2)).view(b, c, h, w)
    return torch.matmul(weights(down, h, values.device).unsqueeze(1), x)


def crop_windows(size: tuple[int, ...], many: int, least: float, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(top, height, left, width), [B] each: area uniform in [least, 1], log aspect uniform in 3/4 to 4/3, cut off at the picture's sides.

    Szegedy et al., "Going Deeper with Convolutions", 2015, section 6; positions are continuous here.
    """
    h, w = size
    draws = torch.rand(4, many, generator=rng)
    area = (least + (1 - least) * draws[0]) * h * w
    aspect = torch.exp((2 * draws[1] - 1) * 0.28768207)  # log(4 / 3)
    wide, high = (area * aspect).sqrt().clamp(max=w), (area / aspect).sqrt().clamp(max=h)
    return draws[2] * (h - high), high, draws[3] * (w - wide), wide

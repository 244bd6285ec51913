"""Brightness, contrast, saturation, hue and gray as one affine map of the channels a picture: x' = A x + b.

Contrast needs the mean of what it is applied to, and that is an affine map of the picture's own mean; hue turns the colour plane of
YIQ. Values are cut to 0..255 once at the end, not after every step. Ranges as in Chen et al., SimCLR, 2020, appendix A.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

GRAY = (0.299, 0.587, 0.114)  # ITU-R BT.601
YIQ = ((0.299, 0.587, 0.114), (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135))


def gray_weights(channels: int) -> Tensor:
    """[C], sum 1: luma for three channels, else all alike."""
    return torch.tensor(GRAY) if channels == 3 else torch.full((channels,), 1 / channels)


def hue_turns(turns: Tensor) -> Tensor:
    """[B] in whole turns → [B, 3, 3]: rotations of the colour plane about the gray axis."""
    there = torch.tensor(YIQ)
    angle = turns * (2 * math.pi)
    middle = torch.zeros(len(turns), 3, 3)
    middle[:, 0, 0] = 1
    middle[:, 1, 1] = middle[:, 2, 2] = angle.cos()
    middle[:, 1, 2], middle[:, 2, 1] = -angle.sin(), angle.sin()
    turned: Tensor = torch.linalg.inv(there) @ middle @ there
    return turned


def towards_gray(kept: Tensor, luma: Tensor) -> Tensor:
    """[B, C, C]: kept of the colour stays (more than 1: stronger), the rest becomes luma."""
    keep = kept.view(-1, 1, 1)
    return keep * torch.eye(len(luma)) + (1 - keep) * luma.expand(len(luma), -1)


class Colouring:
    """The map of each of B pictures, built up step by step: matrix [B, C, C]; offset [B, C] = own [B, C] + mean [B, C, C] @ its mean."""

    def __init__(self, many: int, channels: int) -> None:
        self.luma = gray_weights(channels)
        self.matrix = torch.eye(channels).repeat(many, 1, 1)
        self.mean = torch.zeros(many, channels, channels)
        self.uses_mean = False

    def through(self, step: Tensor) -> None:
        """step: [B, C, C] on top of all so far."""
        self.matrix = step @ self.matrix
        if self.uses_mean:
            self.mean = step @ self.mean

    def brightness(self, factor: Tensor) -> None:
        self.matrix, self.mean = self.matrix * factor.view(-1, 1, 1), self.mean * factor.view(-1, 1, 1)

    def contrast(self, factor: Tensor) -> None:
        """factor * x + (1 - factor) * mean luma of x, in all channels."""
        keep = factor.view(-1, 1, 1)
        luma = self.luma.view(1, 1, -1).expand(len(factor), len(self.luma), -1)
        self.mean = keep * self.mean + (1 - keep) * luma @ (self.matrix + self.mean)
        self.matrix, self.uses_mean = keep * self.matrix, True

    def applied(self, x: Tensor, rows: slice = slice(None)) -> Tensor:
        """x [B, C, H, W] float, these rows of the batch → the same shape, in 0..255."""
        b, c, h, w = x.shape
        flat = x.reshape(b, c, h * w)
        matrix = self.matrix[rows].to(x.device)
        if not self.uses_mean:
            return torch.bmm(matrix, flat).clamp_(0, 255).view(b, c, h, w)
        offset = self.mean[rows].to(x.device) @ flat.mean(2, keepdim=True)  # [B, C, 1]
        return torch.baddbmm(offset, matrix, flat).clamp_(0, 255).view(b, c, h, w)

"""Nuisances of pictures at five severities: what should not change an answer, for tests of robustness.

Hendrycks & Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", 2019; strengths
are chosen for small pictures, blur in shares of the side.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from tacit.nets.views._image_colour import gray_weights
from tacit.nets.views._image_geometry import Window, resampled

NOISE = (10.0, 20.0, 32.0, 46.0, 64.0)  # deviation, of 255
BLUR = (0.015, 0.025, 0.04, 0.055, 0.075)  # deviation, of the side
BRIGHTNESS = (25.0, 45.0, 65.0, 85.0, 105.0)  # added or taken
CONTRAST = (0.7, 0.55, 0.42, 0.3, 0.2)  # kept
ROTATION = (8.0, 15.0, 22.0, 30.0, 40.0)  # degrees, either way
OCCLUSION = (0.2, 0.3, 0.4, 0.5, 0.6)  # side of the square that is covered, of the picture's side
JPEG = (40, 25, 15, 10, 6)  # quality


def local(rng: torch.Generator, device: torch.device) -> torch.Generator:
    """A generator for many draws on the device, itself drawn from `rng`."""
    if device.type == rng.device.type:
        return rng
    return torch.Generator(device).manual_seed(int(torch.randint(0, 2**62, (1,), generator=rng)))


def noise(x: Tensor, deviation: Tensor, rng: torch.Generator) -> Tensor:
    """x [B, C, H, W] float + N(0, deviation [B]), in 0..255."""
    white = torch.randn(x.shape, generator=local(rng, x.device), device=x.device)
    return white.mul_(deviation.to(x.device).view(-1, 1, 1, 1)).add_(x).clamp_(0, 255)


def either_way(many: int, rng: torch.Generator) -> Tensor:
    """[B] of -1 and 1."""
    return torch.where(torch.rand(many, generator=rng) < 0.5, -1.0, 1.0)


def noisy(x: Tensor, level: int, rng: torch.Generator) -> Tensor:
    """White noise."""
    return noise(x, torch.full((len(x),), NOISE[level]), rng)


def blurred(x: Tensor, level: int, rng: torch.Generator) -> Tensor:
    """Gaussian blur."""
    many, (h, w) = len(x), x.shape[2:]
    zero, blur = torch.zeros(many), torch.full((many,), BLUR[level] * max(h, w))
    windows = [Window(zero, zero + size, zero > 0, blur) for size in (h, w)]
    return resampled(x, *windows)


def brightened(x: Tensor, level: int, rng: torch.Generator) -> Tensor:
    """Lighter or darker."""
    return (x + BRIGHTNESS[level] * either_way(len(x), rng).to(x.device).view(-1, 1, 1, 1)).clamp_(0, 255)


def flattened(x: Tensor, level: int, rng: torch.Generator) -> Tensor:
    """Less contrast about the picture's mean luma."""
    luma = gray_weights(x.shape[1]).to(x.device).view(1, -1, 1, 1)
    mean = (x * luma).sum(1, keepdim=True).mean((2, 3), keepdim=True)
    return CONTRAST[level] * x + (1 - CONTRAST[level]) * mean


def rotated(x: Tensor, level: int, rng: torch.Generator) -> Tensor:
    """Turned about the centre; what comes in from outside repeats the border."""
    angle = torch.deg2rad(ROTATION[level] * either_way(len(x), rng)).to(x.device)
    aspect, zero = x.shape[2] / x.shape[3], torch.zeros_like(angle)
    rows = [angle.cos(), -angle.sin() * aspect, zero, angle.sin() / aspect, angle.cos(), zero]
    grid = affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(x.shape), align_corners=False)
    return grid_sample(x, grid, padding_mode="border", align_corners=False)


def occluded(x: Tensor, level: int, rng: torch.Generator) -> Tensor:
    """A gray square somewhere, wholly inside."""
    h, w = x.shape[2:]
    high, wide = max(1, round(OCCLUSION[level] * h)), max(1, round(OCCLUSION[level] * w))
    at = torch.rand(2, len(x), 1, generator=rng)
    starts = [(a * (size - cover + 1)).floor() for a, size, cover in zip(at, (h, w), (high, wide), strict=True)]
    inside = [
        ((places := torch.arange(size)) >= start) & (places < start + cover) for start, size, cover in zip(starts, (h, w), (high, wide), strict=True)
    ]
    covered = inside[0].unsqueeze(2) & inside[1].unsqueeze(1)  # [B, H, W]
    return x.masked_fill(covered.unsqueeze(1).to(x.device), 127.0)


def squeezed(x: Tensor, level: int, rng: torch.Generator) -> Tensor:
    """JPEG and back, channel by channel where there are neither one nor three."""
    arrays = x.round().clamp(0, 255).to(torch.uint8).cpu().numpy()
    groups = [arrays] if arrays.shape[1] in (1, 3) else np.split(arrays, arrays.shape[1], 1)
    done = [np.stack([_jpeg(one, JPEG[level]) for one in group]) for group in groups]
    return torch.from_numpy(np.concatenate(done, 1)).to(x.device, torch.float32)


def _jpeg(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """uint8 [C, H, W] → the same, C 1 or 3."""
    file = io.BytesIO()
    Image.fromarray(picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0)).save(file, "jpeg", quality=quality)
    back = np.asarray(Image.open(file))
    return back[None] if back.ndim == 2 else back.transpose(2, 0, 1)


NUISANCES: dict[str, Callable[[Tensor, int, torch.Generator], Tensor]] = {
    "noise": noisy,
    "blur": blurred,
    "brightness": brightened,
    "contrast": flattened,
    "rotation": rotated,
    "occlusion": occluded,
    "jpeg": squeezed,
}

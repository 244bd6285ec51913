"""Views of pictures: crops, flips, colours, blur, noise; patches hidden; quarter turns; colour drained; nuisances. Batched, on the device.

A strong view is three matrix products a picture: rows, columns (crop, flip, resize and blur together), channels (all of the colour
jitter together). Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations" (SimCLR), 2020, appendix A.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from tacit.contracts.errors import UnknownName
from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch
from tacit.nets.view import Views
from tacit.nets.views._image_colour import Colouring, gray_weights, hue_turns, towards_gray
from tacit.nets.views._image_geometry import Window, crop_windows, resampled
from tacit.nets.views._image_nuisances import NUISANCES, noise

CACHED = 1 << 17  # numbers of a piece of a batch


class ImageViews(Views):
    """least: smallest area of a crop; jitter: strength of light and colour changes (1 as in SimCLR's paper; 0.5 for small pictures is usual).

    Blur is for sides of 64 and more, as published. One channel gets stronger light changes and noise in place of colour.
    """

    modality: ClassVar[str] = "image"
    powers: ClassVar[frozenset[str]] = frozenset({"views", "hide", "corrupt", "rotate", "colour"})
    kinds: ClassVar[tuple[str, ...]] = ("blur", "colour", "crop", "flip", "gray", "light", "noise", "shift")
    turns: ClassVar[int] = 4

    def __init__(
        self, layout: Layout, patch: tuple[int, ...], forbidden: frozenset[str] = frozenset(), least: float = 0.2, jitter: float = 0.5
    ) -> None:
        super().__init__(layout, patch, forbidden)
        for name in sorted(forbidden - set(self.kinds)):
            raise UnknownName("view of images", name, self.kinds)
        self.least, self.jitter = least, jitter

    def why_not(self, power: str) -> str | None:
        high, wide = self.layout.size
        if power == "colour" and self.layout.channels != 3:
            return f"there is no colour to take away from pictures of {self.layout.channels} channel(s)"
        if power == "colour" and "colour" in self.forbidden:
            return "colour is among the forbidden views"
        if power == "rotate" and high != wide:
            return f"quarter turns need square pictures, and these are {high} x {wide}"
        return super().why_not(power)

    def _flips(self, many: int, rng: torch.Generator) -> Tensor:
        return torch.rand(many, generator=rng) < (0.0 if "flip" in self.forbidden else 0.5)

    def weak(self, batch: Batch, rng: torch.Generator) -> Batch:
        """Shifted by up to an eighth of the side, edges repeated, and flipped."""
        (h, w), many = self.layout.size, len(batch)
        away = (torch.rand(2, many, generator=rng) * 2 - 1) * (0.0 if "shift" in self.forbidden else 1 / 8)
        flips, straight = self._flips(many, rng), torch.zeros(many, dtype=torch.bool)
        down = Window((away[0] * h).round(), torch.full((many,), float(h)), straight)
        return Batch(resampled(batch.values, down, Window((away[1] * w).round(), torch.full((many,), float(w)), flips)))

    def strong(self, batch: Batch, rng: torch.Generator) -> Batch:
        (h, w), many = self.layout.size, len(batch)
        top, high, left, wide = crop_windows((h, w), many, 1.0 if "crop" in self.forbidden else self.least, rng)
        if "crop" in self.forbidden:
            top, high, left, wide = top * 0, high * 0 + h, left * 0, wide * 0 + w
        flips, straight = self._flips(many, rng), torch.zeros(many, dtype=torch.bool)
        blur = None
        if max(h, w) >= 64 and "blur" not in self.forbidden:
            draws = torch.rand(2, many, generator=rng)
            blur = (0.1 + 1.9 * draws[0]) * (draws[1] < 0.5)
        down, across = Window(top, high, straight, blur), Window(left, wide, flips, blur)
        colouring = self._colouring(many, rng)
        parts = []
        for rows in self._pieces(batch):
            x = resampled(batch.values[rows], down.part(rows), across.part(rows))
            parts.append(x if colouring is None else colouring.applied(x, rows))
        x = parts[0] if len(parts) == 1 else torch.cat(parts)
        if self.layout.channels == 1 and "noise" not in self.forbidden:
            x = noise(x, torch.rand(many, generator=rng) * 16, rng)
        return Batch(x)

    @staticmethod
    def _pieces(batch: Batch) -> list[slice]:
        """On a processor so many pictures at once as its cache holds; elsewhere all."""
        many = len(batch)
        step = many if batch.values.device.type != "cpu" else max(1, CACHED // max(1, batch.values[0].numel()))
        return [slice(at, min(at + step, many)) for at in range(0, many, max(1, step))] or [slice(0, 0)]

    def _colouring(self, many: int, rng: torch.Generator) -> Colouring | None:
        """Four times in five: brightness, contrast, saturation and hue, in an order drawn for the batch; one time in five: gray."""
        channels = self.layout.channels
        names = [] if "light" in self.forbidden else ["brightness", "contrast"]
        names += ["saturation", "hue"] if channels == 3 and "colour" not in self.forbidden else []
        drained = channels == 3 and "gray" not in self.forbidden
        if not names and not drained:
            return None
        colouring = Colouring(many, channels)
        draws = torch.rand(6, many, generator=rng)
        amount = (2 * draws[:4] - 1) * (draws[4] < 0.8) * self.jitter * 0.8  # [4, B]
        for k in torch.randperm(len(names), generator=rng).tolist():
            name, share = names[k], amount[k]
            if name == "hue":
                colouring.through(hue_turns(share / 4))
            elif name == "saturation":
                colouring.through(towards_gray(1 + share, colouring.luma))
            else:
                (colouring.brightness if name == "brightness" else colouring.contrast)(1 + share)
        if drained:
            colouring.through(towards_gray((draws[5] >= 0.2).float(), colouring.luma))
        return colouring

    def content(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """[B, N, C * ph * pw] normalised, in the order channel, row, column; what lies beyond the picture isn't real."""
        mean, deviation = (torch.tensor(s, device=batch.values.device).view(-1, 1, 1) for s in (self.layout.mean, self.layout.deviation))
        z = (batch.values.to(torch.float32) - mean) / deviation
        (rows, columns), (h, w) = self.grid, self.layout.size
        if rows * self.patch[0] == h and columns * self.patch[1] == w:
            return self._cut(z), None
        return self._cut(z), self._cut(torch.ones_like(z)) > 0

    def _cut(self, x: Tensor) -> Tensor:
        (rows, columns), (high, wide), (b, c, h, w) = self.grid, self.patch, x.shape
        x = pad(x, (0, columns * wide - w, 0, rows * high - h))
        return x.view(b, c, rows, high, columns, wide).permute(0, 2, 4, 1, 3, 5).reshape(b, rows * columns, c * high * wide)

    def hidden(self, batch: Batch, share: float, rng: torch.Generator, blocks: bool = False) -> Tensor:
        """Exactly round(share * N) of each picture, but at least one hidden and one shown. blocks: those nearest to a few drawn places,
        by a distance whose circles are rectangles of a drawn aspect."""
        (rows, columns), many = self.grid, len(batch)
        total = rows * columns
        asked = min(max(1, round(share * total)), max(1, total - 1))
        far = torch.rand(many, total, generator=rng)
        if blocks:
            pieces = max(1, round(4 * share))
            places = torch.rand(2, many, pieces, 1, generator=rng)
            aspect = torch.exp((2 * torch.rand(many, pieces, 1, generator=rng) - 1) * 0.5)
            down = torch.arange(rows).repeat_interleave(columns) - places[0] * rows + 0.5  # [B, pieces, N]
            across = torch.arange(columns).repeat(rows) - places[1] * columns + 0.5
            far = torch.maximum(down.abs() * aspect, across.abs() / aspect).amin(1) + 1e-3 * far
        mask = torch.zeros(many, total, dtype=torch.bool)
        mask.scatter_(1, far.topk(asked, largest=False).indices, True)
        return mask.to(batch.values.device)

    def corrupted(self, batch: Batch, rng: torch.Generator) -> Batch:
        """White noise, of a deviation drawn a picture between a fifth and all of the data's own."""
        own = sum(self.layout.deviation) / len(self.layout.deviation)
        return Batch(noise(batch.values.to(torch.float32), own * (0.2 + 0.8 * torch.rand(len(batch), generator=rng)), rng))

    def turned(self, batch: Batch, classes: Tensor) -> Batch:
        """By classes quarter turns, counter-clockwise."""
        x, out, classes = batch.values, batch.values.clone(), classes.to(batch.values.device)
        for k in range(1, self.turns):
            out = torch.where((classes == k).view(-1, 1, 1, 1), torch.rot90(x, k, (2, 3)), out)
        return Batch(out)

    def drained(self, batch: Batch) -> Batch:
        """Luma in all channels."""
        luma = gray_weights(self.layout.channels).to(batch.values.device).view(1, -1, 1, 1)
        return Batch((batch.values.to(torch.float32) * luma).sum(1, keepdim=True).expand(-1, self.layout.channels, -1, -1).contiguous())

    @property
    def nuisances(self) -> tuple[str, ...]:
        return tuple(NUISANCES)

    def nuisance(self, name: str, severity: int, batch: Batch, rng: torch.Generator) -> Batch:
        if name not in NUISANCES:
            raise UnknownName("nuisance of images", name, NUISANCES)
        return Batch(NUISANCES[name](batch.values.to(torch.float32), severity - 1, rng).clamp_(0, 255))

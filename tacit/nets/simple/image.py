"""Simple features of pictures: histograms of oriented gradients, and of colours in the whole and in quarters.

Gradients vote for nine directions in cells, cells are normalised in blocks of four (L2, cut at 0.2, L2): Dalal and Triggs, "Histograms of
oriented gradients for human detection", 2005. Colours are counted in 4 x 4 x 4 boxes (16 levels of grey) and the root of their share is taken
(Hellinger distance; Swain and Ballard, "Color indexing", 1991).
"""

from __future__ import annotations

from math import pi
from typing import ClassVar

import torch
from torch import Tensor

from tacit.contracts.layout import Layout
from tacit.nets.simple_features import SimpleFeatures

DIRECTIONS = 9
CELLS = 8  # along the longer side, at most
CUT = 0.2
SMALL = 1e-2
CACHED = 1 << 17  # numbers of a piece of a batch
LEVELS = 4  # of each of three colours; squared, of grey


class ImageSimple(SimpleFeatures):
    """Shapes first, then colours."""

    modality: ClassVar[str] = "image"

    def __init__(self, layout: Layout, seed: int = 0) -> None:
        super().__init__(layout, seed)
        high, wide = layout.size
        self.cell = max(4, -(-max(high, wide) // CELLS))
        self.cells = (max(high // self.cell, 1), max(wide // self.cell, 1))
        blocks = self.cells[0] * self.cells[1] if min(self.cells) < 2 else 4 * (self.cells[0] - 1) * (self.cells[1] - 1)
        self.boxes = LEVELS**3 if layout.channels == 3 else LEVELS**2
        self.shapes = blocks * DIRECTIONS
        self.measures = self.shapes + 5 * self.boxes

    def forward(self, values: Tensor, valid: Tensor | None = None) -> Tensor:
        """values [B, C, H, W] in 0..255 → [B, P]. On a processor in pieces that its cache holds."""
        many = len(values) if values.device.type != "cpu" else max(1, CACHED // max(1, values[0].numel()))
        parts = [part.to(torch.float32) / 255 for part in torch.split(values, max(1, many))]
        return torch.cat([torch.cat([self._gradients(x), self._colours(x)], 1) for x in parts])

    def _gradients(self, x: Tensor) -> Tensor:
        """x [B, C, H, W] in 0..1 → [B, shapes]."""
        root = x.sqrt()  # evens out light
        down, right = (torch.gradient(root, dim=d)[0] if root.shape[d] > 1 else torch.zeros_like(root) for d in (2, 3))
        size, strongest = (down.square() + right.square()).max(1)  # of the channels
        down, right = (g.gather(1, strongest[:, None])[:, 0] for g in (down, right))
        angle = torch.atan2(down, right).remainder(pi) * (DIRECTIONS / pi) - 0.5  # -0.5 .. 8.5
        size = size.sqrt()
        (rows, columns), cell = self.cells, self.cell
        found = []
        for k in range(DIRECTIONS):  # each pixel votes for its two nearest directions, on a circle
            away = ((angle + (DIRECTIONS / 2 - k)).remainder_(DIRECTIONS) - DIRECTIONS / 2).abs_()
            vote = ((1 - away).clamp_min_(0) * size)[:, : rows * cell, : columns * cell]
            found.append(vote.reshape(len(x), rows, min(cell, vote.shape[1]), columns, min(cell, vote.shape[2])).sum((2, 4)))
        cells = torch.stack(found, 3)  # [B, rows, columns, 9]
        if min(rows, columns) < 2:
            blocks = cells
        else:
            blocks = torch.cat([cells[:, :-1, :-1], cells[:, :-1, 1:], cells[:, 1:, :-1], cells[:, 1:, 1:]], 3)
        blocks = (blocks / (blocks.norm(dim=3, keepdim=True) + SMALL)).clamp_max(CUT)
        evened: Tensor = blocks / (blocks.norm(dim=3, keepdim=True) + SMALL)
        return evened.flatten(1)

    def _colours(self, x: Tensor) -> Tensor:
        """[B, 5 boxes]: of the whole picture, then of its quarters."""
        many, (high, wide) = len(x), x.shape[2:]
        if self.layout.channels == 3:
            level = (x * LEVELS).long().clamp_max(LEVELS - 1)
            box = (level[:, 0] * LEVELS + level[:, 1]) * LEVELS + level[:, 2]  # [B, H, W]
        else:
            box = (x[:, 0] * LEVELS**2).long().clamp_max(LEVELS**2 - 1)
        below = (torch.arange(high, device=x.device) >= max(high // 2, 1)).long()
        beside = (torch.arange(wide, device=x.device) >= max(wide // 2, 1)).long()
        quarter = 2 * below[:, None] + beside  # [H, W]
        place = (torch.arange(many, device=x.device)[:, None, None] * 4 + quarter) * self.boxes + box
        counts = torch.bincount(place.flatten(), minlength=many * 4 * self.boxes).view(many, 4, self.boxes).float()
        counts = torch.cat([counts.sum(1, keepdim=True), counts], 1)
        return (counts / counts.sum(2, keepdim=True).clamp_min(1)).sqrt().flatten(1)

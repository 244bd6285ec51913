"""HOG + colour histogram: what pictures were told apart by before networks.

Gradients vote for nine directions in cells, cells are normalised in blocks of four (L2, cut at 0.2, L2): Dalal and Triggs, "Histograms of
oriented gradients for human detection", 2005. Colours are counted in 4 x 4 x 4 boxes (16 levels of grey), in the whole and in quarters, and
the root is taken (Hellinger distance; Swain and Ballard, "Color indexing", 1991).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tacit.evaluation.contestant import Contestant, Frozen, Variant
from tacit.evaluation.rung import Rung
from tacit.evaluation.setting import Setting

DIRECTIONS = 9
CELLS = 8  # along the longer side, at most
CUT = 0.2
AT_ONCE = 256


class Hog(Rung):
    """Both, and each alone."""

    title: ClassVar[str] = "HOG + colour histogram"
    modalities: ClassVar[tuple[str, ...]] = ("image",)

    def contestant(self, setting: Setting) -> Contestant:
        shape = setting.everywhere(lambda side: _by_parts(_hog, side.samples.values))
        colour = setting.everywhere(lambda side: _by_parts(_colours, side.samples.values))
        both = [np.concatenate(pair, axis=1) for pair in zip(shape, colour, strict=True)]
        return Frozen(
            "hog",
            self.title,
            {
                "both": Variant.of(both, False),
                "both, standardised": Variant.of(both),
                "HOG alone": Variant.of(shape, False),
                "colours alone": Variant.of(colour),
            },
        )


def _by_parts(f: Any, values: NDArray[Any]) -> NDArray[np.float32]:
    return np.concatenate([f(values[start : start + AT_ONCE].astype(np.float32) / 255) for start in range(0, len(values), AT_ONCE)])


def _hog(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """[n, C, H, W] in 0..1 → [n, blocks * 4 * DIRECTIONS]."""
    n, _, H, W = values.shape
    cell = max(4, -(-max(H, W) // CELLS))
    rows, columns = max(H // cell, 1), max(W // cell, 1)
    down, right = np.gradient(np.sqrt(values), axis=(2, 3))  # [n, C, H, W]; the root evens out light
    size = down**2 + right**2
    strongest = size.argmax(1)[:, None]  # of the channels
    down, right, size = (np.take_along_axis(x, strongest, 1)[:, 0] for x in (down, right, size))
    angle = np.arctan2(down, right) % np.pi / np.pi * DIRECTIONS - 0.5
    low = np.floor(angle)
    part, low = angle - low, low.astype(np.int64)
    size = np.sqrt(size)
    cells = np.zeros((n, rows, columns, DIRECTIONS), np.float32)
    for k in range(DIRECTIONS):  # each pixel votes for its two nearest directions
        vote = size * ((low % DIRECTIONS == k) * (1 - part) + ((low + 1) % DIRECTIONS == k) * part)
        cells[..., k] = vote[:, : rows * cell, : columns * cell].reshape(n, rows, min(cell, H), columns, min(cell, W)).sum((2, 4))
    if rows < 2 or columns < 2:
        blocks = cells
    else:
        blocks = np.concatenate([cells[:, :-1, :-1], cells[:, :-1, 1:], cells[:, 1:, :-1], cells[:, 1:, 1:]], axis=3)
    blocks = np.minimum(blocks / (np.linalg.norm(blocks, axis=3, keepdims=True) + 1e-2), CUT)
    blocks /= np.linalg.norm(blocks, axis=3, keepdims=True) + 1e-2
    return np.asarray(blocks.reshape(n, -1), np.float32)


def _colours(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """[n, C, H, W] in 0..1 → roots of shares of the boxes, of the whole picture and of its quarters."""
    n, C, H, W = values.shape
    levels = 4 if C == 3 else 16
    level = np.minimum((values * levels).astype(np.int64), levels - 1)
    box = (level[:, 0] * levels + level[:, 1]) * levels + level[:, 2] if C == 3 else level[:, 0]
    many = levels**3 if C == 3 else levels
    h, w = max(H // 2, 1), max(W // 2, 1)
    parts = [box, box[:, :h, :w], box[:, :h, w:], box[:, h:, :w], box[:, h:, w:]]
    found = []
    for part in parts:
        flat = part.reshape(n, -1)
        if flat.shape[1]:
            counts = np.bincount((np.arange(n)[:, None] * many + flat).ravel(), minlength=n * many).reshape(n, many)
            found.append(np.sqrt(counts / flat.shape[1]))
    return np.concatenate(found, axis=1).astype(np.float32)

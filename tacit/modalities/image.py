"""Image: pictures of any size and mode → uint8 [C, H, W] of one size.

The size is what most of the pool has, else a common square; one channel only where every picture looked at is gray.
Mean and deviation of each channel, in 0..255, are taken over the pictures looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.errors import DataError
from tacit.contracts.layout import Layout, Samples
from tacit.contracts.modality import Modality
from tacit.contracts.pool import Pool, Refused

LOOKED_AT = 1000  # pictures that the size, channels and statistics come from
LONGEST = 96  # largest side chosen by itself: more is asked for by name
SMALLEST = 8
ONE_SIZE = 0.9  # share of the pool that must have one size for it to be taken as it is


class Image(Modality):
    """layout: size (H, W), channels 1 or 3, mean and deviation in 0..255."""

    name: ClassVar[str] = "image"
    wishes: ClassVar[Mapping[str, Any]] = {"side": int | tuple[int, int], "channels": Literal[1, 3]}

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    @classmethod
    def fit(cls, pool: Pool, rng: np.random.Generator, **wishes: Any) -> Image:
        """wishes: side (pixels, or (height, width)); channels (1 or 3)."""
        from tacit.modalities.image_decode import Undecodable, facts

        at = np.sort(rng.permutation(len(pool))[:LOOKED_AT])
        sizes, gray, reasons = Counter[tuple[int, int]](), True, list[str]()
        for _, raw in pool.pieces(at):
            for picture in raw:
                try:
                    height, width, is_gray = facts(picture)
                except Undecodable as error:
                    reasons.append(str(error))
                    continue
                sizes[height, width] += 1
                gray = gray and is_gray
        side = _side(wishes.get("side"), sizes) if sizes else (SMALLEST, SMALLEST)
        channels = int(wishes.get("channels") or (1 if gray else 3))
        if channels not in (1, 3):
            raise DataError(f"channels = {channels}.", "Pictures are learned with 1 (gray) or 3 (colours).")
        blank = Layout("image", "number", side, channels, mean=(0.0,) * channels, deviation=(1.0,) * channels)
        samples, _, refused = cls(blank).read(pool, at)
        if not len(samples.values):
            first = f"the first: {refused[0].name}: {refused[0].reason}" if refused else "; ".join(reasons[:1])
            raise DataError(f"none of {len(at):,} pictures of {pool.described} can be read; {first}.", "Check the files.")
        mean, deviation = _moments(samples.values)
        return cls(Layout("image", "number", side, channels, mean=mean, deviation=deviation))

    def arrays(self, raw: Sequence[Any], names: Sequence[str]) -> tuple[Samples, NDArray[np.int64], list[Refused]]:
        from tacit.modalities.image_decode import Undecodable, decode

        height, width = self.layout.size
        if (ready := self._ready(raw)) is not None:
            return Samples(ready), np.arange(len(raw)), []
        out = np.empty((len(raw), height, width, self.layout.channels), np.uint8)
        kept: list[int] = []
        refused: list[Refused] = []
        for i, (picture, name) in enumerate(zip(raw, names, strict=True)):
            try:
                out[len(kept)] = decode(picture, self.layout.channels, (height, width))
                kept.append(i)
            except Undecodable as error:
                refused.append(Refused(name, str(error)))
        values = np.ascontiguousarray(out[: len(kept)].transpose(0, 3, 1, 2))
        return Samples(values), np.array(kept, np.int64), refused

    def _ready(self, raw: Sequence[Any]) -> NDArray[np.uint8] | None:
        """[B, C, H, W] of pixels that already are as the layout wants them, all at once; None where one is not."""
        shape = (*self.layout.size, self.layout.channels)
        flat = shape[:2] if shape[2] == 1 else shape
        if not raw or not all(isinstance(p, np.ndarray) and p.dtype == np.uint8 and p.shape in (shape, flat) for p in raw):
            return None
        stacked = np.stack([p.reshape(shape) for p in raw])
        return np.ascontiguousarray(stacked.transpose(0, 3, 1, 2))

    def files(self) -> dict[str, bytes]:
        return {}

    @classmethod
    def restore(cls, layout: Layout, files: dict[str, bytes]) -> Image:
        return cls(layout)

    def show(self, values: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> NDArray[np.uint8]:
        """uint8 [H, W, 3]; values may be uint8 or floats in 0..255."""
        seen = np.clip(np.rint(np.nan_to_num(np.asarray(values, np.float32))), 0, 255).astype(np.uint8).transpose(1, 2, 0)
        return np.repeat(seen, 3, axis=2) if seen.shape[2] == 1 else seen

    def where(self, place: int, patch: tuple[int, ...] = ()) -> str:
        """Of a grid of patches, counted from 1; pixels where there is no patch."""
        across = -(-self.layout.size[1] // (patch[1] if patch else 1))
        return f"row {place // across + 1}, column {place % across + 1}"


def _side(wish: Any, sizes: Counter[tuple[int, int]]) -> tuple[int, int]:
    """The wish; else the size that nearly all have, if it is not large; else a square of the common shorter side."""
    if wish is not None:
        height, width = (int(wish), int(wish)) if np.ndim(wish) == 0 else (int(wish[0]), int(wish[1]))
        if min(height, width) < SMALLEST:
            raise DataError(f"a side of {min(height, width)} pixels is too small.", f"Give {SMALLEST} or more.")
        return height, width
    (common, often), total = sizes.most_common(1)[0], sum(sizes.values())
    if often >= ONE_SIZE * total and max(common) <= LONGEST:
        return max(SMALLEST, common[0]), max(SMALLEST, common[1])
    shorter = np.repeat([min(s) for s in sizes], list(sizes.values()))
    side = min(LONGEST, int(np.median(shorter)))
    return (max(SMALLEST, side // 8 * 8),) * 2  # a multiple of eight, so that patches fit


def _moments(values: NDArray[np.uint8]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(mean, deviation) a channel, of values [B, C, H, W]; a channel that never changes has deviation 1."""
    mean = values.mean((0, 2, 3), dtype=np.float64)
    deviation = np.sqrt(
        np.maximum(np.array([np.square(values[:, c], dtype=np.float32).mean(dtype=np.float64) for c in range(len(mean))]) - mean**2, 0)
    )
    return tuple(mean.tolist()), tuple(np.where(deviation > 0.5, deviation, 1.0).tolist())

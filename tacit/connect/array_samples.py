"""Array samples: one array → which modality it holds and its samples one by one.

Told by number type and shape: bytes [N, H, W], [N, H, W, C] or [N, C, H, W] are pictures, other numbers [N, L], [N, L, C]
or [N, C, L] are series, texts [N] are texts. Every choice is noted; a stated modality decides where it may be either.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.connect.mapped import Touched
from tacit.connect.pool_wishes import PoolWishes
from tacit.contracts.errors import DataError

COLOURS = (1, 2, 3, 4)  # channels of a picture: gray, gray + alpha, RGB, RGBA


class ArraySamples:
    """array: [N, …]; wishes: what the user says of it; called: its name, for messages."""

    def __init__(self, array: NDArray[Any], wishes: PoolWishes, called: str) -> None:
        self.notes: list[str] = []
        self.modality = wishes.modality or _modality(array, called)
        if not len(array):
            raise DataError(f"{called} holds no sample: its shape is {array.shape}.")
        self._array, self._touched = array, Touched.of(array)
        self._low, self._factor = 0.0, 1.0
        self._first = False
        getattr(self, f"_see_{self.modality}")(wishes, called)

    def __len__(self) -> int:
        return len(self._array)

    def read(self, at: Any) -> list[Any]:
        """As Pool.read."""
        rows = [self._array[int(i)] for i in at]
        if self._touched.map is not None:
            for row in rows:
                self._touched.add(row.nbytes)
        if self.modality == "text":
            return [str(r) if r is not None else "" for r in rows]
        if self.modality == "series":
            return [_series(r, self._first) for r in rows]
        turned = [np.moveaxis(r, 0, -1) if self._first else r for r in rows]
        if self._array.dtype == np.uint8:
            return turned
        with np.errstate(invalid="ignore"):
            return [np.clip((r.astype(np.float32) - self._low) * self._factor + 0.5, 0, 255).astype(np.uint8) for r in turned]

    def _see_text(self, wishes: PoolWishes, called: str) -> None:
        if self._array.ndim != 1 or self._array.dtype.kind not in "UOT":
            raise DataError(f"{called} is no list of texts: {_shape(self._array)}.")

    def _see_series(self, wishes: PoolWishes, called: str) -> None:
        a = self._array
        if a.ndim not in (2, 3) or a.dtype.kind not in "biuf":
            raise DataError(f"{called} holds no series: {_shape(a)}.", "Give numbers [N, steps] or [N, steps, channels].")
        if a.ndim == 3:
            # series are longer than they are wide, as a rule; where they are not, the user says so
            self._first = a.shape[1] < a.shape[2] if wishes.channels_first is None else wishes.channels_first
            steps, channels = (a.shape[2], a.shape[1]) if self._first else (a.shape[1], a.shape[2])
            how = "the longer axis is time" if wishes.channels_first is None else "as asked"
            self.notes.append(f"{called}: {len(a):,} series of {steps} steps and {channels} channels ({how})")
        else:
            self.notes.append(f"{called}: {len(a):,} series of {a.shape[1]} steps")

    def _see_image(self, wishes: PoolWishes, called: str) -> None:
        a = self._array
        if a.ndim not in (3, 4) or a.dtype.kind not in "biuf":
            raise DataError(f"{called} holds no pictures: {_shape(a)}.", "Give numbers [N, H, W], [N, H, W, C] or [N, C, H, W].")
        if a.ndim == 4:
            self._first = a.shape[-1] not in COLOURS and a.shape[1] in COLOURS if wishes.channels_first is None else wishes.channels_first
        sides = "x".join(map(str, a.shape[2:] if self._first else a.shape[1:]))
        self.notes.append(f"{called}: {len(a):,} pictures, {sides}")
        if a.dtype != np.uint8:
            low, high = _range(a, called, self._touched)
            # 0..1 and 0..255 are meant as such; any other range is stretched as a whole, never picture by picture
            self._low, top = (0.0, 1.0) if low >= 0 and high <= 1 else (0.0, 255.0) if low >= 0 and 128 <= high <= 255 else (low, high)
            self._factor = 255 / (top - self._low) if top > self._low else 1.0
            self.notes.append(f"{called}: {a.dtype} values of {self._low:g} to {top:g} are read as 0 to 255")


def _range(a: NDArray[Any], called: str, touched: Touched) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    for part in np.array_split(a, max(1, a.size // (1 << 22))):  # an array may lie on disk: never all of it as float
        touched.add(part.nbytes)
        if part.dtype.kind == "f":
            part = part[np.isfinite(part)]
        if part.size:
            low, high = min(low, float(part.min())), max(high, float(part.max()))
    if low > high:
        raise DataError(f"{called} holds no finite number.")
    return low, high


def _series(row: NDArray[Any], first: bool) -> NDArray[np.float32]:
    values = np.asarray(row, dtype=np.float32)
    return values[:, None] if values.ndim == 1 else np.ascontiguousarray(values.T) if first else values


def _shape(a: NDArray[Any]) -> str:
    return f"{a.dtype} of shape {a.shape}"


def _modality(a: NDArray[Any], called: str) -> str:
    if a.dtype.kind in "UOT" and a.ndim == 1:
        return "text"
    if a.dtype.kind in "biuf":
        if a.ndim == 4 or (a.ndim == 3 and a.dtype == np.uint8):
            return "image"
        if a.ndim in (2, 3):
            return "series"
    raise DataError(f"nothing here reads {called}: {_shape(a)}.", "Pictures are [N, H, W(, C)], series [N, steps(, channels)], texts [N].")

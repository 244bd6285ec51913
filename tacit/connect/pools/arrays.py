"""Arrays: what Python hands over: numpy and torch arrays, lists of texts, arrays, pictures or paths, pandas and polars tables."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.connect.array_pool import ArrayPool
from tacit.connect.file_bytes import as_text
from tacit.connect.file_listing import modality_of
from tacit.connect.pool_wishes import PoolWishes
from tacit.contracts.errors import DataError


class Arrays(ArrayPool):
    """source: an array [N, …], or a list with one item a sample: str, bytes, arrays of any size, Pillow images, paths."""

    def __init__(self, source: Any, wishes: PoolWishes | None = None) -> None:
        self.source, self.wishes = source, wishes or PoolWishes()
        self._items: list[Any] | None = None
        if isinstance(source, (list, tuple)):
            self._hold_list(list(source))
        else:
            array = _array(source)
            self._hold(array, self.wishes, f"an array of shape {array.shape}")

    @classmethod
    def accepts(cls, source: Any) -> bool:
        if isinstance(source, (list, tuple)):
            return not source or not all(isinstance(item, Mapping) for item in source)
        return hasattr(source, "__array__") and hasattr(source, "shape") and not hasattr(source, "columns")

    def read(self, at: Sequence[int] | NDArray[np.int64]) -> list[Any]:
        return super().read(at) if self._items is None else [_item(self._items[int(i)], self.modality) for i in at]

    def _hold_list(self, items: list[Any]) -> None:
        if not items:
            raise DataError("the list holds no sample.")
        kinds = {_kind(item) for item in items}
        paths = kinds == {"path"} or (kinds == {"text"} and self.wishes.modality == "image")
        if len(kinds) > 1 or "" in kinds:
            types = sorted({type(item).__name__ for item in items})
            raise DataError(
                f"a list of {', '.join(types)} cannot be told.", "Give one item a sample: str, bytes, an array, a Pillow image or a path."
            )
        if paths:
            items = [Path(item) for item in items]
        kind = "path" if paths else kinds.pop()
        first = modality_of(str(items[0])) if kind == "path" else {"text": "text", "picture": "image", "number": "series", "array": None}[kind]
        if kind == "number":
            raise DataError("a list of numbers is one series, not samples.", "Give a list of series.")
        if kind == "array":
            shapes = [np.shape(i) for i in items]
            same = len(set(shapes)) == 1
            if same:
                return self._hold(np.stack([_array(i) for i in items]), self.wishes, f"{len(items):,} arrays of shape {shapes[0]}")
            first = "image" if all(_array(i).dtype == np.uint8 for i in items) else "series"
        self._items = items
        self.modality = self.wishes.modality or first or "image"
        self.names = [str(p) for p in items] if kind == "path" else [str(i) for i in range(len(items))]
        if len(set(self.names)) < len(items):
            raise DataError("a path stands in the list twice.")
        self.columns = {}
        self.described = f"a list of {len(items):,} {self.modality} samples"
        self.notes = [self.described]
        return None


def _array(source: Any) -> NDArray[Any]:
    return np.asarray(source.detach().cpu().numpy() if hasattr(source, "detach") else source)


def _kind(item: Any) -> str:
    if isinstance(item, str):
        return "text"
    if isinstance(item, os.PathLike):
        return "path"
    if isinstance(item, (bytes, bytearray)) or (hasattr(item, "convert") and hasattr(item, "getexif")):
        return "picture"
    if isinstance(item, (bool, int, float, np.generic)):
        return "number"
    return "array" if hasattr(item, "__array__") or isinstance(item, (list, tuple)) else ""


def _item(item: Any, modality: str) -> Any:
    if isinstance(item, Path):
        try:
            data = item.read_bytes()
        except OSError as error:
            return error
        return data if modality == "image" else as_text(data)[0]
    if isinstance(item, (str, bytes)):
        return item
    if isinstance(item, bytearray):
        return bytes(item)
    if hasattr(item, "getexif"):
        return _pixels(item)
    array = _array(item)
    if modality == "image":
        return array
    return array.astype(np.float32)[:, None] if array.ndim == 1 else array.astype(np.float32)


def _pixels(picture: Any) -> NDArray[np.uint8]:
    """A Pillow image as an array, over white where it is transparent."""
    from tacit.modalities.image_decode import GRAY, plain

    return np.asarray(plain(picture, 1 if picture.mode in GRAY else 3))

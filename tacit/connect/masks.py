"""Masks: what is where in each sample, for the dense probe: pictures of class numbers in a folder or archive, or an array.

Pictures of masks are matched with samples by name, as labels are (also without folders and endings), and brought to the layout's size as the samples
are: the shorter side to its length, the middle cut out; the nearest number is taken, never a mean. 255 and -1 mean that nobody knows.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.connect.labels import aligned
from tacit.connect.open_pool import open_pool
from tacit.connect.pools.npz import load_array
from tacit.contracts.errors import DataError
from tacit.contracts.pool import Pool

VOID = 255
NUMBERED = ("1", "L", "P", "I", "I;16")  # modes of pictures with one number a pixel


def read_masks(source: Any, pool: Pool, rows: NDArray[np.int64], size: tuple[int, ...]) -> tuple[NDArray[np.int64], list[str]]:
    """(classes by place [len(rows), *size], -1 where nobody knows, of the samples at `rows` of the pool; notes).

    source: a folder or archive of pictures, FILE.npz:ARRAY, FILE.npy, or an array [len(pool), H, W] or [len(pool), L]. Raises DataError.
    """
    text = str(source) if isinstance(source, str | Path) else "the masks"
    if isinstance(source, str | Path) and ".npy" not in text and ".npz" not in text:
        return _of_pictures(source, pool, rows, size)
    whole = np.asarray(load_array(source) if isinstance(source, str | Path) else source)
    if whole.dtype.kind not in "iub" or len(whole) != len(pool) or whole.ndim != 1 + len(size):
        raise DataError(
            f"{text} has shape {whole.shape} of {whole.dtype}; masks of {pool.described} are whole numbers of {1 + len(size)} dimensions, "
            f"the first {len(pool):,}.",
            "One number a place: its class, or -1.",
        )
    if whole.shape[1:] == size:
        return _known(whole[rows]), []
    if len(size) == 1:
        raise DataError(f"{text} has {whole.shape[1]:,} steps a sample, and the encoder reads {size[0]:,}.", "Cut masks as the samples are cut.")
    return np.stack([_known(_resized(whole[i], size)) for i in rows]), []


def _of_pictures(source: Any, pool: Pool, rows: NDArray[np.int64], size: tuple[int, ...]) -> tuple[NDArray[np.int64], list[str]]:
    if len(size) != 2:
        raise DataError(f"{source}: masks of series are an array [samples, steps], FILE.npz:ARRAY or FILE.npy.")
    masks = open_pool(source, modality="image")
    at, _, notes = aligned(list(masks.names), len(masks), pool)
    where = {int(row): k for k, row in enumerate(at.tolist()) if row >= 0}
    out = np.full((len(rows), *size), -1, np.int64)
    found = [(k, where[int(row)]) for k, row in enumerate(rows) if int(row) in where]
    if not found:
        raise DataError(f"no mask of {masks.described} has the name of a labelled sample of {pool.described}.", f"The first: {masks.names[0]}.")
    for k, mask in found:
        (raw,) = masks.read([mask])
        out[k] = _known(_resized(_numbers(raw, masks.names[mask]), size))
    if len(found) < len(rows):
        notes.append(f"{len(rows) - len(found):,} of {len(rows):,} labelled samples have no mask")
    return out, notes


def _numbers(raw: Any, name: str) -> NDArray[Any]:
    """[H, W]."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(raw, np.ndarray):
        picture = Image.fromarray(raw)
    elif isinstance(raw, OSError):
        raise DataError(f"the mask {name} cannot be read: {raw}.")
    else:
        try:
            picture = Image.open(io.BytesIO(raw))
            picture.load()
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
            raise DataError(f"the mask {name} cannot be read: {error}.", "Masks are PNG, BMP or TIFF of one number a pixel.") from error
    if picture.mode not in NUMBERED or picture.format == "JPEG":
        what = "a JPEG, which blurs numbers" if picture.format == "JPEG" else f"of mode {picture.mode}"
        raise DataError(f"the mask {name} is {what}; a mask has one class number a pixel.", "Save it as a gray or palette PNG.")
    return np.asarray(picture)


def _resized(mask: NDArray[Any], size: tuple[int, ...]) -> NDArray[np.int64]:
    """The nearest numbers on [H, W], the middle cut out, as pictures are fitted."""
    (high, wide), (h, w) = mask.shape, size
    scale = min(high / h, wide / w)
    places = [(old - scale * new) / 2 + scale * (np.arange(new) + 0.5) for old, new in ((high, h), (wide, w))]
    down, across = (np.clip(p.astype(np.int64), 0, old - 1) for p, old in zip(places, (high, wide), strict=True))
    return mask[np.ix_(down, across)].astype(np.int64)


def _known(mask: NDArray[Any]) -> NDArray[np.int64]:
    mask = mask.astype(np.int64)
    return np.where((mask == VOID) | (mask < 0), -1, mask)

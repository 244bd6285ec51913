"""Image decode: a picture's bytes or array → uint8 [H, W, C], upright and whole.

Pillow reads it; EXIF rotation is applied, 16-bit and float pictures are brought to 0..255, palette, CMYK and the like become RGB,
alpha is laid over white, of an animation the first frame counts. Cut-off files are refused: half a picture would be learned.
"""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

ORIENTATION = 0x0112  # EXIF tag
SIXTEEN = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
GRAY = ("1", "L", "LA", "La", *SIXTEEN)
MOST_PIXELS = 178_956_970  # Pillow's own border of a decompression bomb, taken as an error


class Undecodable(Exception):
    """A picture that cannot be used, and why."""


def decode(raw: Any, channels: int, side: tuple[int, int]) -> NDArray[np.uint8]:
    """[H, W, C] of exactly that size: the shorter side is brought to it, then the middle is cut. Raises Undecodable."""
    picture = _opened(raw, side)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata that does not touch the pixels
            picture.load()  # all of it now: a file that is cut off must fail here
            picture = fitted(plain(picture, channels), side)
    except (OSError, ValueError, SyntaxError, EOFError, Pillow.DecompressionBombError, MemoryError) as error:
        raise Undecodable(_words(error)) from error
    array = np.asarray(picture)
    return array[:, :, None] if array.ndim == 2 else array


def facts(raw: Any) -> tuple[int, int, bool]:
    """(height, width, gray) as it would stand upright, from the head of the file alone where it can. Raises Undecodable."""
    if isinstance(raw, np.ndarray):
        if raw.ndim not in (2, 3) or 0 in raw.shape:
            raise Undecodable(f"an array of shape {raw.shape} is no picture")
        return raw.shape[0], raw.shape[1], raw.ndim == 2 or raw.shape[2] <= 2
    picture = _opened(raw, None)
    try:
        turned = picture.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
    except (OSError, ValueError, SyntaxError, TypeError):  # damaged metadata: the picture itself may be whole
        turned = False
    gray = picture.mode in GRAY or (picture.mode == "P" and _gray_palette(picture))
    width, height = picture.size
    return (width, height, gray) if turned else (height, width, gray)


def plain(picture: Pillow.Image, channels: int) -> Pillow.Image:
    """Upright, mode L or RGB. Any failing of Pillow passes through."""
    picture = ImageOps.exif_transpose(picture) if picture.getexif().get(ORIENTATION, 1) != 1 else picture
    if picture.mode in SIXTEEN:
        values = np.asarray(picture, dtype=np.float32)
        # 16 bits by their full range; wider whole numbers and floats by what they themselves reach
        top = (
            65535.0
            if picture.mode.startswith("I;16") or (picture.mode == "I" and values.max(initial=0) > 255)
            else max(255.0, float(values.max(initial=0)))
        )
        picture = Pillow.fromarray(np.clip(np.nan_to_num(values) * (255 / top) + 0.5, 0, 255).astype(np.uint8))
    if "A" in picture.mode or "a" in picture.mode or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        white = Pillow.new("RGBA", seen.size, (255, 255, 255, 255))
        picture = Pillow.alpha_composite(white, seen)
    return picture.convert("L" if channels == 1 else "RGB") if picture.mode != ("L" if channels == 1 else "RGB") else picture


def fitted(picture: Pillow.Image, side: tuple[int, int]) -> Pillow.Image:
    """The shorter side brought to its length, the middle cut out: no stretching."""
    height, width = side
    if picture.size == (width, height):
        return picture
    return ImageOps.fit(picture, (width, height), Pillow.Resampling.BICUBIC if picture.width < width else Pillow.Resampling.LANCZOS)


def _opened(raw: Any, side: tuple[int, int] | None) -> Pillow.Image:
    if isinstance(raw, OSError):
        raise Undecodable(_words(raw))
    try:
        if isinstance(raw, np.ndarray):
            return Pillow.fromarray(_pixels(raw))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture: Pillow.Image = Pillow.open(io.BytesIO(raw))
        if picture.width * picture.height > MOST_PIXELS:
            raise Undecodable(f"{picture.width} x {picture.height} pixels are more than {MOST_PIXELS:,}")
        if side is not None and picture.format == "JPEG":
            # a JPEG can be decoded at 1/2, 1/4, 1/8: never below twice what is asked for, so that the resize still has what it needs
            picture.draft(None, (2 * side[1], 2 * side[0]))
        return picture
    except UnidentifiedImageError as error:
        raise Undecodable("empty" if not raw else "no known picture format") from error
    except (OSError, ValueError, SyntaxError, EOFError, TypeError, Pillow.DecompressionBombError) as error:
        raise Undecodable(_words(error)) from error


def _pixels(raw: NDArray[Any]) -> NDArray[np.uint8]:
    if raw.dtype != np.uint8 or raw.ndim not in (2, 3) or 0 in raw.shape or (raw.ndim == 3 and raw.shape[2] not in (1, 2, 3, 4)):
        raise Undecodable(f"an array of {raw.dtype} and shape {raw.shape} is no picture")
    return raw[:, :, 0] if raw.ndim == 3 and raw.shape[2] == 1 else np.ascontiguousarray(raw)


def _gray_palette(picture: Pillow.Image) -> bool:
    colours = np.array(picture.getpalette() or [0, 0, 0]).reshape(-1, 3)
    return bool((colours == colours[:, :1]).all())


def _words(error: BaseException) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:200]

"""idx: an array as MNIST's files hold it, gzipped or not: two zero bytes, type, dimensions, then numbers, all big-endian.

LeCun, Cortes, Burges, "The MNIST database", the section "File formats".
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.connect.array_pool import ArrayPool
from tacit.connect.file_bytes import as_path, content, head, packed
from tacit.connect.mapped import SMALL
from tacit.connect.pool_wishes import PoolWishes
from tacit.contracts.errors import DataError

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


class Idx(ArrayPool):
    """source: FILE-idx3-ubyte.gz or the like."""

    def __init__(self, source: Any, wishes: PoolWishes | None = None) -> None:
        self.source, self.wishes = source, wishes or PoolWishes()
        path = Path(source)
        self._hold(load_idx(path), self.wishes, path.name)

    @classmethod
    def accepts(cls, source: Any) -> bool:
        path = as_path(source)
        return path is not None and path.is_file() and is_idx(path)


def is_idx(path: Path) -> bool:
    """Whether its first bytes and its length, where that is plain, are those of an idx file."""
    start = head(path, 4)
    return len(start) == 4 and start[:2] == b"\0\0" and start[2] in TYPES and 1 <= start[3] <= 4


def load_idx(path: Path) -> NDArray[Any]:
    """The array, in the machine's byte order; a large file that is not packed stays on disk as it is. Raises DataError where it is cut off."""
    mapped = path.stat().st_size > SMALL and not packed(path)
    data: Any = np.memmap(path, np.uint8, "r") if mapped else content(path)
    dimensions = int(data[3])
    start = 4 + 4 * dimensions
    if len(data) < start:
        raise DataError(f"{path} is cut off within its head.", "Fetch or copy it again.")
    shape = struct.unpack(f">{dimensions}I", bytes(data[4:start]))
    kind = np.dtype(TYPES[int(data[2])])
    if len(data) - start != math.prod(shape) * kind.itemsize:
        raise DataError(
            f"{path} says it holds {' x '.join(map(str, shape))} values but has {(len(data) - start) // kind.itemsize:,}.", "Fetch or copy it again."
        )
    array = np.frombuffer(data, kind, offset=start).reshape(shape)
    return array if mapped else array.astype(kind.newbyteorder("="), copy=False)

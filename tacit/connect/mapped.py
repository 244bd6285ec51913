"""Mapped: arrays and archives that stay on disk; what was read of them does not pile up in memory.

A page of a map counts as this process' memory from its first touch on. Now and then all are let go: those that are needed again come back
from the system's cache, or from disk.
"""

from __future__ import annotations

import mmap
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LET_GO = 256 << 20  # bytes touched
AROUND = 2 << 20  # bytes that one touch may bring in: kernels with large pages in their cache map a whole one
SMALL = 64 << 20  # bytes of an array that is simply read
HELD = 1 << 30  # bytes that a packed array may unpack to in memory; larger ones go through a temporary file
LOCAL_HEAD = 30  # bytes of a zip member's head before its name and extra fields
SHARED = ("r", "r+", "w+")  # maps of which the file holds all; what is written to the others ("c") is nowhere else


class Touched:
    """Counts what is read of a map (None: of nothing), and lets go."""

    def __init__(self, map_: mmap.mmap | None) -> None:
        self.map, self.size = map_, 0

    @classmethod
    def of(cls, array: NDArray[Any]) -> Touched:
        """Of the map that an array lies in, if it does and nothing is lost by letting go."""
        under: Any = array
        mode = ""
        while under is not None and not isinstance(under, mmap.mmap):
            mode, under = getattr(under, "mode", ""), getattr(under, "base", None)
        return cls(under if mode in SHARED else None)

    def add(self, size: int) -> None:
        """So many bytes were read in one piece."""
        if self.map is None:
            return
        self.size += max(size, AROUND)
        if self.size >= LET_GO:
            self.size = 0
            if hasattr(mmap, "MADV_DONTNEED"):
                self.map.madvise(mmap.MADV_DONTNEED)


def array_in(path: Path, member: zipfile.ZipInfo) -> NDArray[Any] | None:
    """The array of a large .npz member without reading it into memory; None for a small one, which is as well read with its checksum.

    Raises OSError, ValueError where it is damaged or holds objects.
    """
    if member.file_size <= SMALL or (member.compress_type != zipfile.ZIP_STORED and member.file_size <= HELD):
        return None
    if member.compress_type == zipfile.ZIP_STORED:
        with path.open("rb") as file:
            file.seek(member.header_offset)
            file.seek(member.header_offset + to_data(file.read(LOCAL_HEAD)))
            return _mapped(file)
    with tempfile.TemporaryFile() as unpacked, zipfile.ZipFile(path) as whole, whole.open(member) as packed:  # has no name, and goes with the map
        while part := packed.read(1 << 22):
            unpacked.write(part)
        unpacked.seek(0)
        return _mapped(unpacked)


def to_data(head: bytes) -> int:
    """Bytes from the beginning of a zip member to its data, by the first LOCAL_HEAD of them. Raises ValueError where they are cut off."""
    if len(head) < LOCAL_HEAD:
        raise ValueError("a member's head is cut off")
    named, extra = struct.unpack("<HH", head[26:LOCAL_HEAD])
    return LOCAL_HEAD + int(named) + int(extra)


def _mapped(file: Any) -> NDArray[Any]:
    """The .npy that begins where the file stands."""
    version = np.lib.format.read_magic(file)
    head = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = head(file)
    if dtype.hasobject:
        raise ValueError("Object arrays cannot be loaded: pickle")
    return np.memmap(file, dtype, "r", file.tell(), shape, "F" if fortran else "C")

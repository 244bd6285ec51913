"""Archive: pictures or .txt files in a zip, one a sample, called by their path inside it.

Members are read from a memory map, which threads and forked processes may share; each is held to its checksum.
"""

from __future__ import annotations

import mmap
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tacit.connect.file_bytes import as_path, as_text, head
from tacit.connect.file_listing import choose, folders_of
from tacit.connect.mapped import LOCAL_HEAD, Touched, to_data
from tacit.connect.pool_wishes import PoolWishes
from tacit.contracts.errors import DataError
from tacit.contracts.pool import Pool

ENCRYPTED = 0x1
LARGEST = 1 << 30  # bytes that one member may unpack to


class Archive(Pool):
    """source: FILE.zip."""

    kinds: ClassVar[tuple[str, ...]] = ("image", "text")

    def __init__(self, source: Any, wishes: PoolWishes | None = None) -> None:
        self.source, self.wishes = source, wishes or PoolWishes()
        self._path = Path(source)
        try:
            with zipfile.ZipFile(self._path) as file:
                members = {m.filename: m for m in file.infolist() if not m.is_dir()}
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise DataError(f"{source} is no whole zip file: {error}.", "Fetch or copy it again.") from error
        self.modality, self.names, self.notes = choose(list(members), self.wishes, str(source))
        self._members = [members[name] for name in self.names]
        self._map: mmap.mmap | None = None
        self._touched = Touched(None)
        self.columns: dict[str, NDArray[Any]] = folders_of(self.names)
        self.described = f"{len(self.names):,} {self.modality} files in {source}"

    @classmethod
    def accepts(cls, source: Any) -> bool:
        path = as_path(source)
        return path is not None and path.is_file() and path.suffix.lower() not in (".npz", ".docx", ".xlsx") and head(path, 2) == b"PK"

    def read(self, at: Sequence[int] | NDArray[np.int64]) -> list[Any]:
        return [self._one(self._members[int(i)]) for i in at]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_map": None, "_touched": Touched(None)}  # another process maps the file itself

    def _one(self, member: zipfile.ZipInfo) -> Any:
        try:
            data = self._bytes(member)
        except (OSError, ValueError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            return OSError(f"damaged in the archive: {error}")
        return data if self.modality == "image" else as_text(data)[0]

    def _bytes(self, member: zipfile.ZipInfo) -> bytes:
        if self._map is None:
            with self._path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._touched = Touched(self._map)
        if member.flag_bits & ENCRYPTED:
            raise OSError("it is locked with a password")
        if member.file_size > LARGEST:
            raise OSError(f"it unpacks to {member.file_size:,} bytes, more than {LARGEST:,}")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            with zipfile.ZipFile(self._path) as whole:
                return whole.read(member)
        start = member.header_offset
        start += to_data(self._map[start : start + LOCAL_HEAD])
        data = self._map[start : start + member.compress_size]
        self._touched.add(member.compress_size)
        if member.compress_type == zipfile.ZIP_DEFLATED:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, member.file_size + 1)  # never more than it says: it may be a bomb
        if zlib.crc32(data) != member.CRC:
            raise OSError("its checksum is wrong")
        return data

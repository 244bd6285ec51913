"""File bytes: the content of a file, unpacked where it is gzipped; its first bytes; and bytes as text."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

from tacit.contracts.errors import DataError

GZIP = b"\x1f\x8b"
MOST = 2 << 30  # bytes of a table or text that is read whole
BYTE_ORDER = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
NOT_TEXT = bytes(b for b in range(32) if b not in (7, 8, 9, 10, 11, 12, 13, 27))


def as_path(source: object) -> Path | None:
    """A path where `source` is one that exists (text or PathLike), else None."""
    if isinstance(source, (str, os.PathLike)) and source != "":  # an empty text would be the folder that we are in
        try:
            path = Path(source)
            return path if path.exists() else None
        except (OSError, ValueError, TypeError):  # a whole document taken for a name: too long, or with a zero byte
            return None
    return None


def packed(path: Path) -> bool:
    """Whether it is gzipped, by its first bytes. OSError where it cannot be opened."""
    with path.open("rb") as file:
        return file.read(2) == GZIP


def content(path: Path, most: int = MOST) -> bytes:
    """All of a file, unpacked. Raises DataError where it is cut off, damaged or larger than `most` bytes; OSError where it cannot be opened."""
    with path.open("rb") as file:
        if not packed(path):
            data = file.read(most + 1)
        else:
            try:
                with gzip.open(file) as unpacked:
                    data = unpacked.read(most + 1)  # never more: it may be a bomb
            except (OSError, EOFError, zlib.error) as error:
                raise DataError(f"{path} is damaged or cut off: {error}.", "Fetch or copy it again.") from error
    if len(data) > most:
        raise DataError(
            f"{path} holds more than {most / 2**30:.3g} GiB, and such a file is read into memory as a whole.",
            "Cut it into several files, or write it as .npy or as files in a folder, which are read piece by piece.",
        )
    return data


def head(path: Path, size: int = 64) -> bytes:
    """The first bytes, unpacked; empty where nothing can be read."""
    try:
        with path.open("rb") as file:
            start = file.read(2)
            file.seek(0)
            if start == GZIP:
                with gzip.open(file) as unpacked:
                    return unpacked.read(size)
            return file.read(size)
    except (OSError, EOFError, zlib.error):
        return b""


def inner_suffix(path: Path) -> str:
    """.csv of `a.csv` and of `a.csv.gz`, in small letters."""
    name = path.name.lower()
    return Path(name.removesuffix(".gz")).suffix


def as_text(data: bytes) -> tuple[str, str]:
    """(text, its encoding): by its byte order mark, UTF-8, else Windows-1252 where no byte speaks against text.

    Bytes that are no text come back with surrogates (as surrogateescape makes them), so that the text modality refuses them.
    """
    for mark, name in BYTE_ORDER:
        if data.startswith(mark):
            try:
                return data.decode(name), name.removesuffix("-sig")
            except UnicodeDecodeError:
                break
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    if len(data.translate(None, NOT_TEXT)) < len(data):
        return data.decode("utf-8", "surrogateescape"), ""
    return data.decode("cp1252", "replace"), "cp1252"

"""Folder: pictures or .txt files, one a sample, at any depth; class folders are not labels.

Only names are kept: a folder of any size opens within the memory that its names take.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tacit.connect.file_bytes import as_path, as_text
from tacit.connect.file_listing import choose, files_in, folders_of, held_by
from tacit.connect.pool_wishes import PoolWishes
from tacit.contracts.pool import Pool


class Folder(Pool):
    """source: the folder. Samples are called by their path inside it, with slashes."""

    kinds: ClassVar[tuple[str, ...]] = ("image", "text")

    def __init__(self, source: Any, wishes: PoolWishes | None = None) -> None:
        self.source, self.wishes = source, wishes or PoolWishes()
        self._root = Path(source)
        self.modality, self.names, self.notes = choose(files_in(self._root), self.wishes, str(source))
        self.columns: dict[str, NDArray[Any]] = folders_of(self.names)
        self.described = f"{len(self.names):,} {self.modality} files in {source}"

    @classmethod
    def accepts(cls, source: Any) -> bool:
        path = as_path(source)
        return path is not None and path.is_dir() and held_by(path) == "files"

    def read(self, at: Sequence[int] | NDArray[np.int64]) -> list[Any]:
        return [self._one(self.names[int(i)]) for i in at]

    def _one(self, name: str) -> Any:
        try:
            path = self._root / name
            if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for, for ever
                return OSError("no regular file")
            data = path.read_bytes()
        except OSError as error:
            return error
        return data if self.modality == "image" else as_text(data)[0]

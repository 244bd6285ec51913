"""Lines: a text file with one sample a line, gzipped or not; with `whole`, the file is one sample.

Where paragraphs are parted by empty lines it is running text, and so one sample, unless the user says otherwise.
Lines are called by their position, counted from 0, empty ones too, so that labels of one a line still fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tacit.connect.file_bytes import as_path, as_text, content, head, inner_suffix
from tacit.connect.file_listing import SUFFIXES
from tacit.connect.pool_wishes import PoolWishes
from tacit.contracts.errors import DataError
from tacit.contracts.pool import Pool

LEAST, EMPTY = 20, 0.05  # lines, and the share of empty ones among them, that make a running text


class Lines(Pool):
    """source: FILE.txt or FILE.txt.gz."""

    kinds: ClassVar[tuple[str, ...]] = ("text",)
    listens: ClassVar[tuple[str, ...]] = ("whole",)

    def __init__(self, source: Any, wishes: PoolWishes | None = None) -> None:
        self.source, self.wishes = source, wishes or PoolWishes()
        self.modality = "text"
        text, encoding = as_text(content(Path(source)))
        if not encoding:
            raise DataError(f"{source} is no text: it holds bytes that no text has.", "Give a text file in UTF-8.")
        # only line feeds part samples: form feeds and the like may stand within one
        lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
        empty = sum(not line.strip() for line in lines) / len(lines)
        whole = self.wishes.whole if self.wishes.whole is not None else len(lines) >= LEAST and empty >= EMPTY
        self._texts = [text] if whole else lines
        if not text.strip():
            raise DataError(f"{source} holds no text.")
        self.names: Sequence[str] = [str(i) for i in range(len(self._texts))]
        self.columns: dict[str, NDArray[Any]] = {}
        self.described = f"one text, {source}" if whole else f"{len(self._texts):,} lines of {source}"
        said = f"{self.described}: {empty:.0%} of its lines are empty" if whole and self.wishes.whole is None else self.described
        self.notes = [said] + ([f"{source}: not UTF-8, read as Windows-1252"] if encoding == "cp1252" else [])

    @classmethod
    def accepts(cls, source: Any) -> bool:
        path = as_path(source)
        return path is not None and path.is_file() and inner_suffix(path) in SUFFIXES["text"] and not is_numbers(path)

    def read(self, at: Sequence[int] | NDArray[np.int64]) -> list[Any]:
        return [self._texts[int(i)] for i in at]


def is_numbers(path: Path) -> bool:
    """Whether its first lines are several numbers each, apart by blanks: a table without a head."""
    lines = head(path, 4096).split(b"\n")[:-1][:5]
    try:
        widths = {len([float(v) for v in line.split()]) for line in lines}
    except ValueError:
        return False
    return bool(lines) and len(widths) == 1 and widths.pop() > 1

"""Pool: samples that nobody has looked at yet, with random access. The learning side's source.

A pool knows names (what a label file calls a sample), reads raw samples by position, and keeps count of what it must refuse.
It does not decode: pictures are bytes or arrays, series are arrays, texts are str. Modalities decode.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

HELD = 64 << 20  # bytes of raw samples read ahead of decoding: eight photos of a large camera, hundreds of small pictures
MOST = 512  # samples


class Refused(NamedTuple):
    """A sample that cannot be used: its name (with line or path), and why."""

    name: str
    reason: str


class Pool(ABC):
    """`names`: one a sample, unique. `columns`: other columns by name, one value a sample (groups, entities, times).

    `modality`: image, series or text. `described`: where the samples come from, for people; `notes`: what was found or assumed there.
    """

    modality: str
    names: Sequence[str]
    columns: dict[str, NDArray[Any]]
    described: str
    notes: Sequence[str] = ()
    kinds: ClassVar[tuple[str, ...]] = ("image", "series", "text")  # modalities that this form of pool can hold
    listens: ClassVar[tuple[str, ...]] = ()  # wishes that this form can follow, beside the modality and the windows of series

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    @abstractmethod
    def accepts(cls, source: Any) -> bool:
        """Whether this part reads such a source: a look at its name, type and first bytes."""

    @abstractmethod
    def read(self, at: Sequence[int] | NDArray[np.int64]) -> list[Any]:
        """Raw samples at these positions: bytes or uint8 arrays [H, W], [H, W, C] (image), float32 [L, C] with NaN where missing (series),
        str (text). A sample that cannot be read is the OSError itself, in its place: the modality refuses it, with those words."""

    def pieces(self, at: Sequence[int] | NDArray[np.int64], held: int = HELD, most: int = MOST) -> Iterator[tuple[NDArray[np.int64], list[Any]]]:
        """(positions, raw samples) in the order of `at`, so many at once that they are at most one sample over `held` bytes.

        How large a sample is, only reading it tells: five hundred photos may be 10 MB or 10 GB. The list is emptied when the next is asked for,
        so that who holds it in a variable does not hold two.
        """
        positions, raw, size = list[int](), list[Any](), 0
        for i in at:
            one = self.read([int(i)])[0]
            positions.append(int(i))
            raw.append(one)
            size += one.nbytes if isinstance(one, np.ndarray) else len(one) if isinstance(one, bytes | str) else 0
            if size >= held or len(raw) >= most:
                yield np.array(positions, np.int64), raw
                positions, size = [], 0
                raw.clear()
        if raw:
            yield np.array(positions, np.int64), raw

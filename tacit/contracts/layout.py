"""Layout: how the samples of one data set lie in arrays; what encoders, views and tasks must know of a modality.

Three layouts are enough for what there is: a picture [C, H, W], a series [L, C], a text [N]. A place holds `channels`
numbers, or one category out of `vocabulary`. Statistics are of the learning data and travel with the encoder.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Samples(NamedTuple):
    """B samples as arrays. The modality says what lies where:

    image   values uint8 [B, C, H, W], valid None
    series  values float32 [B, L, C] (0 where missing), valid bool [B, L, C] (False: missing or padding), or None: all real
    text    values int32 [B, N] token ids, valid bool [B, N] (False: padding)
    """

    values: NDArray[Any]
    valid: NDArray[np.bool_] | None = None

    def take(self, rows: Any) -> Samples:
        return Samples(self.values[rows], None if self.valid is None else self.valid[rows])


def joined(parts: list[Samples]) -> Samples:
    """Samples of one layout one after another. `parts` is emptied on the way, so that they are never held twice."""
    if len(parts) == 1:
        return parts.pop()
    masked = any(p.valid is not None for p in parts)
    many = sum(len(p.values) for p in parts)
    values = np.empty((many, *parts[0].values.shape[1:]), parts[0].values.dtype)
    valid = np.ones((many, *(next(p.valid for p in parts if p.valid is not None).shape[1:])), np.bool_) if masked else None
    at = 0
    parts.reverse()
    while parts:
        part = parts.pop()
        values[at : at + len(part.values)] = part.values
        if valid is not None and part.valid is not None:
            valid[at : at + len(part.values)] = part.valid
        at += len(part.values)
    return Samples(values, valid)


@dataclass(frozen=True)
class Layout:
    """size: places along each axis, (H, W), (L,) or (N,); mean, deviation: a channel's; special: ids of pad, mask, cls, sep, unk."""

    modality: str
    kind: Literal["number", "category"]
    size: tuple[int, ...]
    channels: int = 1
    vocabulary: int = 0
    mean: tuple[float, ...] = (0.0,)
    deviation: tuple[float, ...] = (1.0,)
    special: dict[str, int] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """For JSON; `Layout.of` is the way back."""
        return asdict(self)

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Layout:
        known: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in facts.items()}
        return cls(**known)

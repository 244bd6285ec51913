"""Views: legitimate observations of the same thing, batched and on the batch's device. One class a modality in `nets/views/`.

A task never branches on the modality: it asks for powers by name (`needs`), and a modality that lacks one refuses with the
reason. `forbidden` names views that would change the meaning of this data (flips of digits, colours of X-rays).
All randomness comes from the generator that is passed (on the CPU; draws are moved to the device).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from tacit.contracts.errors import DataError
from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch


class Views(ABC):
    """layout: of the samples; patch: the encoder's, so that `hidden` and `content` lie on its grid; forbidden: names not to be used.

    powers: names of what this modality can pose, out of
      views      weak(), strong(): two observations whose embeddings should agree
      hide       hidden(), content(): patches can be hidden and asked for
      corrupt    corrupted(): noise to be taken out again (content() is the answer)
      rotate     turned(): one of `turns` transformations of space        order   ordered(): one of `orders` of time
      colour     drained(): without colour, content() is the answer       onward  causal order: the next token or step can be asked for
      sentences  paired(): a sample whose second half may come from another
      overlap    overlapping(): two pieces of a sample that share some of their patches
    """

    modality: ClassVar[str]
    powers: ClassVar[frozenset[str]]
    kinds: ClassVar[tuple[str, ...]]  # names of single views that `forbidden` may name: flip, crop, colour, jitter, …
    turns: ClassVar[int] = 0
    orders: ClassVar[int] = 0

    def __init__(self, layout: Layout, patch: tuple[int, ...], forbidden: frozenset[str] = frozenset()) -> None:
        self.layout, self.patch, self.forbidden = layout, patch, forbidden

    def why_not(self, power: str) -> str | None:
        """The reason why a power is lacking here, or None. Sizes and single-channel data may forbid what the modality can do."""
        return None if power in self.powers else f"{self.layout.modality} has no view called {power!r}"

    def _lacking(self, power: str) -> DataError:
        """For a power that was asked for and is not there; tasks ask `why_not` beforehand."""
        return DataError(
            self.why_not(power) or f"the views of {self.layout.modality} promise the power {power!r} and do not have it",
            f"Powers here: {', '.join(sorted(self.powers))}; choose a pretext task that needs no other, as `tacit doctor --parts` lists them.",
        )

    @property
    def grid(self) -> tuple[int, ...]:
        return tuple(-(-size // step) for size, step in zip(self.layout.size, self.patch, strict=True))

    @abstractmethod
    def weak(self, batch: Batch, rng: torch.Generator) -> Batch:
        """A view that hardly changes anything (small shifts); same shape."""

    @abstractmethod
    def strong(self, batch: Batch, rng: torch.Generator) -> Batch:
        """A view as of contrastive learning; same shape of values, so that the encoder takes it."""

    @abstractmethod
    def content(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """What each patch of the encoder's grid holds: normalised numbers [B, N, P] or ids [B, N]; and what of it is real, same
        shape (None = all). The answer of every task that restores something."""

    @abstractmethod
    def hidden(self, batch: Batch, share: float, rng: torch.Generator, blocks: bool = False) -> Tensor:
        """[B, N] bool: which patches are not shown. share of all that are real; blocks: contiguous pieces, else single patches."""

    def corrupted(self, batch: Batch, rng: torch.Generator) -> Batch:
        raise self._lacking("corrupt")

    def turned(self, batch: Batch, classes: Tensor) -> Batch:
        """classes [B] in 0..turns-1: 0 leaves as is."""
        raise self._lacking("rotate")

    def ordered(self, batch: Batch, classes: Tensor, rng: torch.Generator) -> Batch:
        """classes [B] in 0..orders-1: 0 is the true order."""
        raise self._lacking("order")

    def drained(self, batch: Batch) -> Batch:
        raise self._lacking("colour")

    def paired(self, batch: Batch, rng: torch.Generator) -> tuple[Batch, Tensor]:
        """(batch whose samples are [first half, sep, second half], [B] bool: the second half is its own)."""
        raise self._lacking("sentences")

    def overlapping(self, batch: Batch, rng: torch.Generator) -> tuple[Batch, Batch, int]:
        """(pieces, pieces, k), all of one length, cut out along the first axis; the last k patches of a sample's first piece are the first k
        of its second."""
        raise self._lacking("overlap")

    @property
    @abstractmethod
    def nuisances(self) -> tuple[str, ...]:
        """What must not change an answer: noise, blur, …; for robustness."""

    @abstractmethod
    def nuisance(self, name: str, severity: int, batch: Batch, rng: torch.Generator) -> Batch:
        """One of `nuisances` at severity 1 to 5."""

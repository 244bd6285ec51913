"""Views of text: words hidden, dropped, cropped, moved; halves paired; all of it on token ids, without the tokenizer.

Whole words are hidden and dropped, not pieces of them: from id `special["inside"]` on a piece goes on inside a word (see modalities/text.py).
Dropping, cropping and moving: Wei & Zou, "EDA", 2019; Gao et al., "SimCSE", 2021, section 4, where dropout of the encoder alone is the view
(forbid drop, crop and shuffle for that); spans: Joshi et al., "SpanBERT", 2020, section 3.1; pairs: Devlin et al., "BERT", 2019, task 2.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tacit.nets.encoder import Batch
from tacit.nets.view import Views
from tacit.nets.views._text_moves import compacted, displaced, group_draws, mixed_up, noise, rank, real, reordered, words


class TextViews(Views):
    """Texts of token ids, padding at the end. A view's words stay in the vocabulary; what is dropped closes up, padding fills the end."""

    modality: ClassVar[str] = "text"
    powers: ClassVar[frozenset[str]] = frozenset({"views", "hide", "corrupt", "order", "onward", "sentences"})
    kinds: ClassVar[tuple[str, ...]] = ("drop", "crop", "shuffle")
    orders: ClassVar[int] = 3

    @property
    def _pad(self) -> int:
        return self.layout.special["pad"]

    def _words(self, batch: Batch) -> Tensor:
        return words(batch, self.layout.special["inside"])

    def _dropped(self, batch: Batch, share: float, rng: torch.Generator) -> Batch:
        """Without a share of its words; one always stays."""
        draws = group_draws(self._words(batch), rng)
        there = real(batch)
        keep = there & ((draws >= share) | (draws == draws.masked_fill(~there, -1).amax(1, keepdim=True)))
        return compacted(batch, keep, self._pad)

    def _cropped(self, batch: Batch, least: float, rng: torch.Generator) -> Batch:
        """A contiguous piece of at least this share of the text."""
        many = real(batch).sum(1, keepdim=True)  # [B, 1]
        share = least + (1 - least) * noise((len(batch), 1), rng, batch)
        kept = (many * share).ceil().clamp_min(1)
        start = ((many - kept + 1) * noise((len(batch), 1), rng, batch)).floor()
        place = torch.arange(batch.values.shape[1], device=batch.values.device)
        return compacted(batch, real(batch) & (place >= start) & (place < start + kept), self._pad)

    def weak(self, batch: Batch, rng: torch.Generator) -> Batch:
        """Without one word in twenty."""
        return batch if "drop" in self.forbidden else self._dropped(batch, 0.05, rng)

    def strong(self, batch: Batch, rng: torch.Generator) -> Batch:
        """A piece of at least half, without one word in five, words moved by up to two places."""
        if "crop" not in self.forbidden:
            batch = self._cropped(batch, 0.5, rng)
        if "drop" not in self.forbidden:
            batch = self._dropped(batch, 0.2, rng)
        return batch if "shuffle" in self.forbidden else displaced(batch, self._words(batch), 2.0, rng)

    def content(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        return batch.values, batch.valid

    def hidden(self, batch: Batch, share: float, rng: torch.Generator, blocks: bool = False) -> Tensor:
        """Whole words (blocks: spans of four tokens on average), drawn until `share` of the real tokens are reached; at least one of every
        text of two or more, and never all."""
        there = real(batch)
        groups = self._words(batch)
        if blocks:
            groups = (noise(groups.shape, rng, batch) < 0.25).cumsum(1)
        many = there.sum(1, keepdim=True)
        asked = torch.minimum((many * share).round().clamp_min(1), many - 1)  # [B, 1]; 0 where there is but one
        order = group_draws(groups, rng) + torch.arange(groups.shape[1], device=groups.device) * 1e-9
        return rank(order.masked_fill(~there, torch.inf)) < asked

    def corrupted(self, batch: Batch, rng: torch.Generator) -> Batch:
        """Three words in twenty are replaced by tokens of other places of the batch: as frequent as in the texts."""
        return mixed_up(batch, group_draws(self._words(batch), rng) < 0.15, rng)

    def ordered(self, batch: Batch, classes: Tensor, rng: torch.Generator) -> Batch:
        """0: true; 1: its halves change places, at a cut between a third and two thirds; 2: its three thirds, the middle one first or last."""
        return reordered(batch, classes, rng)

    def paired(self, batch: Batch, rng: torch.Generator) -> tuple[Batch, Tensor]:
        """[first part, sep, second part], cut between a third and two thirds; the second part of half of them is another text's. Everyone's second
        part is as long as the shorter of the two, its own and the other's: else lengths, and padding behind full texts, would give it away."""
        b, n = batch.values.shape
        there = real(batch)
        many = there.sum(1, keepdim=True)
        cut = (many * (1 + noise((b, 1), rng, batch)) / 3).round().long().clamp_min(1)
        place = torch.arange(n, device=batch.values.device)
        own = torch.rand(b, generator=rng).to(batch.values.device) < 0.5 if b > 1 else torch.ones(b, dtype=torch.bool, device=batch.values.device)
        shift = int(torch.randint(1, max(2, b), (1,), generator=rng))
        mine = torch.arange(b, device=own.device)
        strange = (mine + shift) % b
        other, rest = torch.where(own, mine, strange), many - cut
        ends = cut[other] + torch.minimum(rest, rest[strange])
        long = Batch(
            torch.cat([batch.values, torch.full_like(cut, self.layout.special["sep"]), batch.values[other]], 1),
            torch.cat([there & (place < cut), torch.ones_like(cut, dtype=torch.bool), there[other] & (place >= cut[other]) & (place < ends)], 1),
        )
        packed = compacted(long, real(long), self._pad)
        assert packed.valid is not None
        return Batch(packed.values[:, :n], packed.valid[:, :n]), own

    @property
    def nuisances(self) -> tuple[str, ...]:
        return ("dropped words", "swapped words", "typos", "unknown words")

    def nuisance(self, name: str, severity: int, batch: Batch, rng: torch.Generator) -> Batch:
        """5, 10, 20, 30, 40 % of the words are touched. swapped words: moved by up to 1 to 5 places. typos: half as many characters, or pieces of
        words, become others (a misspelt word falls into other pieces; on ids that can only be imitated). unknown words: as if never seen."""
        share = (0.05, 0.1, 0.2, 0.3, 0.4)[severity - 1]
        if name == "dropped words":
            return self._dropped(batch, share, rng)
        if name == "swapped words":
            return displaced(batch, self._words(batch), float(severity), rng)
        if name == "typos":
            return mixed_up(batch, noise(batch.values.shape, rng, batch) < share / 2, rng)
        if name == "unknown words":
            gone = (group_draws(self._words(batch), rng) < share) & real(batch)
            return Batch(batch.values.masked_fill(gone, self.layout.special["unk"]), batch.valid)
        raise ValueError(f"no nuisance of text is called {name!r}: {', '.join(self.nuisances)}")

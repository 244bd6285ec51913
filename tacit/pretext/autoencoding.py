"""Autoencoding: restore a whole sample from its embedding alone, after noise was added to what the encoder saw.

A decoder gets the embedding and the place of a patch and says what the patch holds: all that is known goes through one vector. Vincent et al.,
"Extracting and Composing Robust Features with Denoising Autoencoders", 2008, eq. 3: L = |x - g(f(x + noise))|; on text, whose noise puts other
words in their place, it is near TSDAE (Wang, Reimers and Gurevych, 2021, where words are left out), L = -sum_n log p(x_n | f(noisy x)).
"""

from __future__ import annotations

import torch

from tacit.nets.encoder import Batch, Encoder
from tacit.nets.view import Views
from tacit.pretext.pretext_task import Outcome, PretextTask, Puzzle, seeded_linear
from tacit.pretext.restoring_head import RestoringHead


class Autoencoding(PretextTask):
    """inner: width of the decoder; share: of patches asked for in a step, None = all numbers, a quarter of categories (their decoder is costly)."""

    needs = frozenset({"corrupt"})

    def __init__(self, encoder: Encoder, seed: int = 0, inner: int = 128, share: float | None = None) -> None:
        super().__init__(encoder, seed)
        self.inner, self.share = inner, share
        self.asked = share if share is not None else 0.25 if self.layout.kind == "category" else 1.0
        places = 1
        for step in encoder.grid:
            places *= step
        self.start = seeded_linear(self.width, inner, seed)
        self.places = torch.nn.Parameter(0.5 * torch.randn(places, inner, generator=torch.Generator().manual_seed(seed + 1)))
        self.head = RestoringHead(self.layout, self.patch, inner, seed + 2, 2 * inner)

    def pose(self, batch: Batch, views: Views, rng: torch.Generator) -> Puzzle:
        """answer: what the patches of the clean sample hold, which are asked for [B, N], what of them is real."""
        content, real = views.content(batch)
        asked = (torch.rand(content.shape[:2], generator=rng) < self.asked).to(content.device)
        return Puzzle((views.corrupted(batch, rng),), (None,), (content, asked, real))

    def solve(self, encoder: Encoder, puzzle: Puzzle) -> Outcome:
        content, asked, real = puzzle.answer
        assert content is not None and asked is not None
        pooled = encoder(puzzle.views[0]).pooled
        told = self.start(pooled).unsqueeze(1) + self.places[: content.shape[1]]  # [B, N, inner]
        loss, errors, metrics = self.head(told, content, asked, real)
        return Outcome(loss, errors, metrics, pooled.detach())

"""Predictive coding: from what came so far, tell what comes some tokens later among what comes elsewhere.

A causal encoder sums up the past in a token; a linear layer per distance k points at the content to come, which a small net of the task's
own embeds by itself (a token of the encoder would hold the past, too, and give the sample away). Negatives are the contents of all other
samples and times drawn. van den Oord, Li and Vinyals, "Representation Learning with Contrastive Predictive Coding", 2018, eq. 3 and 4:
L = -E log exp(z_{t+k}' W_k c_t) / sum_j exp(z_j' W_k c_t), with directions in place of lengths.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from tacit.nets.encoder import Batch, Encoder
from tacit.nets.view import Views
from tacit.pretext.agreement_losses import full_precision
from tacit.pretext.pretext_task import Outcome, PretextTask, Puzzle, content_width, perceptron, seeded_linear

PIECE = 8  # tokens of numbers that are asked for together where there are many: one reading has no shape


class Predictive(PretextTask):
    """steps: the distances k; times: anchors a sample; outputs: width of what is compared; heat: divides the cosines."""

    needs = frozenset({"onward"})
    causal = True

    def __init__(
        self, encoder: Encoder, seed: int = 0, steps: tuple[int, ...] = (1, 2, 4, 8), times: int = 6, outputs: int = 64, heat: float = 0.1
    ) -> None:
        super().__init__(encoder, seed)
        self.steps, self.times, self.outputs, self.heat = tuple(steps), times, outputs, heat
        self.categories = self.layout.kind == "category"
        self.span = PIECE if not self.categories and encoder.grid[0] >= 4 * PIECE else 1
        self.distances = [k for k in self.steps if k + self.span <= max(2, encoder.grid[0] // 2)] or [1]
        inputs = content_width(self.layout, self.patch)
        self.embed: nn.Module
        if self.categories:
            with torch.random.fork_rng(devices=[]):
                self.embed = nn.Embedding(inputs, outputs)
            self.embed.weight.data.copy_(torch.randn(inputs, outputs, generator=torch.Generator().manual_seed(seed)))
        else:
            self.embed = perceptron((inputs * self.span, 2 * outputs, outputs), seed, norm=False)
        self.point = nn.ModuleList(seeded_linear(self.width, outputs, seed + 2 + n) for n in range(len(self.distances)))

    def pose(self, batch: Batch, views: Views, rng: torch.Generator) -> Puzzle:
        """answer: content, which tokens are real [B, N], anchors [B, T] that have something real right after them, -1 = none left."""
        content, real = views.content(batch)
        known = torch.ones(content.shape[:2], dtype=torch.bool, device=content.device)
        if real is not None:
            known = real if real.ndim == 2 else real.any(-1)
        fit = known[:, : -self.span] & known[:, self.span :]  # [B, N - span]
        lots = torch.rand(fit.shape, generator=rng).to(fit.device).masked_fill(~fit, 2.0)
        drawn = lots.topk(min(self.times, fit.shape[1]), largest=False)
        anchors = drawn.indices.masked_fill(drawn.values > 1, -1)
        return Puzzle((batch,), (None,), (content, known, anchors))

    def solve(self, encoder: Encoder, puzzle: Puzzle) -> Outcome:
        content, known, anchors = puzzle.answer
        assert content is not None and known is not None and anchors is not None
        features = encoder(puzzle.views[0])
        rows = torch.arange(len(content), device=content.device).unsqueeze(1).expand_as(anchors)
        sums = [torch.zeros(len(content), device=content.device) for _ in range(3)]  # errors, how many, found
        total = features.tokens.sum() * 0
        for k, point in zip(self.distances, self.point, strict=True):
            end = anchors + k + self.span - 1
            fit = (anchors >= 0) & (end < content.shape[1])
            fit &= known[rows, end.clamp(0, content.shape[1] - 1)] & known[rows, (anchors + k).clamp(0, content.shape[1] - 1)]
            sample, at = rows[fit], anchors[fit]  # [M]
            each, right = self._contrast(point(features.tokens[sample, at]), *self._ahead(content, sample, at + k))
            total = total + each.sum()
            for store, part in zip(sums, (each.detach(), torch.ones_like(each), right), strict=True):
                store.index_add_(0, sample, part.to(store.dtype))
        errors, many, found = sums
        metrics = {"right": float(found.sum() / many.sum().clamp_min(1))}
        return Outcome(total / many.sum().clamp_min(1), errors / many.clamp_min(1), metrics, features.pooled.detach())

    def _ahead(self, content: Tensor, sample: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
        """(embedded content of `span` tokens from `at` on [M, W], [M, M] which are the same and so no negatives)."""
        places = at.unsqueeze(1) + torch.arange(self.span, device=at.device)  # [M, span]
        taken = content[sample.unsqueeze(1), places]
        if self.categories:
            return self.embed(taken[:, 0]), taken == taken.T
        return self.embed(taken.flatten(1)), (sample.unsqueeze(1) == sample) & ((at.unsqueeze(1) - at).abs() < self.span)

    def _contrast(self, guess: Tensor, ahead: Tensor, same: Tensor) -> tuple[Tensor, Tensor]:
        """([M] InfoNCE, [M] whether the right one is nearest). same: no negatives, besides each itself; overlapping pieces are left out, too."""
        with full_precision(guess):
            likeness = normalize(guess.float(), dim=-1) @ normalize(ahead.float(), dim=-1).T / self.heat
            own = torch.eye(len(guess), dtype=torch.bool, device=guess.device)
            likeness = likeness.masked_fill(same & ~own, float("-inf"))
            answer = torch.arange(len(guess), device=guess.device)
            if not len(guess):
                return likeness.sum(1), likeness.detach().sum(1)
            return cross_entropy(likeness, answer, reduction="none"), (likeness.detach().argmax(1) == answer).float()

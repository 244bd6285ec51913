"""Agreement losses: what tasks share that want two views of a sample to agree: views in one pass, and losses in float32.

All work on [B, W] projections of one process; nothing is gathered from others.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from tacit.nets.encoder import Batch, Encoder
from tacit.pretext.pretext_task import Puzzle


def full_precision(like: Tensor) -> torch.autocast:
    """Inside, nothing is rounded to half: losses divide small numbers by smaller ones."""
    return torch.autocast(like.device.type, enabled=False)


def side_by_side(views: tuple[Batch, ...], hidden: tuple[Tensor | None, ...], patches: int) -> tuple[Batch, Tensor | None]:
    """Several views as one batch, so that the encoder runs once and its norms see all of them; with what is hidden of each, [V B, N]."""
    values = torch.cat([v.values for v in views])
    valid = None
    if any(v.valid is not None for v in views):
        valid = torch.cat([torch.ones_like(v.values, dtype=torch.bool) if v.valid is None else v.valid for v in views])
    if all(h is None for h in hidden):
        return Batch(values, valid), None
    shown = [torch.zeros(len(v), patches, dtype=torch.bool, device=values.device) if h is None else h for v, h in zip(views, hidden, strict=True)]
    return Batch(values, valid), torch.cat(shown)


def pooled_views(encoder: Encoder, puzzle: Puzzle) -> tuple[Tensor, ...]:
    """The embedding of each view, [B, D] each."""
    patches = 1
    for step in encoder.grid:
        patches *= step
    batch, hidden = side_by_side(puzzle.views, puzzle.hidden, patches)
    return encoder(batch, hidden).pooled.chunk(len(puzzle.views))  # type: ignore[no-any-return]


def contrast(first: Tensor, second: Tensor, heat: float, decoupled: bool) -> tuple[Tensor, Tensor]:
    """([B] NT-Xent of each pair, [B] whether the partner is the nearest of all 2 B - 1 others), symmetric: every view is once the anchor.

    Chen et al., "SimCLR", 2020, eq. 1: l(i, j) = -log exp(s_ij / tau) / sum_{k != i} exp(s_ik / tau), s the cosine. decoupled: the sum leaves
    j out, too (Yeh et al., "Decoupled contrastive learning", 2022, eq. 5), so that a pair that already agrees still learns from the negatives.
    """
    with full_precision(first):
        unit = normalize(torch.cat([first, second]).float(), dim=-1)  # [2 B, W]
        likeness = unit @ unit.T / heat
        many, rows = len(first), torch.arange(len(unit), device=unit.device)
        partner = (rows + many) % (2 * many)
        others = likeness.masked_fill(torch.eye(2 * many, dtype=torch.bool, device=unit.device), float("-inf"))
        agree = likeness[rows, partner]
        right = others.detach().argmax(1) == partner
        if decoupled and many > 1:  # one pair alone has no negatives: its loss is 0
            others = others.scatter(1, partner.unsqueeze(1), float("-inf"))
        each = others.logsumexp(1) - agree
        return 0.5 * (each[:many] + each[many:]), (0.5 * (right[:many].float() + right[many:].float()))


def distance(guess: Tensor, target: Tensor) -> Tensor:
    """[B] squared distance of directions, 2 - 2 cos, 0 to 4. Grill et al., "BYOL", 2020, eq. 2."""
    with full_precision(guess):
        return 2 - 2 * (normalize(guess.float(), dim=-1) * normalize(target.float(), dim=-1)).sum(-1)


def spread_of(projected: Tensor) -> float:
    """Root mean squared distance of the projections' directions from their mean, 0 (collapsed) to 1. An encoder that ends in a batch norm always
    spreads its own embeddings; when a task has collapsed it shows here. [B, W]."""
    unit = normalize(projected.detach().float(), dim=-1)
    return float((unit - unit.mean(0)).square().sum(-1).mean().sqrt())


def deviation_of(projected: Tensor) -> float:
    """Mean deviation of a number of the projections, 0 (collapsed); for losses in which lengths count. [B, W], B > 1, else 0."""
    return float(projected.detach().float().std(0, correction=0).mean())


def variance_and_covariance(z: Tensor) -> tuple[Tensor, Tensor]:
    """(mean of max(0, 1 - deviation of a number), sum of squared covariances of different numbers / W). [B, W], B > 1.

    Bardes, Ponce, LeCun, "VICReg", 2022, eq. 1 to 4.
    """
    with full_precision(z):
        z = z.float() - z.float().mean(0)
        many = max(1, len(z) - 1)
        lacking = torch.relu(1 - (z.square().sum(0) / many + 1e-4).sqrt()).mean()
        covariance = z.T @ z / many
        return lacking, (covariance.square().sum() - covariance.diagonal().square().sum()) / z.shape[1]


def off_normal(z: Tensor, directions: Tensor) -> Tensor:
    """How far the embeddings, seen along random directions, are from a standard normal: the Epps-Pulley statistic, mean over directions.

    z: [B, W]; directions: [W, S], of length 1. B times the integral of |mean exp(i t x) - exp(-t^2 / 2)|^2 exp(-t^2 / 2) dt over -3 to 3.
    Balestriero & LeCun, "LeJEPA", 2025, SIGReg.
    """
    with full_precision(z):
        t = torch.linspace(0, 3, 17, device=z.device)
        normal = torch.exp(-0.5 * t.square())
        weight = normal * torch.full_like(t, 2 * 3 / 16)
        weight[0] *= 0.5
        weight[-1] *= 0.5
        seen = (z.float() @ directions.float()).unsqueeze(-1) * t  # [B, S, 17]
        away = (seen.cos().mean(0) - normal).square() + seen.sin().mean(0).square()
        return (away @ weight).mean() * len(z)

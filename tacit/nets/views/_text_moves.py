"""Moves of tokens, batched: keep some and close up, move words, change the order of parts. Ids [B, N], padding at the end.

A draw is made on the CPU from the passed generator and moved to the batch's device, so that a seed means the same everywhere.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tacit.nets.encoder import Batch


def real(batch: Batch) -> Tensor:
    """valid [B, N], all True where the batch has none."""
    return torch.ones_like(batch.values, dtype=torch.bool) if batch.valid is None else batch.valid


def noise(shape: tuple[int, ...], rng: torch.Generator, batch: Batch) -> Tensor:
    """Uniform in [0, 1), float64 so that no two are alike."""
    return torch.rand(shape, generator=rng, dtype=torch.float64).to(batch.values.device)


def words(batch: Batch, inside: int) -> Tensor:
    """[B, N]: the number of the word that a token belongs to."""
    starts = batch.values < inside
    starts[:, 0] = True
    return starts.cumsum(1) - 1


def group_draws(groups: Tensor, rng: torch.Generator) -> Tensor:
    """[B, N] uniform, one and the same for all tokens of a group; groups count up from 0 or 1."""
    draws = torch.rand((groups.shape[0], groups.shape[1] + 1), generator=rng, dtype=torch.float64).to(groups.device)
    return draws.gather(1, groups)


def rank(x: Tensor) -> Tensor:
    """[B, N]: how many of the row are smaller."""
    return x.argsort(dim=1, stable=True).argsort(dim=1, stable=True)


def compacted(batch: Batch, keep: Tensor, pad: int) -> Batch:
    """Kept tokens close up to the left in their order; the rest is padding."""
    order = (~keep).to(torch.uint8).argsort(dim=1, stable=True)
    kept = keep.gather(1, order)
    return Batch(batch.values.gather(1, order).masked_fill(~kept, pad), kept)


def displaced(batch: Batch, word: Tensor, reach: float, rng: torch.Generator) -> Batch:
    """Words in the order of (number + uniform in [0, reach + 1)): none moves further than `reach` places; pieces of a word stay together."""
    key = word + (reach + 1) * group_draws(word, rng)
    key = key.masked_fill(~real(batch), torch.inf)
    return Batch(batch.values.gather(1, key.argsort(dim=1, stable=True)), batch.valid)


def mixed_up(batch: Batch, touched: Tensor, rng: torch.Generator) -> Batch:
    """Touched tokens are replaced by real ones of the batch, drawn at random."""
    there = real(batch)
    stock = batch.values[there]
    if len(stock) == 0:
        return batch
    drawn = torch.randint(len(stock), batch.values.shape, generator=rng).to(batch.values.device)
    return Batch(torch.where(touched & there, stock[drawn], batch.values), batch.valid)


def reordered(batch: Batch, classes: Tensor, rng: torch.Generator) -> Batch:
    """0: as is; 1: two parts, the second first; 2: three thirds (a, b, c) as b a c or a c b."""
    many = real(batch).sum(1, keepdim=True)
    place = torch.arange(batch.values.shape[1], device=batch.values.device).expand_as(batch.values)
    cut = (many * (1 + noise((len(batch), 1), rng, batch)) / 3).round()
    halves = (place < cut).long()
    third = (place >= (many / 3).round()).long() + (place >= (2 * many / 3).round()).long()  # 0, 1, 2
    late = noise((len(batch), 1), rng, batch) < 0.5
    ways = torch.tensor([[1, 0, 2], [0, 2, 1]], device=place.device)
    thirds = ways[late.long().squeeze(1)].gather(1, third)
    kinds = classes.view(-1, 1).to(place.device)
    part = torch.where(kinds == 1, halves, torch.where(kinds == 2, thirds, torch.zeros_like(third)))
    part = part.masked_fill(~real(batch), 3)
    return Batch(batch.values.gather(1, part.argsort(dim=1, stable=True)), batch.valid)

"""Changes of series, one function each: batches [B, L, C] in, the same shape out; what is taken away is marked as not real and set to 0.

`by` is a channel's deviation [C], the unit of everything that is added; all chance comes from the generator, drawn on the CPU.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d, interpolate

from tacit.nets.encoder import Batch


def uniform(rng: torch.Generator, low: float, high: float, like: Tensor, *shape: int) -> Tensor:
    return (torch.rand(shape, generator=rng) * (high - low) + low).to(like)


def normal(rng: torch.Generator, like: Tensor, *shape: int) -> Tensor:
    return torch.randn(shape, generator=rng).to(like)


def blanked(values: Tensor, valid: Tensor | None) -> Batch:
    return Batch(values if valid is None else values * valid, valid)


def kept(batch: Batch, keep: Tensor) -> Batch:
    """Only what `keep` (broadcast to [B, L, C]) says stays real; a sample of which nothing would be left stays whole."""
    valid = keep.expand(batch.values.shape) if batch.valid is None else batch.valid & keep
    rest = valid.flatten(1).any(1).view(-1, 1, 1)
    return blanked(batch.values, torch.where(rest, valid, torch.ones_like(valid) if batch.valid is None else batch.valid))


def mixed(one: Batch, other: Batch, which: Tensor) -> Batch:
    """Sample by sample: `one` where `which` [B], else `other`."""
    at = which.view(-1, 1, 1)
    if one.valid is None and other.valid is None:
        return Batch(torch.where(at, one.values, other.values))
    valid = [torch.ones(b.values.shape, dtype=torch.bool, device=at.device) if b.valid is None else b.valid for b in (one, other)]
    return Batch(torch.where(at, one.values, other.values), torch.where(at, valid[0], valid[1]))


def span(batch: Batch) -> tuple[Tensor, Tensor]:
    """(first real step, number of steps to the last real one), each [B, 1]; a sample of nothing spans it all."""
    b, length = batch.values.shape[:2]
    if batch.valid is None:
        return torch.zeros(b, 1, device=batch.values.device, dtype=torch.long), torch.full((b, 1), length, device=batch.values.device)
    steps = batch.valid.any(-1).long()
    first = steps.argmax(1, keepdim=True)
    last = length - 1 - steps.flip(1).argmax(1, keepdim=True)
    some = steps.any(1, keepdim=True)
    return torch.where(some, first, 0), torch.where(some, last - first + 1, length)


def ticks(batch: Batch) -> Tensor:
    """0 … L - 1, [1, L]."""
    return torch.arange(batch.values.shape[1], device=batch.values.device).unsqueeze(0)


def reordered(batch: Batch, source: Tensor) -> Batch:
    """Step t becomes step source[b, t]; source: [B, T] whole numbers."""
    at = source.unsqueeze(-1).expand(-1, -1, batch.values.shape[2])
    return Batch(batch.values.gather(1, at), None if batch.valid is None else batch.valid.gather(1, at))


def resampled(batch: Batch, position: Tensor) -> Batch:
    """Values at fractional steps [B, L], on the line between the two real ones around them; real where the nearer one is."""
    low = position.floor().long().clamp(0, batch.values.shape[1] - 1)
    high = (low + 1).clamp_max(batch.values.shape[1] - 1)
    share = (position - low).clamp(0, 1).unsqueeze(-1).to(batch.values.dtype)  # [B, L, 1]
    below, above = reordered(batch, low), reordered(batch, high)
    if below.valid is None or above.valid is None:
        return Batch(torch.lerp(below.values, above.values, share))
    w, v = below.valid * (1 - share), above.valid * share  # weights of the two, 0 where missing
    values = (w * below.values + v * above.values) / (w + v).clamp_min(1e-6)
    return blanked(values, torch.where(share < 0.5, below.valid, above.valid))


def shifted(batch: Batch, rng: torch.Generator, most: float) -> Batch:
    """Moved in time by up to `most` of its span, its ends repeated."""
    first, many = span(batch)
    by = (uniform(rng, -most, most, batch.values, len(batch), 1) * many).round().long()
    t = ticks(batch)
    at = (t - by).clamp(first, first + many - 1)
    return reordered(batch, torch.where((t >= first) & (t < first + many), at, t))


def cropped(batch: Batch, rng: torch.Generator, least: float) -> Batch:
    """A piece of `least` to all of the span, stretched over the span again."""
    first, many = span(batch)
    width = uniform(rng, least, 1, batch.values, len(batch), 1) * (many - 1)
    left = uniform(rng, 0, 1, batch.values, len(batch), 1) * (many - 1 - width)
    t = ticks(batch)
    at = first + left + (t - first) / (many - 1).clamp_min(1) * width
    return resampled(batch, torch.where((t >= first) & (t < first + many), at, t.to(at.dtype)))


def windowed(batch: Batch, rng: torch.Generator, least: float) -> Batch:
    """A piece of `least` to all of the span, left where it is; the rest isn't shown."""
    first, many = span(batch)
    width = (uniform(rng, least, 1, batch.values, len(batch), 1) * many).ceil()
    left = first + (uniform(rng, 0, 1, batch.values, len(batch), 1) * (many - width + 1)).floor()
    t = ticks(batch)
    return kept(batch, ((t >= left) & (t < left + width)).unsqueeze(-1))


def gapped(batch: Batch, rng: torch.Generator, share: float) -> Batch:
    """One stretch of up to `share` of the span left out."""
    first, many = span(batch)
    width = (uniform(rng, 0, share, batch.values, len(batch), 1) * many).ceil()
    left = first + (uniform(rng, 0, 1, batch.values, len(batch), 1) * (many - width + 1)).floor()
    t = ticks(batch)
    return kept(batch, ((t < left) | (t >= left + width)).unsqueeze(-1))


def jittered(batch: Batch, rng: torch.Generator, by: Tensor, most: float) -> Batch:
    return blanked(batch.values + normal(rng, batch.values, *batch.values.shape) * by * most, batch.valid)


def scaled(batch: Batch, rng: torch.Generator, mean: Tensor, spread: float) -> Batch:
    """Each channel stretched around the learning data's mean by exp(N(0, spread²))."""
    factor = (normal(rng, batch.values, len(batch), 1, batch.values.shape[2]) * spread).exp()
    return blanked(mean + (batch.values - mean) * factor, batch.valid)


def warped(batch: Batch, rng: torch.Generator, mean: Tensor, spread: float, knots: int = 5) -> Batch:
    """As scaled, by a factor that changes smoothly over time: lines between `knots` draws."""
    curve = interpolate(normal(rng, batch.values, len(batch), batch.values.shape[2], knots), batch.values.shape[1], mode="linear", align_corners=True)
    return blanked(mean + (batch.values - mean) * (curve.transpose(1, 2) * spread).exp(), batch.valid)


def without_sensors(batch: Batch, rng: torch.Generator, share: float) -> Batch:
    """Each channel is left out at a chance of `share`, but one stays."""
    chance = torch.rand(len(batch), 1, batch.values.shape[2], generator=rng)
    keep = (chance >= share) | (chance == chance.amax(-1, keepdim=True))
    return kept(batch, keep.to(batch.values.device))


def sensors_fewer(batch: Batch, rng: torch.Generator, share: float) -> Batch:
    """So many channels are left out: a share of all, at least one, never all."""
    channels = batch.values.shape[2]
    many = min(channels - 1, max(1, round(share * channels)))
    rank = torch.rand(len(batch), 1, channels, generator=rng).argsort(-1).argsort(-1)
    return kept(batch, (rank >= many).to(batch.values.device))


def drifted(batch: Batch, rng: torch.Generator, by: Tensor, reach: float) -> Batch:
    """Each channel leaves its level on a line, up or down, to `reach` deviations at the end of the span."""
    first, many = span(batch)
    sign = torch.randint(0, 2, (len(batch), 1, batch.values.shape[2]), generator=rng).to(batch.values) * 2 - 1
    along = ((ticks(batch) - first) / (many - 1).clamp_min(1)).clamp(0, 1).unsqueeze(-1)  # [B, L, 1]
    return blanked(batch.values + along * sign * by * reach, batch.valid)


def chosen(real: Tensor, share: float, rng: torch.Generator, run: int = 1) -> Tensor:
    """A share of what is real [B, N], exactly, at least one and never all (of one alone: none); run > 1: in pieces about that long."""
    noise = torch.rand(real.shape, generator=rng).to(real.device)
    if run > 1:
        wide = min(run, real.shape[1]) | 1  # odd, so that the length stays
        noise = avg_pool1d(noise.unsqueeze(1), wide, 1, wide // 2, count_include_pad=False).squeeze(1)
    many = real.sum(1, keepdim=True)
    wanted = (many * share).round().clamp_min(1).minimum(many - 1)
    rank = noise.masked_fill(~real, -1).argsort(1, descending=True).argsort(1)
    return (rank < wanted) & real

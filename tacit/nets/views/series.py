"""Views of series: crops, jitter, scaling, warps, sensors and stretches left out; hidden pieces; orders of time; nuisances.

A crop is stretched over the real steps again; a window isn't: it stays where it is with everything around it not shown, so that two windows
of one sample overlap step by step (the overlapping crops of Yue et al., "TS2Vec", 2022, section 3.3). Jitter, scaling and magnitude warp: Um et al.,
"Data augmentation of wearable sensor data", 2017, section 3. Whole batches [B, L, C] keep their shape; sizes are in deviations of the channel.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor
from torch.nn.functional import pad

from tacit.contracts.errors import UnknownName
from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch
from tacit.nets.view import Views
from tacit.nets.views import _series_changes as change

CLIP = 10.0  # deviations: what lies further out is asked for as if there
SEGMENTS = 3  # of a series that is put in another order
RUN = 0.12  # of a series: how long a hidden block is, about
PERMUTED = tuple(itertools.permutations(range(SEGMENTS)))  # the first is the true order
SEVERITY = {  # at severities 1 to 5
    "missing": (0.1, 0.2, 0.35, 0.5, 0.7),  # share of the sensors
    "jitter": (0.1, 0.2, 0.4, 0.7, 1.0),  # deviations
    "drift": (0.25, 0.5, 1.0, 1.5, 2.5),  # deviations, reached at the end
    "gaps": (0.05, 0.1, 0.2, 0.35, 0.5),  # share of the steps
    "scaling": (0.1, 0.2, 0.35, 0.5, 0.75),  # deviation of the logarithm of a channel's factor
}


class SeriesViews(Views):
    """Steps at which nothing is known are padding, or gaps: no view fills them."""

    modality = "series"
    powers = frozenset({"views", "hide", "corrupt", "order", "onward", "overlap"})
    kinds = ("shift", "crop", "window", "jitter", "scaling", "warp", "sensors", "gap")
    orders = len(PERMUTED) + 1  # the last: backwards

    def __init__(self, layout: Layout, patch: tuple[int, ...], forbidden: frozenset[str] = frozenset(), within: tuple[float, ...] = ()) -> None:
        """within: how far each channel strays from its mean within a sample, in deviations; where given, contents are asked for about each
        sample's own mean and in this unit, for encoders that see no more than that."""
        super().__init__(layout, patch, forbidden)
        self.within = tuple(within)
        for name in forbidden:
            if name not in self.kinds:
                raise UnknownName("view of series", name, self.kinds)
        self.mean = torch.tensor(layout.mean, dtype=torch.float32)
        self.deviation = torch.tensor(layout.deviation, dtype=torch.float32)

    def why_not(self, power: str) -> str | None:
        if power == "order" and self.layout.size[0] < 3 * SEGMENTS:
            return f"a series of {self.layout.size[0]} steps is too short to be put in another order"
        if power == "hide" and self.grid[0] < 2:
            return "a series of one piece has none to hide"
        if power == "overlap" and self.layout.size[0] < 4 * self.patch[0]:
            return f"a series of {self.layout.size[0]} steps is too short to be cut into pieces of {self.patch[0]} that overlap"
        return super().why_not(power)

    def weak(self, batch: Batch, rng: torch.Generator) -> Batch:
        if "shift" not in self.forbidden:
            batch = change.shifted(batch, rng, 0.03)
        if "jitter" not in self.forbidden:
            batch = change.jittered(batch, rng, self._by(batch), 0.03)
        return batch if "scaling" in self.forbidden else change.scaled(batch, rng, self._mean(batch), 0.05)

    def strong(self, batch: Batch, rng: torch.Generator) -> Batch:
        """A crop or a window, scaled and jittered; warped, sensors or a stretch left out for half of the samples each."""
        allowed = {kind for kind in self.kinds if kind not in self.forbidden}
        if {"crop", "window"} <= allowed:
            batch = change.mixed(change.cropped(batch, rng, 0.5), change.windowed(batch, rng, 0.5), self._half(batch, rng))
        elif "crop" in allowed:
            batch = change.cropped(batch, rng, 0.5)
        elif "window" in allowed:
            batch = change.windowed(batch, rng, 0.5)
        if "scaling" in allowed:
            batch = change.scaled(batch, rng, self._mean(batch), 0.2)
        if "warp" in allowed:
            batch = change.mixed(change.warped(batch, rng, self._mean(batch), 0.2), batch, self._half(batch, rng))
        if "jitter" in allowed:
            batch = change.jittered(batch, rng, self._by(batch), 0.1)
        if "sensors" in allowed and self.layout.channels > 1:
            batch = change.mixed(change.without_sensors(batch, rng, 0.2), batch, self._half(batch, rng))
        if "gap" in allowed:
            batch = change.mixed(change.gapped(batch, rng, 0.2), batch, self._half(batch, rng))
        return batch

    def content(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """Normalised numbers of a piece, step by step with all its channels: [B, N, p C]."""
        z = (batch.values - self._mean(batch)) / self._by(batch)
        if self.within:
            known = torch.ones_like(z) if batch.valid is None else batch.valid.to(z.dtype)
            mean = z.masked_fill(known == 0, 0).sum(1, keepdim=True) / known.sum(1, keepdim=True).clamp_min(1)
            z = (z - mean) / torch.tensor(self.within).to(z)
        z = z.clamp(-CLIP, CLIP)
        more = -z.shape[1] % self.patch[0]
        if batch.valid is None and not more:
            return self._pieces(z), None
        valid = torch.ones_like(z, dtype=torch.bool) if batch.valid is None else batch.valid
        return self._pieces(pad(z.masked_fill(~valid, 0), (0, 0, 0, more))), self._pieces(pad(valid, (0, 0, 0, more)))

    def hidden(self, batch: Batch, share: float, rng: torch.Generator, blocks: bool = False) -> Tensor:
        """A piece is hidden with all its channels: from one channel others can be told."""
        more = -batch.values.shape[1] % self.patch[0]
        if batch.valid is None:
            real = torch.ones(len(batch), (batch.values.shape[1] + more) // self.patch[0], dtype=torch.bool, device=batch.values.device)
        else:
            real = self._pieces(pad(batch.valid, (0, 0, 0, more))).any(-1)
        return change.chosen(real, share, rng, max(3, round(RUN * self.grid[0])) if blocks else 1)

    def corrupted(self, batch: Batch, rng: torch.Generator) -> Batch:
        """Noise of 0.2 to 0.8 deviations, a sample its own."""
        strength = change.uniform(rng, 0.2, 0.8, batch.values, len(batch), 1, 1)
        return change.jittered(batch, rng, self._by(batch) * strength, 1.0)

    def ordered(self, batch: Batch, classes: Tensor, rng: torch.Generator) -> Batch:
        """Class k < 6: three segments, cut about evenly, in the k-th order; 6: backwards. Padding stays where it is."""
        first, many = change.span(batch)  # [B, 1]
        t = change.ticks(batch) - first  # [B, L] 0 at the first real step
        cuts = torch.arange(1, SEGMENTS).to(batch.values) + change.uniform(rng, -0.25, 0.25, batch.values, len(batch), SEGMENTS - 1)
        cuts = (cuts / SEGMENTS * many).round()  # [B, 2]
        segment = (t.unsqueeze(-1) >= cuts.unsqueeze(1)).sum(-1)  # [B, L]
        table = torch.tensor([*PERMUTED, PERMUTED[0]], device=t.device)[classes]  # [B, 3]: the segment that comes at each place
        key = table.argsort(1).gather(1, segment) * t.shape[1] + t
        key = torch.where((classes == len(PERMUTED)).unsqueeze(1), many - 1 - t, key)
        key = torch.where(t < 0, t - t.shape[1], torch.where(t >= many, t + SEGMENTS * t.shape[1], key))
        return change.reordered(batch, key.argsort(1))

    def overlapping(self, batch: Batch, rng: torch.Generator) -> tuple[Batch, Batch, int]:
        """Where they begin is drawn sample by sample. As Yue et al., 2022, section 3.3, but that both reach equally far beyond what they share
        (as far on average as there), so that an encoder takes all in one pass."""
        p, n = self.patch[0], batch.values.shape[1] // self.patch[0]

        def drawn(low: int, high: int, *shape: int) -> Tensor:
            return torch.randint(low, high + 1, shape or (1,), generator=rng)

        shared = int(drawn(min(2, n), n))
        beyond = int(drawn(0, (n - shared) // 2))
        begin = drawn(0, n - shared - 2 * beyond, len(batch), 1).to(batch.values.device) * p
        steps = begin + torch.arange((shared + beyond) * p, device=begin.device)
        return change.reordered(batch, steps), change.reordered(batch, steps + beyond * p), shared

    @property
    def nuisances(self) -> tuple[str, ...]:
        return tuple(name for name in SEVERITY if name != "missing" or self.layout.channels > 1)

    def nuisance(self, name: str, severity: int, batch: Batch, rng: torch.Generator) -> Batch:
        if name not in self.nuisances:
            raise UnknownName("nuisance of series", name, self.nuisances)
        amount = SEVERITY[name][severity - 1]
        if name == "missing":
            return change.sensors_fewer(batch, rng, amount)
        if name == "jitter":
            return change.jittered(batch, rng, self._by(batch), amount)
        if name == "drift":
            return change.drifted(batch, rng, self._by(batch), amount)
        if name == "scaling":
            return change.scaled(batch, rng, self._mean(batch), amount)
        steps = torch.ones_like(batch.values[..., 0], dtype=torch.bool) if batch.valid is None else batch.valid.any(-1)
        return change.kept(batch, ~change.chosen(steps, amount, rng, max(3, round(RUN * steps.shape[1]))).unsqueeze(-1))

    def _mean(self, batch: Batch) -> Tensor:
        return self.mean.to(batch.values)

    def _by(self, batch: Batch) -> Tensor:
        return self.deviation.to(batch.values)

    def _half(self, batch: Batch, rng: torch.Generator) -> Tensor:
        return (torch.rand(len(batch), generator=rng) < 0.5).to(batch.values.device)

    def _pieces(self, x: Tensor) -> Tensor:
        """[B, N p, C] → [B, N, p C]."""
        return x.reshape(len(x), -1, self.patch[0] * x.shape[2])

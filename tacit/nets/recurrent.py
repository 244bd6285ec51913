"""Recurrent encoder: a causal encoder of live series whose cost per event is constant, read out as forecasts.

A gated leaky integrator whose gate and candidate depend on the layer's input alone, so that training is a
linear scan and a step needs no history. Feng et al., "Were RNNs All We Needed?", 2024 (minGRU), eq. 5:
h_t = (1 - g_t) * h_{t-1} + g_t * c_t. Gate and candidate use x / sqrt(1 + x^2) in place of the logistic
function and tanh: it vectorises without a table of exponentials, so the torch-free twin (`tacit.heads.encode`)
follows to rounding.

    gate      g = (1 + s(W_g x + b_g)) / 2                       s(x) = x / sqrt(1 + x^2)
    candidate c = R s((W_c x + b_c) / R)                         R = 4: linear over ordinary values, bounded by R
    means     m = exponentially weighted means of z              what the simple bank has
    forecast  y = W_y [z, m, h] + b_y                            of z(t + h) - z(t), for as many horizons as means
    token     e = (y - shift) * scale                            mean 0 and deviation 1: ridge penalises all alike

A free embedding overfits ridge heads; the forecast of what they forecast, from a start at the closed-form linear
answer, loses nothing to the simple bank and keeps what the gated units add (docs/log.md).
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn

REACH = 4.0  # candidates are linear well inside +-REACH and bounded by it
CLIP = 8.0  # of z at the input
HALF_LIVES = (1.0, 256.0)  # of the gates at the start, in events, log-uniform over the units
HORIZONS = {2: (1, 16), 4: (1, 4, 16, 64), 8: (1, 2, 4, 8, 16, 32, 48, 64)}  # forecast, by number of means a feature


class _Scan(torch.autograd.Function):
    """h_t = keep_t * h_{t-1} + new_t from h_0 = start; over axis 1, in place, so that no graph of L steps is built."""

    @staticmethod
    def forward(ctx: Any, keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
        states = new.clone()  # [B, L, H]
        last = start
        for t in range(new.shape[1]):
            last = states[:, t].addcmul_(keep[:, t], last)
        ctx.save_for_backward(keep, states, start)
        return states

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        keep, states, start = ctx.saved_tensors
        flow = grads[0].clone()  # [B, L, H] d loss / d h_t through all later steps
        for t in range(flow.shape[1] - 2, -1, -1):
            flow[:, t].addcmul_(keep[:, t + 1], flow[:, t + 1])
        before = torch.cat([start.unsqueeze(1), states[:, :-1]], dim=1)  # [B, L, H]
        return flow * before, flow, keep[:, 0] * flow[:, 0]


def scan(keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
    """keep, new: [B, L, H], start: [B, H] → h [B, L, H] with h_t = keep_t * h_{t-1} + new_t."""
    return cast(Tensor, _Scan.apply(keep, new, start))  # type: ignore[no-untyped-call]


def squash(x: Tensor) -> Tensor:
    """x / sqrt(1 + x^2): from -1 to 1, slope 1 at 0."""
    return x / torch.sqrt(1 + x * x)


class GatedLayer(nn.Module):
    """One gated integrator layer, [B, L, I] → [B, L, H]."""

    def __init__(self, inputs: int, units: int, generator: torch.Generator) -> None:
        super().__init__()
        weight = torch.randn(2 * units, inputs, generator=generator) / math.sqrt(inputs)
        weight[:units] *= 0.5  # gates start close to their half-lives
        low, high = HALF_LIVES
        half_lives = low * (high / low) ** (torch.arange(units) / max(1, units - 1))
        u = 2 * (1 - torch.exp2(-1 / half_lives)) - 1  # s(b) = u  ⇔  b = u / sqrt(1 - u^2)
        self.units = units
        self.weight = nn.Parameter(weight)  # [2H, I] gates, then candidates
        self.bias = nn.Parameter(torch.cat([u / torch.sqrt(1 - u * u), torch.zeros(units)]))  # [2H]

    def forward(self, x: Tensor, start: Tensor) -> Tensor:
        both = nn.functional.linear(x, self.weight, self.bias)  # [B, L, 2H]
        gate = 0.5 + 0.5 * squash(both[..., : self.units])
        candidate = REACH * squash(both[..., self.units :] / REACH)
        return scan(1 - gate, gate * candidate, start)


class RecurrentEncoder(nn.Module):
    """z, valid, dt → E = M F numbers per event. Causal; receptive field unbounded, fading.

    features: F; half_lives: of the M means a feature, in events; units: of each gated layer; layers: 1 or 2; seed: of the
    first weights. `hidden` is mapped to the encoder's own input: to gated units a hidden value is 0 and not valid.
    """

    causal = True

    def __init__(self, features: int, half_lives: tuple[float, ...], units: int = 64, layers: int = 2, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.features, self.half_lives, self.units, self.seed = features, half_lives, units, seed
        self.horizons = HORIZONS[len(half_lives)]
        self.width = len(half_lives) * features
        self.layers = nn.ModuleList(GatedLayer(units if k else 2 * features + 1, units, generator) for k in range(layers))
        self.linear = nn.Linear(features + self.width, self.width)  # from [z, means]
        self.gated = nn.Linear(units * layers, self.width, bias=False)  # from all units
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        with torch.no_grad():
            self.gated.weight.copy_(torch.randn(self.width, units * layers, generator=generator) / math.sqrt(units * layers))
        rates = [1 - 2 ** (-1 / life) for life in half_lives]
        self.register_buffer("rates", torch.tensor(rates, dtype=torch.float32).repeat_interleave(features))  # [M F]
        self.register_buffer("shift", torch.zeros(self.width))
        self.register_buffer("scale", torch.ones(self.width))
        self.rates: Tensor
        self.shift: Tensor
        self.scale: Tensor

    @property
    def state_width(self) -> int:
        """S = 1 (begun?) + M F (means) + layers * units."""
        return 1 + self.width + self.units * len(self.layers)

    def start(self, batch: int) -> Tensor:
        """The state before the first event, [B, S]."""
        return torch.zeros(batch, self.state_width)

    def states(self, z: Tensor, valid: Tensor, dt: Tensor, hidden: Tensor | None = None, start: Tensor | None = None) -> Tensor:
        """The state after each event, [B, L, S]."""
        first = self.start(len(z)).to(z) if start is None else start
        z, seen = z.clamp(-CLIP, CLIP), valid.to(z.dtype)
        many = z.repeat(1, 1, len(self.half_lives))  # [B, L, M F]
        rates = self.rates.expand_as(many)
        means_start = torch.where(first[:, :1] > 0, first[:, 1 : 1 + self.width], many[:, 0])  # the first event counts as if always so
        parts = [torch.ones_like(z[..., :1]), scan(1 - rates, rates * many, means_start)]
        if hidden is not None:
            z, seen = z.masked_fill(hidden, 0), seen.masked_fill(hidden, 0)
        gap = 0.25 * torch.log1p(dt.clamp(0, 1e6))
        x = torch.cat([z, seen, gap.unsqueeze(-1)], dim=-1)  # [B, L, 2F + 1]
        at = 1 + self.width
        for layer in self.layers:
            x = layer(x, first[:, at : at + self.units])
            parts.append(x)
            at += self.units
        return torch.cat(parts, dim=-1)

    def forecasts(self, z: Tensor, states: Tensor) -> Tensor:
        """z [..., F], states [..., S] → forecasts of z(t + h) - z(t), [..., E] horizon by horizon."""
        plain = torch.cat([z.clamp(-CLIP, CLIP), states[..., 1 : 1 + self.width]], dim=-1)
        return cast(Tensor, self.linear(plain) + self.gated(self.units_of(states)))

    def units_of(self, states: Tensor) -> Tensor:
        """The gated units, [..., layers * units]: what pretext tasks other than forecasting read."""
        return states[..., 1 + self.width :]

    def forward(self, z: Tensor, valid: Tensor, dt: Tensor, hidden: Tensor | None = None) -> Tensor:
        """z, valid: [B, L, F], dt: [B, L] → tokens [B, L, E]."""
        return (self.forecasts(z, self.states(z, valid, dt, hidden)) - self.shift) * self.scale

    def step(self, z: Tensor, valid: Tensor, dt: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One event of each of B streams: z, valid [B, F], dt [B], state [B, S] → tokens [B, E], state."""
        after = self.states(z.unsqueeze(1), valid.unsqueeze(1), dt.unsqueeze(1), start=state)[:, 0]
        return (self.forecasts(z, after) - self.shift) * self.scale, after

    @torch.no_grad()
    def standardise(self, z: Tensor, valid: Tensor, dt: Tensor) -> None:
        """Give each number of a token mean 0 and deviation 1 over these windows, their first quarters left out."""
        first = z.shape[1] // 4
        flat = self.forecasts(z, self.states(z, valid, dt))[:, first:].reshape(-1, self.width)
        self.shift.copy_(flat.mean(0))
        self.scale.copy_(1 / flat.std(0).clamp_min(1e-3))

    @torch.no_grad()
    def start_linear(self, z: Tensor, valid: Tensor, dt: Tensor, ridge: float = 30.0) -> None:
        """Put the closed-form ridge forecast from [z, means] into the linear part, and nothing into the gated one."""
        first = z.shape[1] // 8
        states = self.states(z, valid, dt)
        plain = torch.cat([z.clamp(-CLIP, CLIP), states[..., 1 : 1 + self.width], torch.ones_like(z[..., :1])], dim=-1).double()
        for m, horizon in enumerate(self.horizons):
            x = plain[:, first:-horizon].reshape(-1, plain.shape[-1])  # [N, F + M F + 1]
            now, then = z[:, first:-horizon].clamp(-CLIP, CLIP), z[:, first + horizon :].clamp(-CLIP, CLIP)
            y = (then - now).reshape(-1, self.features).double()
            w = torch.linalg.solve(x.T @ x + ridge * torch.eye(x.shape[1], dtype=torch.float64), x.T @ y)  # [F + M F + 1, F]
            rows = slice(m * self.features, (m + 1) * self.features)
            self.linear.weight[rows] = w[:-1].T.float()
            self.linear.bias[rows] = w[-1].float()
        self.gated.weight.zero_()

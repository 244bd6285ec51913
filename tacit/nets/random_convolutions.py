"""Random convolutions: what a series encoder must beat. Fixed kernels, and how often their answer is above thresholds taken from the data.

84 kernels of length 9, six weights -1 and three weights 2, at dilations 2^0 … 2^log2((L - 1) / 8); every feature is the share of steps at which
kernel * series > bias, the biases being quantiles of the kernel's answers to training series. Several channels: each kernel sees the sum of a
random few. Dempster, Schmidt & Webb, "MiniRocket", 2021, section 3 (quantiles by the golden ratio, padding for every other kernel).
Here channels are first brought to one scale, gaps are filled on a line, and padding isn't looked at: shares are of the real steps.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tacit.heads.compiling import compiled

KERNELS = np.array(list(itertools.combinations(range(9), 3)), np.int64)  # [84, 3]: where the weight is 2 rather than -1
MOST_DILATIONS = 32


class _Kernels(NamedTuple):
    """dilations [D]; many [D]: features of each kernel at a dilation; the k-th pair of dilation and kernel, of D * 84, adds up the channels
    channels[ends[k] : ends[k + 1]]; biases [F]: in the order of dilation, kernel, feature."""

    dilations: NDArray[np.int64]
    many: NDArray[np.int64]
    channels: NDArray[np.int64]
    ends: NDArray[np.int64]
    biases: NDArray[np.float32]


class RandomConvolutions:
    """Kernels for series of at most `length` steps; channels are combined by `rng`; F about `many`, a multiple of 84.

    What `fit` takes from series: mean, scale [C, 1] and biases [F].
    """

    def __init__(self, length: int, channels: int, rng: np.random.Generator, many: int = 10_000) -> None:
        dilations, each = _dilations(length, max(1, many // len(KERNELS)))
        combined, ends = _channels(channels, len(dilations) * len(KERNELS), rng)
        self.kernels = _Kernels(dilations, each, combined, ends, np.zeros(int(each.sum()) * len(KERNELS), np.float32))
        self.mean, self.scale = np.zeros((channels, 1), np.float32), np.ones((channels, 1), np.float32)

    @property
    def biases(self) -> NDArray[np.float32]:
        return self.kernels.biases

    def fit(self, values: NDArray[Any], valid: NDArray[np.bool_] | None, rng: np.random.Generator) -> None:
        """Scales and biases of series [n, L, C]; each kernel looks at one, drawn by `rng`."""
        series, spans = _filled(values, valid)
        self.mean, self.scale = _scales(series, spans)
        quantiles = (np.arange(1, len(self.biases) + 1) * (np.sqrt(5) + 1) / 2) % 1
        rows = rng.integers(len(series), size=len(self.kernels.dilations) * len(KERNELS))
        _fit((series - self.mean) * self.scale, spans, KERNELS, *self.kernels, rows, quantiles)

    def become(self, mean: NDArray[np.float32], scale: NDArray[np.float32], biases: NDArray[np.float32]) -> None:
        """As another was fitted."""
        self.mean, self.scale, self.kernels = mean, scale, self.kernels._replace(biases=biases)

    def __call__(self, values: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """[m, L, C] → [m, F], shares in 0..1."""
        series, spans = _filled(values, valid)
        out = np.empty((len(series), len(self.biases)), np.float32)
        _transform((series - self.mean) * self.scale, spans, KERNELS, *self.kernels, out)
        return out


def features(values: NDArray[Any], valid: NDArray[np.bool_] | None, rng: np.random.Generator, many: int = 10_000) -> RandomConvolutions:
    """Kernels for the longest of these series [n, L, C], fitted on them."""
    longest = int(_filled(values, valid)[1][:, 1].max())
    made = RandomConvolutions(longest, values.shape[2], rng, many)
    made.fit(values, valid, rng)
    return made


def _filled(values: NDArray[Any], valid: NDArray[np.bool_] | None) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(series [n, C, L] with lines through what is missing, 0 where a channel has nothing; [n, 2] first real step and how many to the last)."""
    series = np.array(np.swapaxes(values, 1, 2), np.float32, order="C")
    n, _, length = series.shape
    spans = np.tile(np.array([0, length], np.int64), (n, 1))
    if valid is None:
        return series, spans
    real, steps = np.swapaxes(valid, 1, 2), np.arange(length)
    for i in np.flatnonzero(~real.all((1, 2))):
        some = np.flatnonzero(real[i].any(0))
        if len(some):
            spans[i] = some[0], some[-1] - some[0] + 1
        for c in np.flatnonzero(~real[i].all(1)):
            at = real[i, c]
            series[i, c] = np.interp(steps, steps[at], series[i, c, at]) if at.any() else 0
    return series, spans


def _scales(series: NDArray[np.float32], spans: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and 1 / deviation of each channel over the real spans, [C, 1]; a constant channel becomes 0."""
    steps = np.arange(series.shape[2])
    real = ((steps >= spans[:, :1]) & (steps < spans.sum(1, keepdims=True)))[:, None]  # [n, 1, L]
    wide = np.broadcast_to(real, series.shape)
    mean = series.mean((0, 2), dtype=np.float64, where=wide)
    deviation = np.sqrt(((series - mean[:, None]) ** 2).mean((0, 2), dtype=np.float64, where=wide))
    scale = np.where(deviation > 1e-6 * (np.abs(mean) + 1e-6), 1 / np.maximum(deviation, 1e-12), 0)
    return mean.astype(np.float32)[:, None], scale.astype(np.float32)[:, None]


def _dilations(length: int, each: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Dilations and how many features a kernel has at each, `each` in all."""
    most = min(each, MOST_DILATIONS)
    reach = max(0.0, np.log2(max(1.0, (length - 1) / 8)))
    dilations, count = np.unique(np.logspace(0, reach, most, base=2).astype(np.int64), return_counts=True)
    many = (count * (each / most)).astype(np.int64)
    many[: each - many.sum()] += 1
    return dilations, many


def _channels(channels: int, combinations: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which channels each combination adds up: 1 to 9 of them, few more often than many (log-uniform)."""
    size = np.minimum(2 ** rng.uniform(0, np.log2(min(channels, 9) + 1), combinations), channels).astype(np.int64)
    drawn = [rng.choice(channels, k, replace=False) for k in size]
    return np.concatenate(drawn).astype(np.int64), np.concatenate([[0], np.cumsum(size)]).astype(np.int64)


@compiled
def _answer(series: Any, channels: Any, first: int, length: int, dilation: int, kernel: Any, total: Any, out: Any) -> None:
    """out[t] = 3 Σ_{j in kernel} x[t + (j - 4) d] - Σ_{j < 9} x[t + (j - 4) d], x the sum of the channels, 0 outside."""
    total[:length] = 0
    for c in channels:
        for t in range(length):
            total[t] += series[c, first + t]
    out[:length] = 0
    for j in range(9):
        by = (j - 4) * dilation
        weight = np.float32(2 if j in (kernel[0], kernel[1], kernel[2]) else -1)
        for t in range(max(0, -by), min(length, length - by)):
            out[t] += weight * total[t + by]


@compiled
def _fit(series: Any, spans: Any, kernels: Any, dilations: Any, many: Any, channels: Any, ends: Any, biases: Any, rows: Any, quantiles: Any) -> None:
    """Fills the biases: quantiles of the answers of a training series drawn for each kernel and dilation."""
    total, out = np.empty(series.shape[2], np.float32), np.empty(series.shape[2], np.float32)
    at, k = 0, 0
    for d in range(len(dilations)):
        for j in range(len(kernels)):
            first, length = spans[rows[k]]
            _answer(series[rows[k]], channels[ends[k] : ends[k + 1]], first, length, dilations[d], kernels[j], total, out)
            biases[at : at + many[d]] = np.quantile(out[:length], quantiles[at : at + many[d]])
            at += many[d]
            k += 1


@compiled
def _transform(series: Any, spans: Any, kernels: Any, dilations: Any, many: Any, channels: Any, ends: Any, biases: Any, found: Any) -> None:
    """Fills found [n, F]. Every other kernel leaves out the steps at which it hangs over an edge, where any are left."""
    total, out = np.empty(series.shape[2], np.float32), np.empty(series.shape[2], np.float32)
    for i in range(len(series)):
        first, length = spans[i]
        at, k = 0, 0
        for d in range(len(dilations)):
            over = 4 * dilations[d]
            for j in range(len(kernels)):
                _answer(series[i], channels[ends[k] : ends[k + 1]], first, length, dilations[d], kernels[j], total, out)
                edge = over if (d + j) % 2 and length > 2 * over else 0
                seen = out[edge : length - edge]
                for f in range(at, at + many[d]):
                    above = 0
                    for t in range(len(seen)):
                        above += seen[t] > biases[f]
                    found[i, f] = above / len(seen)
                at += many[d]
                k += 1

"""Series: recordings [L, C] → float32 [L, C] of one length, with what is real of it.

Shorter ones are padded at the end, NaN and infinite values are missing: both stand as 0 with valid False. Mean and
deviation of each channel are over the real values of the series looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.errors import DataError, ModelError
from tacit.contracts.layout import Layout, Samples
from tacit.contracts.modality import Modality
from tacit.contracts.pool import Pool, Refused

LOOKED_AT = 2000  # series that the length and the statistics come from
FILE = "series.json"
LONGEST = 2048  # steps taken by itself: longer ones are cut into windows, or asked for by name


class Series(Modality):
    """layout: size (L,), channels, mean and deviation a channel. constant: channels (counted from 0) that never change; kept."""

    name: ClassVar[str] = "series"
    wishes: ClassVar[Mapping[str, Any]] = {"length": int}

    def __init__(self, layout: Layout, constant: Sequence[int] = ()) -> None:
        self.layout, self.constant = layout, tuple(constant)

    @classmethod
    def fit(cls, pool: Pool, rng: np.random.Generator, **wishes: Any) -> Series:
        """wishes: length, in steps; else that of the longest series looked at."""
        at = np.sort(rng.permutation(len(pool))[:LOOKED_AT])
        looks: dict[int, _Moments] = {}  # by number of channels
        for _, raw in pool.pieces(at):
            for series in map(_checked, raw):
                if isinstance(series, np.ndarray):
                    looks.setdefault(series.shape[1], _Moments(series.shape[1])).see(series)
        if not looks:
            raise DataError(f"none of {len(at):,} series of {pool.described} can be read: no finite number in them.")
        found = max(looks.values(), key=lambda look: (look.many, -look.channels))
        channels, mean = found.channels, found.mean
        length = int(wishes.get("length") or found.longest)
        if length < 2:
            raise DataError(f"series of {length} steps have no course in time.", "Give a length of 2 or more; or read the table in long form.")
        if length > LONGEST and "length" not in wishes:
            raise DataError(f"{pool.described}: the longest series has {length:,} steps.", "Give a window (--window 256) to cut it, or a length.")
        deviation = np.sqrt(found.squares / np.maximum(found.count, 1))
        still = deviation <= 1e-6 * np.maximum(np.abs(mean), 1e-12)
        # a deviation of 1 leaves a constant channel 0: it says nothing, but stays where users expect it
        spread = tuple(np.where(still, 1.0, deviation).tolist())
        return cls(Layout("series", "number", (length,), channels, mean=tuple(mean.tolist()), deviation=spread), np.flatnonzero(still).tolist())

    def arrays(self, raw: Sequence[Any], names: Sequence[str]) -> tuple[Samples, NDArray[np.int64], list[Refused]]:
        length, channels = self.layout.size[0], self.layout.channels
        if raw and all(isinstance(s, np.ndarray) and s.dtype == np.float32 and s.shape == (length, channels) for s in raw):
            whole = np.stack(raw)  # all at once: one by one costs more than a small encoder does
            real = np.isfinite(whole)
            if real.all():
                return Samples(whole, real), np.arange(len(raw)), []
        values = np.zeros((len(raw), length, channels), np.float32)
        valid = np.zeros(values.shape, np.bool_)
        kept: list[int] = []
        refused: list[Refused] = []
        for i, (one, name) in enumerate(zip(raw, names, strict=True)):
            series = _checked(one)
            if not isinstance(series, str) and series.shape[1] != channels:
                series = f"{series.shape[1]} channels where {channels} are expected"
            if isinstance(series, str):
                refused.append(Refused(name, series))
                continue
            n, row = min(len(series), length), len(kept)
            real = np.isfinite(series[:n])
            valid[row, :n] = real
            values[row, :n] = np.where(real, series[:n], 0)
            kept.append(i)
        return Samples(values[: len(kept)], valid[: len(kept)]), np.array(kept, np.int64), refused

    def files(self) -> dict[str, bytes]:
        return {FILE: json.dumps({"constant": self.constant}).encode()} if self.constant else {}

    @classmethod
    def restore(cls, layout: Layout, files: dict[str, bytes]) -> Series:
        try:
            return cls(layout, json.loads(files[FILE])["constant"] if FILE in files else ())
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{FILE} in the model folder is damaged: {error}.", "Restore the folder.") from error

    def show(self, values: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """[L, C], NaN where nothing is real."""
        seen = np.array(values, np.float32)
        if valid is not None:
            seen[~np.asarray(valid, np.bool_)] = np.nan
        return seen

    def where(self, place: int, patch: tuple[int, ...] = ()) -> str:
        """Steps counted from 0, both ends inclusive."""
        step = patch[0] if patch else 1
        first, last = place * step, min((place + 1) * step, self.layout.size[0]) - 1
        return f"step {first}" if first == last else f"steps {first} to {last}"


class _Moments:
    """Count, mean and squares of each channel over series as they come: parts add up without loss of digits (Chan et al., 1979)."""

    def __init__(self, channels: int) -> None:
        self.channels, self.many, self.longest = channels, 0, 0
        self.count, self.mean, self.squares = np.zeros(channels), np.zeros(channels), np.zeros(channels)

    def see(self, series: NDArray[np.float32]) -> None:
        """One more, [L, C]."""
        self.many, self.longest = self.many + 1, max(self.longest, len(series))
        real = np.isfinite(series)
        n = real.sum(0)
        own = np.where(real, series, 0).sum(0, dtype=np.float64) / np.maximum(n, 1)
        apart = np.where(real, series - own, 0).astype(np.float64)
        total = np.maximum(self.count + n, 1)
        self.squares += (apart**2).sum(0) + (own - self.mean) ** 2 * self.count * n / total
        self.mean += (own - self.mean) * n / total
        self.count += n


def windows(series: NDArray[Any], length: int, stride: int | None = None) -> NDArray[Any]:
    """[N, length, C]: pieces of a long series [L, C], begun every `stride` steps (half a length where none is given); a view.

    The last, shorter piece is left out; a series shorter than one length has none.
    """
    stride = stride or max(1, length // 2)
    if len(series) < length:
        return series[:0].reshape(0, length, series.shape[1])
    return np.lib.stride_tricks.sliding_window_view(series, length, axis=0)[::stride].swapaxes(1, 2)


def _checked(raw: Any) -> NDArray[np.float32] | str:
    """float32 [L, C], or why not."""
    if isinstance(raw, OSError):
        return str(raw)
    try:
        with np.errstate(over="ignore"):
            series = np.asarray(raw, dtype=np.float32)
    except (TypeError, ValueError) as error:
        return f"no numbers: {error}"
    series = series[:, None] if series.ndim == 1 else series
    if series.ndim != 2 or 0 in series.shape:
        return f"shape {series.shape} is no series"
    return series if np.isfinite(series).any() else "no finite number in it"

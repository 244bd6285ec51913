"""Streams, scales, the simple bank and test-then-train ridge for benchmarks, offline and in plain numba.

The same arithmetic as the live path in its simplest form: causal robust scaling, a feature bank
[1, z, extra, season], ridge with exponential forgetting to z(t+h) - z(t), solved every 32 events.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tacit.heads import scale
from tacit.heads.layout import HALF_LIVES, memories
from tacit.heads.ridge import FLOOR, FORGET, SHARE

Array = NDArray[np.float32]
SOLVE, CAP = 32, 9.0


class Stream(NamedTuple):
    """z: [T, F] scaled, 0 where missing; valid: [T, F]; dt: [T] seconds; season: [T, 8]."""

    name: str
    z: Array
    valid: NDArray[np.bool_]
    dt: Array
    season: Array


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _scaled(x: NDArray[np.float64]) -> Array:
    """Causal: the live path's robust scales; a missing value is held."""
    T, F = x.shape
    z = np.zeros((T, F), np.float32)
    for f in range(F):
        mean, wide, reach, n = 0.0, 0.0, 0.0, 0.0
        for t in range(T):
            v = x[t, f]
            if not np.isfinite(v):
                z[t, f] = z[t - 1, f] if t > 0 else np.float32(0.0)
                continue
            z[t, f] = scale.scaled(v, mean, wide) if n > 0 else 0.0
            mean, wide, reach = scale.learn_scale(v, n, 1.0, mean, wide, reach)
            n += 1
    return z


def _season(seconds: NDArray[np.float64]) -> Array:
    """Two harmonics each of day and week, [T, 8]."""
    turns = [2 * np.pi * k * seconds / span for span in (86_400.0, 604_800.0) for k in (1, 2)]
    return np.stack([f(a) for a in turns for f in (np.sin, np.cos)], axis=1).astype(np.float32)


def stream(name: str, x: NDArray[np.float64], seconds: NDArray[np.float64]) -> Stream:
    """x: [T, F] raw values, NaN = missing; seconds: [T]."""
    dt = np.diff(seconds, prepend=seconds[0]).astype(np.float32)
    return Stream(name, _scaled(x), np.isfinite(x), np.maximum(dt, 0), _season(seconds))


def _table(text: str, separator: str, skip: int) -> NDArray[np.float64]:
    rows = [line.split(separator)[skip:] for line in text.splitlines()[1:]]
    wide = len(rows[0])
    return np.array([[float(v) if v else np.nan for v in r] for r in rows if len(r) == wide])


def streams(data: Path, recording: Path | None = None) -> list[Stream]:
    """SMD machines, SKAB, ETTh1 under `data` and, where given, a host recording (CSV, perhaps still growing)."""
    found = []
    for path in sorted((data / "ts_smd").glob("*.npz")):
        with np.load(path) as part:
            x = np.concatenate([part["train"], part["test"]]).astype(np.float64)
        found.append(stream(path.stem.replace("machine", "smd"), x, 60.0 * np.arange(len(x))))
    files = sorted((data / "ts_skab" / "data").rglob("*.csv"))
    x = np.concatenate([_table(f.read_text(), ";", 1) for f in files])
    found.append(stream("skab", x, np.arange(float(len(x)))))
    x = _table((data / "ts_etth1" / "ETTh1.csv").read_text(), ",", 1)
    found.append(stream("etth1", x, 3600.0 * np.arange(len(x))))
    if recording is not None:
        raw = recording.read_bytes()
        text = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(raw).decode() if recording.suffix == ".gz" else raw.decode()
        x = _table(text[: text.rindex("\n")], ",", 0)
        found.append(stream("host", x[:, 1:], x[:, 0]))
    return found


def half_lives(features: int) -> tuple[float, ...]:
    """Of the simple bank's means, in events."""
    return HALF_LIVES[memories(features)]


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def means(z: Array, lives: NDArray[np.float64]) -> Array:
    """Exponentially weighted means of z, [T, M F]."""
    T, F = z.shape
    out = np.zeros((T, len(lives) * F), np.float32)
    for m in range(len(lives)):
        a = 1 - 2.0 ** (-1 / lives[m])
        last = z[0].astype(np.float64)
        for t in range(T):
            for f in range(F):
                last[f] += a * (z[t, f] - last[f])
                out[t, m * F + f] = last[f]
    return out


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def forecast_losses(phi: Array, z: Array, valid: NDArray[np.bool_]) -> Array:
    """Test-then-train, [T, 2]: mean over features of the squared error capped at 9, one and sixteen steps ahead.

    One Gram serves both horizons, so an event is learned from when its far target is there, as in the live path.
    """
    T, D = phi.shape
    F, far = z.shape[1], 16
    gram, cross = np.zeros((D, D)), np.zeros((D, 2 * F))
    W = np.zeros((D, 2 * F), np.float32)
    guesses = np.zeros((far, 2 * F), np.float32)
    weight = 1.0  # of the next pair: forgetting by growth, undone at each solution
    out = np.zeros((T, 2), np.float32)
    for t in range(T):
        many = 0
        for f in range(F):
            if valid[t, f] and t >= far:
                near = z[t, f] - guesses[(t - 1) % far, f]
                distant = z[t, f] - guesses[t % far, F + f]
                out[t, 0] += min(near * near, CAP)
                out[t, 1] += min(distant * distant, CAP)
                many += 1
        out[t] /= max(many, 1)
        if t >= far:
            p = phi[t - far]
            weight /= FORGET
            for i in range(D):
                a = weight * p[i]
                for j in range(D):
                    gram[i, j] += a * p[j]
                for f in range(F):
                    cross[i, f] += a * (z[t - far + 1, f] - z[t - far, f])
                    cross[i, F + f] += a * (z[t, f] - z[t - far, f])
            if t % SOLVE == 0:
                gram /= weight
                cross /= weight
                weight = 1.0
                A = gram.copy()
                rho = FLOOR + SHARE * np.trace(gram) / D
                for i in range(D):
                    A[i, i] += rho
                W = np.ascontiguousarray(np.linalg.solve(A, cross).astype(np.float32))
        guess = np.dot(phi[t], W)
        for f in range(F):
            guesses[t % far, f] = z[t, f] + guess[f]
            guesses[t % far, F + f] = z[t, f] + guess[F + f]
    return out


def bank(s: Stream, extra: Array | None) -> Array:
    """[1, z, extra, season], [T, D]."""
    parts = [np.ones((len(s.z), 1), np.float32), s.z, s.season]
    if extra is not None:
        parts.insert(2, extra)
    return np.ascontiguousarray(np.concatenate(parts, axis=1), np.float32)


def data_folder() -> Path:
    return Path(os.environ.get("TACIT_DATA", "data"))

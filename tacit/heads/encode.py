"""The learned encoder without torch: one event of one key, compiled; the twin of `tacit.nets.recurrent`.

Means of z, one or two layers of gated leaky integrators, and a linear read-out: h += g (c - h),
g = (1 + s(a)) / 2, c = R s(b / R), s(x) = x / sqrt(1 + x^2). All products are sums of weighted rows into a contiguous
output, so the compiler vectorises them without changing the order of any sum: a token depends on its key's events alone.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.errors import ModelError
from tacit.heads.compiling import compiled

F32 = NDArray[np.float32]
VERSION = 2  # 1 had no seal and named no files; it is still read
REACH = np.float32(4.0)
CLIP = np.float32(8.0)
HALF, ONE, QUARTER = np.float32(0.5), np.float32(1.0), np.float32(0.25)


class Weights(NamedTuple):
    """Everything float32 and contiguous. I = 2F + 1 inputs, H units a layer, E = M F; a missing second layer has no rows."""

    rates: F32  # [M] of the means
    first: F32  # [I, 2H] gates, then candidates
    first_bias: F32  # [2H]
    second: F32  # [H, 2H] or [0, 0]
    second_bias: F32  # [2H] or [0]
    out: F32  # [F + M F + H (+ H), E] rows of z, means, units; the tokens' scale is folded in
    out_bias: F32  # [E]


def fingerprint(weights: Weights) -> str:
    """The encoder's hash: sha256 over names, shapes and bytes of its weights."""
    digest = hashlib.sha256()
    for name, array in zip(weights._fields, weights, strict=True):
        digest.update(f"{name} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array, "<f4").tobytes())
    return digest.hexdigest()


def seal(facts: dict[str, Any]) -> str:
    """sha256 of what encoder.json says beside its own seal."""
    return hashlib.sha256(json.dumps({k: v for k, v in facts.items() if k != "seal"}, sort_keys=True).encode()).hexdigest()


def load(folder: str | Path) -> Weights:
    """The weights of an encoder's folder; facts, files and weights are checked. Raises ModelError where they are not what was written."""
    folder = Path(folder)
    try:
        about = json.loads((folder / "encoder.json").read_text("utf-8"))
        with np.load(folder / "encoder.npz", allow_pickle=False) as parts:
            weights = Weights(*(np.ascontiguousarray(parts[name], np.float32) for name in Weights._fields))
        version, sha256 = about["version"], about["sha256"]
    except Exception as error:
        raise ModelError(f"the encoder in {folder} can't be read: {error}.", "Learn it anew, or restore the folder.") from error
    if version not in (1, VERSION):
        raise ModelError(f"the encoder in {folder} is of version {version}; this tacit reads version {VERSION}.", "Learn it anew.")
    if fingerprint(weights) != sha256:
        raise ModelError(f"the encoder in {folder} is not what was written: its weights differ from their checksum.", "Restore the folder.")
    if version == VERSION or "seal" in about:
        _check(folder, about)
    return weights


def _check(folder: Path, about: dict[str, Any]) -> None:
    """Of what the weights' hash leaves out: facts, how forecasts were scaled, the graph for other runtimes."""
    files = about.get("files")
    if about["version"] != VERSION or about.get("seal") != seal(about) or not isinstance(files, dict):
        raise ModelError(f"{folder / 'encoder.json'} was altered after it was written.", "Restore the folder.")
    for name, sha256 in files.items():
        path = folder / Path(name).name
        if not path.is_file():
            raise ModelError(f"{path} is missing.", "Restore the folder.")
        if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise ModelError(f"{path} differs from its checksum: it is damaged or was altered.", "Restore the folder.")


def no_encoder() -> Weights:
    """Weights of the right types and no size, for signatures where there is no encoder."""
    flat, square = np.zeros(0, np.float32), np.zeros((0, 0), np.float32)
    return Weights(flat, square, flat, square, flat, square, flat)


def features_of(weights: Weights) -> int:
    """F."""
    return int(weights.first.shape[0] - 1) // 2


def embedding_width(weights: Weights) -> int:
    """E."""
    return int(weights.out.shape[1])


def state_width(weights: Weights) -> int:
    """S = 1 (begun?) + M F + units of all layers."""
    return 1 + int(weights.out.shape[0]) - features_of(weights)


def scratch_for(weights: Weights) -> F32:
    """Room to work in, for one event at a time: the inputs and one layer's sums, [I + 2H]."""
    return np.zeros(len(weights.first) + weights.first.shape[1], np.float32)


@compiled
def _add_rows(rows: F32, x: F32, out: F32) -> None:
    """out += x' rows; rows [N, K], x [N], out [K]. Eight rows at a time: out is loaded and stored once for all of them."""
    n, wide = len(x), len(out)
    for i in range(0, n - 7, 8):
        x0, x1, x2, x3, x4, x5, x6, x7 = x[i], x[i + 1], x[i + 2], x[i + 3], x[i + 4], x[i + 5], x[i + 6], x[i + 7]
        for k in range(wide):
            lower = (x0 * rows[i, k] + x1 * rows[i + 1, k]) + (x2 * rows[i + 2, k] + x3 * rows[i + 3, k])
            out[k] += lower + ((x4 * rows[i + 4, k] + x5 * rows[i + 5, k]) + (x6 * rows[i + 6, k] + x7 * rows[i + 7, k]))
    for i in range(n - n % 8, n):
        v = x[i]
        for k in range(wide):
            out[k] += v * rows[i, k]


@compiled
def _integrate(rows: F32, bias: F32, x: F32, units: F32, sums: F32) -> None:
    """One layer: h += g (c - h). rows [I, 2H], bias [2H], x [I], units h [H], sums [2H] is room to work in."""
    H = len(units)
    for k in range(2 * H):
        sums[k] = bias[k]
    _add_rows(rows, x, sums)
    a, b = sums[:H], sums[H:]
    for k in range(H):
        v, w = a[k], b[k] / REACH
        gate = HALF + HALF * (v / np.sqrt(ONE + v * v))
        candidate = REACH * (w / np.sqrt(ONE + w * w))
        units[k] = (ONE - gate) * units[k] + gate * candidate


@compiled
def step_in(weights: Weights, z: F32, valid: NDArray[np.bool_], dt: float, state: F32, out: F32, room: F32) -> None:
    """One event: z, valid [F], dt seconds, state [S] updated in place, out [E], room from `scratch_for`."""
    F, M, H = len(z), len(weights.rates), weights.first.shape[1] // 2
    x, sums = room[: 2 * F + 1], room[2 * F + 1 : 2 * F + 1 + 2 * H]
    for f in range(F):
        x[f] = min(max(z[f], -CLIP), CLIP)
        x[F + f] = ONE if valid[f] else np.float32(0.0)
    x[2 * F] = QUARTER * np.float32(math.log1p(min(max(dt, 0.0), 1e6)))
    begun = state[0] > np.float32(0.0)
    state[0] = ONE
    for m in range(M):
        mean, rate = state[1 + m * F : 1 + m * F + F], weights.rates[m] if begun else ONE
        for f in range(F):
            mean[f] = (ONE - rate) * mean[f] + rate * x[f]
    at = 1 + M * F
    _integrate(weights.first, weights.first_bias, x, state[at : at + H], sums)
    if len(weights.second) > 0:
        _integrate(weights.second, weights.second_bias, state[at : at + H], state[at + H : at + 2 * H], sums)
    for k in range(len(out)):
        out[k] = weights.out_bias[k]
    _add_rows(weights.out[:F], x[:F], out)
    _add_rows(weights.out[F:], state[1:], out)


@compiled
def step(weights: Weights, z: F32, valid: NDArray[np.bool_], dt: float, state: F32, out: F32) -> None:
    """One event with room of its own: see `step_in`."""
    step_in(weights, z, valid, dt, state, out, np.empty(len(weights.first) + weights.first.shape[1], np.float32))


@compiled
def steps(weights: Weights, z: F32, valid: NDArray[np.bool_], dt: F32, state: F32, out: F32) -> None:
    """T events of one key in order: z, valid [T, F], dt [T], state [S], out [T, E]."""
    room = np.empty(len(weights.first) + weights.first.shape[1], np.float32)
    for t in range(len(z)):
        step_in(weights, z[t], valid[t], dt[t], state, out[t], room)

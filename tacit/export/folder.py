"""Encoder folder: encoder.npz, encoder.json and, where onnx is installed, encoder.onnx; written whole or not at all.

Everything goes into FOLDER.tmp, is flushed to disk and renamed; the twin's tokens and state must follow the encoder's
within 1e-4 of their size before anything is written. encoder.json names the others by their SHA-256 and is sealed by its
own; a loss that was not finite is null in it. Reading executes nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tacit.contracts.errors import ModelError
from tacit.export.strict_json import dumps, finite
from tacit.export.twin import from_weights, to_weights
from tacit.heads import encode
from tacit.nets.recurrent import RecurrentEncoder

TOLERANCE = 1e-4  # of 1 + |value|: tokens have deviation 1, and float32 sums are ordered differently


def parity(encoder: RecurrentEncoder, weights: encode.Weights, z: NDArray[np.float32], valid: NDArray[np.bool_], dt: NDArray[np.float32]) -> float:
    """Largest difference of tokens between encoder and twin over windows z, valid [B, L, F], dt [B, L], in units of 1 + |token|."""
    with torch.no_grad():
        expected = encoder(torch.from_numpy(z), torch.from_numpy(valid), torch.from_numpy(dt)).numpy()
    found = np.zeros_like(expected)
    for b in range(len(z)):
        encode.steps(weights, z[b], valid[b], dt[b], np.zeros(encode.state_width(weights), np.float32), found[b])
    return float((np.abs(found - expected) / (1 + np.abs(expected))).max())


def write(
    encoder: RecurrentEncoder, folder: Path, about: dict[str, Any], z: NDArray[np.float32], valid: NDArray[np.bool_], dt: NDArray[np.float32]
) -> str:
    """Write the encoder and what is known `about` it; the windows are for the parity check. Returns its hash."""
    encoder.eval()
    weights = to_weights(encoder)
    found = parity(encoder, weights, z, valid, dt)
    if not found <= TOLERANCE:
        raise ModelError(f"the encoder's twin differs from it by {found:.1e}; nothing was written.", "Learn with another seed, and report this.")
    sha256 = encode.fingerprint(weights)
    facts = {
        "version": encode.VERSION,
        "sha256": sha256,
        "features": encoder.features,
        "embedding": encoder.width,
        "units": encoder.units,
        "layers": len(encoder.layers),
        "half_lives": list(encoder.half_lives),
        "horizons": list(encoder.horizons),
        "state": encoder.state_width,
        "parity": found,
        **about,
    }
    temporary = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        np.savez(temporary / "encoder.npz", shift=encoder.shift.numpy(), scale=encoder.scale.numpy(), **weights._asdict())
        if find_spec("onnx") is not None:
            from tacit.export.onnx_step import write_step

            facts["onnx_parity"] = write_step(encoder, weights, temporary / "encoder.onnx", z[:, -1], valid[:, -1], dt[:, -1])
        facts["files"] = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(temporary.iterdir())}
        facts = finite(facts)
        (temporary / "encoder.json").write_text(dumps({**facts, "seal": encode.seal(facts)}) + "\n", "utf-8")
        for path in temporary.iterdir():
            _flush(path)
        _flush(temporary)
        _replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return sha256


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace(temporary: Path, folder: Path) -> None:
    """Rename into place; a folder that stands there is moved aside first and removed after."""
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    temporary.rename(folder)
    _flush(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def read(folder: Path) -> tuple[RecurrentEncoder, dict[str, Any]]:
    """The encoder to go on training, and what is known about it, NaN where a loss was not finite. Raises ModelError as `encode.load` does."""
    weights = encode.load(folder)
    about: dict[str, Any] = json.loads((folder / "encoder.json").read_text("utf-8"))
    about["losses"] = [[math.nan if v is None else v for v in line] for line in about.get("losses", [])]
    encoder = RecurrentEncoder(about["features"], tuple(about["half_lives"]), about["units"], about["layers"])
    from_weights(weights, encoder)
    with np.load(folder / "encoder.npz", allow_pickle=False) as parts:
        shift, scale = torch.from_numpy(parts["shift"]), torch.from_numpy(parts["scale"])
    with torch.no_grad():  # tokens back into forecasts: y = e / scale + shift
        encoder.linear.weight.div_(scale.unsqueeze(1))
        encoder.gated.weight.div_(scale.unsqueeze(1))
        encoder.linear.bias.div_(scale).add_(shift)
        encoder.shift.copy_(shift)
        encoder.scale.copy_(scale)
    return encoder, about

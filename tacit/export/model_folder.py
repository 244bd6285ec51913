"""Model folder of an encoder of samples: what lies in it, how it is written whole or not at all, and read without executing anything.

    model.json               format, versions, modality, layout, encoder with its arguments, data, recipe, seeds, curves, SHA-256 of the parts
    encoder-HASH.safetensors the encoder's weights and statistics
    tokenizer.json …         what the modality needs beside the layout
    head.npz                 of a tuned model: the head's arrays
    learning.safetensors     while it learns: the checkpoint to go on from

model.json is put in place last and names its parts by hash: a kill leaves the old model or the new one.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import json
import os
import platform
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from tacit import __version__
from tacit.contracts.catalog import load as load_part
from tacit.contracts.errors import ModelError
from tacit.contracts.layout import Layout
from tacit.contracts.modality import Modality
from tacit.export.strict_json import dumps
from tacit.nets.encoder import Encoder

FORMAT = "tacit-encoder/2"


@dataclass
class SampleModel:
    """An encoder of samples with its modality; `about` is what model.json says beside; `head`: arrays of a tuned head."""

    encoder: Encoder
    modality: Modality
    encoder_name: str
    about: dict[str, Any] = field(default_factory=dict)
    head: dict[str, NDArray[Any]] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def layout(self) -> Layout:
        return self.modality.layout

    @property
    def hash(self) -> str:
        """Of the encoder's weights."""
        return str(self.about.get("sha256", ""))[:16] or hashlib.sha256(weights_of(self.encoder)).hexdigest()[:16]


def weights_of(encoder: Encoder) -> bytes:
    """The state as safetensors; the same weights give the same bytes."""
    return save_tensors({k: v.detach().cpu().contiguous().clone() for k, v in sorted(encoder.state_dict().items())})


def arguments_of(encoder: Encoder) -> dict[str, Any]:
    """The constructor's arguments other than layout, as stored under their own names."""
    return {name: getattr(encoder, name) for name in inspect.signature(type(encoder)).parameters if name != "layout"}


def put(path: Path, data: bytes) -> None:
    """Write, flush, rename. Raises ModelError."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")  # two processes may write reports of one model
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except OSError as e:
        if temporary.is_file():
            temporary.unlink()
        raise ModelError(f"{path} cannot be written: {e}.", "Free some space or choose another folder; what was there is kept.") from e


def save(model: SampleModel, folder: Path) -> str:
    """Into `folder`, which is made; returns the weights' SHA-256. Raises ModelError."""
    weights = weights_of(model.encoder)
    sha = hashlib.sha256(weights).hexdigest()
    parts = {f"encoder-{sha[:16]}.safetensors": weights, **model.modality.files()}
    if model.head:
        parts["head.npz"] = _npz(model.head)
    model.about = {**model.about, "sha256": sha}
    text = {
        **model.about,
        "format": FORMAT,
        "tacit": __version__,
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "modality": model.modality.name,
        "layout": model.layout.facts(),
        "encoder": {"name": model.encoder_name, "arguments": arguments_of(model.encoder), "width": model.encoder.outputs},
        "weights": f"encoder-{sha[:16]}.safetensors",
        "parts": {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()},
    }
    body = dumps(text, sort_keys=True)
    seal = hashlib.sha256(body.encode()).hexdigest()
    for name, data in parts.items():
        put(folder / name, data)
    put(folder / "model.json", dumps({**json.loads(body), "seal": seal}, sort_keys=True).encode())
    for old in folder.glob("encoder-*.safetensors"):
        if old.name not in parts:
            old.unlink()
    model.folder = folder
    return sha


def _npz(arrays: dict[str, NDArray[Any]]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def discard(folder: Path) -> None:
    """The model in `folder` goes, model.json first: after a kill in between nothing there passes for one. Raises ModelError."""
    parts = facts(folder)["parts"]
    try:
        for name in ("model.json", *parts):
            (folder / Path(name).name).unlink(missing_ok=True)
    except OSError as e:
        raise ModelError(f"{folder} cannot be cleared: {e}.", "Choose another folder.") from e


def holds_model(folder: Path) -> bool:
    """Whether there is an encoder of samples (a live model's folder has state/ and no model.json)."""
    return (folder / "model.json").is_file()


def facts(folder: Path) -> dict[str, Any]:
    """What model.json says, its seal checked. Raises ModelError."""
    try:
        text = json.loads((folder / "model.json").read_text("utf-8"))
        seal = text.pop("seal")
    except FileNotFoundError as e:
        live = " It is the model of a stream; `tacit watch --model` takes it." if (folder / "state").is_dir() else ""
        raise ModelError(
            f"{folder} holds no encoder of samples: there is no model.json.{live}", "Make one with `tacit learn DATA --out FOLDER`."
        ) from e
    except (OSError, ValueError, KeyError, AttributeError) as e:
        raise ModelError(f"{folder / 'model.json'} cannot be read: {e!r}.", "Take a copy of the folder that is whole.") from e
    if text.get("format") != FORMAT:
        raise ModelError(f"{folder} is a model of format {text.get('format')!r}, this tacit reads {FORMAT!r}.")
    if hashlib.sha256(json.dumps(text, indent=1, sort_keys=True).encode()).hexdigest() != seal:
        raise ModelError(f"{folder / 'model.json'} was altered after it was written.", "Take a copy of the folder that is whole.")
    return dict(text)


def load(folder: str | Path) -> SampleModel:
    """The model in `folder`. Raises ModelError where it is missing, damaged, of another version, or weights do not fit."""
    folder = Path(folder)
    about = facts(folder)
    parts: dict[str, bytes] = {}
    if not isinstance(about.get("parts"), dict):
        raise ModelError(f"{folder / 'model.json'} names no parts.", "Take a copy of the folder that is whole.")
    for name, sha in about["parts"].items():
        try:
            parts[name] = (folder / Path(name).name).read_bytes()
        except OSError as e:
            raise ModelError(f"{folder} is not whole: {name} is missing.", "Take a copy of the folder that is whole.") from e
        if hashlib.sha256(parts[name]).hexdigest() != sha:
            raise ModelError(f"{folder / name} is damaged or was altered.", "Take a copy of the folder that is whole.")
    try:
        layout = Layout.of(about["layout"])
        made = about["encoder"]
        arguments = {k: tuple(v) if isinstance(v, list) else v for k, v in made["arguments"].items()}
        modality = load_part("modality", about["modality"]).restore(layout, parts)
        weights, head = load_tensors(parts[about["weights"]]), _arrays(parts["head.npz"]) if "head.npz" in parts else {}
    except (KeyError, TypeError, ValueError, AttributeError, EOFError, zipfile.BadZipFile, SafetensorError) as e:
        raise ModelError(
            f"{folder} does not hold what tacit saves there ({type(e).__name__}: {e}).", "Take a copy of the folder that is whole."
        ) from e
    try:
        encoder = load_part("encoder", made["name"])(layout, **arguments)
        encoder.load_state_dict(weights)
    except (RuntimeError, TypeError, ValueError) as e:
        raise ModelError(f"the weights in {folder} do not fit the encoder {made['name']!r}: {str(e).splitlines()[0]}", "Learn anew.") from e
    encoder.eval()
    return SampleModel(encoder, modality, made["name"], about, head, folder)


def _arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """Of an npz; Python objects in it are refused, since reading them could run anything."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {k: arrays[k] for k in arrays.files}

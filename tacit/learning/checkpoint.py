"""Checkpoint: a tree of dicts, lists, numbers, texts and tensors as one safetensors file, written whole or not at all.

The tensors are the file's; the tree is JSON in its metadata, with a place for each tensor. Reading executes nothing.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from tacit.contracts.errors import ModelError

VERSION = 2


def _plain(tree: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(tree, Tensor):
        name = str(len(tensors))
        tensors[name] = tree.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(tree, dict):
        return {"dict": [[k, _plain(v, tensors)] for k, v in tree.items()]}
    if isinstance(tree, list | tuple):
        return {"tuple" if isinstance(tree, tuple) else "list": [_plain(v, tensors) for v in tree]}
    if tree is None or isinstance(tree, bool | int | float | str):
        return {"is": tree}
    raise TypeError(f"a checkpoint holds no {type(tree).__name__}")


def _tree(plain: Any, tensors: dict[str, Tensor]) -> Any:
    (kind, inner), *_ = plain.items()
    if kind == "tensor":
        return tensors[inner]
    if kind == "dict":
        return {k: _tree(v, tensors) for k, v in inner}
    if kind in ("list", "tuple"):
        made = [_tree(v, tensors) for v in inner]
        return tuple(made) if kind == "tuple" else made
    return inner


def write(path: Path, tree: Any) -> None:
    """Into PATH.tmp, flushed to disk, renamed. Raises ModelError where the disk refuses; what stood there stays."""
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_plain(tree, tensors))
    temporary = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors or {"none": torch.zeros(1)}, str(temporary), {"tree": text, "version": str(VERSION)})
        handle = os.open(temporary, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        temporary.rename(path)
    except (OSError, SafetensorError) as e:
        temporary.unlink(missing_ok=True)
        raise ModelError(f"{path} cannot be written: {e}.", "Free some space; what was written before is kept.") from e


def about(path: Path) -> Any:
    """What stands under "about", without reading the tensors. Raises ModelError."""
    try:
        with safe_open(str(path), "pt") as file:
            plain = dict(json.loads((file.metadata() or {})["tree"])["dict"])["about"]
    except (OSError, SafetensorError, KeyError, ValueError) as e:
        raise ModelError(f"the checkpoint {path} cannot be read: {e!r}.", "Start anew with --fresh.") from e
    return _tree(plain, {})


def read(path: Path) -> Any:
    """The tree. Raises ModelError where the file is damaged or of another version."""
    try:
        with safe_open(str(path), "pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no dict
    except (OSError, SafetensorError) as e:
        raise ModelError(f"the checkpoint {path} cannot be read: {e}.", "Start anew with --fresh.") from e
    if about.get("version") != str(VERSION):
        raise ModelError(f"the checkpoint {path} is of version {about.get('version')}, this tacit reads {VERSION}.", "Start anew with --fresh.")
    try:
        return _tree(json.loads(about["tree"]), tensors)
    except (KeyError, ValueError, AttributeError) as e:
        raise ModelError(f"the checkpoint {path} is damaged: {e!r}.", "Start anew with --fresh.") from e

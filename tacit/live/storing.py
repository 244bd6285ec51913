"""A LiveModel as arrays and back: all of it, or the rows that changed since last time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from tacit.contracts.errors import ModelError
from tacit.contracts.events import Feature
from tacit.heads import encode, evidence
from tacit.live import kernel
from tacit.live.checkpoint import Arrays
from tacit.live.model import LiveModel


def collect(model: LiveModel, full: bool) -> tuple[Arrays, dict[str, Any]]:
    """(arrays, meta), copied: of every slot ever used, or only of those touched since the last call."""
    if full:
        slots = np.arange(len(model.keys.names), dtype=np.int64)
    else:
        slots = model.dirty[: len(model.keys.names)].nonzero()[0].astype(np.int64)
    model.dirty[:] = 0
    model.reformed = model.reformed and not full
    rows = rows_of(model, slots)
    names = orjson.dumps([model.keys.names[s] for s in slots.tolist()])
    arrays: Arrays = {
        "slots": slots,
        "names": np.frombuffer(names, np.uint8),
        "last": model.keys.last[slots],
        "own": model.keys.own[slots],
        "scales": model.scales[rows],
        "base": model.base[rows],
        "lane": model.lane[rows],
        **{f"pool.{name}": getattr(model.pool, name).copy() for name in kernel.Pool._fields},
    }
    if len(model.counters):
        arrays["counted"], arrays["counted_at"] = model.counted[slots], model.counted_at[slots]
    meta = {
        "features": [[f.name, f.kind, f.unit, f.muted] for f in model.features],
        "columns": model.columns,
        "seen": model.seen,
        "warm": model.warm,
        "free": list(model.keys.free),
        "slots": len(model.keys.names),
        "expired": model.keys.expired,
        "alerts": model.alerts,
        "idle": model.idle,
        "model": model.name,
        "episodes": model.episodes.state(),
    }
    return arrays, meta


def rows_of(model: LiveModel, slots: NDArray[np.int64]) -> NDArray[np.int64]:
    """Row numbers of the slots' blocks, [slots * blocks]."""
    return (slots[:, None] * model.blocks + np.arange(model.blocks)).ravel()


def features_of(meta: dict[str, Any]) -> tuple[Feature, ...]:
    """The features that a stored model was made for."""
    return tuple(Feature(str(n), k, str(u), bool(m)) for n, k, u, m in meta["features"])


def put_back(model: LiveModel, parts: list[Arrays], meta: dict[str, Any], folder: Path) -> None:
    """A new model of the same features becomes the stored one, bit by bit; its encoder lies in folder/encoders."""
    if model.columns != meta["columns"]:
        model.columns = int(meta["columns"])
        model.reshape(features_of(meta), int(meta["columns"]))
    if meta["model"] != "simple":
        home = folder / "encoders" / str(meta["model"])
        weights = encode.load(home)
        model.put_in_place(str(meta["model"]), weights, model.empty_lane(weights), home)
    names: list[str] = [""] * min(int(meta["slots"]), model.keys.capacity)
    for arrays in parts:
        slots = arrays["slots"]
        if len(slots) and not 0 <= slots.min() <= slots.max() < model.keys.capacity:
            raise ModelError("The stored model holds more keys than this one can.", "Load it with the options that it was saved with.")
        rows = rows_of(model, slots)
        model.keys.last[slots], model.keys.own[slots] = arrays["last"], arrays["own"]
        model.scales[rows], model.base[rows], model.lane[rows] = arrays["scales"], arrays["base"], arrays["lane"]
        if "counted" in arrays:
            model.counted[slots], model.counted_at[slots] = arrays["counted"], arrays["counted_at"]
        for slot, name in zip(slots.tolist(), orjson.loads(arrays["names"].tobytes()), strict=True):
            names[slot] = name
    for name in kernel.Pool._fields:
        getattr(model.pool, name)[...] = parts[-1][f"pool.{name}"]
    model.keys.restore({"names": names, "free": meta["free"], "expired": meta["expired"]})
    model.pool.budget[evidence.BUDGET] = model.alerts  # as wished now
    model.reformed = False
    model.seen, model.warm, model.name = int(meta["seen"]), int(meta["warm"]), str(meta["model"])
    model.episodes.restore(meta["episodes"])

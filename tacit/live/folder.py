"""The model folder: what lies in it, and how a model is saved and loaded whole.

    about.json            for people: format and versions, data, recipe, seeds, results, promotions
    state/state.json      which parts make up the state, with their SHA-256, and what is small (sealed by its own)
    state/00000042.npz    a part: rows of float32 and float64, no pickles
    encoders/HASH/        encoder.npz, encoder.json, encoder.onnx: every encoder that had a trial
    journal.jsonl         what came from outside, with the event count at which it took hold
    history.sqlite        what the dashboard shows

Loading reads arrays and text only; nothing in a folder is ever executed.
"""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson

from tacit import __version__
from tacit.contracts.errors import ModelError
from tacit.live.checkpoint import VERSION, Checkpoints, sound, write_atomically
from tacit.live.model import LiveModel
from tacit.live.storing import collect, features_of, put_back


def describe(model: LiveModel, about: dict[str, Any], meta: dict[str, Any]) -> bytes:
    """about.json: for people; nothing is loaded from it."""
    learning = meta.get("learning", {})
    clock = float(model.pool.clock[0])
    text = {
        "format": VERSION,
        "tacit": __version__,
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in ("numpy", "numba", "torch")}},
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        **about,
        "events": model.seen,
        "newest_event": datetime.fromtimestamp(clock, UTC).isoformat() if 0 < clock < 4e9 else None,
        "keys": len(model.keys.slots),
        "features": [{"name": f.name, "kind": f.kind, "unit": f.unit, "muted": f.muted} for f in model.features],
        "encoder": model.name,
        "alerts": {"budget_a_day": model.alerts, "threshold": model.threshold, "episodes": len(model.episodes.all)},
        "feedback": [{"episode": e.id, "verdict": e.feedback} for e in model.episodes.all.values() if e.feedback],
        "attempts": learning.get("attempts", 0),
        "promotions": learning.get("verdicts", []),
    }
    return orjson.dumps(text, option=orjson.OPT_INDENT_2)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def save(model: LiveModel, folder: Path) -> None:
    """The whole model into `folder`, which is made. Raises ModelError.

    Saved is what scores: statistics, alerts and the encoder. Learning's own state is not: windows collected, attempts and their
    figures, a running trial; those `Runner.save` keeps.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if model.name != "simple":
            _copy_encoder(model, folder)
        checkpoints = Checkpoints(folder)
        checkpoints.load()  # numbers go on; a damaged folder is not written over
        arrays, meta = collect(model, True)
        meta.update(source="", position={}, journal=0, events=model.seen, late=0)
        checkpoints.save(arrays, meta, True, describe(model, {"source": "a table"}, meta))
        checkpoints.wait()
    except OSError as e:
        raise ModelError(f"{folder}: the model cannot be saved: {e}.", "Choose a folder that can be written.") from e


def _copy_encoder(model: LiveModel, folder: Path) -> None:
    target = folder / "encoders" / model.name
    if target.exists():
        return
    target.mkdir(parents=True)
    for name, data in model.encoder_files.items():
        write_atomically(target / name, data)


def load(folder: Path) -> LiveModel:
    """The model in `folder`. Raises ModelError where it is missing, damaged or of another version."""
    if not folder.is_dir():
        raise ModelError(f"there is no model folder {folder}.", "Make one with `tacit watch SOURCE --model FOLDER` or Model.save.")
    loaded = Checkpoints(folder).load()
    if loaded is None:
        raise ModelError(f"{folder} holds no model: there is no state/state.json.", "Make one with `tacit watch SOURCE --model FOLDER`.")
    parts, meta = loaded
    with sound(folder / "state"):
        model = LiveModel(features_of(meta), float(meta["alerts"]), float(meta["idle"]))
        put_back(model, parts, meta, folder)
    return model

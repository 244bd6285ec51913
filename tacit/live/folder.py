"""The model folder: what lies in it, and how a model is saved and loaded whole.

    about.json            for people: format and versions, data, recipe, seeds, results, promotions; sealed by its own SHA-256
    state/state.json      which parts make up the state, with their SHA-256, and what is small (sealed by its own)
    state/00000042.npz    a part: rows of float32 and float64, no pickles
    encoders/HASH/        encoder.npz, encoder.json, encoder.onnx: every encoder that had a trial
    journal.jsonl         what came from outside, with the event count at which it took hold
    history.sqlite        what the dashboard shows

Loading reads arrays and text only; nothing in a folder is ever executed. What it does not need is checked all the same: about.json and
encoders that were on trial.
"""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson

from tacit import __version__
from tacit.contracts.errors import ModelError
from tacit.heads import encode
from tacit.live.checkpoint import VERSION, Checkpoints, sound, write_atomically
from tacit.live.model import LiveModel
from tacit.live.storing import collect, features_of, put_back

SEAL = re.compile(rb',\n  "seal": "([0-9a-f]{64})"\n}$')
NAME = re.compile("[0-9a-f]{16}")


def describe(model: LiveModel, about: dict[str, Any], meta: dict[str, Any]) -> bytes:
    """about.json: for people; nothing is loaded from it. Its last entry is the SHA-256 of the text without that entry."""
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
        "on_trial": learning.get("challenger") if "trial" in learning else None,
        "promotions": learning.get("verdicts", []),
    }
    body = orjson.dumps(text, option=orjson.OPT_INDENT_2)
    return body[:-2] + b',\n  "seal": "' + hashlib.sha256(body).hexdigest().encode() + b'"\n}'


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
        write_atomically(folder / "about.json", describe(model, {"source": "a table"}, meta))
        checkpoints.told = True
        checkpoints.save(arrays, meta, True)
        checkpoints.wait()
    except OSError as e:
        raise ModelError(f"{folder}: the model cannot be saved: {e}.", "Choose a folder that can be written.") from e


def _copy_encoder(model: LiveModel, folder: Path) -> None:
    target = folder / "encoders" / model.name
    if target.exists():
        return
    half = target.with_name(target.name + ".tmp")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    for name, data in model.encoder_files.items():
        write_atomically(half / name, data)
    half.rename(target)  # whole or not at all


def load(folder: Path) -> LiveModel:
    """The model in `folder`. Raises ModelError where it is missing, damaged or of another version."""
    if not folder.is_dir():
        raise ModelError(f"there is no model folder {folder}.", "Make one with `tacit watch SOURCE --model FOLDER` or Model.save.")
    checkpoints = Checkpoints(folder)
    loaded = checkpoints.load()
    if loaded is None:
        raise ModelError(f"{folder} holds no model: there is no state/state.json.", "Make one with `tacit watch SOURCE --model FOLDER`.")
    parts, meta = loaded
    with sound(folder / "state"):
        model = LiveModel(features_of(meta), float(meta["alerts"]), float(meta["idle"]))
        put_back(model, parts, meta, folder)
        _check_about(folder / "about.json", checkpoints.told)
        _check_encoders(folder / "encoders", meta.get("learning", {}))
    return model


def _check_about(path: Path, told: bool) -> None:
    """told: the state says that it is there, and sealed; else it may not be there yet. Raises ModelError."""
    if not path.exists():
        if told:
            raise ModelError(f"{path} is missing.", "Restore the folder from a copy.")
        return
    data = path.read_bytes()
    sealed = SEAL.search(data)
    if sealed is not None:
        whole = hashlib.sha256(data[: sealed.start()] + b"\n}").hexdigest().encode() == sealed[1]
    else:
        whole = not told and _is_json(data)
    if not whole:
        raise ModelError(f"{path} has been altered or is damaged.", "Restore the folder from a copy.")


def _is_json(data: bytes) -> bool:
    try:
        return isinstance(orjson.loads(data), dict)
    except orjson.JSONDecodeError:
        return False


def _check_encoders(home: Path, learning: dict[str, Any]) -> None:
    """Every one that lies there, under the name that its weights give it, and the one on trial. Raises ModelError."""
    there = {path.name for path in home.iterdir() if NAME.fullmatch(path.name)} if home.is_dir() else set()
    for name in sorted(there | ({str(learning["challenger"])} if "trial" in learning else set())):
        if encode.fingerprint(encode.load(home / name))[:16] != name:
            raise ModelError(f"the encoder in {home / name} is another one than its name says.", "Restore the folder from a copy.")

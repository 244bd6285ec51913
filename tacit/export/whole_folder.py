"""Whole folder: a model's folder that appears whole or not at all, also where another stands in its place.

`save` alone puts one file after the other: a kill between leaves a folder that no reader takes, and over another model it leaves parts of both. Here
the files go into a folder beside it, which takes the place by renaming. A kill between the two renamings leaves both; `mended` puts the old one back.
A model in whose folder anything was measured is not replaced but set aside, whole: ledger, report and card tell of that model and of no other.
"""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

from tacit.contracts.errors import ModelError
from tacit.export.model_folder import SampleModel, facts, save

PART, BEFORE = ".part", ".before"


def save_whole(model: SampleModel, folder: Path) -> str:
    """As `save`; returns the weights' SHA-256. Warns where what stood there is set aside. Raises ModelError."""
    mended(folder)
    part, before = _beside(folder)
    sha = save(model, part)
    try:
        if folder.exists():
            folder.rename(before)
        part.rename(folder)
    except OSError as e:
        raise ModelError(f"{folder} cannot be put in place: {e}.", f"The model is in {part}; choose another folder.") from e
    mended(folder)
    model.folder = folder
    return sha


def mended(folder: Path) -> None:
    """What a kill has left beside `folder` is gone, and what stood there stands there again, or is set aside where it was replaced. Raises
    ModelError."""
    part, before = _beside(folder)
    try:
        if before.exists() and not folder.exists():
            before.rename(folder)
        if part.exists():
            shutil.rmtree(part)
        if before.exists():
            _set_aside(before, folder)
    except OSError as e:
        raise ModelError(f"{folder} cannot be cleared of what stood there before: {e}.", "Choose another folder.") from e


def _set_aside(before: Path, folder: Path) -> None:
    """The replaced model goes, unless more than itself lies in its folder: then it is kept under its hash."""
    try:
        about = facts(before)
        own, name = {"model.json", *about["parts"]}, str(about["sha256"])[:16]
    except (ModelError, KeyError):  # no model, or one that cannot be read: not for us to remove
        own, name = set(), "before"
    if all(path.name in own for path in before.iterdir()):
        half = _beside(folder)[0]  # a kill while it is removed leaves what `mended` removes, not what it sets aside
        before.rename(half)
        shutil.rmtree(half)
        return
    kept, more = folder.with_name(f"{folder.name}-{name}"), 1
    while kept.exists():
        more += 1
        kept = folder.with_name(f"{folder.name}-{name}-{more}")
    before.rename(kept)
    warnings.warn(f"{folder} held more than the model that was replaced (a ledger, a report): all of it is kept as {kept}", stacklevel=3)


def _beside(folder: Path) -> tuple[Path, Path]:
    return folder.with_name(folder.name + PART), folder.with_name(folder.name + BEFORE)

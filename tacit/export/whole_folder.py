"""Whole folder: a model's folder that appears whole or not at all, also where another stands in its place.

`save` alone puts one file after the other: a kill between leaves a folder that no reader takes, and over another model it leaves parts of both. Here
the files go into a folder beside it, which takes the place by renaming. A kill between the two renamings leaves both; `mended` puts the old one back.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tacit.contracts.errors import ModelError
from tacit.export.model_folder import SampleModel, save

PART, BEFORE = ".part", ".before"


def save_whole(model: SampleModel, folder: Path) -> str:
    """As `save`; returns the weights' SHA-256. Raises ModelError."""
    mended(folder)
    part, before = _beside(folder)
    sha = save(model, part)
    try:
        if folder.exists():
            folder.rename(before)
        part.rename(folder)
        shutil.rmtree(before, ignore_errors=True)
    except OSError as e:
        raise ModelError(f"{folder} cannot be put in place: {e}.", f"The model is in {part}; choose another folder.") from e
    model.folder = folder
    return sha


def mended(folder: Path) -> None:
    """What a kill has left beside `folder` is gone, and what stood there stands there again. Raises ModelError."""
    part, before = _beside(folder)
    try:
        if before.exists() and not folder.exists():
            before.rename(folder)
        for left in (part, before):
            if left.exists():
                shutil.rmtree(left)
    except OSError as e:
        raise ModelError(f"{folder} cannot be cleared of what a run that was cut off has left: {e}.", "Choose another folder.") from e


def _beside(folder: Path) -> tuple[Path, Path]:
    return folder.with_name(folder.name + PART), folder.with_name(folder.name + BEFORE)

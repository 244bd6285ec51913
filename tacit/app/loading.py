"""Loading: the model in a folder, whichever of the two kinds it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tacit.app.api import Model
from tacit.app.assemble import Wish
from tacit.contracts.errors import DataError, ModelError

PAGE, MODEL = "comparison.html", "model"  # what a comparison leaves in its folder: the page, and the winner's model in a folder of its own


def load(folder: str | Path) -> Any:
    """The model in a folder: a Model (of a stream) or a LearnedEncoder (of samples). Executes nothing from it. Raises ModelError where it is
    missing, damaged or of another version."""
    if (Path(folder) / "model.json").is_file():
        from tacit.app.learned import LearnedEncoder
        from tacit.export.model_folder import load as load_samples

        return LearnedEncoder(load_samples(folder))
    refuse_comparison(Path(folder))
    from tacit.live.folder import load as load_folder

    live = load_folder(Path(folder))
    return Model(Wish(None), live)


def refuse_comparison(folder: Path) -> None:
    """Raises ModelError where `tacit compare` wrote this folder: the model is one below, if it came to one."""
    inside = folder / MODEL
    if not (folder / PAGE).is_file() or (folder / "state").is_dir():
        return
    there = (inside / "model.json").is_file()
    try_ = f"Its winner's model is {inside}: name that." if there else "There is no winner's model in it: compare again, with --out."
    raise ModelError(f"{folder} is no model: it is a comparison, as `tacit compare` writes it.", try_)


def load_encoder(folder: str | Path) -> Any:
    """A LearnedEncoder. Raises DataError where the folder holds the model of a stream."""
    from tacit.app.learned import LearnedEncoder

    learned = load(folder)
    if not isinstance(learned, LearnedEncoder):
        raise DataError(f"{folder} is the model of a stream; it scores events and embeds no samples.", "Use `tacit watch SOURCE --model`.")
    return learned

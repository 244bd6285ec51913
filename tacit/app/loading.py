"""Loading: the model in a folder, whichever of the two kinds it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tacit.app.api import Model
from tacit.app.assemble import Wish
from tacit.contracts.errors import DataError


def load(folder: str | Path) -> Any:
    """The model in a folder: a Model (of a stream) or a LearnedEncoder (of samples). Executes nothing from it. Raises ModelError where it is
    missing, damaged or of another version."""
    if (Path(folder) / "model.json").is_file():
        from tacit.app.learned import LearnedEncoder
        from tacit.export.model_folder import load as load_samples

        return LearnedEncoder(load_samples(folder))
    from tacit.live.folder import load as load_folder

    live = load_folder(Path(folder))
    return Model(Wish(None), live)


def load_encoder(folder: str | Path) -> Any:
    """A LearnedEncoder. Raises DataError where the folder holds the model of a stream."""
    from tacit.app.learned import LearnedEncoder

    learned = load(folder)
    if not isinstance(learned, LearnedEncoder):
        raise DataError(f"{folder} is the model of a stream; it scores events and embeds no samples.", "Use `tacit watch SOURCE --model`.")
    return learned

"""npz: an array of numpy's own files, `images.npz:train_images` or `series.npy`; several arrays must be told apart."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.connect.array_pool import ArrayPool
from tacit.connect.file_bytes import as_path
from tacit.connect.mapped import array_in
from tacit.connect.pool_wishes import PoolWishes
from tacit.contracts.errors import DataError


class Npz(ArrayPool):
    """source: FILE.npz, FILE.npz:ARRAY or FILE.npy."""

    def __init__(self, source: Any, wishes: PoolWishes | None = None) -> None:
        self.source, self.wishes = source, wishes or PoolWishes()
        path, name = _parts(source)
        array, name = _load(path, name)
        self._hold(array, self.wishes, f"{path.name}:{name}" if name else path.name)

    @classmethod
    def accepts(cls, source: Any) -> bool:
        if not isinstance(source, (str, Path)):
            return False
        path, name = _parts(source)
        return path.suffix.lower() in (".npz", ".npy") and path.is_file() and (path.suffix.lower() == ".npz" or not name)


def load_array(source: Any) -> NDArray[Any]:
    """The array of FILE.npz, FILE.npz:ARRAY or FILE.npy. Raises DataError."""
    return _load(*_parts(source))[0]


def _parts(source: Any) -> tuple[Path, str]:
    if (path := as_path(source)) is not None:
        return path, ""
    before, colon, name = str(source).rpartition(":")
    return (Path(before), name) if colon else (Path(str(source)), "")


def _load(path: Path, name: str) -> tuple[NDArray[Any], str]:
    try:
        loaded = np.load(path, mmap_mode="r" if path.suffix.lower() == ".npy" else None, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded, ""
        with loaded:
            if name and name not in loaded.files:
                raise DataError(f"{path} holds no array {name!r}.", f"It holds {_arrays(path, loaded)}.")
            if not name and len(loaded.files) != 1:
                raise DataError(f"{path} holds {len(loaded.files)} arrays.", f"Say which: {_arrays(path, loaded)}.")
            name = name or loaded.files[0]
            member = next((m for m in loaded.zip.infolist() if m.filename in (name, f"{name}.npy")), None)
            mapped = None if member is None else array_in(path, member)
            return loaded[name] if mapped is None else mapped, name
    except (ValueError, EOFError, zipfile.BadZipFile, KeyError) as error:
        reason = "it holds Python objects, which are not loaded: they could run any code" if "pickle" in str(error) else str(error)
        raise DataError(f"{path} cannot be read: {reason}.", "Save plain arrays with numpy.savez.") from error


def _arrays(path: Path, loaded: Any) -> str:
    return ", ".join(f"{path.name}:{n}" for n in loaded.files) or "none at all"

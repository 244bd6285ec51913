"""File listing: names in a folder or an archive → the samples among them, one modality, and what was left out."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.connect.pool_wishes import PoolWishes
from tacit.contracts.errors import DataError

SUFFIXES = {
    "image": frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".avif"}),
    "text": frozenset({".txt", ".text"}),
}
SERIES = re.compile(r"^[^.].*\.((csv|tsv|jsonl|ndjson|parquet)(\.gz)?|npy)$")
ABOUT = re.compile(r"^(read.?me|licen[cs]e|notice|copying|attribution|authors|changelog|citation|requirements)", re.IGNORECASE)


def modality_of(name: str) -> str | None:
    """image or text by the name's ending, or None."""
    suffix = PurePosixPath(name).suffix.lower()
    return next((m for m, known in SUFFIXES.items() if suffix in known), None)


def pictures_in(folder: Path) -> str:
    """ "12 pictures" where such lie in a folder, "folders of pictures" where they lie one below, as of classes; "" where there are none."""
    there = list(folder.iterdir())
    count = sum(modality_of(f.name) == "image" for f in there)
    within = (one for one in there if one.is_dir() and not _hidden(one.name) and os.access(one, os.R_OK | os.X_OK))
    inside = any(modality_of(f.name) == "image" for one in within for f in one.iterdir())
    return f"{count:,} picture{'s' if count > 1 else ''}" if count else "folders of pictures" if inside else ""


def choose(names: Sequence[str], wishes: PoolWishes, place: str) -> tuple[str, list[str], list[str]]:
    """(modality, names of its samples, sorted, notes). Raises DataError where there are none, or of several kinds.

    Hidden files, folders called `labels` and notices (README.txt, LICENSE.txt beside pictures) hold no samples.
    """
    notes: list[str] = []
    seen = [n for n in names if not _hidden(n)]
    labels = [n for n in seen if "labels" in PurePosixPath(n).parts[:-1]]
    if labels:
        notes.append(f"{place}: {len(labels):,} files in folders called labels are not read")
        seen = [n for n in seen if "labels" not in PurePosixPath(n).parts[:-1]]
    found: dict[str, list[str]] = {}
    for name in seen:
        found.setdefault(modality_of(name) or PurePosixPath(name).suffix.lower() or "no ending", []).append(name)
    about = [n for n in found.get("text", ()) if ABOUT.match(PurePosixPath(n).name)]
    if about and (len(about) < len(found["text"]) or "image" in found):
        found["text"] = [n for n in found["text"] if n not in set(about)]
        notes.append(f"{place}: {_some(about)} not read: about the data, not data")
    present = [m for m in SUFFIXES if found.get(m)]
    wanted = wishes.modality
    if wanted is None and len(present) > 1:
        counts = " and ".join(f"{len(found[m]):,} {m} files" for m in present)
        raise DataError(f"{place} holds {counts}.", "Say which: --modality image or --modality text.")
    wanted = wanted or (present[0] if present else None)
    if wanted is None or not found.get(wanted):
        there = ", ".join(f"{n:,} {k}" for k, n in Counter({k: len(v) for k, v in found.items() if v}).most_common(5)) or "no file"
        what = wanted or "picture or text"
        endings = " ".join(sorted(set().union(*SUFFIXES.values()) if wanted not in SUFFIXES else SUFFIXES[wanted]))
        raise DataError(f"{place} holds no readable {what}; found: {there}.", f"Known endings: {endings}.")
    others = {k: len(v) for k, v in found.items() if k != wanted and v}
    if others:
        notes.append(f"{place}: left out {', '.join(f'{n:,} {k}' for k, n in others.items())}")
    return wanted, sorted(found[wanted]), notes


def folders_of(names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The column `folder` (path above the file), where samples lie in more than one. Never read as a label unless asked."""
    folders = [name.rpartition("/")[0] for name in names]
    return {"folder": np.array(folders)} if len(set(folders)) > 1 else {}


def files_in(root: Path) -> list[str]:
    """Paths of all files inside, with slashes; links to folders are not followed, since they may lead in circles."""
    found: list[str] = []

    def refuse(error: OSError) -> None:
        raise DataError(f"a folder in {root} cannot be opened: {error}.", "Give the right to read it, or leave it out.") from error

    for here, folders, files in os.walk(root, onerror=refuse):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        inside = Path(here).relative_to(root).as_posix()
        found += [f if inside == "." else f"{inside}/{f}" for f in files]
    return found


def held_by(root: Path) -> str:
    """hub (a data set as `save_to_disk` leaves it), files (samples are files) or recordings (tables of numbers): by the first sample found."""
    if (root / "dataset_info.json").is_file() or (root / "dataset_dict.json").is_file():
        return "hub"
    found = "files"
    for _, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not _hidden(f) and f != "labels")
        for name in names:
            if modality_of(name) and not _hidden(name) and not ABOUT.match(name):
                return "files"
            if SERIES.search(name.lower()):
                found = "recordings"
    return found


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

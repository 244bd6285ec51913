"""Compiling: how the hot loops become machine code, and where that is kept.

numba's own cache looks at the file of a function, not at the files of what it calls; ours lies in a folder named by a hash of
all compiled sources, so a changed head never runs as it was. The folder is TACIT_CACHE or the user's cache.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])
SOURCES = ("heads/*.py", "live/kernel.py", "live/shadow.py", "live/reservoir.py", "live/rates.py", "live/ladder.py")


def _home() -> str:
    """The folder for this state of the sources; a temporary one where the user's cache cannot be written."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256(numba.__version__.encode())
    for pattern in SOURCES:
        for path in sorted(root.glob(pattern)):
            digest.update(path.read_bytes())
    cache = Path(os.environ.get("TACIT_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = cache / "tacit" / digest.hexdigest()[:16]
    try:
        home.mkdir(parents=True, exist_ok=True)
        writable = os.access(home, os.W_OK)
    except OSError:
        writable = False
    return str(home if writable else Path(tempfile.gettempdir()) / f"tacit-{os.getuid()}" / home.name)


HOME = _home()
config: Any = numba.config


def is_compiled(home: str = HOME) -> bool:
    """Whether the loop was compiled before, on this machine and from these sources."""
    return any(Path(home).glob("live_*/kernel.run-*.nbi"))


def _compile(function: F, **options: Any) -> F:
    before, config.CACHE_DIR = config.CACHE_DIR, HOME
    try:
        made: F = numba.njit(cache=True, error_model="numpy", **options)(function)
    finally:
        config.CACHE_DIR = before
    return made


def compiled(function: F) -> F:
    """A function that Python calls, or that is large."""
    return _compile(function)


def hot(function: F) -> F:
    """A part of the loop: always inlined, so that however many functions, one loop comes out."""
    return _compile(function, forceinline=True)

"""Catalog: the folder is the list.

A part is the one concrete class of its kind that its module defines; its name is the file's name. Names are
listed without importing anything; a part is imported when it is asked for. Other packages join through
entry points of the group `tacit.<kind>s`.
"""

from __future__ import annotations

import inspect
import pkgutil
from functools import cache
from importlib import import_module, util
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from tacit.contracts.errors import UnknownName

ROOMS = {
    "source": "tacit.connect.sources",
    "format": "tacit.connect.formats",
    "sink": "tacit.connect.sinks",
    "stream task": "tacit.pretext.streams",
    "pretext task": "tacit.pretext",
    "encoder": "tacit.nets.encoders",
    "views": "tacit.nets.views",
    "simple features": "tacit.nets.simple",
    "modality": "tacit.modalities",
    "pool": "tacit.connect.pools",
    "protocol": "tacit.evaluation.protocols",
    "rung": "tacit.evaluation.rungs",
}


def names(kind: str) -> list[str]:
    """Names of all parts of a kind, ours and those of entry points, sorted."""
    spec = util.find_spec(ROOMS[kind])
    assert spec is not None and spec.submodule_search_locations is not None
    own = [m.name for m in pkgutil.iter_modules(list(spec.submodule_search_locations)) if "_" not in m.name and not m.ispkg]
    return sorted({*own, *(e.name for e in _joined(kind))})


@cache
def _joined(kind: str) -> tuple[EntryPoint, ...]:
    """Parts of other packages. Asked for once: each look reads what every installed package says of itself."""
    return tuple(entry_points(group=f"tacit.{kind.replace(' ', '_')}s"))


def load(kind: str, name: str) -> type[Any]:
    """The class of the part. Raises UnknownName, with the nearest known name."""
    for entry in _joined(kind):
        if entry.name == name:
            return entry.load()  # type: ignore[no-any-return]
    if name not in names(kind):
        raise UnknownName(kind, name, names(kind))
    module = import_module(f"{ROOMS[kind]}.{name}")
    parts = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__ and not c.__name__.startswith("_")]
    if len(parts) != 1:
        raise TypeError(f"{module.__name__} must define exactly one public class, found {[c.__name__ for c in parts]}")
    return parts[0]

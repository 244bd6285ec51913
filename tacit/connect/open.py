"""Open: what the user writes ("host:", a path, "-", "tail:FILE", a table) → a source; "jsonl:FILE" → a sink."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tacit.connect.schema import Wishes
from tacit.contracts.catalog import load, names
from tacit.contracts.errors import SinkError, SourceError, UnknownName
from tacit.contracts.sink import Sink
from tacit.contracts.source import Source

SCHEMES = ("host:", "tail:", "-")


def open_source(
    spec: Any,
    *,
    key: str | Sequence[str] | None = None,
    time: str | None = None,
    columns: Sequence[str] | str = (),
    speed: str | float = "max",
    strict: bool = False,
    reorder: str | float | None = None,
) -> Source:
    """A source from a path, a scheme, a table or an iterable of dicts.

    key, time, columns: see Wishes; a text may hold several, with commas. speed: "max", "1x", "60x": replay by event time.
    reorder: "5s", or seconds: events wait that long for earlier ones. Raises SourceError, SchemaError, UnknownName.
    """
    from tacit.connect.pace import Paced, factor_of
    from tacit.connect.reorder import Reorder, seconds_of
    from tacit.connect.strict import Careful

    wait = None if reorder is None else seconds_of(reorder)  # refused before anything is open
    factor = None if speed in ("max", None) else factor_of(speed)
    source = _open_plain(spec, Wishes(_names(key) or None, time, _names(columns), strict))
    if strict:
        source = Careful(source)
    if wait is not None:
        source = Reorder(source, wait)
    if factor is not None:
        source = Paced(source, factor)
    return source


def open_sinks(specs: Sequence[str]) -> list[Sink]:
    """Each as `open_sink` does. Raises SinkError where two are the same, or one cannot be opened; then none is left open."""
    seen: dict[str, str] = {}
    for spec in specs:
        target = spec.partition(":")[2]
        place = target if target == "-" else os.path.realpath(target)
        if place in seen:
            raise SinkError(f"--out {seen[place]} and --out {spec} are the same place.", "Give each --out a place of its own.")
        seen[place] = spec
    opened: list[Sink] = []
    try:
        for spec in specs:
            opened.append(open_sink(spec))
    except BaseException:
        for sink in opened:
            sink.close()
        raise
    return opened


def open_sink(spec: str) -> Sink:
    """A sink from "jsonl:-", "jsonl:FILE", "sqlite:FILE". Raises UnknownName, SinkError."""
    kind, colon, target = spec.partition(":")
    if not colon or kind not in names("sink"):
        raise UnknownName("sink", kind, [f"{n}:" for n in names("sink")])
    if not target:
        raise SinkError(f"{spec!r} names no file.", f"Write {kind}:FILE" + (" or jsonl:- for standard output." if kind == "jsonl" else "."))
    if target == "-" and kind != "jsonl":
        raise SinkError(f"{spec!r}: standard output takes JSON lines only.", f"Write jsonl:- for standard output, or {kind}:FILE.")
    sink: Sink = load("sink", kind)(target)
    return sink


def _open_plain(spec: Any, wishes: Wishes) -> Source:
    if isinstance(spec, Source):
        return spec
    if isinstance(spec, os.PathLike):
        spec = os.fspath(spec)
    if not isinstance(spec, str):
        return _open_table(spec, wishes)
    source: Source
    if not spec.strip():
        raise SourceError("the source is empty.", f"Give {', '.join(SCHEMES)}, a file or a folder.")
    if spec == "-":
        source = load("source", "stdin")(wishes)
    elif spec == "host:":
        source = load("source", "host")(wishes)
    elif spec.startswith("tail:"):
        source = load("source", "tail")(spec.removeprefix("tail:"), wishes)
    else:
        scheme, colon, _ = spec.partition(":")
        if colon and len(scheme) > 1 and scheme.isidentifier() and not Path(spec).exists():
            raise UnknownName("source", f"{scheme}:", [*SCHEMES, "a file", "a folder"])
        source = load("source", "file")(spec, wishes)
    return source


def _open_table(table: Any, wishes: Wishes) -> Source:
    """Anything from Python: a table of one of the usual kinds, or an iterable of dicts."""
    from tacit.connect.sources.rows import Rows
    from tacit.connect.sources.table import Table

    if Table.knows(table):
        return Table(table, wishes)
    return Rows(table, wishes)


def _names(text: str | Sequence[str] | None) -> tuple[str, ...]:
    if text is None:
        return ()
    parts = text.split(",") if isinstance(text, str) else text
    return tuple(part.strip() for part in parts if part.strip())

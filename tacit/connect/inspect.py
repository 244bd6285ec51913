"""Inspect: what was found in a source, as rows to be shown: format, time, key, features with ranges, notes, refusals."""

from __future__ import annotations

import time

import numpy as np

from tacit.contracts.events import Events
from tacit.contracts.source import Source

Row = tuple[str, str, str]  # (section, name, text)


def describe(source: Source, limit: int = 20_000, seconds: float = 3.0) -> list[Row]:
    """Reads up to `limit` events, for `seconds` at most, and says what they hold.

    Sections: source, time, key, feature, note, refused. Raises what the source raises.
    """
    parts, ended = _read(source, limit, seconds)
    n = sum(map(len, parts))
    extent = "all of it" if ended else "its beginning"
    rows: list[Row] = [("source", "name", source.name), ("source", "format", getattr(source, "format", "") or "unknown")]
    rows.append(("source", "events", f"{n:,} read ({extent})"))
    if n:
        rows += _times(parts)
        keys = dict.fromkeys(k for part in parts for k in part.keys)
        some = ", ".join(repr(k) for k in list(keys)[:5]) + (", …" if len(keys) > 5 else "")
        rows.append(("key", "", "one, without a name" if list(keys) == [""] else f"{len(keys):,}: {some}"))
        rows += _features(source, parts)
    rows += [("note", "", note) for note in source.notes]
    rows += [("refused", reason, f"{count:,} times") for reason, count in source.refusals.counts.items()]
    rows += [("refused", reason, f"for example {where}: {sample}") for reason, where, sample in source.refusals.samples]
    return rows


def _read(source: Source, limit: int, seconds: float) -> tuple[list[Events], bool]:
    parts: list[Events] = []
    left, deadline = limit, time.monotonic() + seconds
    while left > 0 and (wait := deadline - time.monotonic()) > 0:
        events = source.poll(min(left, 4096), wait)
        if events is None:
            return parts, True
        if len(events):
            parts.append(events)
            left -= len(events)
    return parts, False


def _times(parts: list[Events]) -> list[Row]:
    times = np.concatenate([p.times for p in parts])
    rows = [("time", name, _iso(t)) for name, t in (("first", times.min()), ("last", times.max()))]
    newest: dict[str, int] = {}
    steps = []
    for part in parts:
        for key, when in zip(part.keys, part.times.tolist(), strict=True):
            if key in newest and when > newest[key]:
                steps.append(when - newest[key])
            newest[key] = when
    if steps:
        rows.append(("time", "median interval", f"{np.median(steps) / 1e9:g} s within a key"))
    late = sum(int(p.late.sum()) for p in parts)
    if late:
        rows.append(("time", "late", f"{late:,} events lie before their key's newest (--reorder 5s puts them in order)"))
    return rows


def _features(source: Source, parts: list[Events]) -> list[Row]:
    rows: list[Row] = []
    total = sum(map(len, parts))
    for j, feature in enumerate(source.features):
        seen = np.concatenate([p.values[:, j] for p in parts if j < p.values.shape[1]])
        seen = seen[np.isfinite(seen)]
        span = "never seen" if not len(seen) else f"always {seen[0]:g}" if seen.min() == seen.max() else f"{seen.min():g} to {seen.max():g}"
        text = f"{feature.kind}, {span}" + (f" {feature.unit}" if feature.unit and len(seen) else "")
        missing = 1 - len(seen) / total
        text += f", {100 * missing:.3g} % missing" if missing else ""
        rows.append(("feature", feature.name, text + (", never alerted on" if feature.muted else "")))
    return rows


def _iso(ns: np.int64) -> str:
    return str(np.datetime_as_string(np.datetime64(int(ns) // 1000, "us"), timezone="UTC"))

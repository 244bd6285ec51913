"""Live: one browser's stream of server-sent events.

Four times a second at most: `rows` (the selected key's newest, as /api/series gives them), `episodes` (when one
has changed) and, once a second, `status`. The stream reads the history, never the live loop; a browser that takes
its time gets the newest rows and the number of those it missed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import numpy as np
import orjson
from starlette.concurrency import run_in_threadpool

from tacit.serve.history import History

PAUSE = 0.25
MOST = 300  # rows in one message


def as_json(value: Any) -> bytes:
    """JSON with NaN and infinities as null; numpy arrays and keys of any kind allowed."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS, default=plain)


def plain(value: Any) -> Any:
    """What orjson has no words for: arrays that are not contiguous, numpy scalars, paths."""
    return np.ascontiguousarray(value) if isinstance(value, np.ndarray) else value.item() if isinstance(value, np.generic) else str(value)


def event(name: str, value: Any) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + as_json(value) + b"\n\n"


async def stream(
    history: History, status: Callable[[], dict[str, Any]], stopped: Callable[[], bool], key: str | None, features: Sequence[int], after: int
) -> AsyncIterator[bytes]:
    """Events for one browser; `after` is the newest row it has."""
    yield b"retry: 1000\n\n"
    told, version = 0.0, -1
    newest = after or history.stats()["newest"]
    while not stopped():
        begun = time.monotonic()
        counts = history.stats()
        if begun - told >= 1.0:
            told = begun
            yield event("status", await run_in_threadpool(status))
        if counts["episodes_version"] != version:
            version = counts["episodes_version"]
            yield event("episodes", {"episodes": await run_in_threadpool(newest_episodes, history)})
        if key is not None and counts["newest"] > newest:
            rows = await run_in_threadpool(history.window, key, None, None, MOST, features, newest)
            newest = max(counts["newest"], rows["last"])
            if rows["shown"]:
                yield event("rows", rows)
        await asyncio.sleep(max(PAUSE - (time.monotonic() - begun), 0.05))


def newest_episodes(history: History) -> list[dict[str, Any]]:
    """The newest alerts, and the newest of all: those held back must not push the others out."""
    found = {e["id"]: e for e in [*history.episodes(suppressed=False, limit=100), *history.episodes(limit=50)]}
    return list(found.values())

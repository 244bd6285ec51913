"""Journal: what came from outside the stream (feedback, an encoder to try), with the event count at which it took hold.

Written and on the disk before it takes hold; after a restart it is applied again at the same counts, so that the
same events and the same journal give the same insights.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from tacit.contracts.errors import ModelError

Entry = dict[str, Any]  # {"at": events seen, "what": "feedback" | "trial", ...}


class Journal:
    """Appends to `path` (None: keeps it in memory only)."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.entries: list[Entry] = []
        if path is not None and path.exists():
            lines = path.read_bytes().split(b"\n")
            try:
                self.entries = [orjson.loads(line) for line in lines[:-1]]
                if not all(isinstance(e, dict) and isinstance(e.get("at"), int) and "what" in e for e in self.entries):
                    raise ValueError("a line is no entry")
                self.entries.sort(key=lambda e: int(e["at"]))  # said after a kill, before what was due again, it stands behind that in the file
            except ValueError as e:
                raise ModelError(
                    f"{path} has been altered or is damaged: {e}.", "Restore the folder from a copy, or start anew in an empty one."
                ) from e
            if lines[-1]:  # a kill tore the last line: it had not taken hold
                path.write_bytes(b"".join(line + b"\n" for line in lines[:-1]))
        self._next = 0

    def rewind(self, applied: int) -> None:
        """The state holds the first `applied` entries; those behind are due again at their counts."""
        self._next = min(applied, len(self.entries))

    @property
    def applied(self) -> int:
        """How many entries have taken hold: goes into the checkpoint."""
        return self._next

    def note(self, entry: Entry) -> None:
        """Something takes hold now."""
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "ab") as file:
                file.write(orjson.dumps(entry) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        self.entries.insert(self._next, entry)
        self._next += 1

    def until_next(self, seen: int) -> int | None:
        """Events until the next entry that is due again, None where there is none."""
        return int(self.entries[self._next]["at"]) - seen if self._next < len(self.entries) else None

    def apply_due(self, seen: int, apply: Callable[[Entry], None]) -> None:
        """Applies again what took hold at `seen`."""
        while self._next < len(self.entries) and int(self.entries[self._next]["at"]) <= seen:
            self._next += 1
            apply(self.entries[self._next - 1])

"""Checkpoints: what changed since the last one, with the source's position, written off the hot path.

A model folder's `state/` holds numbered parts (npz, no pickles) and `state.json`, which names them in order with
their SHA-256. A part is a full state or the rows that changed. `state.json` is replaced atomically after the parts
it names are on the disk, so a kill at any moment leaves the state before or the state after, never between.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson
from numpy.typing import NDArray

from tacit.contracts.errors import ModelError

VERSION = 9
CHAIN = 40  # parts before the next full one
PART = re.compile(r"\d{8}\.npz(\.tmp)?")
Arrays = dict[str, NDArray[Any]]


@contextmanager
def sound(folder: Path) -> Iterator[None]:
    """What was stored is read within: where something is missing or of another kind, that is said. Raises ModelError."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, AssertionError, ArithmeticError, MemoryError, OSError) as e:
        wrong = f"{folder} does not hold what tacit saves there ({type(e).__name__}: {e})."
        raise ModelError(wrong, "Restore the folder from a copy, or start anew in an empty one.") from e


class Checkpoints:
    """Reads and writes `folder`/state. One writer thread; a save waits for the one before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "state"
        self.parts: list[dict[str, Any]] = []
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None
        self._number = 0
        self.told = False  # about.json stands beside the state, with its seal, since before the newest state
        self._lock: int | None = None

    def claim(self) -> None:
        """This process alone writes here until `release`. Raises ModelError where another one does."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            self.release()
            raise ModelError(f"{self.folder.parent} is being written by another tacit.", "Stop that one, or choose another --model.") from e
        except OSError as e:
            raise ModelError(f"{self.folder} cannot be written: {e.strerror}.", "Choose another --model.") from e

    def release(self) -> None:
        """Others may write here; the system does it too when the process ends."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def wants_full(self) -> bool:
        """The chain is empty or long, or outweighs its full part."""
        sizes = [int(p["bytes"]) for p in self.parts]
        return not sizes or len(sizes) >= CHAIN or sum(sizes[1:]) > sizes[0]

    def writing(self) -> bool:
        """The last save is not on the disk yet: another one would wait for it."""
        return self._thread is not None and self._thread.is_alive()

    def save(self, arrays: Arrays, meta: dict[str, Any], full: bool, about: bytes = b"") -> None:
        """Hands over copies; returns at once. about: about.json, written behind the state. Raises ModelError if the write before failed."""
        self.wait()
        self._number += 1
        self._thread = threading.Thread(target=self._write, args=(arrays, meta, full, about, self._number), name="tacit-checkpoint", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Returns when the last save is on the disk. Raises ModelError where it could not be written."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._failure is not None:
            failure, self._failure = self._failure, None
            self.parts = []  # what it held is saved by nobody else: the next one is full
            said = str(failure) if isinstance(failure, OSError) else repr(failure)
            raise ModelError(
                f"{self.folder}: the state could not be saved: {said}.", "Free some space; the last complete state is kept."
            ) from failure

    def _write(self, arrays: Arrays, meta: dict[str, Any], full: bool, about: bytes, number: int) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            name = f"{number:08d}.npz"
            with _atomic(self.folder / name) as file:
                counted = _Counted(file)
                np.savez(counted, **arrays)  # type: ignore[arg-type]
            part = {"file": name, "sha256": counted.sha256.hexdigest(), "bytes": counted.size}
            parts = [part] if full else [*self.parts, part]
            text = orjson.dumps({"version": VERSION, "number": number, "parts": parts, "about": self.told, "meta": meta})
            seal = hashlib.sha256(text).hexdigest().encode()
            write_atomically(self.folder / "state.json", text + b"\n" + seal + b"\n")
            self.parts = parts
            self._sweep({str(p["file"]) for p in parts})
            if about:
                write_atomically(self.folder.parent / "about.json", about)
                self.told = True
        except Exception as e:  # whatever it is, `wait` raises it: a thread that ends by itself would tell nobody
            self._failure = e

    def _sweep(self, named: set[str]) -> None:
        """Parts that the state on the disk does not name: those before a full one, and what kills and failed writes left."""
        for file in self.folder.iterdir():
            if PART.fullmatch(file.name) and file.name not in named:
                file.unlink(missing_ok=True)

    def load(self) -> tuple[list[Arrays], dict[str, Any]] | None:
        """(parts in order, meta), or None where there is no state yet. Raises ModelError where anything is not as written."""
        path = self.folder / "state.json"
        if not path.exists():
            return None
        text, _, seal = path.read_bytes().rstrip(b"\n").rpartition(b"\n")
        if hashlib.sha256(text).hexdigest().encode() != seal:
            raise ModelError(f"{path} has been altered or is damaged.", "Restore it from a copy, or start anew in an empty folder.")
        with sound(self.folder):
            return self._parts(orjson.loads(text), path)

    def _parts(self, state: dict[str, Any], path: Path) -> tuple[list[Arrays], dict[str, Any]]:
        if state["version"] != VERSION:
            raise ModelError(
                f"{path} is of version {state['version']}, this tacit reads version {VERSION}.", "Use the tacit that wrote it, or start anew."
            )
        loaded = []
        for part in state["parts"]:
            file = self.folder / part["file"]
            data = file.read_bytes() if file.exists() else b""
            if hashlib.sha256(data).hexdigest() != part["sha256"]:
                raise ModelError(
                    f"{file} is {'missing' if not data else 'damaged or altered'}.", "Restore the folder from a copy, or start anew in an empty one."
                )
            try:
                with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                    loaded.append({name: arrays[name] for name in arrays.files})
            except (ValueError, OSError, zipfile.BadZipFile) as e:
                raise ModelError(
                    f"{file} holds something else than plain arrays: {e}.", "Restore the folder from a copy; do not trust this one."
                ) from e
        if not loaded:
            raise ValueError("no parts")
        self.parts, self._number, self.told = list(state["parts"]), int(state["number"]), bool(state.get("about"))
        return loaded, dict(state["meta"])


class _Counted(io.RawIOBase):
    """A file that is written once from its beginning: what goes through is summed on its way, and never held whole."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file, self.sha256, self.size = file, hashlib.sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        n = memoryview(data).nbytes
        self._file.write(data)
        self.sha256.update(data)
        self.size += n
        return n


@contextmanager
def _atomic(path: Path) -> Iterator[BinaryIO]:
    """What is written within is the whole file, on the disk when this is left; where it fails there is none of it."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, data: bytes) -> None:
    """The whole file or none of it, on the disk when this returns."""
    with _atomic(path) as file:
        file.write(data)

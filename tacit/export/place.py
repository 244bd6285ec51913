"""Place: the folder that results go into, held by one process while it works.

What cannot be written is said before the work, not after it. The lock is on the folder itself (flock): the system lets go of it when the process
ends in whatever way, and nothing is left behind.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tacit.contracts.errors import ModelError


@contextmanager
def claimed(folder: Path | None) -> Iterator[None]:
    """Made, found writable, and this process's alone within; None: nothing to claim. Raises ModelError.

    A folder that was made here and that nothing was put into goes again.
    """
    if folder is None:
        yield
        return
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(b"0")
        handle = os.open(folder, os.O_RDONLY)
    except OSError as e:
        reason = "a file stands there" if isinstance(e, FileExistsError) else e.strerror or str(e)
        raise ModelError(f"{folder} cannot be written to: {reason}.", "Choose another --out.") from e
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise ModelError(f"{folder} is being written by another tacit.", "Wait for it, stop it, or choose another --out.") from e
        except OSError:  # a file system without locks: no reason not to learn there
            pass
        yield
    finally:
        if made and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        os.close(handle)

"""The worker process as the live path sees it: started, asked how far it is, fetched, stopped. It is niced; we never wait unless told."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import psutil
from numpy.typing import NDArray

NEEDED = ("torch", "onnx", "onnxruntime")  # what the worker imports; the last two only where they are there


def missing() -> str | None:
    """What keeps us from learning, in words, or None. May be asked again: an installation may be under way beside us."""
    importlib.invalidate_caches()
    if importlib.util.find_spec("torch") is None:
        if fetched_now():
            return "torch is being fetched: heads learn meanwhile, encoders will when it is there"
        return "torch is not installed: heads learn, encoders do not. Install it with: pip install 'tacit[learn]'"
    half = [name for name in NEEDED if importlib.util.find_spec(name) is not None and not _whole(name)]
    return f"{', '.join(half)}: being installed; learning begins when that is done" if half else None


def fetched_now() -> bool:
    """Whether the process whose number lies in the file that TACIT_FETCHING names still runs: `make run` installs torch beside us."""
    file = os.environ.get("TACIT_FETCHING", "")
    if not file:
        return False
    try:
        number, written = Path(file).read_text(encoding="utf-8").strip(), Path(file).stat().st_mtime
        process = psutil.Process(int(number)) if number.isdecimal() else None
        # a number is given again in time: whoever began after the file was written is somebody else
        return process is not None and process.create_time() <= written + 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, psutil.Error):  # no such file or process any more, or none that we may see: nothing that we could wait for
        return False


def _whole(package: str) -> bool:
    """An installer's last word is there: before it, the package's folder is but half of it."""
    try:
        found = distribution(package)
    except PackageNotFoundError:
        return False
    return any(found.read_text(name) is not None for name in ("RECORD", "INSTALLER", "PKG-INFO"))


class Worker:
    """One attempt. budget: {"steps": N} or {"seconds": S} of processor time, and {"share": most of one core}; before: an encoder's folder
    to go on from, or None; tasks: pretext tasks and their weights."""

    def __init__(self, room: Path, windows: dict[str, NDArray[Any]], seed: int, budget: dict[str, float], before: Path | None, tasks: str) -> None:
        self.room, self.budget = room, budget
        shutil.rmtree(room, ignore_errors=True)
        room.mkdir(parents=True)
        np.savez(room / "windows.npz", **windows)  # type: ignore[arg-type]
        command = [
            sys.executable,
            "-m",
            "tacit.learning.worker",
            "--windows",
            str(room / "windows.npz"),
            "--out",
            str(room / "encoder"),
            "--seed",
            str(seed),
        ]
        for name, value in budget.items():
            command += [f"--{name}", str(value)]
        command += ["--tasks", tasks]
        if before is not None:
            command += ["--start", str(before)]
        self._output, self._errors = open(room / "progress.jsonl", "wb"), open(room / "errors.txt", "wb")  # noqa: SIM115 - the process writes them
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._output, stderr=self._errors, start_new_session=True)

    def wait(self, stopping: Callable[[], bool]) -> bool:
        """Returns True when it has ended, False where somebody stops us first."""
        while self._process.poll() is None:
            if stopping():
                return False
            time.sleep(0.02)
        return True

    def done(self) -> bool:
        return self._process.poll() is not None

    def _lines(self) -> list[dict[str, Any]]:
        lines = (self.room / "progress.jsonl").read_bytes().split(b"\n")[:-1]
        return [orjson.loads(line) for line in lines if line.startswith(b"{")]

    def curve(self) -> list[list[float]]:
        """[step, loss, held-out loss] so far."""
        return [[line["step"], line["loss"], line["held_out"]] for line in self._lines() if "held_out" in line]

    def progress(self) -> float:
        """0 to 1, by steps or seconds. Also from another thread, while the attempt ends and its files go."""
        try:
            lines = [line for line in self._lines() if "step" in line]
        except FileNotFoundError:
            return 0.0
        if not lines:
            return 0.0
        total = self.budget.get("steps") or self.budget["seconds"]
        done = lines[-1]["step"] if "steps" in self.budget else lines[-1].get("seconds", 0.0)
        return float(min(1.0, done / total))

    def result(self) -> tuple[Path | None, str]:
        """(the encoder's folder, "") or (None, why there is none)."""
        made = self.room / "encoder"
        if self._process.returncode == 0 and (made / "encoder.json").exists():
            return made, ""
        said = (self.room / "errors.txt").read_text(errors="replace").strip().splitlines()
        return None, f"the attempt ended without an encoder: {said[-1] if said else f'exit code {self._process.returncode}'}"

    def stop(self) -> None:
        """Asks it to end, then ends it."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def clean(self) -> None:
        """Removes its files."""
        self._output.close()
        self._errors.close()
        shutil.rmtree(self.room, ignore_errors=True)

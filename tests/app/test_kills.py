"""Kills in the midst of evaluate and compare: ledger, report and winner are whole or not there, and the same command works again."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import tacit
from tacit.app.main import run
from tacit.export.whole_folder import mended
from tacit.ledger.store import Ledger

IN_THE_ROWS = """
import os, sqlite3, tacit.ledger.store as store
class Dying(sqlite3.Connection):
    def executemany(self, sql, rows):
        super().executemany(sql, rows[: len(rows) // 2])
        os.kill(os.getpid(), 9)
connect = sqlite3.connect
store.sqlite3.connect = lambda *a, **k: connect(*a, **k, factory=Dying)
"""
IN_THE_MODEL = """
import os, tacit.export.model_folder as place
put = place.put
def dying(path, data):
    if path.name == "model.json":
        os.kill(os.getpid(), 9)
    put(path, data)
place.put = dying
"""
IN_THE_SWAP = """
import os, shutil
from pathlib import Path
rename = Path.rename
def dying(self, to):
    if self.name == "model.part":
        os.kill(os.getpid(), 9)
    return rename(self, to)
Path.rename = dying
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """photos/ of two kinds, labels.csv, and model/ learned from them."""
    torch.set_num_threads(1)
    here, rng = tmp_path_factory.mktemp("kills"), np.random.default_rng(0)
    (here / "photos").mkdir()
    rows = ["path,label"]
    for i in range(40):
        small = rng.integers(0, 255, (4, 4, 3) if i % 2 else (16, 16, 3), np.uint8)
        Image.fromarray(small).resize((16, 16)).save(here / "photos" / f"{i:02d}.png")
        rows.append(f"{i:02d}.png,{'smooth' if i % 2 else 'rough'}")
    (here / "labels.csv").write_text("\n".join(rows) + "\n")
    ok("learn", str(here / "photos"), "--out", str(here / "model"), "--steps", "3", "--encoder", "convnet:base=8", "--batch", "16", "--quiet")
    return here


def ok(*arguments: str) -> None:
    with pytest.raises(SystemExit) as end:
        run(list(arguments))
    assert end.value.code in (0, None)


def killed(before: str, *arguments: str) -> None:
    """The command in a process of its own, which dies where `before` says."""
    code = f"{before}\nimport sys\nfrom tacit.app.main import run\nrun(sys.argv[1:])"
    ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def sound(path: Path) -> int:
    """Rows of a ledger that is found intact."""
    with sqlite3.connect(path) as base:
        assert base.execute("pragma integrity_check").fetchone()[0] == "ok"
    base.close()
    return len(Ledger(path))


def test_a_kill_among_the_rows_of_an_evaluation_leaves_none_of_them(place: Path) -> None:
    model = place / "model"
    asked = ["evaluate", str(model), str(place / "photos"), "--labels", str(place / "labels.csv"), "--protocol", "knn", "--seconds", "0", "--quiet"]
    ok(*asked)
    whole, report = sound(model / "ledger.sqlite"), (model / "report.html").read_bytes()
    killed(IN_THE_ROWS, *asked)
    assert sound(model / "ledger.sqlite") == whole and (model / "report.html").read_bytes() == report
    ok(*asked)
    assert sound(model / "ledger.sqlite") == 2 * whole and tacit.load(model).width > 0


def test_a_kill_while_an_evaluation_measures_leaves_the_model_as_it_was(place: Path) -> None:
    model, asked = place / "model", [str(place / "model"), str(place / "photos"), "--labels", str(place / "labels.csv"), "--seconds", "0"]
    ledger = model / "ledger.sqlite"
    before = sound(ledger) if ledger.is_file() else 0
    command = [sys.executable, "-c", "import sys; from tacit.app.main import run; run(sys.argv[1:])", "evaluate", *asked]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        told = next(line for line in process.stderr if "evaluating: probe" in line)
        process.kill()
    assert process.returncode == -signal.SIGKILL and "probe" in told
    assert (sound(ledger) if ledger.is_file() else 0) == before and tacit.load(model).width > 0


def test_a_killed_comparison_leaves_no_half_winner(place: Path) -> None:
    out = place / "compared"
    asked = ["compare", str(place / "photos"), "--labels", str(place / "labels.csv"), "--pretext", "rotation", "--minutes", "0.005"]
    asked += ["--seeds", "1", "--encoder", "convnet:base=8", "--out", str(out), "--quiet"]
    killed(IN_THE_MODEL, *asked)
    assert not (out / "model").exists() and not (out / "comparison.html").exists() and not (out / "ledger.sqlite").exists()
    ok(*asked)
    rows = sound(out / "ledger.sqlite")
    assert sorted(p.name for p in out.iterdir()) == ["comparison.html", "ledger.sqlite", "model"]
    first = tacit.load(out / "model").model.about["sha256"]
    killed(IN_THE_SWAP, *asked)
    assert sound(out / "ledger.sqlite") == rows
    mended(out / "model")
    assert tacit.load(out / "model").model.about["sha256"] == first
    killed(IN_THE_SWAP, *asked)
    ok(*asked)
    assert sound(out / "ledger.sqlite") == 2 * rows and sorted(p.name for p in out.iterdir()) == ["comparison.html", "ledger.sqlite", "model"]
    assert tacit.load(out / "model").width > 0

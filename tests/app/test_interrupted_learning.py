"""Learning that is broken off: Ctrl-C, a full disk, memory that is short. What was learned is kept or nothing is left, and it is said."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import tacit
from tacit.app.main import run
from tacit.learning import loop
from tacit.learning.learner import Learner
from tacit.learning.loop import FILE
from tacit.nets.encoder import Batch

COMMAND = [sys.executable, "-c", "import sys; from tacit.app.main import run; run(sys.argv[1:])"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
LONG = ["--steps", "4000", "--encoder", "convnet:base=8", "--batch", "16", "--no-check"]
SHORT = ["--steps", "3", "--encoder", "convnet:base=8", "--batch", "16", "--no-check", "--quiet"]
SHORT_OF_MEMORY = """
import torch
from tacit.learning.learner import Learner
solve = Learner._solve
def short(self, batch):
    if len(batch.values) > 8:
        raise torch.OutOfMemoryError("out of memory")
    return solve(self, batch)
Learner._solve = short
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """photos/ of forty."""
    torch.set_num_threads(1)
    here, rng = tmp_path_factory.mktemp("interrupted"), np.random.default_rng(0)
    (here / "photos").mkdir()
    for i in range(40):
        Image.fromarray(rng.integers(0, 255, (16, 16, 3), np.uint8)).save(here / "photos" / f"{i:02d}.png")
    return here


def interrupted(place: Path, out: Path) -> str:
    """A long run that is sent Ctrl-C when it has told of its first look; returns what it said."""
    asked = [*COMMAND, "learn", str(place / "photos"), "--out", str(out), *LONG]
    with subprocess.Popen(asked, stderr=subprocess.PIPE, encoding="utf-8", env=ENVIRONMENT) as process:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if " step " in line and " loss " in line:
                process.send_signal(signal.SIGINT)
                break
        said += process.stderr.read()
    assert process.returncode == 0, said
    return said


@pytest.fixture(scope="module")
def left(place: Path) -> Path:
    """The folder that Ctrl-C left; tests take copies."""
    said = interrupted(place, place / "left")
    assert "ending after this step; what was learned is kept" in said
    return place / "left"


@pytest.fixture
def out(left: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(left, tmp_path / "model"))


def learning_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "model.json").read_text())["learning"]
    return found


def ended(*arguments: str) -> object:
    with pytest.raises(SystemExit) as end:
        run(list(arguments))
    return end.value.code


def test_ctrl_c_keeps_what_was_learned_and_it_is_gone_on_from(place: Path, out: Path) -> None:
    first = learning_of(out)
    assert not first["finished"] and 0 < first["steps"] < 4000 and (out / FILE).is_file()
    assert tacit.load(out).embed(str(place / "photos")).shape[0] == 40
    interrupted(place, out)
    then = learning_of(out)
    assert then["steps"] > first["steps"] and then["curve"][0] == first["curve"][0] and not then["finished"]


def test_fresh_learns_anew_after_ctrl_c_and_leaves_a_finished_model_alone(place: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["learn", str(place / "photos"), "--out", str(out), *SHORT]
    assert ended(*asked) == 2 and "other settings" in capsys.readouterr().err
    assert ended(*asked, "--fresh") == 0
    assert learning_of(out)["finished"] and learning_of(out)["steps"] == 3
    assert not (out / FILE).exists() and len(list(out.glob("encoder-*"))) == 1
    before = (out / "model.json").read_bytes()
    assert ended(*asked, "--fresh") == 2 and "already holds a model" in capsys.readouterr().err
    assert (out / "model.json").read_bytes() == before and tacit.load(out).width > 0


def test_what_a_full_disk_cuts_off_is_not_left_half_written(place: Path, tmp_path: Path) -> None:
    """Files may grow to 40,000 bytes, and the weights are more."""
    limit = 40_000
    done = subprocess.run(
        [*COMMAND, "learn", str(place / "photos"), "--out", str(tmp_path / "m"), *SHORT],
        capture_output=True, encoding="utf-8", check=False, env=ENVIRONMENT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert done.returncode == 2 and "File too large" in done.stderr and "Traceback" not in done.stderr and "Free some space" in done.stderr
    assert not (tmp_path / "m").exists()


def test_a_disk_without_space_keeps_the_checkpoint_before(
    place: Path, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = {path.name: path.read_bytes() for path in out.iterdir()}
    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    assert ended("learn", str(place / "photos"), "--out", str(out), *LONG, "--quiet") == 2
    said = capsys.readouterr().err
    assert "No space left on device" in said and "what was written before is kept" in said
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_where_memory_is_short_a_batch_goes_in_pieces_and_it_is_said(place: Path, tmp_path: Path) -> None:
    asked = ["learn", str(place / "photos"), "--out", str(tmp_path / "m"), *SHORT]
    code = f"{SHORT_OF_MEMORY}\n{COMMAND[-1]}"
    done = subprocess.run([sys.executable, "-c", code, *asked], capture_output=True, encoding="utf-8", check=False, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("not enough memory on cpu: a batch now goes in 2 pieces") == 1 and "4 pieces" not in done.stderr
    assert learning_of(tmp_path / "m")["steps"] == 3 and learning_of(tmp_path / "m")["batch"] == 16


def test_memory_for_not_even_one_sample_is_an_error(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(self: Learner, batch: Batch) -> None:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(Learner, "_solve", never)
    with pytest.warns(UserWarning, match=r"a batch now goes in \d pieces") as told:
        assert ended("learn", str(place / "photos"), "--out", str(tmp_path / "m"), *SHORT) == 2
    assert [str(w.message)[-8] for w in told] == ["2", "4", "8"]
    assert "Take a smaller encoder" in capsys.readouterr().err and not (tmp_path / "m").exists()

"""Learning: the learner restores bit-exact; the worker is deterministic, whole or not at all, and refuses what it must."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tacit.contracts.errors import ModelError, TacitError, UnknownName
from tacit.export import folder
from tacit.heads import encode
from tacit.learning import stream_training, worker
from tacit.learning.health import effective_rank
from tacit.learning.stream_learner import StreamLearner
from tacit.learning.stream_training import make_tasks
from tacit.nets.recurrent import RecurrentEncoder
from tacit.pretext.streams.stream_task import Windows

TASKS = {"predictive": 1.0, "masked": 0.3, "contrastive": 0.1}
LIGHT = "predictive=1,masked=0.3"


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def waves(n: int = 24, length: int = 48, features: int = 3, seed: int = 0) -> dict[str, np.ndarray]:
    """Simulated: sines of random phase with noise, some values missing."""
    rng = np.random.default_rng(seed)
    t = np.arange(length) + rng.uniform(0, 99, (n, 1))  # [N, L]
    z = np.sin(t[..., None] / np.array([3.0, 7.0, 20.0])[:features]) * 1.5 + 0.1 * rng.standard_normal((n, length, features))
    valid = rng.random(z.shape) > 0.05
    return {
        "z": np.where(valid, z, 0).astype(np.float32),
        "valid": valid,
        "dt": np.ones((n, length), np.float32),
        "time": rng.permutation(n).astype(np.float64),
    }


@pytest.fixture
def windows(tmp_path: Path) -> Path:
    np.savez(tmp_path / "windows.npz", **waves())
    return tmp_path / "windows.npz"


def lines(captured: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.splitlines()]


def test_restore_is_bit_exact() -> None:
    data = waves()
    batch = Windows(*(torch.from_numpy(data[k]) for k in ("z", "valid", "dt")))
    learners = []
    for seed in (1, 2):
        encoder = RecurrentEncoder(3, (2.0, 8.0, 32.0, 128.0), 16, 2, seed)
        learners.append(StreamLearner(encoder, make_tasks(TASKS, encoder, seed), TASKS, seed))
    one, two = learners
    for _ in range(3):
        one.step(batch)
    two.restore(one.state())
    for _ in range(3):
        assert one.step(batch).loss == two.step(batch).loss
    a, b = one.encoder.state_dict(), two.encoder.state_dict()
    assert all(torch.equal(a[k], b[k]) for k in a)
    kept = one.state()
    one.step(batch)
    assert kept["steps"] == 6 and one.steps == 7  # the state is a copy


def test_same_windows_and_seed_same_hash_and_it_learns(windows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    last = worker.learn(windows, tmp_path / "a", seed=1, steps=80, tasks=LIGHT)
    said = lines(capsys.readouterr().out)
    assert [line["step"] for line in said[:-1]] == [10, 20, 30, 40, 50, 60] and {"loss", "held_out", "seconds", "tasks"} <= said[0].keys()
    assert last["held_out"] < last["linear"]
    again = worker.learn(windows, tmp_path / "b", seed=1, steps=80, tasks=LIGHT)
    other = worker.learn(windows, tmp_path / "c", seed=2, steps=80, tasks=LIGHT)
    assert last["sha256"] == again["sha256"] != other["sha256"]
    weights = encode.load(tmp_path / "a")
    assert encode.fingerprint(weights) == last["sha256"]
    about = json.loads((tmp_path / "a" / "encoder.json").read_text())
    assert about["embedding"] == 12 and about["data"]["windows"] == 24 and about["seed"] == 1 and about["tasks"] and about["losses"]
    assert about["parity"] <= 1e-5 and about.get("onnx_parity", 0) <= 1e-5


def test_each_step_is_followed_by_a_rest_where_a_share_of_a_core_is_all_there_is(
    windows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(stream_training.time, "sleep", slept.append)
    clock = itertools.count()
    monkeypatch.setattr(stream_training, "moment", lambda: stream_training.Moment(*(float(next(clock)),) * 2))
    last = worker.learn(windows, tmp_path / "a", seed=1, steps=40, tasks=LIGHT, share=0.25)
    assert slept == [3.0] * last["step"] and len(slept) > 8, "a quarter: three times as long as the work"
    assert worker.learn(windows, tmp_path / "b", seed=1, steps=40, tasks=LIGHT)["sha256"] == last["sha256"], "what is learned is the same"
    assert len(slept) == last["step"]
    monkeypatch.setattr(stream_training, "moment", lambda: stream_training.Moment(2.0, 30.0))
    stream_training.rest(stream_training.Moment(0.0, 0.0), 0.5)
    assert slept[-1] == 0.0, "it has waited for its core for long enough"
    with pytest.raises(SystemExit):
        worker.main(["--windows", "w", "--out", "o", "--steps", "1", "--share", "0"])
    assert "--share 0: it is a number above 0" in capsys.readouterr().err


def test_it_goes_on_from_an_encoder(windows: Path, tmp_path: Path) -> None:
    worker.learn(windows, tmp_path / "a", seed=1, steps=60, tasks=LIGHT)
    encoder, about = folder.read(tmp_path / "a")
    tokens = encoder(*(torch.from_numpy(waves()[k]) for k in ("z", "valid", "dt")))
    assert abs(float(tokens.detach().mean())) < 0.2 and about["features"] == 3
    last = worker.learn(windows, tmp_path / "b", seed=1, steps=20, start=tmp_path / "a", tasks=LIGHT)
    first = json.loads((tmp_path / "a" / "encoder.json").read_text())["held_out_best"]
    assert last["linear"] == pytest.approx(first, rel=0.3)
    np.savez(tmp_path / "two.npz", **waves(features=2))
    with pytest.raises(ModelError, match="3 features, the windows have 2"):
        worker.learn(tmp_path / "two.npz", tmp_path / "c", seed=1, steps=5, start=tmp_path / "a")


def test_a_collapsed_encoder_is_reported_and_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = waves()
    data["z"][:] = 0
    data["valid"][:] = True
    np.savez(tmp_path / "flat.npz", **data)
    last = worker.learn(tmp_path / "flat.npz", tmp_path / "out", seed=0, steps=5)
    assert "collapsed" in last["refused"] and not (tmp_path / "out").exists()
    assert "refused" in lines(capsys.readouterr().out)[-1]


def test_white_noise_teaches_nothing(tmp_path: Path) -> None:
    data = waves(48, 64)
    data["z"] = np.random.default_rng(0).standard_normal(data["z"].shape).astype(np.float32)
    data["valid"][:] = True
    np.savez(tmp_path / "noise.npz", **data)
    last = worker.learn(tmp_path / "noise.npz", tmp_path / "out", seed=0, steps=80, tasks="predictive=1")
    assert "nothing learned" in last["refused"] and not (tmp_path / "out").exists()


def test_what_cannot_be_learned_from_is_said(tmp_path: Path) -> None:
    def refused(match: str, **changes: np.ndarray) -> None:
        np.savez(tmp_path / "w.npz", **{**waves(), **changes})
        with pytest.raises(ModelError, match=match):
            worker.read_windows(tmp_path / "w.npz")

    refused("don't fit", dt=np.ones((24, 47), np.float32))
    refused("not finite", z=np.full((24, 48, 3), np.nan, np.float32))
    few = waves(4)
    refused("too few", **few)
    (tmp_path / "w.npz").write_bytes(b"no")
    with pytest.raises(ModelError, match="can't be read"):
        worker.read_windows(tmp_path / "w.npz")


def test_the_newest_fifth_is_held_out(windows: Path) -> None:
    data = waves()
    old, new, facts = worker.read_windows(windows)
    newest = np.argsort(data["time"])[-facts["held_out"] :]
    assert facts["held_out"] == 4 and len(old.z) == 20
    assert np.array_equal(new.z.numpy(), data["z"][newest])


def test_tasks_are_read() -> None:
    assert worker.parse_tasks("masked=1, predictive=0.5,contrastive=0") == {"masked": 1.0, "predictive": 0.5}
    for bad in ("masked", "masked=x", "", "masked=-1"):
        with pytest.raises(TacitError):
            worker.parse_tasks(bad)


def test_an_unknown_task_is_named(windows: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="predictive"):
        worker.learn(windows, tmp_path / "out", seed=0, steps=5, tasks="predictiv=1")


def test_effective_rank() -> None:
    g = torch.Generator().manual_seed(0)
    assert effective_rank(torch.ones(50, 8)) == 1.0
    assert effective_rank(torch.randn(2000, 8, generator=g)) > 7.9
    assert effective_rank(torch.randn(2000, 1, generator=g) @ torch.randn(1, 8, generator=g)) == pytest.approx(1.0, abs=1e-3)


def test_terminated_it_leaves_nothing_half_written(windows: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tacit.learning.worker", "--windows", str(windows), "--out", str(tmp_path / "out"), "--seconds", "600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}) as process:
        assert process.stdout is not None
        assert "held_out" in process.stdout.readline()  # at work
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    assert [p.name for p in tmp_path.iterdir()] == ["windows.npz"]

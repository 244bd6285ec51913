"""The twin follows torch, whatever the shape; folders are checked; nothing depends on what else runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tacit.contracts.errors import ModelError
from tacit.heads import encode

torch = pytest.importorskip("torch")
from tacit.export import folder  # noqa: E402
from tacit.export.twin import to_weights  # noqa: E402
from tacit.nets.recurrent import RecurrentEncoder  # noqa: E402

SHAPES = [(1, tuple(2.0**k for k in range(8)), 64, 2), (3, (2.0, 8.0, 32.0, 128.0), 64, 1), (8, (3.0, 30.0), 64, 2), (43, (3.0, 30.0), 20, 2)]


def made(features: int, lives: tuple[float, ...], units: int, layers: int) -> RecurrentEncoder:
    encoder = RecurrentEncoder(features, lives, units, layers, seed=1)
    torch.nn.init.normal_(encoder.linear.weight, std=0.1, generator=torch.Generator().manual_seed(2))
    encoder.standardise(*(torch.from_numpy(part) for part in events(features)))
    return encoder


def events(features: int, batch: int = 4, length: int = 150) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    valid = rng.random((batch, length, features)) > 0.1
    z = (3 * rng.standard_normal((batch, length, features)) * valid).astype(np.float32)
    return z, valid, rng.exponential(5, (batch, length)).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_twin_follows_torch(shape: tuple[int, tuple[float, ...], int, int]) -> None:
    encoder = made(*shape)
    weights = to_weights(encoder)
    assert encode.embedding_width(weights) == encoder.width
    assert encode.state_width(weights) == encoder.state_width
    assert encode.features_of(weights) == encoder.features
    assert all(part.dtype == np.float32 and part.flags.c_contiguous for part in weights)
    assert folder.parity(encoder, weights, *events(shape[0])) <= 1e-5


def test_one_event_at_a_time_is_all_at_once() -> None:
    weights = to_weights(made(*SHAPES[2]))
    z, valid, dt = (part[0] for part in events(8))
    state, other = (np.zeros(encode.state_width(weights), np.float32) for _ in range(2))
    whole, single = np.zeros((len(z), 16), np.float32), np.zeros((len(z), 16), np.float32)
    encode.steps(weights, z, valid, dt, state, whole)
    for t in range(len(z)):
        encode.step(weights, z[t], valid[t], float(dt[t]), other, single[t])
    assert np.array_equal(whole, single) and np.array_equal(state, other)


def test_extreme_values_stay_finite() -> None:
    weights = to_weights(made(*SHAPES[2]))
    state, out = np.zeros(encode.state_width(weights), np.float32), np.zeros(16, np.float32)
    for value, gap in ((3e38, 1e30), (-3e38, 0.0), (0.0, -5.0)):
        encode.step(weights, np.full(8, value, np.float32), np.ones(8, np.bool_), gap, state, out)
        assert np.isfinite(out).all() and np.isfinite(state).all() and np.abs(state).max() <= 8


def test_a_folder_comes_back_and_a_changed_one_is_refused(tmp_path: Path) -> None:
    encoder = made(*SHAPES[2])
    sha256 = folder.write(encoder, tmp_path / "e", {"seed": 1}, *events(8))
    weights = encode.load(tmp_path / "e")
    assert encode.fingerprint(weights) == sha256
    assert all(np.array_equal(a, b) for a, b in zip(weights, to_weights(encoder), strict=True))
    assert not (tmp_path / "e.tmp").exists()
    parts = dict(np.load(tmp_path / "e" / "encoder.npz"))
    parts["out"][0, 0] += 1
    np.savez(tmp_path / "e" / "encoder.npz", **parts)
    with pytest.raises(ModelError, match="checksum"):
        encode.load(tmp_path / "e")
    about = json.loads((tmp_path / "e" / "encoder.json").read_text())
    (tmp_path / "e" / "encoder.json").write_text(json.dumps({**about, "version": 99}))
    with pytest.raises(ModelError, match="version 99"):
        encode.load(tmp_path / "e")
    (tmp_path / "e" / "encoder.npz").write_bytes(b"half")
    with pytest.raises(ModelError, match="can't be read"):
        encode.load(tmp_path / "e")


def rewritten(path: Path, name: str) -> None:
    """encoder.npz with one of its arrays changed."""
    parts = dict(np.load(path))
    parts[name] = parts[name] * 2
    np.savez(path, **parts)


def refaced(path: Path, **facts: object) -> None:
    """encoder.json with other facts."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("encoder.npz", lambda path: rewritten(path, "shift")),
        ("encoder.npz", lambda path: rewritten(path, "scale")),
        ("encoder.json", lambda path: refaced(path, half_lives=[1.0, 2.0])),
        ("encoder.json", lambda path: refaced(path, seed=2)),
        ("encoder.json", lambda path: refaced(path, version=1)),
        ("encoder.json", lambda path: path.write_text(path.read_text().replace("seal", "sfal"))),
        ("graph.bin", lambda path: path.write_bytes(b"garbage")),
        ("graph.bin", lambda path: path.unlink()),
    ],
)
def test_what_the_weights_hash_leaves_out_is_checked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, harm: Any) -> None:
    """Training goes on from shift and scale, and the graph is run elsewhere. (A stand-in for encoder.onnx, where onnx is not installed.)"""
    monkeypatch.setattr(folder, "find_spec", lambda _: None)
    monkeypatch.setattr(np, "savez", with_graph(np.savez))
    folder.write(made(*SHAPES[2]), tmp_path / "e", {"seed": 1}, *events(8))
    monkeypatch.undo()
    assert encode.fingerprint(encode.load(tmp_path / "e")) and json.loads((tmp_path / "e" / "encoder.json").read_text())["files"].keys() == {
        "encoder.npz",
        "graph.bin",
    }
    harm(tmp_path / "e" / name)
    with pytest.raises(ModelError, match=name):
        encode.load(tmp_path / "e")
    with pytest.raises(ModelError, match=name):
        folder.read(tmp_path / "e")


def with_graph(savez: Any) -> Any:
    """savez that leaves a second file beside the first."""

    def both(path: Path, **arrays: Any) -> None:
        savez(path, **arrays)
        path.with_name("graph.bin").write_bytes(b"graph")

    return both


def test_a_folder_of_the_version_before_is_still_read(tmp_path: Path) -> None:
    sha256 = folder.write(made(*SHAPES[2]), tmp_path / "e", {"seed": 1, "losses": [[10, 1.0, 0.5]]}, *events(8))
    path = tmp_path / "e" / "encoder.json"
    facts = {k: v for k, v in json.loads(path.read_text()).items() if k not in ("seal", "files")}
    path.write_text(json.dumps({**facts, "version": 1, "losses": [[10, float("nan"), 0.5]]}))
    assert encode.fingerprint(encode.load(tmp_path / "e")) == sha256
    assert np.isnan(folder.read(tmp_path / "e")[1]["losses"][0][1])


def test_a_loss_that_is_not_finite_is_null(tmp_path: Path) -> None:
    def never(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    folder.write(made(*SHAPES[2]), tmp_path / "e", {"losses": [[0, float("nan"), 0.5], [10, 0.4, float("inf")]]}, *events(8))
    about = json.loads((tmp_path / "e" / "encoder.json").read_text(), parse_constant=never)
    assert about["losses"] == [[0, None, 0.5], [10, 0.4, None]]
    losses = folder.read(tmp_path / "e")[1]["losses"]
    assert np.isnan(losses[0][1]) and np.isnan(losses[1][2]) and losses[1][:2] == [10, 0.4]


def test_no_encoder_has_the_same_types() -> None:
    one, two = encode.no_encoder(), to_weights(made(*SHAPES[1]))
    assert [(a.dtype, a.ndim) for a in one] == [(a.dtype, a.ndim) for a in two]

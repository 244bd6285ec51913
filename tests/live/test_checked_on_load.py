"""Loading checks what it does not need as well: about.json, and the encoders that were on trial."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pytest
from streams import noise, stream

from tacit.contracts.errors import ModelError
from tacit.contracts.events import Feature
from tacit.heads import encode
from tacit.live.checkpoint import Checkpoints
from tacit.live.folder import describe, load, save
from tacit.live.model import LiveModel
from tacit.live.storing import collect


def small(model: LiveModel, home: Path, gain: float) -> str:
    """An encoder of the version before, of this model's shape; returns the name of its folder in `home`."""
    F, M = model.layout.F, model.layout.M
    shapes = ((M,), (2 * F + 1, 8), (8,), (0, 0), (0,), (F + M * F + 4, M * F), (M * F,))
    weights = encode.Weights(*(np.full(shape, gain, np.float32) for shape in shapes))
    name = encode.fingerprint(weights)[:16]
    (home / name).mkdir(parents=True)
    np.savez(home / name / "encoder.npz", **weights._asdict())
    (home / name / "encoder.json").write_text(json.dumps({"version": 1, "sha256": encode.fingerprint(weights)}))
    return name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = LiveModel((Feature("f0"), Feature("f1")))
    model.process(stream(noise(300, 2)))
    save(model, tmp_path / "m")
    return tmp_path / "m"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def unsealed(path: Path) -> None:
    """As nobody has written it: told to be sealed, and without its seal."""
    text = orjson.loads(path.read_bytes())
    text.pop("seal")
    path.write_bytes(orjson.dumps(text))


def other(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"events": 300', b'"events": 301'))


@pytest.mark.parametrize("harm", [Path.unlink, cut, other, unsealed, lambda p: p.write_bytes(b"garbage"), lambda p: p.write_bytes(b"")])
def test_about_that_is_not_what_was_written_is_refused(folder: Path, harm: Callable[[Path], object]) -> None:
    assert load(folder).seen == 300 and orjson.loads((folder / "about.json").read_bytes())["events"] == 300
    harm(folder / "about.json")
    with pytest.raises(ModelError, match=r"about\.json.*(missing|altered)"):
        load(folder)
    model = LiveModel((Feature("f0"), Feature("f1")))
    save(model, folder)
    assert load(folder).seen == 0, "saving writes it anew"


def test_a_kill_between_state_and_about_leaves_what_loads(folder: Path, tmp_path: Path) -> None:
    """about.json of the save before, or none yet; and the folder of a version that sealed nothing."""
    model, checkpoints = load(folder), Checkpoints(folder)
    checkpoints.load()
    model.process(stream(noise(50, 2), start=300))
    checkpoints.save(*collect(model, True), True)
    checkpoints.wait()
    assert load(folder).seen == 350
    first = Checkpoints(tmp_path / "first")
    for about, rest in ((b"", b""), (b'{"events": 350}', b""), (b"", describe(model, {"source": "a"}, {}))):
        if about:
            (tmp_path / "first" / "about.json").write_bytes(about)
        first.save(*collect(model, True), True, rest)
        first.wait()
        assert load(tmp_path / "first").seen == 350
    first.save(*collect(model, True), True)
    first.wait()
    (tmp_path / "first" / "about.json").unlink()
    with pytest.raises(ModelError, match=r"about\.json is missing"):
        load(tmp_path / "first")


def test_the_encoders_of_trials_are_checked(folder: Path) -> None:
    model = load(folder)
    one, two = (small(model, folder / "encoders", gain) for gain in (0.1, 0.2))
    (folder / "encoders" / f"{one}.tmp").mkdir()
    assert load(folder).name == "simple"
    shutil.copytree(folder, folder.with_name("swapped"))
    (folder / "encoders" / one / "encoder.npz").write_bytes(b"garbage")
    with pytest.raises(ModelError, match=one):
        load(folder)
    home = folder.with_name("swapped") / "encoders"
    shutil.rmtree(home / one)
    assert load(home.parent).seen == 300, "one that is neither in place nor on trial may go"
    (home / two).rename(home / one)
    with pytest.raises(ModelError, match="another one than its name says"):
        load(home.parent)


def test_the_encoder_on_trial_is_missed(folder: Path) -> None:
    model, checkpoints = load(folder), Checkpoints(folder)
    checkpoints.load()
    arrays, meta = collect(model, True)
    checkpoints.save(arrays, {**meta, "learning": {"challenger": "0123456789abcdef", "trial": {}}}, True)
    checkpoints.wait()
    with pytest.raises(ModelError, match="0123456789abcdef"):
        load(folder)


def test_about_names_the_encoder_on_trial_while_there_is_one() -> None:
    model = LiveModel((Feature("f0"),))
    for learning, told in (({"challenger": "abc", "trial": {}, "attempts": 1}, "abc"), ({"challenger": "abc", "attempts": 1}, None), ({}, None)):
        assert orjson.loads(describe(model, {}, {"learning": learning}))["on_trial"] == told

"""The model folder under tampering, and the claim on a folder: refused with the reason, nothing executed, nothing left behind."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tacit.contracts.catalog import load as load_part
from tacit.contracts.errors import ModelError
from tacit.contracts.layout import Layout
from tacit.export.model_folder import SampleModel, discard, load, save
from tacit.export.place import claimed
from tacit.export.whole_folder import mended, save_whole


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    layout = Layout("image", "number", (16, 16), 3, mean=(0.0,) * 3, deviation=(1.0,) * 3)
    encoder = load_part("encoder", "convnet")(layout, base=4)
    modality = load_part("modality", "image").restore(layout, {})
    save(SampleModel(encoder, modality, "convnet", head={"weights": np.ones((2, 2))}), tmp_path / "model")
    return tmp_path / "model"


def reseal(folder: Path, change: Any) -> None:
    """Alters model.json as somebody would who knows how it is sealed: hashes of the parts and the seal fit again."""
    text = json.loads((folder / "model.json").read_text())
    text.pop("seal")
    change(text)
    if isinstance(text.get("parts"), dict):
        text["parts"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in text["parts"]}
    body = json.dumps(text, indent=1, sort_keys=True)
    (folder / "model.json").write_text(json.dumps({**text, "seal": hashlib.sha256(body.encode()).hexdigest()}, indent=1, sort_keys=True))


def test_untouched_it_loads(folder: Path) -> None:
    reseal(folder, lambda text: None)
    assert load(folder).head["weights"].shape == (2, 2)


def test_numbers_that_are_not_finite_are_null(folder: Path) -> None:
    def never(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    model = load(folder)
    model.about["learning"] = {"curve": [{"loss": float("nan"), "rank": np.float32(2.0), "worst": np.float64("inf")}]}
    save(model, folder)
    json.loads((folder / "model.json").read_text(), parse_constant=never)
    assert load(folder).about["learning"]["curve"] == [{"loss": None, "rank": 2.0, "worst": None}]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.pop("parts"),
        lambda text: text.update(parts=3),
        lambda text: text.pop("layout"),
        lambda text: text.update(layout={"nonsense": 1}),
        lambda text: text.pop("weights"),
        lambda text: text.update(weights="elsewhere.safetensors"),
        lambda text: text.update(encoder="convnet"),
        lambda text: text["encoder"].update(arguments={"base": "x"}),
        lambda text: text["encoder"].update(arguments={"base": 8}),
        lambda text: text["encoder"].update(arguments={"nonsense": 8}),
        lambda text: text.update(format="tacit-encoder/99"),
    ],
)
def test_tampered_facts_are_refused(folder: Path, change: Any) -> None:
    reseal(folder, change)
    with pytest.raises(ModelError):
        load(folder)


class Evil:
    """Unpickled, it would leave a file behind."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


def test_objects_in_a_head_are_not_unpickled(folder: Path, tmp_path: Path) -> None:
    file = io.BytesIO()
    np.savez(file, weights=np.array([Evil(tmp_path / "was_run")], dtype=object))
    (folder / "head.npz").write_bytes(file.getvalue())
    reseal(folder, lambda text: None)
    with pytest.raises(ModelError):
        load(folder)
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize("name", ["head.npz", "encoder"])
def test_garbage_parts_are_refused(folder: Path, name: str) -> None:
    part = next(folder.glob(f"{name}*"))
    part.write_bytes(b"garbage" * 9)
    with pytest.raises(ModelError, match="altered"):
        load(folder)
    reseal(folder, lambda text: None)
    with pytest.raises(ModelError):
        load(folder)


def test_a_folder_is_claimed_by_one_alone(tmp_path: Path) -> None:
    with claimed(tmp_path / "out"):
        with pytest.raises(ModelError, match="another tacit"), claimed(tmp_path / "out"):
            pass
        (tmp_path / "out" / "kept").touch()
    with claimed(tmp_path / "out"):
        assert [p.name for p in (tmp_path / "out").iterdir()] == ["kept"]


def test_a_claim_leaves_nothing_behind_and_says_what_is_in_the_way(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="within"), claimed(tmp_path / "out"):
        raise ValueError("within")
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "inside", Path("/proc/nowhere")):
        with pytest.raises(ModelError, match="--out"), claimed(place):
            pass


def test_a_model_that_was_evaluated_is_set_aside_and_not_replaced(folder: Path) -> None:
    """Its ledger and card tell of it alone."""
    first, second, third = load(folder), load(folder), load(folder)
    for model, factor in ((second, 2.0), (third, 3.0)):
        for weight in model.encoder.parameters():
            weight.data.mul_(factor)
    kept = folder.with_name(f"model-{first.hash}")
    (folder / "ledger.sqlite").write_text("rows")
    with pytest.warns(UserWarning, match=f"kept as .*{kept.name}"):
        save_whole(second, folder)
    assert (kept / "ledger.sqlite").read_text() == "rows" and load(kept).hash == first.hash and load(folder).hash == second.hash
    assert sorted(p.name for p in folder.parent.iterdir()) == ["model", kept.name]
    save_whole(third, folder)  # nothing was measured of the second
    assert sorted(p.name for p in folder.parent.iterdir()) == ["model", kept.name] and load(folder).hash == third.hash


def test_a_kill_between_the_renamings_loses_no_evidence(folder: Path) -> None:
    first = load(folder).hash
    (folder / "ledger.sqlite").write_text("rows")
    before = folder.rename(folder.with_name("model.before"))
    mended(folder)
    assert load(folder).hash == first and (folder / "ledger.sqlite").is_file() and not before.exists()
    shutil.copytree(folder, before)  # killed a moment later
    (folder / "ledger.sqlite").unlink()
    with pytest.warns(UserWarning, match="kept as"):
        mended(folder)
    assert (folder.with_name(f"model-{first}") / "ledger.sqlite").read_text() == "rows" and not before.exists()


def test_a_model_is_discarded_with_its_parts_and_nothing_else(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    discard(folder)
    assert [p.name for p in folder.iterdir()] == ["notes.txt"]
    with pytest.raises(ModelError, match="no encoder"):
        discard(folder)

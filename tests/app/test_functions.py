"""The functions of `import tacit` on samples: the same as the commands, with folders or with encoders; the ledger's page and the card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tacit
from tacit.ledger.result import Result
from tacit.ledger.store import Ledger

TEXTS = [f"the {word} is number {i}" for i in range(12) for word in ("cat", "dog", "house")]
LABELS = ["pet" if word != "house" else "thing" for _ in range(12) for word in ("cat", "dog", "house")]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("functions") / "model"
    tacit.learn(TEXTS, modality="text", steps=2, out=folder)
    return folder


def test_the_same_from_python(model: Path, tmp_path: Path) -> None:
    embeddings = tacit.embed(model, TEXTS)
    assert embeddings.shape == (36, tacit.load(model).width)
    assert np.array_equal(tacit.embed(tacit.load(model), TEXTS), embeddings)
    tuned = tacit.tune(model, TEXTS, LABELS, out=tmp_path / "tuned")
    assert tuned.model.about["tuned"]["labels"] == 36 and not tacit.load(model).model.head
    names, labels, odds = tacit.predict(tmp_path / "tuned", TEXTS)
    assert len(names) == len(labels) == 36 and odds is not None and odds.shape == (36, 2) and set(labels) <= {"pet", "thing"}
    assert np.array_equal(tacit.predict(tuned, TEXTS)[1], labels)
    with pytest.raises(tacit.TacitError, match="head"):
        tacit.predict(model, TEXTS)
    with pytest.raises(tacit.TacitError, match="nowhere"):
        tacit.embed(tmp_path / "nowhere", TEXTS)


def test_columns_are_named_for_each(model: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("id,title,body\n" + "".join(f"{i},no,{t}\n" for i, t in enumerate(TEXTS)))
    bodies = tacit.embed(model, str(table), column="body")
    assert np.allclose(bodies, tacit.embed(model, TEXTS), atol=1e-5) and len(np.unique(tacit.embed(model, str(table), column="title"), axis=0)) == 1
    assert len(tacit.search(model, str(table), [TEXTS[3]], count=2, column="body")[0]) == 2


def test_a_text_asks_as_it_is_in_a_list_and_in_a_file(model: Path, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text(TEXTS[4])
    asked: list[Any] = [TEXTS[4], [TEXTS[4]], str(tmp_path / "q.txt"), tmp_path / "q.txt"]
    found = [tacit.search(model, TEXTS, query, count=1) for query in asked]
    assert all(one == found[0] for one in found) and len(found[0]) == 1


def test_a_ledger_from_python_is_refused_in_words(tmp_path: Path) -> None:
    Ledger(tmp_path / "l").add([Result("knn", "accuracy", 0.5)])
    with pytest.raises(tacit.TacitError, match=r"not written to files that end in '\.txt'"):
        tacit.read_ledger(tmp_path / "l", out=tmp_path / "l.txt")
    with pytest.raises(tacit.TacitError, match="there is no ledger"):
        tacit.read_ledger(tmp_path)
    assert [r.value for r in tacit.read_ledger(tmp_path / "l", dataset="", out=tmp_path / "l.md")] == [0.5] and (tmp_path / "l.md").is_file()


def test_a_ledger_page_shows_how_its_models_learned_and_says_what_cannot_be_read(tmp_path: Path) -> None:
    model = tmp_path / "a model"
    tacit.learn([f"the cat is number {i}" for i in range(80)], modality="text", steps=12, out=model)
    of = json.loads((model / "model.json").read_text())["sha256"][:16]
    Ledger(model / "ledger.sqlite").add([Result("knn", "accuracy", 0.5, model=of)])
    (model / "report.html").write_text("")
    tacit.read_ledger(model, out=tmp_path / "l.html")
    page = (tmp_path / "l.html").read_text("utf-8")
    assert f"model a model · {of}" in page and 'href="a%20model/report.html"' in page and "while it learned: loss" in page
    (model / "model.json").write_text("{}")
    tacit.read_ledger(model, out=tmp_path / "l.html")
    page = (tmp_path / "l.html").read_text("utf-8")
    assert "<li>a model: " in page and "while it learned" not in page


def test_a_ledger_page_says_which_folder_may_not_be_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Ledger(tmp_path / "ledger.sqlite").add([Result("knn", "accuracy", 0.5)])
    (tmp_path / "another's").mkdir()
    is_file = Path.is_file

    def may(path: Path) -> bool:  # whoever runs this: root may look into every folder
        if path.parent.name == "another's":
            raise PermissionError(13, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", may)
    tacit.read_ledger(tmp_path, out=tmp_path / "l.html")
    assert "s: cannot be read: Permission denied</li>" in (tmp_path / "l.html").read_text("utf-8")


def test_every_public_name_is_there_and_is_told_of() -> None:
    """Whatever was imported before: a room of the same name would hide a function."""
    import tacit.evaluation
    import tacit.ledger.store

    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    for name in tacit.__all__:
        if name != "__version__":
            assert callable(getattr(tacit, name)), name
            assert (getattr(tacit, name).__doc__ or "").strip(), name
            assert f"tacit.{name}" in readme or f"`{name}" in readme, name

"""Names of protocols, rungs and data sets in every form; what is misspelt is told; a ledger begins with its first row; cards of encoders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

import tacit
from tacit.app.main import app
from tacit.app.naming import several
from tacit.contracts.errors import UnknownName
from tacit.ledger.result import Result
from tacit.ledger.store import Ledger

TEXTS = [f"the {word} is number {i}" for i in range(12) for word in ("cat", "dog", "house")]
LABELS = ["cat", "dog", "house"] * 12


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("names") / "model"
    tacit.learn(TEXTS, modality="text", steps=2, out=folder)
    return folder


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    rows = [("knn", "digits, test"), ("probe", "digits, test"), ("knn", "letters")]
    Ledger(tmp_path / "l").add(Result(protocol, "accuracy", 0.5, dataset=dataset) for protocol, dataset in rows)
    return tmp_path / "l"


def test_names_come_in_three_forms() -> None:
    assert several("knn") == ("knn",) and several("knn, probe,knn") == several(["knn", "probe"]) == ("knn", "probe")
    assert several("") == several(()) == () and several("a, b", ["a, b"]) == several(["a, b"], ["a, b"]) == ("a, b",)


def test_a_ledger_is_asked_in_every_form(ledger: Path) -> None:
    asked: list[Any] = ["knn,probe", ["knn", "probe"], ("knn,probe",)]
    assert [len(tacit.read_ledger(ledger, protocol=names)) for names in asked] == [3, 3, 3]
    assert len(tacit.read_ledger(ledger, protocol="probe")) == 1
    assert len(tacit.read_ledger(ledger, dataset="digits, test")) == 2 and len(tacit.read_ledger(ledger, dataset=["digits, test", "letters"])) == 3
    assert tacit.read_ledger(ledger, protocol="clustering") == []


def test_misspelt_names_are_told(ledger: Path) -> None:
    with pytest.raises(UnknownName, match=r"no protocol is called 'knnn'.*Did you mean 'knn'"):
        tacit.read_ledger(ledger, protocol="knnn")
    with pytest.raises(UnknownName, match=r"no data set of this ledger is called 'leters'.*Did you mean 'letters'"):
        tacit.read_ledger(ledger, dataset="leters")
    done = CliRunner().invoke(app, ["ledger", str(ledger), "--protocol", "knnn"])
    assert isinstance(done.exception, UnknownName)


def test_the_command_says_what_it_wrote_and_that_there_is_nothing(ledger: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["ledger", str(ledger), "--out", str(tmp_path / "l.html")])
    assert done.exit_code == 0 and done.output == f"ledger: {tmp_path / 'l.html'}\n" and (tmp_path / "l.html").is_file()
    assert "no row" in CliRunner().invoke(app, ["ledger", str(ledger), "--protocol", "clustering"]).output


def test_protocols_and_rungs_in_every_form_and_no_ledger_of_what_failed(model: Path) -> None:
    for wrong in ({"protocols": "knn,prob"}, {"protocols": "knn", "rungs": "nothing"}):
        with pytest.raises(UnknownName):
            tacit.evaluate(model, TEXTS, labels=LABELS, **wrong)
    assert not (model / "ledger.sqlite").exists()
    results = tacit.evaluate(model, TEXTS, labels=LABELS, protocols="knn,probe", rungs="constant", seconds=0)
    assert {r.protocol for r in results.rows} == {"knn", "probe"} == {r.protocol for r in tacit.read_ledger(model)}
    with pytest.raises(UnknownName, match="pretext task"):
        tacit.compare(TEXTS, pretext="contrastive,maskd", minutes=0.01)


def test_an_encoder_has_the_card_of_its_folder(model: Path) -> None:
    assert tacit.card(tacit.load(model)) == tacit.card(model)
    with pytest.raises(tacit.TacitError, match=r"no folder.*Save it first"):
        tacit.card(tacit.load(model).apart())

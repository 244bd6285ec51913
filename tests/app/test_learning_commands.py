"""The commands of learning on samples, in process: what they write, what they refuse and how they say it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import tacit
from tacit.app.main import run
from tacit.export.model_folder import FORMAT
from tacit.ledger.store import Ledger

TINY = ["--steps", "3", "--encoder", "convnet:base=8", "--batch", "16", "--quiet"]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """photos/ of two kinds, labels.csv, and model/ learned from them."""
    here = tmp_path_factory.mktemp("learning")
    rng = np.random.default_rng(0)
    (here / "photos").mkdir()
    rows = ["path,label"]
    for i in range(40):
        small = rng.integers(0, 255, (4, 4, 3) if i % 2 else (16, 16, 3), np.uint8)
        Image.fromarray(small).resize((16, 16)).save(here / "photos" / f"{i:02d}.png")
        rows.append(f"{i:02d}.png,{'smooth' if i % 2 else 'rough'}")
    (here / "labels.csv").write_text("\n".join(rows) + "\n")
    run_ok("learn", str(here / "photos"), "--out", str(here / "model"), *TINY)
    return here


def run_ok(*arguments: str) -> None:
    with pytest.raises(SystemExit) as end:
        run(list(arguments))
    assert end.value.code == 0


def run_refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What standard error says of a run that must be refused with code 2."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        run(list(arguments))
    said = capsys.readouterr().err
    assert end.value.code == 2, said
    assert "Traceback" not in said
    return said


def test_a_model_tells_what_it_is(place: Path) -> None:
    learned = tacit.load(place / "model")
    assert isinstance(learned, tacit.LearnedEncoder) and learned.modality == "image"
    about = json.loads((place / "model" / "model.json").read_text())
    assert about["recipe"]["pretext"] == {"contrastive": 1.0} and about["learning"]["steps"] == 3 and about["data"]["samples"] == 40
    assert about["checks"] and about["versions"]["torch"] == torch.__version__


@pytest.mark.parametrize("ending", ["parquet", "npz", "csv"])
def test_embeddings_are_written_in_three_forms(place: Path, ending: str) -> None:
    out = place / f"e.{ending}"
    run_ok("embed", str(place / "model"), str(place / "photos"), "--out", str(out), "--quiet")
    expected = tacit.load(place / "model").embed(str(place / "photos"))
    if ending == "parquet":
        import pyarrow.parquet as pq

        table = pq.read_table(out)
        found = np.array(table["embedding"].to_pylist(), np.float32)
        assert table["name"].to_pylist()[0] == "00.png"
    elif ending == "npz":
        found = np.load(out)["embedding"]
    else:
        found = np.loadtxt(out, delimiter=",", skiprows=1, usecols=range(1, expected.shape[1] + 1), dtype=np.float32)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_tuned_models_predict(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tuned = place / "tuned"
    run_ok("tune", str(place / "model"), str(place / "photos"), "--labels", str(place / "labels.csv"), "--out", str(tuned))
    said = capsys.readouterr().err
    assert "tuning: embedding 40 labelled samples" in said and "tuning: ridge, its strength by 5 folds" in said
    assert " (95 %: 0." in said and "by 40 labels held out in turn in 5 folds" in said
    run_ok("predict", str(tuned), str(place / "photos"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "name,label,p_rough,p_smooth" and len(lines) == 41
    right = [line.split(",")[1] == ("smooth" if int(line[:2]) % 2 else "rough") for line in lines[1:]]
    assert sum(right) >= 38
    odds = np.array([[float(v) for v in line.split(",")[2:]] for line in lines[1:]])
    np.testing.assert_allclose(odds.sum(1), 1, atol=1e-5)


def test_search_finds_the_query_itself_first(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_ok("search", str(place / "model"), str(place / "photos"), "--query", str(place / "photos" / "07.png"), "--count", "3", "--json")
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)["found"]
    assert found[0] == {"name": "07.png", "likeness": 1.0} and len(found) == 3


def test_learning_goes_on_from_a_model(place: Path) -> None:
    run_ok("learn", str(place / "photos"), "--from", str(place / "model"), "--out", str(place / "further"), "--steps", "2", "--quiet")
    about = json.loads((place / "further" / "model.json").read_text())
    assert about["started_from"] == json.loads((place / "model" / "model.json").read_text())["sha256"] and about["encoder"]["arguments"]["base"] == 8


def test_history_watch_learn_from_share_one_folder(tmp_path: Path) -> None:
    rows = [f"2024-01-01T00:{i // 60 % 60:02d}:{i % 60:02d}Z,{np.sin(i / 9):.4f},{(i * 7919) % 13}" for i in range(1200)]
    for name, part in (("history", rows[:600]), ("then", rows[600:900]), ("more", rows[900:])):
        (tmp_path / f"{name}.csv").write_text("\n".join(["time,x,y", *part]) + "\n")
    model = tmp_path / "model"
    run_ok("learn", str(tmp_path / "history.csv"), "--out", str(model))
    out = tmp_path / "out.jsonl"
    run_ok("watch", str(tmp_path / "then.csv"), "--model", str(model), "--no-dashboard", "--out", f"jsonl:{out}")
    insights = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(insights) == 300 and insights[0]["score"] is not None  # it was warm at once
    run_ok("learn", str(tmp_path / "more.csv"), "--from", str(model), "--out", str(tmp_path / "model2"))
    assert isinstance(tacit.load(tmp_path / "model2"), tacit.Model)
    assert json.loads((tmp_path / "model2" / "about.json").read_text())["events"] == 1200


def test_models_of_another_kind_are_refused(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(f"this is sentence number {i} of them" for i in range(12)))
    said = run_refused(capsys, "embed", str(place / "model"), str(texts), "--out", str(tmp_path / "e.npz"))
    assert "image" in said and "text" in said
    said = run_refused(capsys, "predict", str(place / "model"), str(place / "photos"))
    assert "it was never tuned" in said and "tacit tune" in said
    said = run_refused(capsys, "embed", str(tmp_path), str(texts), "--out", str(tmp_path / "e.npz"))
    assert "holds no" in said


def test_damaged_models_are_refused(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def changed(what: str) -> Path:
        folder = tmp_path / what
        shutil.copytree(place / "model", folder)
        return folder

    def refused(folder: Path) -> str:
        return run_refused(capsys, "embed", str(folder), str(place / "photos"), "--out", str(tmp_path / "e.npz"))

    weights = changed("weights")
    file = next(weights.glob("encoder-*.safetensors"))
    file.write_bytes(file.read_bytes()[:-4] + b"\0\0\0\1")
    assert "damaged" in refused(weights)
    file.unlink()
    assert "is missing" in refused(weights)
    for what, old, new, told in (
        ("version", FORMAT, "tacit-encoder/9", "format"),
        ("altered", '"steps": 3', '"steps": 4', "altered"),
    ):
        folder = changed(what)
        text = (folder / "model.json").read_text()
        assert old in text
        (folder / "model.json").write_text(text.replace(old, new))
        assert told in refused(folder)
    half = changed("half")
    (half / "model.json").write_text((half / "model.json").read_text()[:100])
    assert "cannot be read" in refused(half)


def test_weights_that_do_not_fit_are_an_error(place: Path) -> None:
    from tacit.contracts.errors import ModelError
    from tacit.export import model_folder

    model = model_folder.load(place / "model")
    model.encoder.base = 16  # as if another tacit had made the encoder wider
    folder = place / "other"
    model_folder.save(model, folder)
    with pytest.raises(ModelError, match="do not fit the encoder"):
        model_folder.load(folder)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--pretext", "contrastve"], "Did you mean 'contrastive'"),
        (["--pretext", "contrastive=x"], "no weight"),
        (["--pretext", "nextsentence"], "cannot be set"),
        (["--encoder", "resnet"], "Did you mean 'resnet18'"),
        (["--encoder", "gpt"], "takes text, not image"),
        (["--encoder", "convnet:bas=8"], "Did you mean 'base'"),
        (["--minutes", "0"], "above 0"),
        (["--minutes", "1", "--steps", "5"], "Give one of them"),
        (["--device", "cuda"], "no GPU"),
        (["--forbid", "flop"], "Did you mean 'flip'"),
        (["--from", "nowhere"], "there is no model folder"),
        (["--recipe", "nowhere.toml"], "cannot be read"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_what_cannot_be_is_said(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    if "cuda" in arguments and torch.cuda.is_available():
        arguments = ["--device", "cuda:99"]
        told = "GPU"
    out = tmp_path / "m"
    assert told in run_refused(capsys, "learn", str(place / "photos"), "--out", str(out), "--no-check", "--quiet", *arguments)
    assert not (out / "model.json").exists()


def test_a_finished_model_is_not_written_over(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "already holds a model" in run_refused(capsys, "learn", str(place / "photos"), "--out", str(place / "model"), *TINY)


def test_evaluation_says_whether_it_helps_and_leaves_a_trail(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "model"
    shutil.copytree(place / "model", model)
    asked = ["evaluate", str(model), str(place / "photos"), "--labels", str(place / "labels.csv"), "--protocol", "knn,probe", "--seconds", "0"]
    run_ok(*asked, "--json")
    told = json.loads(capsys.readouterr().out)
    assert "help" in told["verdict"] and {r["protocol"] for r in told["results"]} == {"knn", "probe"}
    run_ok(*asked, "--quiet")
    assert (model / "report.html").stat().st_size > 10_000
    run_ok("ledger", str(model), "--out", str(tmp_path / "l.csv"))
    assert len((tmp_path / "l.csv").read_text().splitlines()) == len(told["results"]) + 1
    run_ok("ledger", str(model), "--all", "--out", str(tmp_path / "all.csv"))
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 2 * len(told["results"]) + 1
    run_ok("ledger", str(model), "--out", str(tmp_path / "l.html"))
    page = (tmp_path / "l.html").read_text("utf-8")
    assert page.startswith("<!doctype html>") and 'href="model/report.html"' in page
    assert [r.row() for r in tacit.read_ledger(model, protocol="knn")] == [r for r in _newest(model) if r["protocol"] == "knn"]
    run_ok("card", str(model))
    assert tacit.card(model) == (model / "card.md").read_text("utf-8")
    assert "Does it help?" in capsys.readouterr().out
    assert "same" not in run_refused(capsys, "ledger", str(tmp_path / "none"))


def _newest(model: Path) -> list[dict[str, Any]]:
    return [r.row() for r in Ledger(model / "ledger.sqlite").newest()]


def test_leakage_is_refused_unless_forced(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "model"
    shutil.copytree(place / "model", model)
    photos, labels = str(place / "photos"), str(place / "labels.csv")
    asked = ["evaluate", str(model), photos, "--labels", labels, "--train", photos, "--train-labels", labels, "--protocol", "knn", "--seconds", "0"]
    assert "40 of 40 test samples (100.0%) are in the pool" in run_refused(capsys, *asked)
    run_ok(*asked, "--force")
    page, told = capsys.readouterr()
    assert "note: test: 40 labels of 2 classes" in page and "note: training: labels: " in page
    for line in ("evaluating: embedding", "evaluating: the ladder: raw input", "evaluating: knn (10% done)", "evaluating: done (100% done)"):
        assert line in told
    run_ok(*asked, "--force", "--quiet")
    assert not capsys.readouterr().err


def test_comparison_names_a_winner_and_keeps_its_model(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["compare", str(place / "photos"), "--labels", str(place / "labels.csv"), "--pretext", "contrastive,rotation", "--minutes", "0.01"]
    run_ok(*asked, "--seeds", "2", "--encoder", "convnet:base=8", "--out", str(tmp_path / "c"))
    page, told = capsys.readouterr()
    assert "comparing: round 1 of 1: contrastive" in told and "by what did not choose it" in told
    for part in ("Which task", "Why", "How sure", "What it costs", "What would change the answer"):
        assert part in page
    assert "supervised from scratch" in page and "HOG + colour histogram" in page, "rungs take part"
    assert (tmp_path / "c" / "comparison.html").is_file() and tacit.load(tmp_path / "c" / "model").width > 0
    said = run_refused(capsys, "evaluate", str(tmp_path / "c"), str(place / "photos"), "--labels", str(place / "labels.csv"))
    assert "it is a comparison" in said and f"winner's model is {tmp_path / 'c' / 'model'}" in said
    (tmp_path / "c" / "model" / "model.json").unlink()
    with pytest.raises(tacit.TacitError, match=r"it is a comparison.*There is no winner's model in it"):
        tacit.load(tmp_path / "c")


def test_without_the_learning_set_the_way_to_it_is_said(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import builtins

    real = builtins.__import__

    def missing(name: str, *rest: object) -> object:
        if name.startswith("tacit.learning.teaching"):
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", missing)
    said = run_refused(capsys, "learn", str(place / "photos"), "--out", str(place / "never"), *TINY)
    assert "needs the package torch" in said and "tacit[learn]" in said


def test_doctor_lists_the_parts(capsys: pytest.CaptureFixture[str]) -> None:
    run_ok("doctor", "--parts")
    said = capsys.readouterr().out
    assert "pretext task: " in said and "contrastive" in said and "resnet18" in said


def test_a_model_that_would_be_lost_is_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--out FOLDER" in run_refused(capsys, "learn", str(place / "photos"), *TINY)


def test_a_text_file_holds_a_sample_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(f"this is sentence number {i} of them" for i in range(24)))
    (tmp_path / "other.txt").write_text("another file of the folder")
    tiny = ["--steps", "2", "--batch", "8", "--no-check", "--quiet"]
    run_ok("learn", str(texts), "--encoder", "bagged", "--pretext", "contrastive", "--out", str(tmp_path / "m"), *tiny)
    assert len(tacit.load(tmp_path / "m").pool_of(str(texts))) == 24
    capsys.readouterr()
    run_ok("search", str(tmp_path / "m"), str(texts), "--query", str(tmp_path / "other.txt"), "--count", "2")
    found = capsys.readouterr().out.splitlines()
    assert len(found) == 2 and "sentence number" in found[0]


def test_all_weights_can_be_tuned(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tuned = place / "fine"
    learned = tacit.load(place / "model")
    said = learned.fine_tune(str(place / "photos"), str(place / "labels.csv"), seconds=3.0)
    assert said.score == said.score and learned.model.about["tuned"]["fine_tuned"]
    assert learned.model.about["tuned"]["held"] == said.held == 4 and "by 4 labels that were held out and chose rate" in said.told()
    learned.save(tuned)
    names, labels, odds = tacit.load(tuned).predict(str(place / "photos"))
    assert odds is not None and np.mean([label == ("smooth" if int(n[:2]) % 2 else "rough") for n, label in zip(names, labels, strict=True)]) > 0.9
    before, after = (tacit.load(f).embed(str(place / "photos")) for f in (place / "model", tuned))
    assert not np.allclose(before, after)
    for options, told in ((["--encoder", "convnet:base=-5"], "a whole number above 0"), (["--encoder", "convnet:base=0"], "a whole number above 0")):
        asked = ["learn", str(place / "photos"), "--out", str(place / "never"), "--steps", "1", "--no-check", "--quiet", *options]
        assert told in run_refused(capsys, *asked)


def test_costs_are_held_against_the_labels_before_anything_is_measured(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, recipe = tmp_path / "model", tmp_path / "r.toml"
    shutil.copytree(place / "model", model)
    asked = ["evaluate", str(model), str(place / "photos"), "--labels", str(place / "labels.csv"), "--recipe", str(recipe), "--protocol", "knn"]
    recipe.write_text('[goal]\ncosts = { "smooth>rogh" = 5 }\n')
    said = run_refused(capsys, *asked, "--rungs", "constant", "--quiet")
    assert "no class that the costs name is called 'rogh'. Did you mean 'rough'?" in said and "was not measured" not in said
    recipe.write_text('[goal]\ncosts = { "smooth>rough" = 5 }\n')
    run_ok(*asked, "--rungs", "constant", "--json", "--quiet")
    said = capsys.readouterr().out
    assert "judged by the costs that the goal states" in said and "no metric was stated" not in said


def test_two_tasks_are_learned_at_once_and_both_losses_told(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    asked = ["learn", str(place / "photos"), "--out", str(tmp_path / "m"), "--pretext", "masked=1,rotation=0.5", "--no-check"]
    run_ok(*asked, "--encoder", "vit:width=32,depth=2,heads=2", "--steps", "60", "--batch", "16", "--rate", "0.003")
    said, curve = capsys.readouterr().err, json.loads((tmp_path / "m" / "model.json").read_text())["learning"]["curve"]
    assert "learning by masked + 0.5 rotation" in said
    for line in curve:
        assert line["loss"] == pytest.approx(line["masked.loss"] + 0.5 * line["rotation.loss"], rel=0.01)
    assert all(curve[-1][key] < curve[0][key] for key in ("masked.loss", "rotation.loss"))
    told = next(line for line in said.splitlines() if "100% step 60" in line)
    assert f"masked {curve[-1]['masked.loss']:.4g} · rotation {curve[-1]['rotation.loss']:.4g}" in told

"""What learning refuses, through the command line: one clear line, code 2, no traceback, nothing written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tacit.app.main import run
from tacit.export.place import claimed


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """photos/ of eight, texts/, bad/ of none that can be read; we stand in it."""
    torch.set_num_threads(1)
    for name in ("photos", "texts", "bad"):
        (tmp_path / name).mkdir()
    rng = np.random.default_rng(0)
    for i in range(8):
        Image.fromarray(rng.integers(0, 255, (16, 16, 3), np.uint8)).save(tmp_path / "photos" / f"{i}.png")
        (tmp_path / "texts" / f"{i}.txt").write_text("one two three four")
        (tmp_path / "bad" / f"{i}.png").write_bytes(b"no picture")
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        run([*arguments, "--quiet"])
    said = capsys.readouterr().err
    assert end.value.code == 2, said
    assert said.startswith("tacit: ") and len(said.strip().splitlines()) == 1
    return said


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--epochs", "inf"], "epochs"),
        (["--minutes", "inf"], "minutes"),
        (["--steps", "2", "--seed", "-1"], "seed -1"),
        (["--steps", "2", "--seed", "99999999999999999999"], "seed"),
        (["--steps", "2", "--device", "abacus"], "auto, cpu or cuda"),
        (["--steps", "2", "--from", "nowhere"], "no model folder"),
    ],
)
def test_settings_that_fit_nothing(place: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str) -> None:
    assert says in refused(capsys, "learn", "photos", "--out", "model", *options)
    assert not (place / "model").exists()


@pytest.mark.parametrize("out", ["file", "file/inside", "/proc/nowhere"])
def test_places_that_cannot_be_written(place: Path, capsys: pytest.CaptureFixture[str], out: str) -> None:
    assert "--out" in refused(capsys, "learn", "photos", "--steps", "2", "--out", out)
    assert "--out" in refused(capsys, "compare", "photos", "--minutes", "0.01", "--seeds", "1", "--out", out)


def test_two_at_once_are_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with claimed(place / "model"):
        assert "another tacit" in refused(capsys, "learn", "photos", "--steps", "2", "--out", "model")


def test_models_that_do_not_fit_and_models_that_are_there(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run(["learn", "photos", "--steps", "2", "--encoder", "convnet:base=4", "--out", "model", "--quiet", "--no-check"])
    assert end.value.code == 0
    before = sorted(p.name for p in (place / "model").iterdir())
    assert "text" in refused(capsys, "learn", "texts", "--from", "model", "--steps", "2", "--out", "next")
    assert "'vit'" in refused(capsys, "learn", "photos", "--from", "model", "--encoder", "vit", "--steps", "2", "--out", "next")
    assert "seed -1" in refused(capsys, "evaluate", "model", "photos", "--labels", "none.csv", "--seed", "-1")
    assert "already holds" in refused(capsys, "learn", "photos", "--steps", "2", "--out", "model")
    assert "none of the 8" in refused(capsys, "embed", "model", "bad", "--out", "rows.csv")
    assert sorted(p.name for p in (place / "model").iterdir()) == before
    assert not (place / "next").exists() and not (place / "rows.csv").exists()


@pytest.mark.parametrize(
    "text",
    [
        "learn = 3",
        '[learn]\nsteps = "ten"',
        "[learn]\nsteps = 1.5",
        "[learn]\nsteps = true",
        "[learn]\npretext = 3",
        '[learn]\npretext = { contrastive = "x" }',
        "[learn]\npretext = { nothing = 1.0 }",
        '[learn]\nencoder = "nothing"',
        "[learn]\nseed = -1",
        '[learn]\nprecision = "float8"',
        '[learn]\nmodality = "smell"',
        '[views]\nforbidden = "flip"',
        "[views]\nforbidden = [3]",
        "[task]\ncontrastive = 3",
        "[nonsense]\na = 1",
        "not toml",
    ],
)
def test_recipes_of_wrong_types(place: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (place / "recipe.toml").write_text(text)
    refused(capsys, "learn", "photos", "--recipe", "recipe.toml", "--out", "model")
    assert not (place / "model").exists()


def test_a_page_of_findings_goes_with_a_run_that_is_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "one").mkdir()
    (place / "photos" / "0.png").rename(place / "one" / "0.png")
    for i in range(3):  # one that cannot be read makes a finding, and findings a page
        (place / "one" / f"bad{i}.png").write_bytes(b"no picture")
    (place / "kept").mkdir()
    (place / "kept" / "checks.html").write_text("of another run")
    assert "at least 4 are needed" in refused(capsys, "learn", "one", "--steps", "2", "--out", "model")
    assert not (place / "model").exists()
    refused(capsys, "learn", "one", "--steps", "2", "--out", "kept")
    assert [p.name for p in (place / "kept").iterdir()] == ["checks.html"]


def test_a_list_of_samples_left_out_says_where_it_ends(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(103):
        (place / "photos" / f"bad{i}.png").write_bytes(b"no picture")
    with pytest.raises(SystemExit) as end:
        run(["learn", "photos", "--steps", "1", "--encoder", "convnet:base=4", "--out", "model", "--no-check"])
    assert end.value.code == 0 and "model.json lists the first 100 of 103" in " ".join(capsys.readouterr().err.split())
    data = json.loads((place / "model" / "model.json").read_text())["data"]
    assert (len(data["refused"]), data["refused_count"], data["refused_listed"]) == (100, 103, "the first 100 of 103")


def test_a_pipe_is_left_out_and_names_that_are_no_text_are_told(place: Path) -> None:
    os.mkfifo(place / "photos" / "pipe.png")
    (place / "photos" / os.fsdecode(b"\xff.png")).write_bytes(b"no picture")
    with pytest.raises(SystemExit) as end:
        run(["learn", "photos", "--steps", "2", "--encoder", "convnet:base=4", "--out", "model", "--quiet"])
    assert end.value.code == 0 and "udcff" in (place / "model" / "checks.html").read_text("utf-8")


def test_a_name_that_is_too_long_is_one_line(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "too long" in refused(capsys, "learn", "a" * 5000, "--out", "model")


@pytest.mark.parametrize("more", [[], ["--no-check"]])
def test_strict_stops_at_the_first_picture_that_cannot_be_read(place: Path, capsys: pytest.CaptureFixture[str], more: list[str]) -> None:
    for name in ("3.png", "5.png"):
        (place / "photos" / name).write_bytes(b"no picture")
    asked = ["learn", "photos", "--steps", "2", "--encoder", "convnet:base=4", "--out", "model", *more]
    said = refused(capsys, *asked, "--strict")
    assert "3.png" in said and "--strict" in said and "5.png" not in said and not (place / "model").exists()
    with pytest.raises(SystemExit) as end:
        run([*asked, "--no-check"])
    assert end.value.code == 0 and "2 samples could not be read and were left out; the first: 3.png" in capsys.readouterr().err

"""What is asked for and cannot have an effect is refused, not ignored; what is odd about labels, and what was already seen, is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tacit
from tacit.app.main import run
from tacit.connect.labels import read_labels
from tacit.connect.open_pool import open_pool
from tacit.contracts.errors import DataError
from tacit.learning.recipe import read_recipe


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """photos/ with one broken file among 24, labels.csv with one name too many, history.csv."""
    here = tmp_path_factory.mktemp("effects")
    rng = np.random.default_rng(0)
    (here / "photos").mkdir()
    for i in range(24):
        Image.fromarray(rng.integers(0, 255, (16, 16, 3), np.uint8)).save(here / "photos" / f"{i:02d}.png")
    (here / "photos" / "03.png").write_bytes(b"broken")
    rows = [f"{i:02d}.png,{'ab'[i % 2]}" for i in range(20)] + ["gone.png,a"]
    (here / "labels.csv").write_text("\n".join(["path,label", *rows]) + "\n")
    lines = [f"2024-01-01T00:{i // 60:02d}:{i % 60:02d}Z,{np.sin(i / 9):.4f}" for i in range(300)]
    (here / "history.csv").write_text("\n".join(["time,x", *lines]) + "\n")
    return here


def said(capsys: pytest.CaptureFixture[str], code: int, *arguments: object) -> str:
    """Standard error of a run that ends with this code; wrapped lines as one."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        run([str(a) for a in arguments])
    err = capsys.readouterr().err
    assert end.value.code == code, err
    return err


TINY = ("--steps", "2", "--encoder", "convnet:base=8", "--quiet")


@pytest.mark.parametrize(
    ("data", "options", "told"),
    [
        ("photos", ("--allow", "nope"), "nope"),
        ("photos", ("--forbid", "nope"), "nope"),
        ("photos", ("--column", "text"), "--column text has no effect"),
        ("photos", ("--key", "id"), "--key id has no effect"),
        ("photos", ("--time", "t"), "--time t has no effect"),
        ("history.csv", ("--epochs", "3"), "--epochs: no effect"),
        ("history.csv", ("--forbid", "flip", "--no-check"), "--forbid, --no-check: no effect"),
    ],
)
def test_options_without_effect(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], data: str, options: tuple[str, ...], told: str
) -> None:
    tiny = TINY if data == "photos" else ()
    assert told in said(
        capsys, 2, "learn", place / data, "--out", tmp_path / "m", "--pretext" if tiny else "--seed", "rotation" if tiny else 0, *tiny, *options
    )
    assert not (tmp_path / "m" / "model.json").exists()


def test_wishes_that_a_form_cannot_follow(place: Path) -> None:
    with pytest.raises(DataError, match=r"window has no effect.*only series"):
        open_pool(["a text", "another"], window=8)
    with pytest.raises(DataError, match=r"value_columns|--columns a has no effect"):
        open_pool(np.zeros((4, 8, 2), np.float32), value_columns=["a"])
    assert len(open_pool(str(place / "photos"))) == 24


def test_tables_of_recipes_are_known(tmp_path: Path) -> None:
    for text in ("[task.rotatoin]\nwidth = 3\n", "[encoder.vitt]\nwidth = 3\n"):
        (tmp_path / "r.toml").write_text(text)
        with pytest.raises(tacit.TacitError, match=r"rotatoin|vitt"):
            read_recipe(tmp_path / "r.toml")


def test_tuning_says_what_did_not_fit(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, 0, "learn", place / "photos", "--out", tmp_path / "m", "--pretext", "rotation", *TINY)
    err = said(capsys, 0, "tune", tmp_path / "m", place / "photos", "--labels", place / "labels.csv", "--out", tmp_path / "t")
    for told in (
        "1 of 21 labels name no sample here: gone.png",
        "4 of 24 samples have no label",
        "1 labelled samples cannot be read; the first: 03.png",
    ):
        assert told in err
    assert len(tacit.load(tmp_path / "t").model.about["tuned"]["notes"]) >= 4


def test_a_text_among_numbers() -> None:
    pool = open_pool([f"text number {i}" for i in range(40)])
    with pytest.raises(DataError, match=r"1 of 40 labels are no numbers.*'oops', that of 7"):
        read_labels(["oops" if i == 7 else i / 3 for i in range(40)], pool)
    mixed = read_labels(["other" if i == 7 else i % 3 for i in range(40)], pool)
    assert mixed.kind == "class" and any("39 are numbers, and 1 are not, the first 'other', that of 7" in note for note in mixed.notes)
    assert read_labels([i / 3 for i in range(40)], pool).kind == "number"
    assert not any("taken as classes" in n for n in read_labels(["ab"[i % 2] for i in range(40)], pool).notes)


def test_a_history_that_was_already_seen(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = said(capsys, 0, "learn", place / "history.csv", "--out", tmp_path / "m")
    assert "nothing new" not in first
    again = " ".join(said(capsys, 0, "learn", place / "history.csv", "--from", tmp_path / "m", "--out", tmp_path / "n").split())
    assert "nothing new" in again and "after 300 events" in again and "2024-01-01T00:04:59" in again
    (tmp_path / "m" / "about.json").write_text("{}")
    wrong = said(capsys, 2, "learn", place / "history.csv", "--from", tmp_path / "m", "--out", tmp_path / "o")
    assert "about.json" in wrong and "Traceback" not in wrong

"""`tacit evaluate` with masks, with more labelled sets and with both sides of one pool: from the command line and from Python."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_learning_commands import TINY, run_ok, run_refused

import tacit
from tacit.app.labelled_sets import _fitting
from tacit.connect.labels import read_labels
from tacit.connect.open_pool import open_pool
from tacit.contracts.errors import DataError
from tacit.contracts.goal import Goal


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pool/ and test/ of a bright square left or right, their masks, labels of where and of how bright, and model/."""
    torch.set_num_threads(1)
    here, rng = tmp_path_factory.mktemp("masks"), np.random.default_rng(0)
    for part in ("pool", "test"):
        (here / part).mkdir()
        (here / f"{part}-masks").mkdir()
        where, light = ["path,label"], ["path,label"]
        for i in range(30):
            left, bright = i % 2, i % 3
            mask = np.zeros((16, 16), np.uint8)
            mask[4:12, 0 if left else 8 : 8 if left else 16] = 1
            picture = rng.integers(0, 60, (16, 16)) + mask * (90 + 40 * bright)
            Image.fromarray(picture.astype(np.uint8)).save(here / part / f"{part}{i:02d}.png")
            Image.fromarray(mask).save(here / f"{part}-masks" / f"{part}{i:02d}.png")
            where.append(f"{part}{i:02d}.png,{'left' if left else 'right'}")
            light.append(f"{part}{i:02d}.png,{'dark' if bright == 0 else 'light'}")
        (here / f"{part}.csv").write_text("\n".join(where) + "\n")
        (here / f"{part}-light.csv").write_text("\n".join(light) + "\n")
    run_ok("learn", str(here / "pool"), "--out", str(here / "model"), *TINY)
    return here


def arguments(place: Path) -> list[str]:
    at = {name: str(place / name) for name in ("model", "test", "test.csv", "pool", "pool.csv")}
    return [
        "evaluate",
        at["model"],
        at["test"],
        "--labels",
        at["test.csv"],
        "--train",
        at["pool"],
        "--train-labels",
        at["pool.csv"],
        "--seconds",
        "0",
    ]


def test_where_things_are_is_read_off_tokens(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    masks = ["--masks", str(place / "test-masks"), "--train-masks", str(place / "pool-masks")]
    run_ok(*arguments(place), *masks, "--protocol", "dense", "--json")
    said = json.loads(capsys.readouterr().out)
    rows = said["results"]
    assert "over the best rung" in said["verdict"] or "raw patches" in said["verdict"]  # asked for alone, it speaks
    found = {r["contestant"]: r["value"] for r in rows if r["metric"] == "miou"}
    assert found["raw"] > 0.9 and found["constant"] < 0.5 and found["ours"] > found["constant"]


def test_one_encoder_on_several_sets(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = ",".join(str(place / name) for name in ("test", "test-light.csv", "pool", "pool-light.csv"))
    run_ok(*arguments(place), "--also", other, "--protocol", "transfer", "--rungs", "raw,constant", "--json")
    rows = json.loads(capsys.readouterr().out)["results"]
    ours = [r for r in rows if r["contestant"] == "ours" and r["protocol"] == "transfer" and r["metric"] != "gain_over_best_rung"]
    assert len(ours) == 3 and [r["metric"] for r in ours].count("mean over sets") == 1
    assert len({r["unit"] for r in ours}) == 3
    mean = next(r["value"] for r in ours if r["metric"] == "mean over sets")
    assert mean == pytest.approx(np.mean([r["value"] for r in ours if r["metric"] != "mean over sets"]))


def test_half_of_what_is_needed_is_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--train-masks" in run_refused(capsys, *arguments(place), "--masks", str(place / "test-masks"))
    assert "TEST,LABELS" in run_refused(capsys, *arguments(place), "--also", str(place / "test"))


def test_what_was_given_is_measured_beside_a_named_protocol(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    masks = ["--masks", str(place / "test-masks"), "--train-masks", str(place / "pool-masks")]
    other = ",".join(str(place / name) for name in ("test", "test-light.csv", "pool", "pool-light.csv"))
    run_ok(*arguments(place), *masks, "--also", other, "--protocol", "knn", "--rungs", "raw,constant", "--json")
    said = json.loads(capsys.readouterr().out)
    assert {r["protocol"] for r in said["results"]} == {"knn", "dense", "transfer"}
    assert sum("was measured as well: it was not named" in note for note in said["notes"]) == 2


def test_what_is_learned_from_is_left_out_of_a_test_of_the_same_pool(place: Path, tmp_path: Path) -> None:
    lines = (place / "test.csv").read_text().splitlines()
    (tmp_path / "few.csv").write_text("\n".join(lines[:13]) + "\n")
    options = {"labels": place / "test.csv", "protocols": ["knn"], "rungs": ["constant"], "seconds": 0}
    model, test = tacit.load(place / "model"), str(place / "test")
    found = tacit.evaluate(model, test, train_labels=tmp_path / "few.csv", **options)
    assert (len(found.setting.train), len(found.setting.test)) == (12, 18)
    assert "12 of 30 test samples are learned from and were left out of the test" in found.notes
    with pytest.raises(DataError, match="all 30 test samples are among those that the training labels name"):
        tacit.evaluate(model, test, train_labels=place / "test.csv", **options)
    forced = tacit.evaluate(model, test, train_labels=place / "test.csv", force=True, **options)
    assert len(forced.setting.test) == 30 and any("30 of 30 test samples (100.0%) are in the pool" in n for n in forced.notes)


def test_another_set_is_not_asked_for_columns_it_has_not(place: Path, tmp_path: Path) -> None:
    for side in ("pool", "test"):
        head, *lines = (place / f"{side}.csv").read_text().splitlines()
        rows = [f"{line},{side}{i // 3}" for i, line in enumerate(lines)]
        (tmp_path / f"{side}.csv").write_text("\n".join([f"{head},patient", *rows]) + "\n")
    other = [str(place / name) for name in ("test", "test-light.csv", "pool", "pool-light.csv")]
    found = tacit.evaluate(
        tacit.load(place / "model"),
        str(place / "test"),
        labels=tmp_path / "test.csv",
        train=str(place / "pool"),
        train_labels=tmp_path / "pool.csv",
        protocols=["transfer"],
        rungs=["constant"],
        seconds=0,
        goal={"entity": "patient"},
        also=[other],
    )
    assert found.setting.how == "by entity" and found.setting.also[0].how == "random"
    assert any("it has no column 'patient', the goal's entity: judged without it" in note for note in found.notes)
    assert not any(row.failed for row in found.rows)


def test_another_set_may_have_labels_of_another_kind() -> None:
    pool = open_pool([f"text number {i}" for i in range(12)])
    names, numbers = read_labels(["a", "b"] * 6, pool), read_labels([i / 3 for i in range(12)], pool)
    for kind, fits, not_this in (("classes", names, numbers), ("numbers", numbers, names)):
        assert _fitting(Goal(kind=kind), [pool], [fits]) == (Goal(kind=kind), [])
        goal, notes = _fitting(Goal(kind=kind, metric="f1_macro" if kind == "classes" else "r2"), [pool], [not_this])
        assert (goal.kind, goal.metric) == ("", "") and f"its labels are no {kind}" in notes[0]

"""`tacit evaluate` with masks and with more labelled sets: the dense probe and transfer, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_learning_commands import TINY, run_ok, run_refused


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

"""A run from the beginning into a sink that has events of its source: nothing there is lost, and what is the same is there once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tacit
from tacit.connect.open import open_sink, open_source
from tacit.connect.sources.host import Host
from tacit.live.model import LiveModel
from tacit.live.runner import Runner
from tests.live.test_command import insights_in, make_file
from tests.live.test_command import tacit as command


def stood(path: Path) -> list[int]:
    return [row[3] for row in insights_in(path)]


def test_standard_input_twice_without_a_model_folder(tmp_path: Path) -> None:
    wishes = ("watch", "-", "--no-dashboard", "--learn", "off", "--out", f"sqlite:{tmp_path / 'i.db'}", "--out", f"jsonl:{tmp_path / 'i.jsonl'}")
    for runs, n in ((1, 200), (2, 150)):
        done = command(*wishes, input=make_file(tmp_path / "s.csv", n, seed=runs).read_bytes())
        assert done.returncode == 0, done.stderr
        assert (b"positions go on from 200" in done.stderr) == (runs == 2)
    assert stood(tmp_path / "i.db") == list(range(350))
    assert [json.loads(line)["position"] for line in (tmp_path / "i.jsonl").read_bytes().splitlines()] == list(range(350))


def test_this_machine_twice(tmp_path: Path) -> None:
    for _ in (1, 2):
        run = Runner(Host(interval=0.01), LiveModel, [open_sink(f"sqlite:{tmp_path / 'i.db'}")])
        while run.events < 5:
            run.step()
        run.close()
    assert stood(tmp_path / "i.db") == list(range(10))


def test_dicts_one_after_the_other(tmp_path: Path) -> None:
    for _ in (1, 2):
        list(tacit.watch(({"time": i, "x": i % 7} for i in range(60)), learn="off", out=f"sqlite:{tmp_path / 'i.db'}"))
    assert stood(tmp_path / "i.db") == list(range(120))


def test_the_same_table_is_there_once_and_another_one_behind_it(tmp_path: Path) -> None:
    first, other = (np.random.default_rng(seed).normal(size=(80, 2)) for seed in (1, 2))
    for table in (first, first, other, other):
        list(tacit.watch(table, learn="off", out=f"sqlite:{tmp_path / 'i.db'}"))
    assert stood(tmp_path / "i.db") == list(range(160))


@pytest.mark.parametrize("wishes", [{}, {"speed": 1e8}, {"reorder": 2}])
def test_a_file_is_there_once_and_what_replaces_it_behind_it(tmp_path: Path, wishes: dict[str, Any]) -> None:
    path, out = tmp_path / "s.csv", f"sqlite:{tmp_path / 'i.db'}"
    for seed, n in ((1, 120), (1, 120), (2, 90), (2, 90)):
        list(tacit.watch(str(make_file(path, n, seed=seed)), learn="off", out=out, **wishes))
    assert sorted(set(stood(tmp_path / "i.db"))) == stood(tmp_path / "i.db")
    assert len(stood(tmp_path / "i.db")) == (210 if "reorder" not in wishes else 300)  # reordered, their numbers cannot be told: nothing is lost


def test_a_followed_file_is_there_once_and_the_next_one_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"

    def follow(n: int) -> None:
        run = Runner(open_source(f"tail:{path}"), LiveModel, [open_sink(f"sqlite:{tmp_path / 'i.db'}")])
        while run.events < n:
            run.step()
        run.close()

    make_file(path, 100)
    follow(100)
    follow(100)
    assert stood(tmp_path / "i.db") == list(range(100))
    path.rename(tmp_path / "s.csv.1")
    make_file(path, 50, seed=3)
    follow(50)
    follow(50)
    assert stood(tmp_path / "i.db") == list(range(150))


def test_a_sink_that_refuses_leaves_the_state_behind_it(tmp_path: Path) -> None:
    """What a full disk did not take is scored again by the next run."""
    path, folder, out = make_file(tmp_path / "s.csv", 6000), tmp_path / "m", tmp_path / "i.jsonl"
    wishes = ("watch", str(path), "--no-dashboard", "--learn", "off", "--model", str(folder))
    full = command(*wishes, "--out", "jsonl:/dev/full")
    assert full.returncode == 2 and b"No space left" in full.stderr and b"events" not in full.stderr
    assert command(*wishes, "--out", f"jsonl:{out}").returncode == 0
    assert [json.loads(line)["position"] for line in out.read_bytes().splitlines()] == list(range(6000))


def test_lines_of_another_run_are_told(tmp_path: Path) -> None:
    """A file of lines does not know whose they are: they are appended to, and it is said that their positions come twice."""
    out, one, other = tmp_path / "i.jsonl", make_file(tmp_path / "one.csv", 100), make_file(tmp_path / "other.csv", 50)
    for runs, path in ((1, one), (2, other)):
        done = command("watch", str(path), "--no-dashboard", "--learn", "off", "--out", f"jsonl:{out}")
        assert done.returncode == 0, done.stderr
        said = " ".join(done.stderr.decode().split())
        assert (f"{out} holds the insights of another run already, the last of position 99: these follow them" in said) == (runs == 2), said
    assert [json.loads(line)["position"] for line in out.read_bytes().splitlines()] == [*range(100), *range(50)]


def test_what_a_file_of_lines_is_said_to_have_already_is_told(tmp_path: Path) -> None:
    """Such as another run's: a resumed one cannot tell, so it says which of its own it leaves out."""
    out, path = tmp_path / "i.jsonl", make_file(tmp_path / "one.csv", 100)
    wishes = ("watch", str(path), "--no-dashboard", "--learn", "off", "--out", f"jsonl:{out}", "--model", str(tmp_path / "m"))
    assert b"a second time" not in command(*wishes).stderr
    assert command("watch", str(make_file(tmp_path / "other.csv", 130)), "--no-dashboard", "--learn", "off", "--out", f"jsonl:{out}").returncode == 0
    with path.open("a") as file:
        file.writelines(make_file(tmp_path / "more.csv", 150).read_text().splitlines(keepends=True)[101:])
    done = command(*wishes)
    said = " ".join(done.stderr.decode().split())
    assert done.returncode == 0 and "has insights up to position 129, the model stands before 100: those between are not" in said, said
    assert [json.loads(line)["position"] for line in out.read_bytes().splitlines()] == [*range(100), *range(130), *range(130, 150)]

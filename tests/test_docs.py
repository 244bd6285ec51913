"""What the pages say is so: every command runs, every field, option, route, room and file that they name is there, and none is left out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import typer

from tacit.app.main import app
from tacit.connect.encode import FIELDS
from tacit.contracts import insight as contract
from tacit.contracts.insight import Insight
from tacit.serve import api

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted(p for p in (ROOT / "docs").glob("*.md") if p.name != "log.md")]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(kind: str) -> list[tuple[str, str]]:
    """(page and number, text) of all fenced blocks of a kind."""
    return [(f"{p.name}-{i}", text) for p in PAGES for i, text in enumerate(re.findall(rf"```{kind}\n(.*?)```", p.read_text("utf-8"), re.DOTALL), 1)]


def table(text: str, head: str) -> list[list[str]]:
    """Rows of the Markdown table that begins with this head, as cells."""
    after = text[text.index(head) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in after]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the files that the pages speak of."""
    header, rows = "time,key,x,y,state", []
    for i in range(900):
        rows.append(
            f"2024-05-01T{10 + i // 3600:02d}:{i // 60 % 60:02d}:{i % 60:02d}Z,m{i % 3},{(i * 7919) % 13 + 0.5},{i % 5},{'on' if i % 7 else 'off'}"
        )
    (tmp_path / "readings.csv").write_text("\n".join([header, *rows]) + "\n")
    lines = [json.dumps({"time": 1_714_557_600 + i, "key": f"m{i % 3}", "x": (i * 7919) % 13, "y": i % 5}) for i in range(900)]
    (tmp_path / "readings.jsonl").write_text("\n".join(lines) + "\n")
    _pictures(tmp_path)
    return tmp_path


def _pictures(place: Path) -> None:
    """Two kinds of noise: smooth and rough; folders photos/, test/ and more/, labels for two of them."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for folder, count, file in (("photos", 48, "few.csv"), ("test", 24, "test.csv"), ("more", 24, "")):
        (place / folder).mkdir()
        rows = ["path,label"]
        for i in range(count):
            small = rng.integers(0, 255, (4, 4, 3) if i % 2 else (16, 16, 3), np.uint8)
            Image.fromarray(small).resize((16, 16)).save(place / folder / f"{i:04d}.png")
            rows.append(f"{i:04d}.png,{'smooth' if i % 2 else 'rough'}")
        if file:
            (place / file).write_text("\n".join(rows) + "\n")


def runnable(text: str) -> str:
    """The block with its make targets looked at instead of made, dashboards on a free port, and endless runs cut short."""
    out = []
    for line in text.strip().splitlines():
        if line.startswith("make "):
            line = f"make -n -C {ROOT} {line.removeprefix('make ')}"
        elif "tacit watch" in line and "--no-dashboard" not in line:
            line += " --port 0"
        elif "tacit learn" in line:
            line = re.sub(r"--minutes \d+", "--steps 4", line)
        elif "tacit compare" in line:
            line = re.sub(r"--minutes \d+ --seeds 3", "--minutes 0.01 --seeds 2 --pretext contrastive,rotation", line)
        elif "tacit evaluate" in line:
            line += " --seconds 0"
        out.append(line)
    return "set -eu\n" + "\n".join(out)


def outside(**more: str) -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "160", **more}


@pytest.mark.parametrize(("name", "text"), blocks("sh"), ids=lambda v: v if "\n" not in v else "")
def test_every_command_runs(name: str, text: str, place: Path) -> None:
    done = subprocess.run(["bash", "-c", runnable(text)], cwd=place, env=outside(), capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, f"{name}:\n{text}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr


@pytest.mark.parametrize(("name", "text"), blocks("python"), ids=lambda v: v if "\n" not in v else "")
def test_every_python_example_runs(name: str, text: str, place: Path) -> None:
    done = subprocess.run([sys.executable, "-c", text], cwd=place, env=outside(), capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, f"{name}:\n{text}\n{done.stdout}\n{done.stderr}"


def test_there_is_something_to_run() -> None:
    assert len(blocks("sh")) >= 5 and len(blocks("python")) >= 1


# ------------------------------------------------------------------ the insight
SCHEMA = table((ROOT / "docs/insight.md").read_text("utf-8"), "| field | JSON | SQLite")


def test_the_schema_is_complete_and_in_order() -> None:
    named = [row[0].strip("`") for row in SCHEMA]
    assert named == [f.name for f in fields(Insight)] == list(FIELDS)
    assert [row[0] for row in table(contract.__doc__ or "", "| field | type")] == named


def test_the_sqlite_table_is_as_documented(tmp_path: Path) -> None:
    import sqlite3

    from tacit.connect.open import open_sink

    open_sink(f"sqlite:{tmp_path / 'x.db'}").close()
    base = sqlite3.connect(tmp_path / "x.db")
    columns = [(name, kind) for _, name, kind, *_ in base.execute("pragma table_info(insights)")]
    base.close()
    assert columns == [("source", "TEXT"), *((row[0].strip("`"), row[2].upper()) for row in SCHEMA)]


def test_the_example_in_the_readme_is_an_insight() -> None:
    (text,) = [t for n, t in blocks("json") if n.startswith("README")]
    example = json.loads(text)
    assert list(example) == list(FIELDS)
    assert abs(sum(share for _, share, *_ in example["reasons"]) - 1) < 1e-9
    for name, _, observed, low, high in example["reasons"]:
        assert example["expected"][name][0] == low and example["expected"][name][2] == high and isinstance(observed, float)


# ------------------------------------------------------------------ options, routes, rooms, links
def test_every_option_and_command_is_in_the_readme() -> None:
    group = typer.main.get_command(app)
    options = {o for p in group.commands["watch"].params for o in [*p.opts, *p.secondary_opts] if o.startswith("--")}
    rows = " ".join(row[0] for row in table(README, "| `tacit watch SOURCE`"))
    named = set(re.findall(r"`(--[a-z-]+)", rows))
    assert named == options - {"--help"}
    for command in group.commands:
        assert f"tacit {command}" in README


@pytest.mark.parametrize("command", ["learn", "tune", "evaluate", "compare"])
def test_every_option_of_learning_is_in_its_table(command: str) -> None:
    options = {o for p in typer.main.get_command(app).commands[command].params for o in [*p.opts, *p.secondary_opts] if o.startswith("--")}
    rows = " ".join(row[0] for row in table((ROOT / "docs/learning.md").read_text("utf-8"), f"| `tacit {command} "))
    assert set(re.findall(r"`(--[a-z-]+)", rows)) == options - {"--help"}


def test_the_recipe_on_the_page_is_one(tmp_path: Path) -> None:
    """As it stands there: read for learning and for its goal, every entry of which there is."""
    from tacit.contracts.goal import Goal
    from tacit.learning.recipe import read_recipe

    for _, text in blocks("toml"):
        (tmp_path / "recipe.toml").write_text(text)
        recipe, goal = read_recipe(tmp_path / "recipe.toml")
        assert recipe.pretext and set(recipe.forbidden) == {"flip", "colour"} and Goal.of(goal).labels == 200
    assert blocks("toml")


def test_every_route_is_in_the_readme() -> None:
    routes = set(re.findall(r'Route\("(/(?:api|metrics|healthz)[^"]*)"', Path(api.__file__).read_text("utf-8")))
    assert len(routes) >= 8
    named = {m.split("?")[0] for m in re.findall(r"`(?:GET|POST) (/[^`]*)`", README)}
    assert named == {re.sub(r"\{[^}]*\}", "ID", r) for r in routes}


def test_the_tree_shows_every_room() -> None:
    tree = re.search(r"```\ntacit/\n(.*?)```", README, re.DOTALL)
    assert tree is not None
    rooms = re.findall(r"^  (\w+)/", tree[1], re.MULTILINE)
    there = {p.name for p in (ROOT / "tacit").iterdir() if (p / "__init__.py").exists() and len(list(p.iterdir())) > 2}
    assert set(rooms) == there - {"__pycache__"}
    for top in re.findall(r"^(\w+)/", tree[1], re.MULTILINE):
        assert (ROOT / top).is_dir()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target
    for name in re.findall(r"`((?:tacit|heads|live|benchmarks|docs|tests)/[\w./]+)`", page.read_text("utf-8")):
        assert (ROOT / name).exists() or (ROOT / "tacit" / name).exists(), name


def test_the_model_folder_is_as_documented(place: Path) -> None:
    """Every file that a run leaves is in the table."""
    arguments = ["watch", "readings.csv", "--until-end", "--port", "0", "--learn", "off", "--model", "m"]
    subprocess.run([sys.executable, "-m", "tacit.app.main", *arguments], cwd=place, check=True, capture_output=True, timeout=120)
    left = {str(p.relative_to(place / "m")) for p in (place / "m").rglob("*") if p.is_file()}
    page = (ROOT / "docs/model-folder.md").read_text("utf-8")
    for path in left:
        known = re.sub(r"\d{8}", "00000042", path)
        assert f"`{known}`" in page or f"`{path.split('/')[0]}/" in page, path
    assert {"about.json", "state/state.json", "history.sqlite"} <= left


def test_the_folder_of_an_encoder_is_as_documented(place: Path) -> None:
    """Every file that learning, evaluating and tuning leave is in the table."""
    command = [sys.executable, "-m", "tacit.app.main"]
    evaluate = ["evaluate", "m", "test", "--labels", "test.csv", "--protocol", "probe", "--seconds", "0", "--rungs", "constant"]
    for arguments in (["learn", "photos", "--steps", "4", "--out", "m"], evaluate, ["tune", "m", "photos", "--labels", "few.csv", "--out", "m"]):
        subprocess.run([*command, *arguments], cwd=place, check=True, capture_output=True, timeout=200, env=outside())
    left = {re.sub(r"-[0-9a-f]{16}\.", "-HASH.", str(p.relative_to(place / "m"))) for p in (place / "m").rglob("*") if p.is_file()}
    page = (ROOT / "docs/model-folder.md").read_text("utf-8")
    assert not [name for name in left if f"`{name}`" not in page]
    assert {"model.json", "encoder-HASH.safetensors", "head.npz", "ledger.sqlite", "report.html", "card.md", "checks.html"} <= left


def test_the_changelog_knows_this_version() -> None:
    from tacit import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_no_page_names_a_machine_or_its_folders() -> None:
    for page in [*PAGES, ROOT / "Makefile", ROOT / ".ci/run", ROOT / "CHANGELOG.md"]:
        assert not re.search(r"(?<![\w.])/(work|root|home|tmp)/", page.read_text("utf-8")), page


# ------------------------------------------------------------------ which task is for what
def test_the_table_of_tasks_is_what_tasks_and_views_say() -> None:
    """Each task × modality with the encoder that is made where none is named: a yes where it does not refuse, auto where auto may choose it."""
    from tacit.contracts.catalog import load, names
    from tacit.contracts.layout import Layout
    from tacit.learning.recipe import ENCODERS, SUITED
    from tacit.pretext.auto_list import AUTO

    special = {"pad": 0, "unk": 1, "mask": 2, "cls": 3, "sep": 4, "inside": 60}
    layouts = {
        "image": Layout("image", "number", (32, 32), 3, mean=(128.0,) * 3, deviation=(64.0,) * 3),
        "series": Layout("series", "number", (48,), 2, mean=(0.0,) * 2, deviation=(1.0,) * 2),
        "text": Layout("text", "category", (24,), vocabulary=64, special=special),
    }
    rows = table((ROOT / "docs/learning.md").read_text("utf-8"), "| task | what is asked")
    assert [row[0].strip("`") for row in rows] == list(dict.fromkeys(row[0].strip("`") for row in rows))
    told = {(row[0].strip("`"), modality): cell for row in rows for modality, cell in zip(layouts, row[2:], strict=True)}
    found = {}
    for task in names("pretext task"):
        for modality, layout in layouts.items():
            encoder = load("encoder", SUITED.get(task, {}).get(modality, ENCODERS[modality]))(layout)
            reason = load("pretext task", task).refuses(encoder, load("views", modality)(layout, encoder.patch))
            chosen = task in [name for name, _ in AUTO[modality]]
            assert not (chosen and reason), "auto may not choose what refuses"
            found[task, modality] = "" if reason else "**auto**" if chosen else "yes"
    assert told == found

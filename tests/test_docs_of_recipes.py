"""What docs/learning.md says of views and recipes is so: every view, option, wish and key is named where it belongs, and none that is not."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from tacit.contracts.catalog import load, names
from tacit.contracts.goal import Goal
from tacit.learning.options import options_of
from tacit.learning.recipe import options_of_learning

PAGE = (Path(__file__).parent.parent / "docs/learning.md").read_text("utf-8")


def rows(head: str) -> dict[str, list[str]]:
    """{first cell: the other cells} of the table that begins with this head."""
    lines = PAGE[PAGE.index(head) :].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return {row[0]: row[1:] for row in cells}


def quoted(text: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", text))


def test_every_view_option_and_wish_of_a_modality_is_listed() -> None:
    told = {name.strip("`"): tuple(map(quoted, cells)) for name, cells in rows("| modality | views |").items()}
    found = {}
    for name in names("modality"):
        views = load("views", name)
        found[name] = (set(views.kinds), set(options_of(views)), set(load("modality", name).wishes))
    assert told == found


@pytest.mark.parametrize(("table", "known"), [("`[learn]`", options_of_learning()), ("`[goal]`", {f.name for f in fields(Goal)})])
def test_every_key_of_a_recipe_is_named(table: str, known: set[str]) -> None:
    (told,) = rows("| table | keys |")[table]
    named = set(re.findall(r"`(\w+)(?: = \w+)?`", told))
    values = {"auto", "float32", "bfloat16", "classes", "numbers"}
    assert named - values == known

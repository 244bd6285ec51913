"""Every recipe is read, and names only what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tacit.contracts.goal import Goal
from tacit.learning.recipe import read_recipe

RECIPES = sorted((Path(__file__).parent.parent / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_a_recipe_is_read(path: Path) -> None:
    recipe, goal = read_recipe(path)
    assert recipe.pretext and Goal.of(goal).metric


def test_there_are_some() -> None:
    assert len(RECIPES) >= 3

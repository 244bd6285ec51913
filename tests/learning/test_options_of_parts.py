"""Options of encoders and tasks: those of the part that is chosen apply, the command's over the recipe's; what no part takes is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tacit.app.learning_door import Asked, recipe_of
from tacit.app.learning_samples import learn_samples
from tacit.app.showing import Screen
from tacit.connect.open_pool import open_pool
from tacit.contracts.errors import DataError, UnknownName
from tacit.learning.recipe import Recipe, read_recipe
from tacit.learning.teaching import fit_modality, make_encoder, settled

PICTURES = np.random.default_rng(0).integers(0, 255, (12, 16, 16, 3), np.uint8)


def written(folder: Path, text: str) -> Path:
    (folder / "recipe.toml").write_text(text)
    return folder / "recipe.toml"


def encoder_of(recipe: Recipe) -> Any:
    modality = fit_modality(open_pool(PICTURES, "image"), recipe)
    return make_encoder(settled(recipe, modality), modality)


@pytest.mark.parametrize("learn", ["", '[learn]\nencoder = "convnet"\n'])
def test_options_of_the_encoder_that_is_learned_with_apply(tmp_path: Path, learn: str) -> None:
    path = written(tmp_path, learn + "[encoder.convnet]\nbase = 4\n[encoder.vit]\nwidth = 48\n")
    assert encoder_of(read_recipe(path)[0]).base == 4
    both = encoder_of(recipe_of(Asked(encoder="convnet:simple=false", recipe=path)))
    assert (both.base, both.simple) == (4, False)
    assert encoder_of(recipe_of(Asked(encoder="convnet:base=8", recipe=path))).base == 8
    assert encoder_of(recipe_of(Asked(encoder="vit", recipe=path))).width == 48


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("[encoder.convnet]\nbas = 4\n", "no option of the encoder 'convnet' is called 'bas'. Did you mean 'base'"),
        ("[encoder.vit]\nlayout = 4\n", "'layout'"),
        ("[task.rotation]\nfoo = 4\n", "no option of the pretext task 'rotation' is called 'foo'"),
        ("[task.simclr]\nhaet = 4\n", "Did you mean 'heat'"),
    ],
)
def test_options_that_no_part_takes_are_refused(tmp_path: Path, table: str, told: str) -> None:
    path = written(tmp_path, '[learn]\npretext = "masked"\nencoder = "resnet18"\n' + table)
    with pytest.raises(UnknownName) as error:
        read_recipe(path)
    assert told in str(error.value)
    with pytest.raises(UnknownName, match="foo"):
        Recipe(task_options={"rotation": {"foo": 4}})


def test_tables_without_effect_are_said_and_a_model_gone_on_from_keeps_its_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = '[learn]\npretext = "contrastive"\nsteps = 1\n[encoder.convnet]\nbase = 4\n[encoder.vit]\nwidth = 48\n[task.rotation]\n'
    recipe = read_recipe(written(tmp_path, text))[0]
    model = learn_samples(PICTURES, recipe, tmp_path / "m", check=False, screen=Screen())
    assert "[task.rotation], [encoder.vit] of the recipe: no effect" in capsys.readouterr().err
    assert model.model.about["recipe"]["encoder_options"] == {"base": 4}
    with pytest.raises(DataError, match="with base = 4, not 8"):
        learn_samples(PICTURES, Recipe(encoder_tables={"convnet": {"base": 8}}, steps=1), tmp_path / "n", tmp_path / "m", check=False)
    learn_samples(PICTURES, Recipe(encoder_tables={"convnet": {"base": 4}}, steps=1), tmp_path / "n", tmp_path / "m", check=False)

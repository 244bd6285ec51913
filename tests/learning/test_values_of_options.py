"""Values that an option of a task, an encoder or the views cannot have, and budgets that contradict each other: refused where they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

import tacit
from tacit.app.learning_samples import learn_samples
from tacit.connect.open_pool import open_pool
from tacit.contracts.catalog import load, names
from tacit.contracts.errors import DataError, TacitError, UnknownName
from tacit.learning.options import known_options, known_wishes, options_of
from tacit.learning.recipe import Recipe, parse_encoder, read_recipe
from tacit.learning.teaching import fit_modality

PICTURES = np.random.default_rng(0).integers(0, 255, (12, 16, 16, 3), np.uint8)
PARTS = [(kind, name) for kind in ("pretext task", "encoder", "views") for name in names(kind)]


def read(folder: Path, text: str) -> Recipe:
    (folder / "recipe.toml").write_text(text)
    return read_recipe(folder / "recipe.toml")[0]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("[task.contrastive]\nheat = -1", r"heat = -1 of the pretext task 'contrastive' cannot be: it is a number above 0\. Usual: 0\.2\."),
        ("[task.contrastive]\nheat = 0", "a number above 0"),
        ("[task.distillation]\ncool = 0.0", "a number above 0"),
        ("[task.contrastive]\nheat = nan", "heat = nan .* it is a number"),
        ("[task.contrastive]\ndecoupled = 1", r"it is true or false\. Usual: true"),
        ("[task.masked]\nshare = 1.5", "a number from 0 to 1"),
        ('[task.masked]\nshare = "half"', "share = 'half' .* it is a number"),
        ("[task.vicreg]\nvariance = -25.0", r"a number from 0\. Usual: 25\.0"),
        ("[task.predictive]\nsteps = 4", r"steps = 4 .* it is a list, each of it a whole number\. Usual: \[1, 2, 4, 8\]"),
        ("[task.predictive]\nsteps = [1, 0]", "a list, each of it a whole number above 0"),
        ('[encoder.convnet]\nsimple = "false"', r"simple = 'false' of the encoder 'convnet' cannot be: it is true or false\. Usual: true\."),
        ('[encoder.convnet]\nbase = "big"', r"base = 'big' of the encoder 'convnet' cannot be: it is a whole number\. Usual: 32\."),
        ("[encoder.convnet]\nbase = 32.5", "it is a whole number"),
        ("[encoder.convnet]\nbase = true", "base = true .* it is a whole number"),
        ("[encoder.dilated]\ndepth = -1", r"a whole number from 0\. Usual: 0"),
        ('[encoder.dilated]\npool = "max"', "it is one of 'largest', 'mean', 'last'"),
    ],
)
def test_values_that_an_option_cannot_have(tmp_path: Path, table: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        read(tmp_path, f"{table}\n")


def test_values_that_it_can_have(tmp_path: Path) -> None:
    """Ablations are no mistakes: what may be 0 may be."""
    made = read(
        tmp_path,
        "[task.contrastive]\nheat = 1\n[task.predictive]\nsteps = [1, 2]\n[task.isotropic]\nshare = 0.0\n[task.vicreg]\ncovariance = 0\n"
        "[task.masked]\nshare = 0.4\n[encoder.dilated]\ndepth = 0\npool = 'last'\nsimple = false\n",
    )
    assert made.task_options["predictive"] == {"steps": [1, 2]} and made.encoder_tables["dilated"]["simple"] is False


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_each_part_takes_its_own_defaults_and_nothing_of_another_kind(kind: str, name: str) -> None:
    part = load(kind, name)
    hints = get_type_hints(part.__init__)
    for option, usual in options_of(part).items():
        known_options(kind, name, {option: usual} if usual is not None else {})
        asked = get_args(hints[option]) or (hints[option],)
        odd: Any = 3 if asked[0] is str or isinstance(asked[0], str) else "odd"
        with pytest.raises(DataError, match=option):
            known_options(kind, name, {option: odd})


def test_options_of_views_are_held_against_theirs() -> None:
    for options, told in (
        ({"least": "small"}, "least = 'small' of the views 'image'"),
        ({"least": 2.0}, "from 0 to 1"),
        ({"lest": 0.1}, "Did you mean"),
    ):
        with pytest.raises(TacitError, match=told):
            learn_samples(PICTURES, Recipe(steps=1, view_options=options), check=False)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("convnet:simple=no", r"simple = 'no' of the encoder 'convnet' cannot be: it is true or false"),
        ("convnet:base=abc", r"base = 'abc' of the encoder 'convnet' cannot be: it is a whole number"),
        ("convnet:base=", "base = '' .* a whole number"),
        ("convnet:base", r"'base' is no NAME=VALUE\. Try convnet:base=32\."),
        ("vit:cls", r"'cls' is no NAME=VALUE\. Try vit:width=192\."),
    ],
)
def test_what_the_command_line_says_of_an_encoder(text: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        parse_encoder(text)


def test_a_text_needs_no_quotes_and_an_unknown_option_is_told_its_neighbours() -> None:
    assert parse_encoder("vit:pooling=cls,width=48") == parse_encoder('vit:pooling="cls",width=48') == ("vit", {"pooling": "cls", "width": 48})
    with pytest.raises(UnknownName, match=r"no option of the encoder 'convnet' is called 'width'\. Known here: base, blocks, simple"):
        parse_encoder("convnet:width=64")


@pytest.mark.parametrize("budgets", [{"steps": 5, "minutes": 0.1}, {"epochs": 1, "steps": 5}, {"minutes": 1, "epochs": 2, "steps": 3}])
def test_two_budgets_are_refused_alike(tmp_path: Path, budgets: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"are the same budget in other units\. Give one of them"):
        read(tmp_path, "[learn]\n" + "".join(f"{k} = {v}\n" for k, v in budgets.items()))
    with pytest.raises(DataError, match="Give one of them"):
        tacit.learn(PICTURES, **budgets)
    with pytest.raises(DataError, match="Give one of them"):
        tacit.TacitEncoder(**budgets).fit(PICTURES)
    assert Recipe().budget.seconds == 300


def test_a_comparison_has_its_own_budget_whatever_the_recipe_says() -> None:
    """Minutes for each task: a recipe of a million steps would never end."""
    wish = Recipe(steps=1_000_000, batch=8)
    found = tacit.compare(PICTURES, pretext=["contrastive"], minutes=0.01, seeds=1, encoder="convnet:base=4,simple=false", recipe=wish)
    assert found.winner == "contrastive" and found.model.about["recipe"]["steps"] is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("steps = 5\n[learn]\nseed = 1\n", r"steps = 5 stands in no table\. It belongs under \[learn\]\."),
        ('encoder = "vit"\n', r"encoder = 'vit' stands in no table\. It belongs under \[learn\]\."),
        ('metric = "accuracy"\n', r"It belongs under \[goal\]\."),
        ('forbidden = ["flip"]\n', r"It belongs under \[views\]\."),
    ],
)
def test_what_stands_above_all_tables_is_told_where_it_belongs(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("modality", "text", "told"),
    [
        (
            "image",
            'side = "big"',
            r"\[data\] side = 'big' cannot be: for image it is a whole number or a list of 2, each of it a whole number above 0\.",
        ),
        ("image", "side = [16]", "a list of 2"),
        ("image", "side = 0", "a whole number or a list of 2"),
        ("image", "channels = 2", r"it is one of 1, 3\.$"),
        ("series", "length = 12.5", "for series it is a whole number above 0"),
        ("series", "length = true", "a whole number"),
        ("text", 'characters = "false"', r"characters = 'false' cannot be: for text it is true or false\."),
        ("text", "vocabulary = -5", "a whole number above 0"),
    ],
)
def test_wishes_of_samples_that_cannot_be(tmp_path: Path, modality: str, text: str, told: str) -> None:
    wish = read(tmp_path, f"[data]\n{text}\n")
    with pytest.raises(DataError, match=told):
        known_wishes(modality, load("modality", modality).wishes, wish.wishes)


def test_wishes_of_samples_are_held_against_the_data_that_they_speak_of() -> None:
    pool = open_pool(PICTURES)
    with pytest.raises(DataError, match=r"\[data\] channels = 4"):
        fit_modality(pool, Recipe(wishes={"channels": 4}))
    with pytest.raises(UnknownName, match=r"no option of \[data\] for image is called 'length'\. .*Known here: channels, side"):
        fit_modality(pool, Recipe(wishes={"length": 4}))
    assert fit_modality(pool, Recipe(wishes={"side": [8, 16], "channels": 1})).layout.size == (8, 16)

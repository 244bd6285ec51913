"""Options from Python that there are not: told at once with the nearest name, and the command's own with why they are not taken."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import tacit
from tacit.app import main
from tacit.app.api import ELSEWHERE
from tacit.contracts.errors import DataError, UnknownName

ROWS = [{"time": i, "x": i % 7} for i in range(20)]
SERIES = np.random.default_rng(0).normal(size=(20, 16, 1)).astype(np.float32)


@pytest.mark.parametrize(("wrong", "near"), [({"stpes": 2}, "steps"), ({"lables": None}, "labels"), ({"minuts": 1.0}, "minutes")])
def test_a_misspelt_option_of_learning_is_told(wrong: dict[str, Any], near: str) -> None:
    for data in (ROWS, SERIES):
        with pytest.raises(UnknownName, match=f"no option of tacit.learn is called .*Did you mean '{near}'"):
            tacit.learn(data, **wrong)


def test_a_misspelt_option_of_watching_is_told_at_once() -> None:
    with pytest.raises(UnknownName, match=r"no option of tacit\.watch is called 'lern'.*Did you mean 'learn'"):
        tacit.watch(ROWS, lern="off")  # type: ignore[arg-type]


def test_every_option_of_the_command_is_taken_or_refused_with_its_reason() -> None:
    here = set(inspect.signature(tacit.watch).parameters)
    assert {name for name in inspect.signature(main.watch).parameters if name not in here} <= set(ELSEWHERE) and not here & set(ELSEWHERE)
    for name in ELSEWHERE:
        with pytest.raises(DataError, match=f"takes no '{name}': "):
            tacit.watch(ROWS, **{name: True})  # type: ignore[arg-type]


def test_options_of_an_encoder_may_stand_beside_its_name() -> None:
    learned = tacit.learn(SERIES, encoder="dilated", encoder_options={"width": 16}, steps=1)
    assert learned.model.encoder.width == 16

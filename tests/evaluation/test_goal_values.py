"""Values that no goal can have: refused one by one, with what was wrong and what it is to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tacit.contracts.errors import DataError
from tacit.contracts.goal import Goal


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("minutes = -1", r"the goal says minutes = -1, which is below 0\. It is a number from 0: the time to learn in; 0 or left out"),
        ("minutes = nan", r"minutes = nan, which is not finite\."),
        ("minutes = inf", r"minutes = inf, which is not finite\."),
        ('minutes = "ten"', r"minutes = 'ten', which is no number\."),
        ("labels = -200", r"labels = -200, which is below 0\. It is a whole number from 0: how many labels"),
        ("labels = 2.5", r"labels = 2\.5, which is not whole\."),
        ("label_cost = -0.5", r"label_cost = -0\.5, which is below 0\. .*money that a label costs"),
        ("seeds = 1", r"seeds = 1, which is below 2\. .* of one there is no interval"),
        ("seeds = true", r"seeds = True, which is no number\."),
        ('costs = { "sick>well" = -50 }', r"'sick>well' costs -50, which is below 0\. It is a number from 0"),
        ('costs = { "sick>well" = nan }', r"'sick>well' costs nan, which is not finite\."),
        ('metric = "accuracy"\ncosts = { "sick>well" = 50 }', r"the metric 'accuracy' and costs, and only one can judge\. Leave out one"),
        ('costs = { "sick" = 50 }', r"a cost of 'sick', which is no error\. Write \"what it is>what was said\""),
        ('costs = { "sick>" = 50 }', r"a cost of 'sick>', which is no error\."),
    ],
)
def test_numbers_that_cannot_be(tmp_path: Path, entry: str, told: str) -> None:
    (tmp_path / "r.toml").write_text(f"[goal]\n{entry}\n")
    with pytest.raises(DataError, match=told):
        Goal.read(tmp_path / "r.toml")


def test_what_is_not_stated_may_be_written_as_zero(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('[goal]\nminutes = 0\nlabels = 0\nlabel_cost = 0\ncosts = { "sick>well" = 0 }\n')
    assert Goal.read(tmp_path / "r.toml") == Goal(costs={"sick>well": 0})
    (tmp_path / "r.toml").write_text("goal = 3\n")
    with pytest.raises(DataError, match=r"goal = 3 is no table\. Write \[goal\]"):
        Goal.read(tmp_path / "r.toml")

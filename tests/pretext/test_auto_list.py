"""What auto may choose and what is compared by default is what was measured: the figures are those of the page, and a comparison has rivals."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import tacit
from tacit.contracts.errors import DataError
from tacit.pretext.auto_list import AUTO, BESIDE, SIX, compared

PAGE = Path(__file__).parents[2] / "benchmarks/results/pretext_tasks.md"
Row = tuple[str, str, str]


def measured() -> dict[tuple[str, str], dict[str, Row]]:
    """{(modality, task): {set: (gain, standard error, mark)}} of the page."""
    found: dict[tuple[str, str], dict[str, Row]] = {}
    for part in PAGE.read_text("utf-8").split("\n## ")[1:]:
        head = re.match(r"(\S+) \((\w+)\)", part)
        assert head is not None
        for task, gain, error, mark in re.findall(r"^\| (\w+) \| \w+ \|(?:[^|]*\|){4} \+?(\S+) ± (\S+) \|[^|]*\| *([^|]*?) *\|$", part, re.MULTILINE):
            found.setdefault((head[2], task), {})[head[1]] = (gain, error, mark)
    return found


@pytest.mark.parametrize("modality", ["image", "series"])
def test_what_auto_says_of_a_task_was_measured(modality: str) -> None:
    page = measured()
    for task, why in AUTO[modality]:
        rows = [(gain, error) for gain, error, mark in page[modality, task].values() if mark.startswith("helps")]
        assert any(f"gained {gain} ± {error} points" in why for gain, error in rows), (task, why, rows)


@pytest.mark.parametrize("modality", ["image", "series", "text"])
def test_a_comparison_has_rivals_and_they_have_won(modality: str) -> None:
    page, tasks = measured(), compared(modality)
    assert 3 <= len(tasks) <= SIX and len(set(tasks)) == len(tasks) and tasks[0] == AUTO[modality][0][0]
    for task in tasks:
        won = any(mark.startswith("helps") for _, _, mark in page[modality, task].values())
        assert won or (modality, task) == ("text", "contrastive"), task
    if modality == "text":
        helped = {task for (kind, task), sets in page.items() if kind == "text" and any(r[2].startswith("helps") for r in sets.values())}
        assert set(BESIDE["text"]) == helped


def test_texts_are_compared_by_more_than_one_task(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def play(learn: Any, tasks: list[str], *rest: Any) -> None:
        asked.append(tasks)
        raise DataError("seen")

    monkeypatch.setattr("tacit.evaluation.tournament.compare", play)
    texts = [f"word{i % 7} of text number {i} and its company word{i % 5}" for i in range(48)]
    with pytest.raises(DataError, match="seen"):
        tacit.compare(texts, minutes=0.01, seeds=1)
    assert asked == [["contrastive", "vicreg", "distillation"]]

"""Times of a label file: numbers or written dates, whatever the file, never in the order of their letters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tacit.connect.labels import read_labels
from tacit.connect.open_pool import open_pool
from tacit.contracts.catalog import load
from tacit.contracts.errors import DataError
from tacit.contracts.goal import Goal
from tacit.evaluation.decoding import decoded, times
from tacit.evaluation.evaluate import set_up
from tacit.evaluation.judging import judge_of
from tacit.export.model_folder import SampleModel
from tacit.nets.encoder import Encoder

MANY = 24
POOL = open_pool(np.random.default_rng(0).integers(0, 255, (MANY, 28, 28), np.uint8), "image")
MODALITY = load("modality", "image").fit(POOL, np.random.default_rng(0))
BEGIN = datetime(2024, 1, 25, tzinfo=UTC)
DAYS = [BEGIN + timedelta(days=i) for i in range(MANY)]


def written(folder: Path, when: list[str], rows: range = range(MANY)) -> str:
    path = folder / f"labels{rows.start}.csv"
    path.write_text("\n".join(["index,label,when", *(f"{i},{'ab'[i % 2]},{when[i]}" for i in rows)]) + "\n")
    return str(path)


@pytest.mark.parametrize(
    ("when", "form"),
    [
        ([str(i + 5) for i in range(MANY)], ""),
        ([f"{i + 5}.5" for i in range(MANY)], ""),
        ([day.strftime("%Y-%m-%d") for day in DAYS], "ISO 8601"),
        ([day.strftime("%d.%m.%Y") for day in DAYS], "%d.%m.%Y"),
        ([day.strftime("%m/%d/%Y") for day in DAYS], "%m/%d/%Y"),
    ],
)
def test_a_csv_of_labels_is_split_by_time(tmp_path: Path, when: list[str], form: str) -> None:
    """In the order of letters "10" comes before "9", and 25.01. after 05.02."""
    notes: list[str] = []
    labels = read_labels(written(tmp_path, when), POOL)
    data, _ = decoded(MODALITY, POOL, labels, Goal(time="when"), np.random.default_rng(0), notes, "test")
    assert data.time is not None and data.time.dtype.kind in "if" and (np.diff(data.time) > 0).all()
    assert [n for n in notes if "is read as" in n] == ([f"'when' of the test samples is read as {form}"] if form else [])


def test_entities_that_a_split_by_time_tears_apart_are_said(tmp_path: Path, small_encoder: type[Encoder]) -> None:
    (tmp_path / "labels.csv").write_text(
        "\n".join(["index,label,when,who", *(f"{i},{'ab'[i % 2]},{i},p{i % 3 if i < 20 else i}" for i in range(MANY))])
    )
    labels = read_labels(str(tmp_path / "labels.csv"), POOL)
    model, told = SampleModel(small_encoder(MODALITY.layout), MODALITY, "small"), "by time, not by entity, since both columns are stated: "
    notes = set_up(model, POOL, labels, None, None, Goal(time="when", entity="who"), np.random.default_rng(0)).notes
    assert [n for n in notes if told + "3 of 7 entities" in n]
    judge = judge_of(MODALITY, POOL, labels, Goal(time="when", entity="who"), np.random.default_rng(0), apart=False)
    assert [n for n in judge.notes if told + "3 of 7 entities" in n]
    for one in (Goal(time="when"), Goal(entity="who")):
        assert not any("since both" in n for n in set_up(model, POOL, labels, None, None, one, np.random.default_rng(0)).notes)


def test_sides_are_set_beside_each_other(tmp_path: Path, small_encoder: type[Encoder]) -> None:
    """The least of texts was once a TypeError."""
    when = [str(i + 5) for i in range(MANY)]
    first, second = (read_labels(written(tmp_path, when, rows), POOL) for rows in (range(14), range(10, MANY)))
    model = SampleModel(small_encoder(MODALITY.layout), MODALITY, "small")
    goal, rng = Goal(time="when"), np.random.default_rng(0)
    assert any(
        "3 of 14 training samples are later than the first of the test" in n for n in set_up(model, POOL, second, POOL, first, goal, rng).notes
    )
    halves = set_up(model, POOL, read_labels(written(tmp_path, when), POOL), None, None, goal, rng)
    assert halves.train.time is not None and halves.test.time is not None and halves.train.time.max() < halves.test.time.min()


def test_what_is_no_time_is_refused() -> None:
    for values, told in (
        (["1", "2", "spring"], "holds 'spring', no number and no time"),
        (["2024-01-01"] * 30 + ["tomorrow"], "holds 'tomorrow'"),
        (["1", "", "3"], "1 of 3 labelled samples have no 'when'"),
        ([1.0, np.nan], "1 of 2 labelled samples have no 'when'"),
    ):
        with pytest.raises(DataError, match=told):
            times(np.asarray(values), "when")


def test_times_of_tables_are_taken_as_they_are() -> None:
    numbers = np.array([3, 1, 2])
    assert times(numbers, "when")[0] is numbers
    stamps = np.array(["2024-01-02", "2024-01-01"], "datetime64[D]")
    as_objects, as_texts = np.array([d.date() for d in (DAYS[1], DAYS[0])], object), np.array(["2024-01-26", "2024-01-25"])
    assert times(as_objects, "when")[0].tolist() == times(as_texts, "when")[0].tolist()
    assert times(stamps, "when")[0].tolist() == times(stamps.astype(str), "when")[0].tolist()

"""Evaluation through the door: pools and label files in, ledger rows, a table, a verdict and a report out; on digits, series and text."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tacit.connect.labels import Labels, read_labels
from tacit.connect.open_pool import open_pool
from tacit.contracts.catalog import load
from tacit.contracts.errors import DataError, UnknownName
from tacit.contracts.goal import Goal
from tacit.evaluation.evaluate import Results, run_evaluation, set_up
from tacit.evaluation.labelled import are_classes, coded
from tacit.evaluation.picturing import picture
from tacit.export.model_folder import SampleModel
from tacit.ledger.report import report
from tacit.ledger.result import GAIN
from tacit.ledger.store import Ledger
from tacit.nets.encoder import Encoder


def some(labels: Labels, n: int, **columns: np.ndarray) -> Labels:
    """The first n, with more columns."""
    return replace(labels, rows=labels.rows[:n], values=labels.values[:n], columns={**{k: v[:n] for k, v in labels.columns.items()}, **columns})


@pytest.fixture(scope="module")
def digit_model(data: Path, small_encoder: type[Encoder]) -> SampleModel:
    pool = open_pool(str(data / "image_mnist/t10k-images-idx3-ubyte.gz"))
    modality = load("modality", "image").fit(pool, np.random.default_rng(0))
    return SampleModel(small_encoder(modality.layout), modality, "small", {"recipe": {"pretext": {"masked": 1.0, "contrastive": 1.0}}})


def test_digits_from_files(data: Path, digit_model: SampleModel, tmp_path: Path) -> None:
    folder = data / "image_mnist"
    test, train = (open_pool(str(folder / f"{part}-images-idx3-ubyte.gz")) for part in ("t10k", "train"))
    known, taught = (read_labels(str(folder / f"labels/{part}-labels-idx1-ubyte.gz"), p) for part, p in (("t10k", test), ("train", train)))
    ledger, told = Ledger(tmp_path / "l"), []
    results = run_evaluation(
        digit_model, test, some(known, 300), train, some(taught, 400), ("knn", "few_shot", "fairness", "calibration"), Goal(seeds=3),
        np.random.default_rng(0), ledger, lambda what, share: told.append((what, share)), rungs=("constant", "hog"),
        seconds=0, name="digits", command="c",
    )  # fmt: skip
    assert isinstance(results, Results) and results.verdict.startswith("does not help at 10 labels a class; use HOG + colour histogram")
    rows = ledger.query()
    assert [r.row() for r in rows] == [r.row() for r in results.rows]
    assert {r.dataset for r in rows} == {"digits"} and {r.model for r in rows} == {digit_model.hash} and {r.command for r in rows} == {"c"}
    assert all("scikit-learn" in r.versions and r.time and r.split for r in rows)
    assert {r.protocol for r in rows if r.metric == GAIN} == {"knn", "few_shot"}
    assert next(r for r in rows if r.protocol == "fairness").failed == "the goal names no group column"
    assert any("fairness was not measured" in note for note in results.notes)
    assert results.setting is not None and len(results.setting.seen) == 5000, "rungs may learn from the whole training pool, as ours did"
    assert told[0][0] == "embedding" and told[-1] == ("done", 1.0) and [s for _, s in told] == sorted(s for _, s in told)
    assert "| digits | knn |" in results.table() and json.loads(json.dumps(results.json()))["verdict"] == results.verdict
    drawn = picture(results, digit_model, tsne=False)
    assert drawn.points is not None and drawn.points.shape == (300, 2) and len(drawn.neighbours) == 6
    assert {p.task for p in drawn.posed} == {"masked", "contrastive"} and all(p.shown and p.shown[0].shape == (28, 28, 3) for p in drawn.posed)
    page = report("Digits", results.rows, results.verdict, results.notes, drawn)
    assert page.count("data:image/png;base64,") > 6 * 6 and "Few labels" in page


def test_the_same_seed_gives_the_same_rows(data: Path, digit_model: SampleModel) -> None:
    test = open_pool(str(data / "image_mnist/t10k-images-idx3-ubyte.gz"))
    known = some(read_labels(str(data / "image_mnist/labels/t10k-labels-idx1-ubyte.gz"), test), 240)
    one, two = (
        run_evaluation(
            digit_model, test, known, None, None, ("knn", "probe"), Goal(seeds=3), np.random.default_rng(5), rungs=("hog", "pca"), seconds=0
        )
        for _ in range(2)
    )
    assert [r.row() for r in one.rows] == [r.row() for r in two.rows]
    assert any("half of the labelled samples" in note for note in one.notes)


def test_patients_stay_on_one_side(data: Path, digit_model: SampleModel) -> None:
    test = open_pool(str(data / "image_mnist/t10k-images-idx3-ubyte.gz"))
    known = some(read_labels(str(data / "image_mnist/labels/t10k-labels-idx1-ubyte.gz"), test), 240, patient=np.repeat(np.arange(24), 10))
    setting = set_up(digit_model, test, known, None, None, Goal(entity="patient"), np.random.default_rng(0))
    assert setting.how == "by entity" and setting.train.entity is not None and setting.test.entity is not None
    assert not set(setting.train.entity) & set(setting.test.entity)
    results = run_evaluation(digit_model, test, known, None, None, ("knn",), Goal(entity="patient"), rungs=("hog",), seconds=0)
    assert {r.split for r in results.rows} == {"by entity"} and "over entities" in results.rows[0].interval
    asked = run_evaluation(digit_model, test, known, None, None, ("knn",), Goal(entity="patient", random_split=True), rungs=("hog",), seconds=0)
    assert {r.split for r in asked.rows} == {"random, across entities"} and any("numbers flatter" in n for n in asked.notes)
    with pytest.raises(DataError, match=r"column 'hospital'.*Columns there: .*patient"):
        run_evaluation(digit_model, test, known, goal=Goal(group="hospital"))
    with pytest.raises(UnknownName, match="Did you mean 'probe'"):
        run_evaluation(digit_model, test, known, protocols=("probes",))


def test_masks_and_other_sets_go_in_by_the_same_door(data: Path, digit_model: SampleModel) -> None:
    folder = data / "image_mnist"
    test, train = (open_pool(str(folder / f"{part}-images-idx3-ubyte.gz")) for part in ("t10k", "train"))
    known, taught = (some(read_labels(str(folder / f"labels/{part}-labels-idx1-ubyte.gz"), p), 150) for part, p in (("t10k", test), ("train", train)))
    masks = tuple((np.stack(p.read(np.arange(150))).reshape(150, 28, 28) > 100).astype(np.int64) for p in (train, test))
    goal = Goal(metric="accuracy", seeds=3)
    parity = replace(known, values=np.array(["odd" if int(v) % 2 else "even" for v in known.values]))
    parity_taught = replace(taught, values=np.array(["odd" if int(v) % 2 else "even" for v in taught.values]))
    other = set_up(digit_model, test, parity, train, parity_taught, goal, np.random.default_rng(1), 0, "parity")
    results = run_evaluation(
        digit_model, test, known, train, taught, ("dense", "transfer"), goal, rungs=("hog",), seconds=0, name="digits",
        also=[other], masks=(masks[0], masks[1]),
    )  # fmt: skip
    assert {r.protocol for r in results.rows if r.metric == GAIN} == {"dense", "transfer"} and not any(r.failed for r in results.rows)
    assert {r.unit for r in results.rows if r.protocol == "transfer" and r.metric == "accuracy"} == {"digits", "parity"}


def test_news_by_its_words(data: Path) -> None:
    pool = open_pool(str(data / "text_ag_news/train.csv.gz"), column="text")
    known = some(read_labels(str(data / "text_ag_news/labels/train_labels.csv"), pool, column="label"), 600)
    modality = load("modality", "text").fit(pool, np.random.default_rng(0), vocabulary=1000, length=32)
    encoder = load("encoder", "transformer")(modality.layout, seed=0)
    model = SampleModel(encoder, modality, "transformer")
    results = run_evaluation(model, pool, known, None, None, ("probe",), Goal(metric="accuracy"), seconds=0)
    score = {r.contestant: r.value for r in results.rows if r.metric == "accuracy"}
    assert score["tfidf"] > 0.7 and score["tfidf"] > score["constant"] + 0.3 and {"raw", "pca", "untrained"} <= set(score)


def test_labels_are_classes_or_numbers() -> None:
    assert are_classes(["a", "b"]) and are_classes([0, 1, 1]) and are_classes(["1", "2"]) and not are_classes([0.5, 1.2])
    assert not are_classes(np.arange(100)) and are_classes(np.repeat(np.arange(30), 20)) and are_classes([0.5, 1.5], "classes")
    train, test, classes = coded(["10", "9", "9"], ["9"])
    assert classes == ("9", "10") and train.tolist() == [1, 0, 0] and test.tolist() == [0]
    assert coded([1.0, 2.0], [2])[1].tolist() == [1]
    numbers = coded([0.5, 2.5], ["1.5"])
    assert numbers[2] == () and numbers[1].tolist() == [1.5]
    for wrong, words in (
        (lambda: coded(["a", "b"], ["c"]), "'c'"),
        (lambda: coded(["a"], ["a"]), "two classes"),
        (lambda: coded([0.5, 1.7], ["x"]), "is not"),
    ):
        with pytest.raises(DataError, match=words):
            wrong()


def test_goals_are_read_from_recipes(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text('[goal]\nmetric = "cost"\ncosts = { "sick>well" = 50 }\nforbidden = ["flip"]\nentity = "patient"\n[learn]\nseed = 1\n')
    goal = Goal.read(recipe)
    assert goal.costs == {"sick>well": 50} and goal.forbidden == ("flip",) and goal.entity == "patient"
    assert Goal.of(goal.facts()) == goal and Goal(metric=len).facts()["metric"] == "len"
    recipe.write_text("[learn]\nseed = 1\n")
    assert Goal.read(recipe) == Goal()
    recipe.write_text("[goal\n")
    with pytest.raises(DataError, match="cannot be read"):
        Goal.read(recipe)
    with pytest.raises(UnknownName, match="Did you mean 'metric'"):
        Goal.of({"metrik": "f1"})
    with pytest.raises(DataError, match="what it is>what was said"):
        Goal(costs={"sick": 3})


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (["a"] * 40, r"all training labels are 'a'.*needs two classes"),
        ([f"name {i}" for i in range(40)], r"40 classes for 20 training samples: hardly any class has two.*Is this the label column"),
        (["a", "b"] * 20 + ["rare"], r"no training sample is left of class 'rare' once half of the labels are split off as the test \(random\)"),
    ],
)
def test_labels_that_cannot_be_judged_by_are_refused(data: Path, digit_model: SampleModel, values: list[str], says: str) -> None:
    test = open_pool(str(data / "image_mnist/t10k-images-idx3-ubyte.gz"))
    known = some(read_labels(str(data / "image_mnist/labels/t10k-labels-idx1-ubyte.gz"), test), len(values))
    with pytest.raises(DataError, match=says):
        set_up(digit_model, test, replace(known, values=np.array(values)), None, None, Goal(), np.random.default_rng(0))


def test_classes_are_asked_of_both_sides(data: Path, digit_model: SampleModel) -> None:
    test = open_pool(str(data / "image_mnist/t10k-images-idx3-ubyte.gz"))
    known = some(read_labels(str(data / "image_mnist/labels/t10k-labels-idx1-ubyte.gz"), test), 40)
    drawn = {"ab": list("ab") * 20, "abc": list("abca") * 10, "a": list("a") * 40}
    sides = {name: replace(known, values=np.array(values)) for name, values in drawn.items()}
    with pytest.raises(DataError, match="all 40 test samples are of class 'a'"):
        set_up(digit_model, test, sides["a"], test, sides["ab"], Goal(), np.random.default_rng(0))
    with pytest.raises(DataError, match="test labels 'c' occur in no training label"):
        set_up(digit_model, test, sides["abc"], test, sides["ab"], Goal(), np.random.default_rng(0))
    notes = set_up(digit_model, test, sides["ab"], test, sides["abc"], Goal(), np.random.default_rng(0)).notes
    assert "of 1 of 3 classes there is no test sample (c): the numbers say nothing of them" in notes
    many = replace(known, values=np.array([f"name {i}" for i in range(40)]))
    with pytest.raises(DataError, match="40 classes for 40 training samples"):
        set_up(digit_model, test, many, test, many, Goal(), np.random.default_rng(0))

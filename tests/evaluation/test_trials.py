"""Trials of `auto`: the list's first stands unless clearly beaten, the winner's run is one run, and a kill at any moment changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import tacit
from tacit.app.automatic import picked
from tacit.connect.open_pool import open_pool
from tacit.contracts.errors import DataError, ModelError
from tacit.evaluation.trials import PLACE, RECORD, Trials, Tried, decided, forget, share_of
from tacit.export.model_folder import weights_of
from tacit.learning import loop
from tacit.learning.feeding import Feeder
from tacit.learning.loop import FILE, Loop
from tacit.learning.recipe import Recipe
from tacit.learning.teaching import fit_modality, teach
from tacit.pretext import auto_list

STEP = 5.0  # seconds that a step takes by the clock of these tests
RECIPE = Recipe(minutes=5, batch=16, seed=3, encoder="dilated", encoder_options={"width": 16, "hidden": 16, "depth": 3})


class Killed(BaseException):
    """What nobody catches."""


class Scores:
    """A judge who has made up their mind."""

    title, points, span, share, labelled, fresh, trust = "accuracy", 100.0, (0.0, 1.0), 0.5, True, None, ""

    def __init__(self, *worth: float) -> None:
        self.worth, self.asked = list(worth), 0

    def values(self, encoder: Any) -> np.ndarray:
        self.asked += 1
        return self.worth[self.asked - 1] + np.array([0.01, 0.0, -0.01])

    def rungs(self, encoder: Any) -> dict[str, np.ndarray]:
        return {}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is what steps take, so that a budget of minutes is the same on every machine."""
    torch.set_num_threads(1)
    now, step = [0.0], Loop._step

    def counted(self: Loop, *arguments: Any) -> Any:
        now[0] += STEP
        return step(self, *arguments)

    monkeypatch.setattr(Loop, "_step", counted)
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: now[0]))


@pytest.fixture
def waves() -> np.ndarray:
    rng = np.random.default_rng(0)
    t = np.arange(48)[None, :, None]
    periods = np.where(np.arange(64) % 2, 8.0, 16.0)[:, None, None]
    return (np.sin(2 * np.pi * (t / periods + rng.random((64, 1, 2)))) + 0.1 * rng.standard_normal((64, 48, 2))).astype(np.float32)


@pytest.fixture
def trials(waves: np.ndarray) -> Callable[..., Trials]:
    pool = open_pool(waves, "series")
    modality = fit_modality(pool, RECIPE)

    def make(place: Path, *worth: float, **options: Any) -> Trials:
        judge = Scores(*worth)
        return Trials(RECIPE, pool, modality, Feeder(pool, modality), ["contrastive", "inpainting"], lambda: judge, place, True, **options)

    return make


def finished(trials: Trials, task: str) -> bytes:
    """Weights of the run that goes on in the trials' place."""
    return weights_of(teach(trials.of(task), trials.pool, trials.place, modality=trials.modality, feeder=trials.feeder).encoder)


def test_small_budgets_bear_no_trials() -> None:
    assert share_of(300, 7, True) == (3, pytest.approx(15)) and share_of(300, 2, True) == (2, pytest.approx(22.5))
    assert share_of(300, 7, False) == (2, pytest.approx(12)) and share_of(200, 7, False) == (1, 0.0)
    assert share_of(140, 7, True) == (2, pytest.approx(10.5)) and share_of(120, 7, True) == share_of(900, 1, True) == (1, 0.0)


def test_the_first_of_the_list_stands_unless_clearly_beaten() -> None:
    noisy = [Tried("first", [0.70, 0.80, 0.60]), Tried("second", [0.73, 0.77, 0.68])]
    assert decided(noisy, Scores())[0] == "first"
    task, why = decided([*noisy, Tried("third", [0.81, 0.90, 0.71])], Scores())
    assert task == "third" and "clearly better than first" in why and "+10.7 points" in why
    task, why = decided([Tried("first", failed="CollapseError: flat"), *noisy[1:]], Scores())
    assert task == "second" and "first failed (CollapseError: flat)" in why
    with pytest.raises(DataError, match="no task could be learned: first: x; second: y"):
        decided([Tried("first", failed="x"), Tried("second", failed="y")], Scores())
    one = [Tried("first", [0.5]), Tried("second", [0.9])]
    assert decided(one, Scores())[0] == "first"  # one split has no error to be clear by


def test_without_labels_only_a_wide_margin_counts() -> None:
    judge = Scores()
    judge.labelled, judge.points = False, 1.0  # type: ignore[misc]
    assert decided([Tried("first", [1.2]), Tried("second", [1.7])], judge)[0] == "first"
    assert decided([Tried("first", [0.2]), Tried("second", [1.7])], judge)[0] == "second"


def test_the_winners_run_is_one_run(trials: Callable[..., Trials], tmp_path: Path) -> None:
    said: list[str] = []
    played = trials(tmp_path / "a", 0.5, 0.9, say=said.append)
    record = played.play()
    assert record.task == "inpainting" and record.facts()["tried"][1]["values"] == pytest.approx([0.91, 0.9, 0.89])
    assert (tmp_path / "a" / FILE).exists() and not (tmp_path / "a" / PLACE).exists()
    assert "contrastive stands unless clearly beaten" in said[0] and len(said) == 3
    unbroken = trials(tmp_path / "b")
    assert finished(played, "inpainting") == finished(unbroken, "inpainting")
    assert played.recipe.minutes == pytest.approx(5 - 22.5 / 60)  # what the other's trial took
    forget(tmp_path / "a")
    assert not (tmp_path / "a" / RECORD).exists()


@pytest.mark.parametrize("moment", [2, 7, "decided"])
def test_a_kill_changes_nothing(trials: Callable[..., Trials], tmp_path: Path, moment: int | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the first trial, in the second, and between the decision and the run."""
    whole = trials(tmp_path / "whole", 0.5, 0.9)
    record = whole.play()
    steps, step = [0], Loop._step

    def dying(self: Loop, *arguments: Any) -> Any:
        steps[0] += 1
        if steps[0] == moment:
            raise Killed
        return step(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_step", dying)
        if moment == "decided":
            patch.setattr(Path, "replace", lambda self, to: (_ for _ in ()).throw(Killed))
        doomed = trials(tmp_path / "killed", 0.5, 0.9)
        with pytest.raises(Killed):
            doomed.play()
    left = [0.9] if moment == 7 else [0.5, 0.9]  # of the second trial's kill the first is on record and is not judged again
    again = trials(tmp_path / "killed", *left)
    assert again.play().facts() == record.facts()
    assert finished(again, record.task) == finished(whole, record.task)


def test_an_interruption_keeps_the_first(trials: Callable[..., Trials], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    step = Loop._step

    def stopping(self: Loop, *arguments: Any) -> Any:
        seen[-1].stop = len(seen) == 2
        return step(self, *arguments)

    monkeypatch.setattr(Loop, "_step", stopping)
    record = trials(tmp_path, 0.5, 0.9, watch=seen.append).play()
    assert record.task == "contrastive" and "interrupted" in record.why and (tmp_path / FILE).exists()


def test_a_record_of_other_settings_is_not_gone_on_from(trials: Callable[..., Trials], tmp_path: Path) -> None:
    trials(tmp_path, 0.5, 0.9).play()
    other = trials(tmp_path, 0.5, 0.9)
    other.tasks = ["contrastive", "isotropic"]
    with pytest.raises(ModelError, match="other settings: tasks"):
        other.play()
    (tmp_path / RECORD).write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        other.play()


@pytest.mark.parametrize(
    ("labels", "seconds", "told"), [(8, 12.0, "8 labels are fewer than 10 and are not used"), (64, 22.5, "2 classes: even 32, odd 32")]
)
def test_what_becomes_of_the_labels_is_said(
    waves: np.ndarray, tmp_path: Path, labels: int, seconds: float, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too few are not used, and buy no larger share of the budget either."""
    monkeypatch.setitem(auto_list.AUTO, "series", (("contrastive", "it won"), ("inpainting", "it won, too")))
    pool = open_pool(waves, "series")
    modality, said = fit_modality(pool, RECIPE), list[str]()
    given = {name: "odd" if i % 2 else "even" for i, name in enumerate(pool.names[:labels])}
    show: Any = SimpleNamespace(say=said.append)
    found = picked(RECIPE, pool, modality, lambda: Feeder(pool, modality), tmp_path, given, False, lambda loop: None, show)
    assert any(told in line for line in said)
    assert found.facts["choice"]["seconds"] == pytest.approx(seconds)
    assert found.facts["choice"]["judged"] == ("accuracy" if labels > 10 else "label-free measures")


def test_learn_tries_and_says_so(waves: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(auto_list.AUTO, "series", (("contrastive", "it won"), ("inpainting", "it won, too")))
    options = {"modality": "series", "minutes": 5, "batch": 16, "encoder": "dilated:width=16,hidden=16,depth=3"}
    learned = tacit.learn(waves, out=tmp_path / "m", **options)
    choice = learned.model.about["choice"]
    assert [t["task"] for t in choice["tried"]] == ["contrastive", "inpainting"] and choice["judged"] == "label-free measures"
    assert choice["task"] in learned.model.about["recipe"]["pretext"] and "first of the list" in choice["why"]
    assert sorted(p.name for p in (tmp_path / "m").iterdir() if p.name in (RECORD, PLACE, FILE)) == []
    loose = tacit.learn(waves, labels=["even" if i % 2 else "odd" for i in range(64)], **options)
    assert loose.model.about["choice"]["judged"] == "accuracy" and len(loose.model.about["choice"]["tried"][0]["values"]) == 5
    assert loose.model.folder is None
    short = tacit.learn(waves, steps=2, **{k: v for k, v in options.items() if k != "minutes"})
    assert "trials need a budget in minutes" in short.model.about["choice"]["why"] and short.model.about["choice"]["tried"] == []

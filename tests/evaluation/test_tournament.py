"""Tournaments: time is equal, halving keeps whoever may still be best, failures are told, and the page says how sure it is."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tacit.contracts.errors import CollapseError, DataError
from tacit.contracts.goal import Goal
from tacit.evaluation.confirming import against_rungs
from tacit.evaluation.judging import LabelFreeJudge, LabelJudge
from tacit.evaluation.labelled import Labelled
from tacit.evaluation.overlap import half_width, standard_error
from tacit.evaluation.standing import Standing, share_first
from tacit.evaluation.tournament import compare
from tacit.nets.encoder import Encoder

WORTH = {"good": 0.9, "fair": 0.8, "poor": 0.6, "bad": 0.5, "slow": 0.7}


class Scores:
    """A judge that reads an encoder's worth off it, with noise by split that all share and noise of its own."""

    title, points, span, share, labelled, trust, fresh = "accuracy", 100.0, (0.0, 1.0), 0.5, True, "Judged by nobody.", None

    def __init__(self, noise: float = 0.01, splits: int = 5) -> None:
        self.noise, self.splits = noise, np.random.default_rng(0).normal(0, 0.1, splits)

    def values(self, encoder: Any) -> np.ndarray:
        rng = np.random.default_rng([encoder.seed, *encoder.task.encode()])
        return WORTH[encoder.task] + self.splits + rng.normal(0, self.noise, len(self.splits))

    def rungs(self, encoder: Any) -> dict[str, np.ndarray]:
        return {"constant": 0.2 + self.splits, "HOG": 0.75 + self.splits}


class Learned:
    """Records what it was asked for."""

    def __init__(self, fails: str = "") -> None:
        self.asked: list[tuple[str, float, int, bool]] = []
        self.fails = fails

    def __call__(self, task: str, seconds: float, seed: int, start: Any) -> Any:
        self.asked.append((task, seconds, seed, start is not None))
        if task == self.fails:
            raise CollapseError("embeddings hardly differ any more.", "Lower the rate.")
        return SimpleNamespace(encoder=SimpleNamespace(task=task, seed=seed))


def test_the_best_wins_with_equal_time() -> None:
    learned = Learned()
    found = compare(learned, ["bad", "good", "fair", "poor"], 100, Scores(), seeds=2, dataset="toys")
    assert found.winner == "good" and [s.task for s in found.standings][:2] == ["good", "fair"]
    assert {s.task: s.out for s in found.standings} == {"good": 0, "fair": 0, "poor": 1, "bad": 1}
    assert sorted({(seconds, go_on) for _, seconds, _, go_on in learned.asked}) == [(50.0, False), (100.0, True)]
    assert len(learned.asked) == 4 * 2 + 2 * 2 + 2 * 2
    assert [(t, s, seed) for t, s, seed, _ in learned.asked[-4:]] == [("good", s, seed) for seed in (2, 3) for s in (50.0, 100.0)]
    assert found.verdict.state == "helps" and found.verdict.rung == "HOG" and found.sure > 0.95
    page = found.markdown()
    for told in ("Use good; it helps", "good stays first in 1", "What would change the answer", "left after a part", "100 s of learning"):
        assert told in page
    assert "HOG" in found.html() and found.model.encoder.task == "good"
    assert {(r.title, r.unit) for r in found.rows()} >= {
        ("good", "final"),
        ("bad", "out in round 1"),
        ("HOG", "rung"),
        ("good", "by what did not choose it"),
        ("HOG", "by what did not choose it"),
    }
    rows = [r for r in found.rows() if np.isfinite(r.low)]
    assert all(0 <= r.low <= r.value <= r.high <= 1 for r in rows) and any(r.high == 1 for r in rows)  # no share is more than all


def test_whoever_is_within_an_error_goes_on() -> None:
    close = compare(Learned(), ["good", "fair", "poor", "bad"], 8, Scores(noise=0.8), seeds=2)
    assert sum(not s.out for s in close.standings) > 2
    assert close.sure < 0.9 and "only" in close.markdown()


def test_what_is_worse_than_a_rung_is_said_so() -> None:
    found = compare(Learned(), ["poor", "bad"], 8, Scores(), seeds=3)
    assert found.verdict.state == "does not help" and "The best task is poor; it does not help" in found.markdown() and "verdict no" in found.html()


def test_a_collapse_is_a_row_and_no_end() -> None:
    found = compare(Learned(fails="good"), ["good", "fair", "poor"], 8, Scores(), seeds=2)
    assert found.winner == "fair" and "hardly differ" in found.markdown()
    assert next(r for r in found.rows() if r.title == "good").failed.startswith("CollapseError")
    with pytest.raises(DataError, match=r"no task could be learned: good: CollapseError"):
        compare(Learned(fails="good"), ["good"], 8, Scores())


def test_without_labels_nothing_is_said_to_help() -> None:
    judge = Scores()
    judge.labelled = False  # type: ignore[misc]
    page = compare(Learned(), ["good", "bad"], 8, judge, seeds=2).markdown()
    assert "whether it helps cannot be" not in page and "no better than untrained" in page  # 0.9 of the untrained encoder's
    WORTH["better"] = 1.8
    page = compare(Learned(), ["better", "bad"], 8, judge, seeds=2).markdown()
    assert "better, as far as can be told without labels; whether it helps cannot be" in page and "it helps on" not in page
    assert "not how likely it is to serve you best" in page and "Labels: twenty a class" in page


def test_what_won_elsewhere_counts_where_there_are_no_labels() -> None:
    judge = Scores()
    judge.labelled = False  # type: ignore[misc]
    found = compare(Learned(), ["good", "fair", "poor", "bad"], 8, judge, seeds=2, prior="poor")
    assert [s.task for s in found.standings][:2] == ["poor", "good"]  # 0.6 counts as 0.9 and is close enough
    assert "poor counts 1.5 times" in found.markdown() and found.standings[0].mean == pytest.approx(0.6 + judge.splits.mean(), abs=0.05)
    WORTH["great"] = 1.9
    assert compare(Learned(), ["great", "poor"], 8, judge, seeds=2, prior="poor").winner == "great"
    assert compare(Learned(), ["good", "poor"], 8, Scores(), seeds=2, prior="poor").winner == "good"  # labels know better
    unsure = compare(Learned(), ["good", "fair"], 8, Scores(noise=0.1), seeds=2, prior="fair")
    assert unsure.winner == "fair" and unsure.standings[1].mean > unsure.standings[0].mean
    assert "good is 1.7 ahead" in unsure.markdown() and "won on other data, is put before it" in unsure.markdown()


def test_errors_count_seeds_and_overlapping_splits() -> None:
    rng = np.random.default_rng(0)
    assert standard_error(np.zeros((1, 1)), 0.5) == np.inf
    by_seed = rng.normal(size=(4, 1)) * np.ones((1, 5))
    assert standard_error(by_seed, 0.5) == pytest.approx(by_seed[:, 0].std(ddof=1) / 2)
    by_split = rng.normal(size=(1, 5)) * np.ones((3, 1))
    assert standard_error(by_split, 0.5) == pytest.approx(by_split[0].std(ddof=1) * (1 / 5 + 0.5) ** 0.5)
    alike = [Standing(t, values=np.full((3, 5), 0.5) + rng.normal(0, 0.1, (3, 5))) for t in "ab"]
    alike.sort(key=lambda s: -s.mean)
    assert share_first(alike) < 0.999 and share_first(alike[:1]) == 1


def test_labels_judge_by_splits_that_are_the_same_for_all(digits: Callable[[str, int], Labelled], small: Encoder) -> None:
    judge = LabelJudge.of(digits("train", 240), Goal(metric="accuracy"), seed=1)
    assert len(judge.splits) == 5 and len({tuple(s.held) for s in judge.splits}) == 5
    values, rungs = judge.values(small), judge.rungs(small)
    assert values.shape == (5,) and np.array_equal(values, judge.values(small))
    assert rungs["HOG + colour histogram"].mean() > values.mean() > rungs["constant"].mean() and "supervised from scratch" not in rungs
    assert judge.fresh is not None and not set(judge.fresh.asked) & set(judge.asked)
    assert not set(np.concatenate([np.concatenate(s[:2]) for s in judge.splits])) & set(judge.fresh.asked)
    assert len(judge.fresh.asked) + len(judge.asked) == 240 and all(len(s.train) + len(s.held) == 240 for s in judge.fresh.splits)
    assert judge.fresh.rungs(small)["constant"].shape == (5,) and judge.fresh.values(small).mean() > 0.3
    assert f"{len(judge.fresh.asked)} others were held back" in judge.trust and "5 splits" in judge.trust


def test_rungs_that_fail_take_no_task_away() -> None:
    class Fallen(Scores):
        def rungs(self, encoder: Any) -> dict[str, np.ndarray]:
            raise RuntimeError("no memory is left")

    steps: list[str] = []
    found = compare(Learned(), ["good", "bad"], 8, Fallen(), seeds=2, progress=lambda what, share: steps.append(what))
    assert found.winner == "good" and found.rungs == {} and steps.count("round 1 of 1: the rungs of the ladder") == 1
    assert "The rungs could not be set beside the tasks: RuntimeError: no memory is left" in found.markdown()


def test_the_rung_that_learns_from_scratch_has_its_time_once(digits: Callable[[str, int], Labelled], small: Encoder) -> None:
    judge = LabelJudge.of(digits("train", 240), Goal(metric="accuracy"), seed=1, seconds=2.0)
    assert judge.fresh is not None and judge.setting.seconds == judge.fresh.setting.seconds == pytest.approx(0.4), "two seconds for five splits"
    rungs = judge.rungs(small)
    assert np.isfinite(rungs["supervised from scratch"]).sum() == 3 and judge.rungs(small) is rungs


def test_few_labels_are_not_held_back_and_the_page_says_so(digits: Callable[[str, int], Labelled]) -> None:
    data = digits("train", 240)
    few = data.take(np.concatenate([np.flatnonzero(data.labels == c)[:5] for c in range(10)]))
    assert LabelJudge.of(few, Goal(metric="accuracy")).fresh is None
    page = compare(Learned(), ["good", "bad"], 8, Scores(), seeds=2).markdown()
    assert "Whether good helps is judged by 2 seeds that chose nothing, on the very labels that chose it" in page


class Lucky(Scores):
    """Judges by luck alone: no task is better than the rung, and every look is noise. fresh: as noisy, but of other labels."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.rng, self.splits = np.random.default_rng(seed), np.zeros(5)

    def values(self, encoder: Any) -> np.ndarray:
        return self.rng.normal(0.5, 0.02, 1) + self.rng.normal(0, 0.01, 5)

    def rungs(self, encoder: Any) -> dict[str, np.ndarray]:
        return {"HOG": np.full(5, 0.5)}


def test_luck_in_choosing_is_not_said_to_help() -> None:
    """Twenty tasks that are all as good as the rung: the winner's own scores promise a gain, new seeds do not."""
    said, chose = [], []
    for seed in range(40):
        found = compare(Learned(), [f"task{i}" for i in range(20)], 8, Lucky(seed), seeds=3)
        said.append(found.verdict)
        chose.append(against_rungs(found.standings[0].values, found.rungs, found.judge))
    assert np.mean([v.gain for v in chose]) > 0.01
    assert abs(np.mean([v.gain for v in said])) < 0.006 and sum(v.state == "helps" for v in said) <= 3


def test_a_new_seed_that_collapses_is_told() -> None:
    class Fickle(Learned):
        def __call__(self, task: str, seconds: float, seed: int, start: Any) -> Any:
            if seed >= bad:
                raise CollapseError("embeddings hardly differ any more.", "Lower the rate.")
            return super().__call__(task, seconds, seed, start)

    bad = 3
    found = compare(Fickle(), ["good", "poor"], 8, Scores(), seeds=2)
    assert "1 of 2 of those seeds failed: CollapseError" in found.markdown() and len(found.confirmed.values) == 1
    bad = 2
    found = compare(Fickle(), ["good", "poor"], 8, Scores(), seeds=2)
    page = found.markdown()
    assert found.verdict.state == "unknown" and "none of the new seeds could be learned" in found.verdict.sentence and "Not worth it yet" in page
    assert "of 2 seeds that chose nothing none could be learned" in page and "is judged by" not in page and "get past" not in page
    assert next(r for r in found.rows() if (r.title, r.unit) == ("good", "by what did not choose it")).seeds == 0


def test_a_judge_that_fails_in_the_end_does_not_take_the_winner_away() -> None:
    class Broken(Scores):
        def values(self, encoder: Any) -> np.ndarray:
            raise ValueError("only one class is there")

        def rungs(self, encoder: Any) -> dict[str, np.ndarray]:
            raise ValueError("only one class is there")

    judge = Scores()
    judge.fresh = Broken()  # type: ignore[misc,assignment]
    found = compare(Learned(), ["good", "poor"], 8, judge, seeds=2)
    assert found.winner == "good" and found.model.encoder.task == "good" and found.verdict.state == "unknown"
    assert "only one class is there" in found.markdown() and found.rows()


def test_a_rung_without_a_number_is_no_rival() -> None:
    mine, none = 0.6 + 0.01 * np.arange(5)[None, :] * np.ones((3, 1)), np.full(5, np.nan)
    said = against_rungs(mine, {"lost": none, "HOG": np.full(5, 0.5)}, Scores())
    assert said.rung == "HOG" and said.gain == pytest.approx(0.12)
    assert "no rung was run" in against_rungs(mine, {"lost": none}, Scores()).sentence


def test_one_split_of_one_seed_lets_the_labels_speak() -> None:
    """It has no error, which once meant: the list's first is never clearly beaten."""
    found = compare(Learned(), ["good", "bad"], 8, Scores(splits=1), seeds=1, prior="bad")
    assert found.winner == "good" and "one seed and one split, which have no error" in found.markdown()


class Late(Learned):
    """Some tasks collapse in the second round."""

    def __init__(self, *late: str) -> None:
        super().__init__()
        self.late = late

    def __call__(self, task: str, seconds: float, seed: int, start: Any) -> Any:
        if start is not None and task in self.late:
            raise CollapseError("embeddings hardly differ any more.", "Lower the rate.")
        return super().__call__(task, seconds, seed, start)


def test_what_collapsed_later_is_not_said_to_be_ahead() -> None:
    found = compare(Late("good"), ["good", "fair", "poor", "bad"], 8, Scores(), seeds=2)
    page = found.markdown()
    assert found.winner == "fair" and "good failed: CollapseError" in page and "good is" not in page and "good:" not in page
    row = next(r for r in found.rows() if r.title == "good")
    assert np.isnan(row.value) and row.failed and row.unit == "failed"


def test_where_all_that_went_on_collapsed_the_best_of_the_others_is_kept() -> None:
    found = compare(Late("good", "fair"), ["good", "fair", "poor", "bad"], 8, Scores(), seeds=2)
    assert found.winner == "poor" and "Whatever went on after round 1 failed" in found.markdown() and "4 s of learning" in found.markdown()


def test_one_task_alone_needs_no_new_seeds() -> None:
    learned = Learned()
    found = compare(learned, ["good"], 8, Scores(), seeds=2)
    assert len(learned.asked) == 2 and found.confirmed.seconds == 0 and "good being the only task" in found.markdown()


def test_without_labels_a_collapsed_encoder_is_ruled_out(digits: Callable[[str, int], Labelled], small: Encoder) -> None:
    judge = LabelFreeJudge(digits("train", 200).samples, ("flip",))
    sound = judge.values(small)
    with torch.no_grad():
        for weights in small.layers[3].parameters():
            weights.mul_(1e-3)
        small.layers[4].weight.mul_(1e-3)
        small.layers[4].bias.fill_(1.0)
    assert judge.values(small)[0] < 0.7 * sound[0] and 0.3 < sound[0] < 3
    assert judge.rungs(small)["the same encoder untrained"].tolist() == [1.0]
    assert "no labels" in judge.trust and "cannot be compared" in judge.trust


def test_an_interval_over_three_seeds_has_the_freedom_of_three_seeds() -> None:
    """Seeds that differ and splits that do not: the five splits must not lend their freedom to the three seeds."""
    values = np.array([[0.7], [0.8], [0.9]]) + np.zeros((3, 5))
    assert half_width(values, 0.5) == pytest.approx(4.303 * 0.1 / 3**0.5, rel=1e-3)
    assert half_width(values.T, 0.5) == pytest.approx(4.303 * 0.1 * (1 / 3 + 0.5) ** 0.5, rel=1e-3)
    assert half_width(values[:1, :1], 0.5) == np.inf

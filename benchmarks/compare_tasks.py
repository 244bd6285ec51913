"""Does `compare` find the truly best task? Six tasks on four sets, two seeds: the tournament's first two beside the truth.

    TACIT_DATA=… python -m benchmarks.compare_tasks --keep FOLDER [--sets …] [--minutes 5] [--out benchmarks/results/compare_tasks.md]
    python -m benchmarks.compare_tasks --keep FOLDER --only-table --out benchmarks/results/compare_tasks.md

Truth: every task has the full budget with two seeds of its own, read by ridge on up to 2,000 training labels and judged on up to 2,000 samples of
the official test. A task is as good as the best where its paired difference is within one standard error, over the seeds or over the test samples,
whichever is larger. The tournament has other seeds and the full budget for each finalist: with ten labels a class of the training part, and
without any; both judge the same encoders where they ask for the same ones. "Within" says whether one of its first two is as good as the best; "by
chance" how often two tasks drawn blindly would be. Minutes are of the process' CPU time, on one thread. Labels of the training part are read for the
reading alone, never for learning. What is in FOLDER is not done again: a run that was cut goes on, and --only-table makes a table of what is there.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.quality_images import SETS as PICTURES
from benchmarks.series_sets import archive, folder
from benchmarks.tables import write
from tacit.app.checking import look
from tacit.app.showing import Screen
from tacit.connect.labels import read_labels
from tacit.connect.open_pool import open_pool
from tacit.contracts.errors import TacitError
from tacit.contracts.goal import Goal
from tacit.evaluation.embedding import FrozenEncoder, read_pool
from tacit.evaluation.judging import judge_of
from tacit.evaluation.labelled import Labelled, coded
from tacit.evaluation.metric import Metric
from tacit.evaluation.rungs.untrained import readings
from tacit.evaluation.setting import Setting
from tacit.evaluation.tournament import compare
from tacit.export.model_folder import SampleModel, holds_model, load, save
from tacit.learning import loop, pacing
from tacit.learning.feeding import Feeder
from tacit.learning.recipe import Recipe
from tacit.learning.teaching import fit_modality, teach
from tacit.pretext.auto_list import AUTO

TASKS = {
    "image": ("contrastive", "rotation", "vicreg", "autoencoding", "isotropic", "distillation"),
    "series": ("contrastive", "contextual", "inpainting", "isotropic", "distillation", "autoencoding"),
    "text": ("contrastive", "vicreg", "byol", "isotropic", "masked", "nextsentence"),
}
TRUE_SEEDS, SEEDS, PLENTY, FEW = (100, 101), 2, 2000, 10
EARLY = (0.05, 0.15)  # shares of the budget at which weights are kept, too
ROWS = {"labels": "ten labels a class", "none": "no labels"}


class Case(NamedTuple):
    """A set to learn from, its answers by row, and its official test."""

    train: Any
    test: Any
    answers: NDArray[Any]
    test_answers: NDArray[Any]


def case_of(name: str) -> Case:
    if name in PICTURES:
        parts = PICTURES[name]()
        return Case(
            parts.train, parts.test, *(read_labels(a, p).values for a, p in ((parts.train_labels, parts.train), (parts.test_labels, parts.test)))
        )
    if name == "ag_news":
        root = folder() / "text_ag_news"
        pools = [open_pool(str(root / f"{side}.csv.gz"), "text") for side in ("train", "test")]
        answers = (read_labels(str(root / "labels" / f"{side}_labels.csv"), pool).values for side, pool in zip(("train", "test"), pools, strict=True))
        return Case(*pools, *answers)
    data = archive(name)
    return Case(open_pool(data.train, "series"), open_pool(data.test, "series"), data.train_answers, data.test_answers)


SETS = ("mnist", "flowers", "JapaneseVowels", "ag_news")


class Bench:
    """One set: its encoders, each learned once and kept in a folder."""

    def __init__(self, name: str, keep: Path, seconds: float) -> None:
        self.name, self.keep, self.seconds, self.case = name, keep / f"{name}-{seconds:g}s", seconds, case_of(name)
        recipe = Recipe(device="cpu")
        self.modality = fit_modality(self.case.train, recipe)
        self.recipe, _ = look(self.case.train, self.modality, recipe, False, None, Screen(quiet=True))
        self.feeder = Feeder(self.case.train, self.modality)
        self.tasks = TASKS[self.modality.name]
        self.setting: Setting | None = None

    def true(self, task: str, seed: int) -> None:
        """Learned whole and judged, where that is not done yet."""
        at = self.keep / "truth" / f"{task}-{seed}"
        if (at / "right.npy").exists() or (at / "refused.txt").exists():
            return
        at.mkdir(parents=True, exist_ok=True)
        seen: list[Any] = []

        def early(line: dict[str, float], share: float) -> None:
            for k, wanted in enumerate(EARLY):
                if share >= wanted and len(seen) == k + 1:
                    seen.append(share)
                    torch.save({n: v.clone() for n, v in seen[0].learner.encoder.state_dict().items()}, at / f"early-{k}.pt")

        wish = replace(self.recipe, pretext={task: 1.0}, seed=seed, minutes=self.seconds / 60)
        try:
            model = teach(wish, self.case.train, modality=self.modality, feeder=self.feeder, report=early, begun=seen.append)
        except TacitError as e:
            (at / "refused.txt").write_text(f"{type(e).__name__}: {e}")
            return
        save(model, at)
        np.save(at / "right.npy", self.right(model))

    def right(self, model: SampleModel) -> NDArray[np.bool_]:
        """By sample of the official test, with plenty of labels."""
        if self.setting is None:
            sides = ((self.case.train, self.case.answers), (self.case.test, self.case.test_answers))
            drawn = [np.sort(np.random.default_rng([9, k]).permutation(len(pool))[:PLENTY]) for k, (pool, _) in enumerate(sides)]
            found = [read_pool(pool, self.modality, rows)[0] for (pool, _), rows in zip(sides, drawn, strict=True)]
            *codes, classes = coded(*(answers[rows] for (_, answers), rows in zip(sides, drawn, strict=True)), "classes")
            train, test = (Labelled(self.modality.layout, samples, code, classes) for samples, code in zip(found, codes, strict=True))
            goal = Goal(metric="accuracy")
            self.setting = Setting(train, test, goal, Metric(goal, train.labels, classes))
        answer = readings("ours", "ours", FrozenEncoder(model.encoder), self.setting).answers(self.setting, [np.arange(len(self.setting.train))])[0]
        assert answer is not None
        return np.asarray(answer.scores.argmax(1) == self.setting.test.labels)

    def learn(self, task: str, seconds: float, seed: int, resumed: Any) -> SampleModel:
        """As `tacit compare` learns; once for both rows. Seeds that only the verdict on the winner asks for are not learned: it isn't shown here."""
        seed %= SEEDS
        at = self.keep / "compare" / f"{task}-{seed}-{seconds:g}"
        if holds_model(at):
            return load(at)
        spent = 0.0 if resumed is None else float(resumed.about["tournament_seconds"])
        wish = replace(self.recipe, pretext={task: 1.0}, seed=seed, minutes=(seconds - spent) / 60)
        told = {"tournament_seconds": seconds}
        model = teach(wish, self.case.train, start=resumed, modality=self.modality, feeder=self.feeder, about=told)
        save(model, at)
        return model

    def played(self, row: str) -> None:
        """A tournament with few labels or with none."""
        path = self.keep / f"compare-{row}.json"
        if path.exists():
            return
        rng, classes = np.random.default_rng(3), np.unique(self.case.answers)
        rows = np.concatenate([rng.permutation(np.flatnonzero(self.case.answers == c))[:FEW] for c in classes])
        names = {self.case.train.names[int(r)]: str(self.case.answers[r]) for r in rows}
        known = read_labels(names, self.case.train, kind="class") if row == "labels" else None
        judge = judge_of(
            self.modality,
            self.case.train,
            known,
            Goal(metric="accuracy"),
            np.random.default_rng(0),
            0.0,
            self.recipe.forbidden,
            self.recipe.view_options,
        )
        found = compare(self.learn, self.tasks, self.seconds, judge, SEEDS, self.name, prior=AUTO[self.modality.name][0][0])
        said = [{"task": s.task, "mean": s.mean if s.values.size else None, "out": s.out, "failed": s.failed} for s in found.standings]
        path.write_text(json.dumps({"standings": said, "sure": found.sure}))


def within(right: dict[str, NDArray[np.bool_]]) -> dict[str, tuple[float, float]]:
    """{task: (difference from the best, its standard error)} of right [seeds, test samples], in points; the best first."""
    best = max(right, key=lambda task: right[task].mean())
    found = {}
    for task in sorted(right, key=lambda t: -right[t].mean()):
        apart = 100.0 * (right[task].astype(float) - right[best])
        by_seed = apart.mean(1).std(ddof=1) / len(apart) ** 0.5 if len(apart) > 1 else 0.0
        by_sample = apart.mean(0).std(ddof=1) / apart.shape[1] ** 0.5
        found[task] = (float(apart.mean()), float(max(by_seed, by_sample)))
    return found


def table(keep: Path, seconds: float) -> list[tuple[str, list[dict[str, object]]]]:
    """What there is so far: one line a set and row, then one table of the truth a set."""
    summary: list[dict[str, object]] = []
    parts: list[tuple[str, list[dict[str, object]]]] = []
    for name in SETS:
        root = keep / f"{name}-{seconds:g}s"
        files: dict[str, list[Path]] = {}
        for path in sorted(root.glob("truth/*/right.npy")):
            files.setdefault(path.parent.name.rpartition("-")[0], []).append(path)
        least = min(map(len, files.values()), default=0)  # a run that was cut may have one seed of all tasks, and two of some
        right = {task: np.array([np.load(p) for p in paths[:least]]) for task, paths in files.items()}
        if len(right) < 2 or not least:
            continue
        apart, order = within(right), {}
        good = [task for task, (off, error) in apart.items() if off >= -error]
        pairs = list(itertools.combinations(right, 2))
        chance = np.mean([any(t in good for t in pair) for pair in pairs])
        for row, title in ROWS.items():
            if not (root / f"compare-{row}.json").exists():
                continue
            told = json.loads((root / f"compare-{row}.json").read_text())
            order[row] = [s["task"] for s in told["standings"]]
            first = order[row][:2]
            lost = min(abs(apart[t][0]) for t in first if t in apart)
            line: dict[str, object] = {"set": name, "judged by": title, "first two": ", ".join(first), "as good as the best": ", ".join(good)}
            yes = "yes" if set(first) & set(good) else "no"
            summary.append(line | {"within": yes, "points lost": f"{lost:.1f}", "by chance": f"{chance:.0%}", "winner stays": f"{told['sure']:.0%}"})
        rows: list[dict[str, object]] = []
        for task, (off, error) in apart.items():
            means = 100 * right[task].mean(1)
            line = {"task": task, "true, seed by seed": " / ".join(f"{m:.1f}" for m in means), "from the best": f"{off:+.1f} ± {error:.1f}"}
            rows.append(line | {f"place, {ROWS[row]}": places.index(task) + 1 for row, places in order.items()})
        told = "1 seed" if least == 1 else f"{least} seeds"
        parts.append((f"\n## {name}, {right[task].shape[1]} test samples, truth by {told}", rows))
    note = f"{seconds:g} CPU-seconds for each encoder (the tournament's finalists have had as many in all)."
    if seconds < 300:
        note += (
            f" The target is stated for 5 minutes, which is {300 / seconds:.0f} times as long and was not run: what holds here need not hold there."
        )
    return [(note, summary), *parts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--minutes", type=float, default=5.0, help="of CPU time for each encoder")
    parser.add_argument("--keep", type=Path, required=True, help="folder for encoders and what came of them")
    parser.add_argument("--only-table", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    clock = type("Clock", (), {"monotonic": staticmethod(time.process_time)})
    loop.time = pacing.time = clock  # type: ignore[attr-defined]  # budgets are of CPU time: other work on the machine must not shorten them
    seconds = 60 * given.minutes
    if not given.only_table:
        benches = [Bench(name, given.keep, seconds) for name in given.sets]
        for seed in TRUE_SEEDS:
            for bench in benches:
                for task in bench.tasks:
                    bench.true(task, seed)
                    print(bench.name, task, seed, f"{time.process_time():.0f} s", flush=True)
            for bench in benches:  # after the first seed of the truth, so that a run that is cut leaves a table
                for row in ROWS:
                    bench.played(row)
                    print(bench.name, ROWS[row], f"{time.process_time():.0f} s", flush=True)
    write(given.out, "Does `compare` find the best task?", __doc__ or "", table(given.keep, seconds))


if __name__ == "__main__":
    main()

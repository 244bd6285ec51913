"""Quality on texts: frozen encoders taught on a set's own unlabelled text against the whole null ladder, with few labels.

    TACIT_DATA=... python -m benchmarks.quality_text [--sets ag_news …] [--methods start …] [--seeds 5] [--budgets 10] [--out PAGE]

Every seed teaches an encoder on all training texts without labels and draws the labels anew; all contestants get the same draws, and choose
their strength (and variant) by the same folds of those labels. "TF-IDF + logistic" is the usual pipeline, five values of C; the rung "TF-IDF" is
read off by ridge like ours. Method "start" is the bagged encoder as it begins, from which words share texts, without a step of gradient
descent. The test texts are looked at once for each line. ± is half of a 95 % interval over the seeds (Student's t); gains are seed by seed.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import t as student
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from benchmarks.corpora import home
from benchmarks.tables import write
from tacit.contracts.catalog import load
from tacit.contracts.goal import Goal
from tacit.contracts.pool import Pool
from tacit.evaluation.contestant import Answer, Contestant, Frozen, Variant
from tacit.evaluation.embedding import FrozenEncoder
from tacit.evaluation.labelled import Labelled, coded
from tacit.evaluation.metric import Metric
from tacit.evaluation.rung import ladder
from tacit.evaluation.setting import Setting
from tacit.learning.learner import Learner
from tacit.learning.settings import pace, settle
from tacit.modalities.text import Text
from tacit.nets.encoder import Batch, Encoder

SETS = ("ag_news", "dbpedia14", "sst2")
RIVAL = "TF-IDF + logistic"


class Method(NamedTuple):
    """encoder and tasks by name, with what differs from their defaults; steps, rate: of teaching."""

    encoder: str
    options: dict[str, Any]
    tasks: dict[str, dict[str, Any]]
    steps: int = 300
    rate: float | None = None


METHODS = {
    "start": Method("bagged", {}, {}, 0),
    "contrastive": Method("bagged", {}, {"contrastive": {}}, 100),
    "masked": Method("transformer", {}, {"masked": {}}),
    "transformer-contrastive": Method("transformer", {}, {"contrastive": {}}),
    "nexttoken": Method("gpt", {}, {"nexttoken": {}}),
}


class Texts(Pool):
    """A list of texts as a pool."""

    def __init__(self, texts: Sequence[str], described: str) -> None:
        self.texts, self.modality, self.columns, self.described = texts, "text", {}, described
        self.names = [str(i) for i in range(len(texts))]

    @classmethod
    def accepts(cls, source: Any) -> bool:
        return isinstance(source, list)

    def read(self, at: Any) -> list[Any]:
        return [self.texts[int(i)] for i in at]


class Usual(Contestant):
    """TF-IDF and logistic regression, C chosen on the same folds as everyone's strength."""

    strengths = (0.1, 1.0, 10.0, 100.0, 1000.0)

    def answers(self, setting: Setting, draws: Sequence[NDArray[np.int64]]) -> list[Answer | None]:
        weigh = TfidfVectorizer(sublinear_tf=True).fit(setting.train.texts)
        train, test = weigh.transform(setting.train.texts), weigh.transform(setting.test.texts)
        found: list[Answer | None] = []
        for rows in draws:
            X, y = train[rows], setting.train.labels[rows]
            valued = np.zeros(len(self.strengths))
            for part in setting.folds(rows)[:5]:
                rest = np.setdiff1d(np.arange(len(rows)), part)
                valued += [(self.fitted(C, X[rest], y[rest]).predict(X[part]) == y[part]).sum() for C in self.strengths]
            C = self.strengths[int(valued.argmax())]
            found.append(Answer(self.fitted(C, X, y).predict_proba(test), f"C = {C:g}", float(valued.max() / len(rows))))
        return found

    @staticmethod
    def fitted(C: float, X: Any, y: NDArray[np.int64]) -> LogisticRegression:
        return LogisticRegression(C=C, max_iter=200).fit(X, y)


def read_set(name: str) -> tuple[list[str], NDArray[Any], list[str], NDArray[Any]]:
    """(training texts, their labels, test texts, theirs); labels are for drawing and judging alone."""
    folder = home() / f"text_{name}"
    sides: list[Any] = []
    for side in ("train", "test"):
        if name == "sst2":
            texts = (folder / f"{side}.txt").read_text("utf-8").splitlines()
            labels = (folder / "labels" / f"{side}_labels.txt").read_text().split()
        else:
            with gzip.open(folder / f"{side}.csv.gz", "rt", encoding="utf-8", newline="") as file:
                texts = [row["text"] for row in csv.DictReader(file)]
            with (folder / "labels" / f"{side}_labels.csv").open(newline="") as file:
                labels = [row["label"] for row in csv.DictReader(file)]
        sides += [texts, np.array(labels)]
    return tuple(sides)  # type: ignore[return-value]


def teach(method: Method, setting: Setting, seed: int) -> tuple[Encoder, float]:
    """(encoder taught on the training texts without labels, CPU seconds)."""
    samples, layout, begun = setting.train.samples, setting.train.layout, time.process_time()
    encoder: Encoder = load("encoder", method.encoder)(layout, seed=seed, **method.options)
    encoder.begin(samples)
    if method.steps:
        views = load("views", "text")(layout, encoder.patch)
        tasks = {name: load("pretext task", name)(encoder, seed=seed + 1, **options) for name, options in method.tasks.items()}
        settings = settle(len(samples.values), None, method.rate)
        learner = Learner(encoder, tasks, dict.fromkeys(tasks, 1.0), views, seed, settings.rate, settings.decay)
        rng, order = np.random.default_rng(seed), np.zeros(0, np.int64)
        for step in range(method.steps):
            if len(order) < settings.batch:
                order = rng.permutation(len(samples.values))
            rows, order = order[: settings.batch], order[settings.batch :]
            learner.step(Batch.of(samples.take(rows)), pace(step, method.steps, settings.warm), step / method.steps)
    return encoder, time.process_time() - begun


def one_seed(name: str, methods: dict[str, Method], budgets: list[int], seconds: float, seed: int, most: int) -> dict[tuple[str, int], float]:
    """{(contestant, labels a class): accuracy}."""
    texts, answers, test_texts, test_answers = read_set(name)
    rng = np.random.default_rng([seed, 17])
    modality = Text.fit(Texts(texts, name), np.random.default_rng(0))
    if len(test_texts) > most:
        some = np.random.default_rng(0).permutation(len(test_texts))[:most]
        test_texts, test_answers = [test_texts[i] for i in some], test_answers[some]
    samples, test = (modality.arrays(side, side)[0] for side in (texts, test_texts))
    labels, test_labels, classes = coded(answers, test_answers, "classes")
    goal = Goal("accuracy", kind="classes")
    train = Labelled(modality.layout, samples, labels, classes, texts)
    setting = Setting(
        train,
        Labelled(modality.layout, test, test_labels, classes, test_texts),
        goal,
        Metric(goal, labels, classes),
        name=name,
        seed=seed,
        seconds=seconds,
    )
    ours: list[Contestant] = [Usual("usual", RIVAL)]
    for title, method in methods.items():
        encoder, took = teach(method, setting, seed)
        sides = [FrozenEncoder(encoder).embed(side.samples) for side in (setting.train, setting.test)]
        ours.append(Frozen(title, f"ours: {title}", {"pooled": Variant(sides[0], sides[1], sides[0])}))
        setting.encoder = setting.encoder or encoder
        print(f"{name}, seed {seed}: {title} taught in {took:.0f} s", flush=True)
    draws = [np.sort(np.concatenate([rng.permutation(np.flatnonzero(labels == k))[:many] for k in np.unique(labels)])) for many in budgets]
    found = {}
    for contestant in (*ours, *ladder(setting)[0]):
        for many, answer in zip(budgets, contestant.answers(setting, draws), strict=True):
            if answer is not None:
                found[contestant.title, many] = setting.score(answer.scores)
    return found


def half_width(values: NDArray[Any]) -> float:
    n = len(values)
    return float(values.std(ddof=1) / n**0.5 * student.ppf(0.975, n - 1)) if n > 1 else float("nan")


def rows_of(found: list[dict[tuple[str, int], float]]) -> list[dict[str, object]]:
    """One row a contestant, one column a budget; beside it what it gains on TF-IDF + logistic."""
    rows: list[dict[str, object]] = []
    for contestant in dict.fromkeys(key[0] for one in found for key in one):
        row: dict[str, object] = {"contestant": contestant}
        for many in dict.fromkeys(key[1] for key in found[0]):
            scores = np.array([one[contestant, many] for one in found]) * 100
            less = scores - np.array([one[RIVAL, many] for one in found]) * 100
            row[f"{many} a class"] = f"{scores.mean():.1f} ± {half_width(scores):.1f}"
            row[f"over {RIVAL}, {many}"] = "" if contestant == RIVAL else f"{less.mean():+.1f} ± {half_width(less):.1f}"
        rows.append(row)
    return rows


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    options.add_argument("--methods", nargs="+", choices=METHODS, default=["start"])
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--budgets", nargs="+", type=int, default=[10], help="labels a class")
    options.add_argument("--seconds", type=float, default=20.0, help="for each supervised training; 0: none")
    options.add_argument("--most", type=int, default=8000, help="test texts")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    tables = []
    for name in given.sets:
        methods = {m: METHODS[m] for m in given.methods}
        found = [one_seed(name, methods, given.budgets, given.seconds, seed, given.most) for seed in range(given.seeds)]
        tables.append((f"## {name} (accuracy, points; {given.seeds} seeds)", rows_of(found)))
    write(given.out, "Quality on texts", __doc__ or "", tables)


if __name__ == "__main__":
    main()

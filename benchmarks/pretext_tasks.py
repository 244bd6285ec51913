"""Which pretext tasks are worth their time: every task on a real set of each modality, against its own untrained encoder.

Equal CPU time for every task, one encoder a modality (tasks that look forward only get the causal one), settings of `tacit learn` but for the
batch, several seeds. A ridge probe on few labels and up to 10 nearest neighbours (cosine) read the frozen embeddings, mean over five draws of labels;
the untrained encoder has the same first weights, and its batch norms have seen the data. A task may be chosen by `auto` where the probe's gain is
above two standard errors over the seeds. With three seeds that is a weak bar: where nothing helps, about one task in eleven passes it (Student's t, 2
degrees of freedom, one side); "clearly" marks gains above 4.3, which one in forty does.
The encoder of a row is the modality's usual one of the day on which it was measured.

    TACIT_DATA=… python -m benchmarks.pretext_tasks --runs runs.jsonl --seeds 3
    python -m benchmarks.pretext_tasks --runs runs.jsonl --out benchmarks/results/pretext_tasks.md --only-table
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import RidgeClassifierCV
from sklearn.neighbors import KNeighborsClassifier

from benchmarks.series_sets import archive
from tacit.connect.labels import read_labels
from tacit.connect.open_pool import open_pool
from tacit.contracts.catalog import load, names
from tacit.contracts.errors import TacitError
from tacit.contracts.layout import Layout, Samples
from tacit.learning.feeding import Feeder
from tacit.learning.learner import Learner
from tacit.learning.recipe import ENCODERS, SUITED, Recipe
from tacit.learning.sampling import Sampler
from tacit.learning.settings import pace, settle
from tacit.learning.teaching import fit_modality
from tacit.nets.encoder import Batch, Encoder

A_CLASS = {"cifar10": 50, "ag_news": 50, "BasicMotions": 1, "JapaneseVowels": 3, "ItalyPowerDemand": 3}  # labels
DRAWS = 5  # of labels, averaged
SECONDS = {"image": 10.0, "text": 15.0, "series": 3.0}  # of CPU, for each run
BATCH = 64  # what `tacit learn` would take makes too few steps in so short a time
TESTED = 1500


class Set(NamedTuple):
    """A set to learn from and to be judged on. Labels of the training part are read for the probe alone."""

    name: str
    layout: Layout
    train: Samples
    answers: NDArray[Any]
    test: Samples
    test_answers: NDArray[Any]


def from_files(name: str, modality: str, train: str, test: str, labels: str, test_labels: str, **wishes: Any) -> Set:
    """A set in files of TACIT_DATA."""
    root = Path(os.environ["TACIT_DATA"]) / name
    recipe = Recipe(modality=modality, wishes=wishes)
    pool = open_pool(str(root / train), modality)
    fitted = fit_modality(pool, recipe)
    parts: list[Any] = []
    for source, answers in ((pool, labels), (open_pool(str(root / test), modality), test_labels)):
        known = read_labels(str(root / "labels" / answers), source, kind="class")
        rows = known.rows if source is pool else np.sort(np.random.default_rng(0).permutation(known.rows)[:TESTED])
        feeder = Feeder(source, fitted)
        parts += [feeder.read(rows), known.values[np.searchsorted(known.rows, rows)]]
        feeder.close()
    return Set(name.split("_", 1)[1], fitted.layout, *parts)


def from_archive(name: str) -> Set:
    """A set of the UCR archive, official split."""
    data = archive(name)
    recipe = Recipe(modality="series")
    pool = open_pool(data.train, "series")
    fitted = fit_modality(pool, recipe)
    train, test = (Feeder(open_pool(part, "series"), fitted).read(np.arange(len(part))) for part in (data.train, data.test))
    return Set(name, fitted.layout, train, data.train_answers, test, data.test_answers)


SETS = {
    "cifar10": lambda: from_files("image_cifar10", "image", "train.zip", "test.zip", "train_labels.csv", "test_labels.csv"),
    "BasicMotions": lambda: from_archive("BasicMotions"),
    "JapaneseVowels": lambda: from_archive("JapaneseVowels"),
    "ItalyPowerDemand": lambda: from_archive("ItalyPowerDemand"),
    "ag_news": lambda: from_files(
        "text_ag_news", "text", "train.csv.gz", "test.csv.gz", "train_labels.csv", "test_labels.csv", length=32, vocabulary=2000
    ),
}


@torch.no_grad()
def embedded(encoder: Encoder, samples: Samples) -> NDArray[np.float32]:
    """[n, D] of the encoder as it is used."""
    encoder.eval()
    return np.concatenate([encoder(Batch.of(samples.take(slice(s, s + 256)))).pooled.numpy() for s in range(0, len(samples.values), 256)])


def judged(encoder: Encoder, data: Set, seed: int) -> dict[str, float]:
    """Accuracy of both readings in points, mean over draws of labels, which are the same for all tasks of one seed."""
    most, tested = A_CLASS[data.name], embedded(encoder, data.test)
    found: dict[str, list[float]] = {"probe": [], "neighbours": []}
    for draw in range(DRAWS):
        rng = np.random.default_rng([seed, 5, draw])
        rows = np.concatenate([rng.permutation(np.flatnonzero(data.answers == c))[:most] for c in np.unique(data.answers)])
        x, answers = embedded(encoder, data.train.take(rows)), data.answers[rows]
        middle, width = x.mean(0), x.std(0) + 1e-6
        x, y = (x - middle) / width, (tested - middle) / width
        probe = RidgeClassifierCV(np.logspace(-1, 5, 13)).fit(x, answers)
        near = KNeighborsClassifier(min(10, most), metric="cosine").fit(x, answers)
        for name, model in (("probe", probe), ("neighbours", near)):
            found[name].append(100 * float((model.predict(y) == data.test_answers).mean()))
    return {name: float(np.mean(values)) for name, values in found.items()}


def encoder_of(task: str, data: Set, seed: int) -> Encoder:
    modality = data.layout.modality
    name = SUITED.get(task, {}).get(modality, ENCODERS[modality])
    encoder: Encoder = load("encoder", name)(data.layout, seed=seed)
    return encoder


def untrained(task: str, data: Set, seed: int) -> dict[str, float]:
    """As a task would be judged that taught nothing."""
    encoder = encoder_of(task, data, seed).train()
    with torch.no_grad():
        for start in range(0, min(len(data.train.values), 16 * 128), 128):
            encoder(Batch.of(data.train.take(slice(start, start + 128))))
    return judged(encoder, data, seed)


def taught(task: str, data: Set, seed: int, seconds: float) -> dict[str, float]:
    """CPU seconds of learning, then judged. Raises TacitError where the task can't be set."""
    encoder = encoder_of(task, data, seed)
    views = load("views", data.layout.modality)(data.layout, encoder.patch)
    part = load("pretext task", task)
    if reason := part.refuses(encoder, views):
        raise TacitError(reason)
    settings = settle(len(data.train.values), min(BATCH, len(data.train.values) // 2))
    learner = Learner(encoder, {task: part(encoder, seed=seed + 101)}, {task: 1.0}, views, seed, settings.rate, settings.decay)
    sampler = Sampler(np.arange(len(data.train.values)), settings.batch, seed)
    begun, spent, losses = time.process_time(), 0.0, []
    while spent < seconds:
        share = spent / seconds
        outcome = learner.step(Batch.of(data.train.take(sampler.next())), pace(int(1000 * share), 1000, settings.warm), share)
        losses.append(float(outcome.loss))
        spent = time.process_time() - begun
    return {**judged(encoder, data, seed), "steps": len(losses), "first": float(np.mean(losses[:5])), "last": float(np.mean(losses[-5:]))}


def run(sets: list[str], tasks: list[str], seeds: range, longer: float, path: Path) -> None:
    """Appends one line a run; what is there already is not run again."""
    done = {(r["set"], r["task"], r["seed"]) for r in lines(path)}
    for seed in seeds:
        for name in sets:
            data = SETS[name]()
            seconds = longer * SECONDS[data.layout.modality]
            base: dict[str, dict[str, float]] = {}
            for task in tasks:
                if (name, task, seed) in done:
                    continue
                encoder = type(encoder_of(task, data, seed)).__name__
                row: dict[str, Any] = {
                    "set": name,
                    "modality": data.layout.modality,
                    "task": task,
                    "seed": seed,
                    "seconds": seconds,
                    "encoder": encoder,
                }
                try:
                    row |= taught(task, data, seed, seconds)
                    base.setdefault(encoder, untrained(task, data, seed))
                    row |= {f"{k}_untrained": v for k, v in base[encoder].items()}
                except TacitError as e:
                    row["refused"] = str(e)
                with path.open("a") as f:
                    f.write(json.dumps(row) + "\n")
                print(row, flush=True)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def table(rows: list[dict[str, Any]]) -> str:
    """One table a set, the best gain first; what was refused below it."""
    out = [f"# Pretext tasks against their untrained encoders\n\n{__doc__}"]
    for name in dict.fromkeys(r["set"] for r in rows):
        here = [r for r in rows if r["set"] == name]
        seconds = here[0]["seconds"]
        out += [f"\n## {name} ({here[0]['modality']}), {seconds:g} CPU-seconds\n"]
        out += [
            "| task | encoder | seeds | steps | probe | untrained | gain ± standard error | neighbours, gain | |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        found = []
        for task in dict.fromkeys(r["task"] for r in here if "probe" in r):
            mine = [r for r in here if r["task"] == task]
            gain, near = (np.array([r[k] - r[f"{k}_untrained"] for r in mine]) for k in ("probe", "neighbours"))
            error, error_near = (g.std(ddof=1) / len(g) ** 0.5 if len(g) > 1 else np.nan for g in (gain, near))
            said = (
                "helps, clearly" if gain.mean() > 4.3 * error else "helps" if gain.mean() > 2 * error else "harms" if gain.mean() < -2 * error else ""
            )
            probe, before, steps = (np.mean([r[k] for r in mine]) for k in ("probe", "probe_untrained", "steps"))
            cells = [
                task,
                mine[0]["encoder"],
                len(mine),
                f"{steps:.0f}",
                f"{probe:.1f}",
                f"{before:.1f}",
                f"{gain.mean():+.1f} ± {error:.1f}".replace("nan", "?"),
            ]
            found.append((gain.mean(), [*cells, f"{near.mean():+.1f} ± {error_near:.1f}".replace("nan", "?"), said]))
        out += [f"| {' | '.join(map(str, cells))} |" for _, cells in sorted(found, key=lambda f: -f[0])]
        refused = {r["task"]: r["refused"] for r in here if "refused" in r}
        out += ["", "Refused: " + "; ".join(f"{task} ({why})" for task, why in refused.items()) + "."] if refused else []
    return "\n".join(out) + "\n"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    options.add_argument("--tasks", nargs="+", default=names("pretext task"))
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--longer", type=float, default=1.0, help=f"times the CPU-seconds of a run, {SECONDS}")
    options.add_argument("--runs", type=Path, required=True)
    options.add_argument("--out", type=Path)
    options.add_argument("--only-table", action="store_true")
    given = options.parse_args()
    torch.set_num_threads(1)
    if not given.only_table:
        run(given.sets, given.tasks, range(given.seeds), given.longer, given.runs)
    if given.out:
        given.out.write_text(table(lines(given.runs)))


if __name__ == "__main__":
    main()

"""Quality on series: frozen encoders taught without labels against the whole null ladder, with few labels and with all.

    python -m benchmarks.quality_series [--sets BasicMotions …] [--seeds 3] [--steps 300] [--out benchmarks/results/quality_series.md]

Every seed teaches an encoder on the training samples without their labels (the same task and settings for all sets) and draws the labels anew; all
contestants get the same draws, and ridge with the same strengths, chosen on held-out parts of those labels only. Within a run the
test samples decide nothing; task, batch and rate were picked beforehand on JapaneseVowels and BasicMotions, test accuracy included (docs/log.md).
Budgets: labels a class, or "all"; for C-MAPSS engines out of 100, whole, tested on the last cycle of the 100 test engines (RMSE, less
is better). Supervised from scratch is the same encoder taught by those labels alone, rates and stopping chosen on a held-out part, at most
--seconds of wall time. ± is half of a 95 % interval over the seeds (Student's t); the gain is seed by seed, against whichever rung is best there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import t as student

from benchmarks.series_sets import UCR, SeriesSet, archive, cmapss, ecg
from benchmarks.tables import write
from tacit.contracts.catalog import load
from tacit.contracts.goal import Goal
from tacit.contracts.layout import Layout, Samples
from tacit.evaluation.contestant import Contestant, Frozen, Variant
from tacit.evaluation.embedding import FrozenEncoder
from tacit.evaluation.labelled import Labelled, coded
from tacit.evaluation.metric import Metric
from tacit.evaluation.rung import ladder
from tacit.evaluation.setting import Setting
from tacit.learning.learner import Learner
from tacit.learning.settings import pace, settle
from tacit.nets.encoder import Batch, Encoder


class Method(NamedTuple):
    """encoder and tasks by name, with what differs from their defaults; batch, rate: None = by the number of samples."""

    encoder: str
    options: dict[str, Any]
    tasks: dict[str, dict[str, Any]]
    batch: int | None = None
    rate: float | None = None


METHODS = {
    "contextual": Method("dilated", {}, {"contextual": {}}, 8, 1e-3),
    "contextual-small": Method("dilated", {"width": 128}, {"contextual": {}}, 64, 1e-3),  # for sets of thousands
    "contrastive": Method("dilated", {}, {"contrastive": {}}),
    "masked": Method("patches", {}, {"masked": {}}, 64, 1e-3),
    "predictive": Method("causal", {"width": 128}, {"predictive": {}}, 64, 1e-3),
}
SETS: dict[str, Callable[[], SeriesSet]] = {
    **{name: (lambda name=name: archive(name)) for name in UCR},  # type: ignore[misc]
    "ECG805": lambda: ecg("ECG805"),
    "ECG820": lambda: ecg("ECG820"),
    "cmapss": lambda: cmapss(step=5),
}
PER_CLASS = (1, 3, 5)
ENGINES = (10, 100)


def layout_of(data: SeriesSet) -> Layout:
    real = np.ones(data.train.shape, np.bool_) if data.train_valid is None else data.train_valid
    mean = data.train.mean((0, 1), dtype=np.float64, where=real)
    deviation = data.train.astype(np.float64).std((0, 1), where=real)
    size, channels = data.train.shape[1:]
    return Layout("series", "number", (size,), channels, 0, tuple(mean.tolist()), tuple(np.maximum(deviation, 1e-6).tolist()))


def setting_of(data: SeriesSet, seed: int, seconds: float) -> Setting:
    layout, groups = layout_of(data), None if data.groups is None else data.groups.astype(str)
    kind = "numbers" if data.regression else "classes"
    goal = Goal("neg_root_mean_squared_error" if data.regression else "", kind=kind, entity="" if groups is None else "engine")
    labels, test_labels, classes = coded(data.train_answers, data.test_answers, kind)
    train = Labelled(layout, Samples(data.train, data.train_valid), labels, classes, entity=groups)
    test = Labelled(layout, Samples(data.test, data.test_valid), test_labels, classes)
    return Setting(train, test, goal, Metric(goal, labels, classes), name=data.name, seed=seed, seconds=seconds)


def teach(method: Method, setting: Setting, steps: int, seed: int) -> tuple[Encoder, float]:
    """(encoder taught on the training samples without labels, CPU seconds)."""
    samples, layout = setting.train.samples, setting.train.layout
    encoder: Encoder = load("encoder", method.encoder)(layout, seed=seed, **method.options)
    views = load("views", "series")(layout, encoder.patch)
    tasks = {name: load("pretext task", name)(encoder, seed=seed + 1, **options) for name, options in method.tasks.items()}
    settings = settle(len(samples.values), method.batch, method.rate)
    learner = Learner(encoder, tasks, dict.fromkeys(tasks, 1.0), views, seed, settings.rate, settings.decay)
    rng, order, begun = np.random.default_rng(seed), np.zeros(0, np.int64), time.process_time()
    for step in range(steps):
        if len(order) < settings.batch:
            order = rng.permutation(len(samples.values))
        rows, order = order[: settings.batch], order[settings.batch :]
        learner.step(Batch.of(samples.take(rows)), pace(step, steps, settings.warm), step / steps)
    return encoder, time.process_time() - begun


def draws_of(data: SeriesSet, setting: Setting, seed: int) -> dict[str, NDArray[np.int64]]:
    """{budget: rows of the training samples whose labels are known}."""
    rng = np.random.default_rng([seed, 17])
    if data.regression:
        assert data.groups is not None
        engines = rng.permutation(np.unique(data.groups))
        return {f"{many} engines": np.flatnonzero(np.isin(data.groups, engines[:many])) for many in ENGINES}
    labels = setting.train.labels
    found = {}
    for many in PER_CLASS:
        found[f"{many} a class"] = np.sort(np.concatenate([rng.permutation(np.flatnonzero(labels == k))[:many] for k in np.unique(labels)]))
    return {**found, "all": np.arange(len(labels))}


def one_seed(data: SeriesSet, methods: dict[str, Method], steps: int, seconds: float, seed: int) -> dict[tuple[str, str], float]:
    """{(contestant, budget): score}."""
    setting = setting_of(data, seed, seconds)
    ours: list[Contestant] = []
    for name, method in methods.items():
        encoder, took = teach(method, setting, steps, seed)
        sides = [FrozenEncoder(encoder).readings(side.samples) for side in (setting.train, setting.test)]
        ours.append(Frozen(name, f"ours: {name}", {key: Variant(sides[0][key], sides[1][key], sides[0][key]) for key in sides[0]}))
        setting.encoder = setting.encoder or encoder
        print(f"{data.name}, seed {seed}: {name} taught in {took:.0f} s", flush=True)
    draws = draws_of(data, setting, seed)
    found = {}
    for contestant in (*ours, *ladder(setting)[0]):
        for budget, answer in zip(draws, contestant.answers(setting, list(draws.values())), strict=True):
            if answer is not None:
                found[contestant.title, budget] = setting.score(answer.scores)
    return found


def rows_of(data: SeriesSet, found: list[dict[tuple[str, str], float]]) -> list[dict[str, object]]:
    """One row a contestant, one column a budget."""
    sign, points = (-1, 1) if data.regression else (1, 100)
    contestants, budgets = (list(dict.fromkeys(key[k] for one in found for key in one)) for k in (0, 1))
    rows: list[dict[str, object]] = []
    for contestant in contestants:
        row: dict[str, object] = {"contestant": contestant}
        for budget in budgets:
            scores = np.array([one[contestant, budget] for one in found if (contestant, budget) in one]) * sign * points
            row[budget] = f"{scores.mean():.1f} ± {half_width(scores):.1f}" if len(scores) > 1 else f"{scores.mean():.1f}" if len(scores) else "–"
        rows.append(row)
    return rows


def half_width(values: NDArray[Any]) -> float:
    n = len(values)
    return float(values.std(ddof=1) / n**0.5 * student.ppf(0.975, n - 1)) if n > 1 else float("nan")


def gain(data: SeriesSet, found: list[dict[tuple[str, str], float]]) -> str:
    """Ours (the best of them on average) less the best rung, by budget, in a sentence."""
    said = []
    for budget in dict.fromkeys(key[1] for key in found[0]):
        mean = {c: float(np.mean([one[c, budget] for one in found])) for c, b in found[0] if b == budget}
        mine, rung = (max((c for c in mean if c.startswith("ours") == ours), key=lambda c: mean[c]) for ours in (True, False))
        less = np.array([one[mine, budget] - one[rung, budget] for one in found]) * (1 if data.regression else 100)
        share = f" ({100 * less.mean() / abs(mean[rung]):+.0f} %)" if data.regression else ""
        said.append(f"{budget}: {mine} {less.mean():+.1f} ± {half_width(less):.1f}{share} over {rung}")
    return "; ".join(said) + "."


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    options.add_argument("--methods", nargs="+", choices=METHODS, default=["contextual"])
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--steps", type=int, default=300, help="of teaching without labels")
    options.add_argument("--seconds", type=float, default=20.0, help="for each supervised training")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    tables = []
    for name in given.sets:
        data = SETS[name]()
        found = [one_seed(data, {m: METHODS[m] for m in given.methods}, given.steps, given.seconds, seed) for seed in range(given.seeds)]
        unit = "RMSE, cycles" if data.regression else setting_of(data, 0, 0).metric.name + ", points"
        tables.append((f"## {data.name} ({unit})\n\n{gain(data, found)} {data.published}".strip(), rows_of(data, found)))
    write(given.out, "Quality on series", __doc__ or "", tables)


if __name__ == "__main__":
    main()

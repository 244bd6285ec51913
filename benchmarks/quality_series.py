"""Quality on series: frozen encoders taught without labels against the whole null ladder, with few labels and with all.

    python -m benchmarks.quality_series [--sets BasicMotions …] [--seeds 3] [--out benchmarks/results/quality_series.md]

Every seed teaches an encoder on the training samples without their labels and draws labels --draws times; all contestants get the same draws, and
ridge with the same strengths, chosen on held-out parts of those labels only (whole engines, recordings). One method for classes, one for wear
(C-MAPSS). What was picked beforehand: for wear on training engines alone (docs/log.md); for classes on JapaneseVowels and BasicMotions, test
accuracy included. Budgets: labels a class, or "all"; for C-MAPSS engines out of 100, whole, tested on the last cycle of the 100 test engines
(RMSE, less is better). Supervised from scratch is the same encoder taught by those labels alone, rates and stopping chosen on a held-out part, at
most --seconds of wall time, on the first draw of each seed. "+ random convolutions": these stand beside in the embedding, a quarter as many as the
rung of that name has. ± is half of a 95 % interval over the seeds' means (Student's t); gains are seed by seed, against the rung that is best on
average.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import t as student

from benchmarks.series_sets import UCR, SeriesSet, archive, cmapss, ecg, skab
from benchmarks.tables import write
from tacit.contracts.catalog import load
from tacit.contracts.goal import Goal
from tacit.contracts.layout import Layout, Samples
from tacit.evaluation.contestant import Contestant
from tacit.evaluation.embedding import FrozenEncoder
from tacit.evaluation.labelled import Labelled, coded
from tacit.evaluation.metric import Metric
from tacit.evaluation.rung import ladder
from tacit.evaluation.rungs.untrained import readings
from tacit.evaluation.setting import Setting
from tacit.learning.learner import Learner
from tacit.learning.settings import pace, settle
from tacit.nets.encoder import Batch, Encoder
from tacit.nets.simple.series import SeriesSimple
from tacit.nets.simple_features import LOOKS, Aside


class Method(NamedTuple):
    """encoder and tasks by name, with what differs from their defaults; batch, rate: None = by the number of samples; steps: of teaching."""

    encoder: str
    options: dict[str, Any]
    tasks: dict[str, dict[str, Any]]
    batch: int | None = None
    rate: float | None = None
    steps: int = 150


METHODS = {
    "contextual": Method("dilated", {"simple": False}, {"contextual": {}}, 8, 1e-3),
    "contextual-small": Method("dilated", {"width": 128, "simple": False}, {"contextual": {}}, 64, 1e-3),  # for sets of thousands
    "contrastive": Method("dilated", {"simple": False}, {"contrastive": {}}),
    "masked": Method("patches", {}, {"masked": {}}, 64, 1e-3, 500),
    "wear": Method("patches", {"width": 64, "steps": 5, "normalise": "centred"}, {"masked": {}}, 128, 3e-3, 1000),
    "predictive": Method("causal", {"width": 128, "simple": False}, {"predictive": {}}, 64, 1e-3),
}
SETS: dict[str, Callable[[], SeriesSet]] = {
    **{name: (lambda name=name: archive(name)) for name in UCR},  # type: ignore[misc]
    "ECG805": lambda: ecg("ECG805"),
    "ECG820": lambda: ecg("ECG820"),
    "SKAB": skab,
    "cmapss": lambda: cmapss(step=5),
}
SUITED = {"cmapss": "wear"}
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


def teach(method: Method, pool: Samples | None, setting: Setting, seed: int) -> tuple[Encoder, float]:
    """(encoder taught on the pool, or on the training samples, without labels, CPU seconds)."""
    samples, layout = setting.train.samples if pool is None else pool, setting.train.layout
    encoder: Encoder = load("encoder", method.encoder)(layout, seed=seed, **method.options)
    look = samples.take(np.random.default_rng([seed, 3]).permutation(len(samples.values))[: encoder.looks])
    encoder.begin(look)
    views = load("views", "series")(layout, encoder.patch, **encoder.view_options)
    tasks = {name: load("pretext task", name)(encoder, seed=seed + 1, **options) for name, options in method.tasks.items()}
    settings = settle(len(samples.values), method.batch, method.rate)
    learner = Learner(encoder, tasks, dict.fromkeys(tasks, 1.0), views, seed, settings.rate, settings.decay)
    rng, order, begun = np.random.default_rng(seed), np.zeros(0, np.int64), time.process_time()
    for step in range(method.steps):
        if len(order) < settings.batch:
            order = rng.permutation(len(samples.values))
        rows, order = order[: settings.batch], order[settings.batch :]
        learner.step(Batch.of(samples.take(rows)), pace(step, method.steps, settings.warm), step / method.steps)
    encoder.settle(look)
    return encoder.eval(), time.process_time() - begun


def draws_of(data: SeriesSet, setting: Setting, seed: int, many: int) -> dict[str, list[NDArray[np.int64]]]:
    """{budget: for each draw the rows of the training samples whose labels are known}; all of them are one draw."""
    found: dict[str, list[NDArray[np.int64]]] = {}
    for draw in range(many):
        rng = np.random.default_rng([seed, 17, draw] if draw else [seed, 17])
        if data.regression:
            assert data.groups is not None
            engines = rng.permutation(np.unique(data.groups))
            for some in ENGINES:
                found.setdefault(f"{some} engines", []).append(np.flatnonzero(np.isin(data.groups, engines[:some])))
            continue
        labels = setting.train.labels
        for some in PER_CLASS:
            rows = [rng.permutation(np.flatnonzero(labels == k))[:some] for k in np.unique(labels)]
            found.setdefault(f"{some} a class", []).append(np.sort(np.concatenate(rows)))
        found["all"] = [np.arange(len(labels))]
    return {budget: rows[:1] if len(rows[0]) == len(setting.train) else rows for budget, rows in found.items()}


def with_convolutions(encoder: Encoder, samples: Samples) -> Encoder:
    """The same encoder, random convolutions beside its embedding."""
    more = copy.deepcopy(encoder)
    more.aside = Aside(SeriesSimple(more.layout, more.seed), more.own, more.seed)
    look = samples.take(np.random.default_rng([more.seed, 4]).permutation(len(samples.values))[:LOOKS])
    more.aside.begin(look)
    more.settle(look)
    return more


def one_seed(data: SeriesSet, methods: dict[str, Method], seconds: float, seed: int, many: int) -> dict[tuple[str, str], float]:
    """{(contestant, budget): score, mean over the draws}. Supervised training is dear: it has the first draw of each seed."""
    setting = setting_of(data, seed, seconds)
    ours: list[Contestant] = []
    for name, method in methods.items():
        encoder, took = teach(method, data.pool, setting, seed)
        ours.append(readings(name, f"ours: {name}", FrozenEncoder(encoder), setting))
        both = with_convolutions(encoder, setting.train.samples)
        ours.append(readings(f"{name}+", f"ours: {name} + random convolutions", FrozenEncoder(both), setting))
        setting.encoder = setting.encoder or encoder
        print(f"{data.name}, seed {seed}: {name} taught in {took:.0f} s", flush=True)
    draws = draws_of(data, setting, seed, many)
    found = {}
    for contestant in (*ours, *ladder(setting)[0]):
        asked = [(budget, rows) for budget, each in draws.items() for rows in (each[:1] if contestant.name == "supervised" else each)]
        scores: dict[str, list[float]] = {}
        for (budget, _), answer in zip(asked, contestant.answers(setting, [rows for _, rows in asked]), strict=True):
            if answer is not None:
                scores.setdefault(budget, []).append(setting.score(answer.scores))
        found |= {(contestant.title, budget): float(np.mean(values)) for budget, values in scores.items()}
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
    """Each of ours less the best rung, by budget, a line each."""
    lines = []
    for mine in dict.fromkeys(c for c, _ in found[0] if c.startswith("ours")):
        said = []
        for budget in dict.fromkeys(key[1] for key in found[0]):
            mean = {c: float(np.mean([one[c, budget] for one in found])) for c, b in found[0] if b == budget}
            rung = max((c for c in mean if not c.startswith("ours")), key=lambda c: mean[c])
            less = np.array([one[mine, budget] - one[rung, budget] for one in found]) * (1 if data.regression else 100)
            share = f" ({100 * less.mean() / abs(mean[rung]):+.0f} %)" if data.regression else ""
            said.append(f"{budget} {less.mean():+.1f} ± {half_width(less):.1f}{share} over {rung}")
        lines.append(f"{mine}: {'; '.join(said)}.")
    return "\n\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    options.add_argument("--methods", nargs="+", choices=METHODS, default=[], help="left out: contextual, and wear for cmapss")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--draws", type=int, default=3, help="of labels, a seed")
    options.add_argument("--seconds", type=float, default=20.0, help="for each supervised training")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    tables = []
    for name in given.sets:
        data = SETS[name]()
        methods = {m: METHODS[m] for m in given.methods or [SUITED.get(name, "contextual")]}
        found = [one_seed(data, methods, given.seconds, seed, given.draws) for seed in range(given.seeds)]
        unit = "RMSE, cycles" if data.regression else setting_of(data, 0, 0).metric.name + ", points"
        tables.append((f"## {data.name} ({unit})\n\n{gain(data, found)}\n\n{data.published}".strip(), rows_of(data, found)))
    write(given.out, "Quality on series", __doc__ or "", tables)


if __name__ == "__main__":
    main()

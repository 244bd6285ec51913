"""One key, event by event: every detector's own loop, what goes in made beforehand."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import HalfSpace, RandomCut
from benchmarks.tables import markdown

Floats = NDArray[np.float64]


class Feed(NamedTuple):
    """prepare: rows [m, F] → what the detector takes, outside the clock; one: score and learn one of these."""

    prepare: Callable[[Floats], list[Any]]
    one: Callable[[Any], object]


def simulated(n: int, features: int, seed: int = 0) -> Floats:
    """Autoregression of each feature, with shifts. [n, F]"""
    from scipy.signal import lfilter

    rng = np.random.default_rng(seed)
    x = lfilter([1.0], [1.0, -0.9], rng.normal(size=(n, features)), axis=0) + 50.0
    x[rng.uniform(size=n) < 1e-3] += 15.0
    return np.asarray(x)


def ewma_events(features: int) -> Feed:
    """The rung in plain Python, floats in and out."""
    alpha, keep = 0.01, 0.99
    mean, square = [50.0] * features, [1.0] * features

    def one(row: list[float]) -> float:
        worst = 0.0
        for j, value in enumerate(row):
            gap = value - mean[j]
            z = gap * gap / square[j]
            worst = z if z > worst else worst
            mean[j] += alpha * gap
            square[j] = keep * square[j] + alpha * gap * gap
        return worst

    return Feed(lambda rows: rows.tolist(), one)


def gaussian_events(features: int) -> Feed:
    from river.anomaly import GaussianScorer

    scorers = [GaussianScorer() for _ in range(features)]

    def one(row: list[float]) -> None:
        for scorer, value in zip(scorers, row, strict=True):
            scorer.score_one(None, value)
            scorer.learn_one(None, value)

    return Feed(lambda rows: rows.tolist(), one)


def halfspace_events(trees: int, height: int) -> Callable[[int], Feed]:
    def make(features: int) -> Feed:
        from river.anomaly import HalfSpaceTrees

        forest = HalfSpaceTrees(**HalfSpace(trees, height).settings)

        def one(point: dict[int, float]) -> None:
            forest.score_one(point)
            forest.learn_one(point)

        return Feed(lambda rows: [dict(enumerate(r)) for r in np.clip(rows / 100.0, 0.0, 1.0).tolist()], one)

    return make


def cut_events(attribution: bool) -> Callable[[int], Feed]:
    def make(features: int) -> Feed:
        forest = RandomCut().forest(features)
        ask = forest.attribution if attribution else forest.score

        def one(row: list[float]) -> None:
            ask(row)
            forest.update(row)

        return Feed(lambda rows: rows.tolist(), one)

    return make


def tacit_events(size: int) -> Callable[[int], Feed]:
    def make(features: int) -> Feed:
        from benchmarks.tacit_door import Door

        door = Door(features)
        return Feed(lambda rows: [door.events(["k"] * size, rows[i : i + size]) for i in range(0, len(rows), size)], door.process)

    return make


# name: (maker, events a stretch, stretches, events to warm up, what is learned when)
EVENTS: dict[str, tuple[Callable[[int], Feed], int, int, int, str]] = {
    "EWMA z-score, pure Python": (ewma_events, 20_000, 5, 600, "every event"),
    "river GaussianScorer, one a feature": (gaussian_events, 5_000, 5, 600, "every event"),
    "river HalfSpaceTrees 10x8": (halfspace_events(10, 8), 2_000, 5, 600, "every event, masses swap each 250"),
    "river HalfSpaceTrees 25x15": (halfspace_events(25, 15), 250, 1, 260, "every event, masses swap each 250"),
    "krcf 30x256": (cut_events(False), 2_000, 5, 600, "every event"),
    "krcf 30x256, attribution": (cut_events(True), 1_000, 5, 600, "every event"),
    "tacit, one call an event": (tacit_events(1), 20_000, 5, 2_000, "heads every event, no encoder"),
    "tacit, one key, 256 events a call": (tacit_events(256), 51_200, 5, 5_120, "heads every event, no encoder"),
}
EXPLAINS = ("attribution", "tacit")


def rate(feed: Feed, rows: Floats, stretch: int, stretches: int, warm: int) -> tuple[float, float]:
    """(median, slowest) events a CPU second over the stretches. What goes in is made beforehand."""
    for given in feed.prepare(rows[:warm]):
        feed.one(given)
    spent = []
    for k in range(stretches):
        prepared = feed.prepare(rows[warm + k * stretch : warm + (k + 1) * stretch])
        began = time.process_time()
        for given in prepared:
            feed.one(given)
        spent.append(time.process_time() - began)
    return stretch / statistics.median(spent), stretch / max(spent)


def events(quick: bool) -> list[dict[str, object]]:
    table = []
    for name, (make, stretch, stretches, warm, learning) in EVENTS.items():
        if quick and "25x15" in name:
            continue
        n = max(stretch // 10 // 256 * 256, 256) if quick else stretch
        try:
            median, slowest = rate(make(8), simulated(warm + stretches * n, 8), n, stretches, warm)
        except ImportError as e:
            table.append({"detector": name, "events/s": f"not measured: {e.name} is not there"})
            continue
        row = {"detector": name, "events/s": median, "slowest stretch": slowest, "stretches": f"{stretches} x {n}"}
        table.append(row | {"explains": "yes" if any(w in name for w in EXPLAINS) else "no", "learning": learning})
        print(markdown(table[-1:]), flush=True)
    return table

"""No row says that a share might be above all or below none: of draws that differ Student's interval reaches there."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tacit.contracts.goal import Goal
from tacit.contracts.layout import Layout, Samples
from tacit.evaluation.contestant import Frozen, Variant
from tacit.evaluation.intervals import within
from tacit.evaluation.labelled import Labelled
from tacit.evaluation.metric import Metric
from tacit.evaluation.protocol import protocol_named
from tacit.evaluation.setting import Setting


def test_an_interval_ends_with_the_scale() -> None:
    assert within(0.9, 0.3, (0.0, 1.0)) == (pytest.approx(0.6), 1.0) and within(0.1, 0.2, (-1.0, 1.0)) == pytest.approx((-0.1, 0.3))
    assert all(math.isnan(end) for wide in (math.inf, math.nan) for end in within(0.5, wide, (0.0, 1.0)))


@pytest.mark.parametrize(("protocol", "metrics", "spread"), [("few_shot", {"accuracy"}, 0.8), ("clustering", {"nmi", "ari"}, 1.5)])
def test_rows_of_draws_that_differ_stay_within_the_scale(protocol: str, metrics: set[str], spread: float) -> None:
    rng, sides = np.random.default_rng(0), []
    for n in (60, 12):
        labels = np.arange(n) % 2
        values = labels[:, None] * 2.0 + spread * rng.standard_normal((n, 3))
        sides.append(Labelled(Layout("series", "number", (3,), 1), Samples(values[..., None].astype(np.float32)), labels, ("a", "b")))
    goal = Goal(seeds=3)
    setting = Setting(*sides, goal, Metric(goal, sides[1].labels, sides[1].classes), seconds=0)
    features = {"pooled": Variant(*setting.everywhere(lambda side: side.samples.values[..., 0]))}
    found = protocol_named(protocol).run(setting, Frozen("ours", "ours", features), [Frozen("rung", "a rung", features)])
    rows = [r for r in found.rows if r.metric in metrics and math.isfinite(r.low)]
    assert rows and all((-0.5 if r.metric == "ari" else 0) <= r.low <= r.value <= r.high <= 1 for r in rows)
    assert any(r.high == 1 for r in rows)

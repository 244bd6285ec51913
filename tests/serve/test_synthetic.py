"""The status that the page is tested with has the shape of the one that the live path sends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import synthetic

from tacit.connect.sources.table import Table
from tacit.evaluation.comparison import Trial, Verdict
from tacit.heads.encode import no_encoder
from tacit.live.contest import Contender
from tacit.live.learning import Learning
from tacit.live.model import LiveModel
from tacit.live.runner import Runner
from tacit.live.status import status

FREE = (".drift.features", ".refused.counts")  # keys are names of features, reasons of refusals


def shape(value: Any, path: str = "") -> set[str]:
    """Paths of all keys; of a list all entries together."""
    if isinstance(value, list):
        return set().union(*(shape(v, f"{path}[]") for v in value)) if value else set()
    if not isinstance(value, dict) or path in FREE:
        return set()
    return set().union(*({f"{path}.{k}"} | shape(v, f"{path}.{k}") for k, v in value.items()))


def test_its_keys_are_those_of_the_live_path(tmp_path: Path) -> None:
    values = np.random.default_rng(1).standard_normal((900, 2))
    run = Runner(Table([{"time": i, "x": float(a), "y": float(b)} for i, (a, b) in enumerate(values)]), LiveModel, [], tmp_path)
    learns = run.learning = Learning("inline", tmp_path, 1)
    learns.next_at = 300
    run.step()
    model = run.model
    assert model is not None
    learns.trial, learns.sides = Trial(1), [Contender(model, no_encoder(), "simple") for _ in range(2)]
    learns.ladder.begin("simple", "a41f09c2d70e51b8", model.keys.capacity, model.columns)
    run.step()
    learns._close(model, Verdict("refuse", 0.0, -0.1, 0.1, 600, "not better"))
    assert len(status(run)["ladder"]) == 3
    assert shape(synthetic.status()) == shape(status(run))
    run.close()

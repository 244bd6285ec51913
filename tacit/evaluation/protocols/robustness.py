"""Robustness: what is left when the test samples are disturbed in ways that should not matter, at five severities.

Nuisances are the modality's own views; read-outs and networks learn from clean samples. Relative drop: 1 - mean score disturbed / clean
(Hendrycks and Dietterich, "Benchmarking neural network robustness to common corruptions", 2019). Beside ours: the same encoder supervised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tacit.contracts.catalog import load
from tacit.contracts.layout import Samples
from tacit.evaluation.contestant import Contestant, Frozen, Variant
from tacit.evaluation.embedding import FrozenEncoder
from tacit.evaluation.protocol import Finding, Protocol
from tacit.evaluation.rungs.untrained import starts
from tacit.evaluation.setting import Setting
from tacit.evaluation.training import Plan, train_network
from tacit.evaluation.verdict import by_draws
from tacit.ledger.result import Result
from tacit.nets.encoder import Batch
from tacit.nets.view import Views

SEVERITIES = (1, 2, 3, 4, 5)
MOST = 500  # test samples: each is looked at five times for each nuisance
Answerer = Callable[[Samples], NDArray[np.float64]]


class Robustness(Protocol):
    """Ours, and the same encoder supervised."""

    def why_not(self, setting: Setting) -> str | None:
        return "no encoder was given, only embeddings" if setting.encoder is None else None

    def run(self, setting: Setting, ours: Frozen, rungs: list[Contestant]) -> Finding:
        encoder = setting.encoder
        assert encoder is not None
        part = np.sort(setting.rng(9).permutation(len(setting.test))[:MOST])
        test = setting.test.take(part)
        views: Views = load("views", encoder.layout.modality)(encoder.layout, encoder.patch, frozenset(setting.goal.forbidden))
        answerers: dict[tuple[str, str], Answerer] = {("ours", "ours"): self._frozen(setting, ours)}
        if setting.seconds > 0:
            rows = np.arange(len(setting.train))
            plan = Plan(rates=(1e-3, 3e-4), seconds=setting.seconds)
            start = partial(starts(encoder, setting.seen.samples, setting.seed), 0)
            network, _, _ = train_network(start, setting, rows, plan, whole=True)
            answerers["supervised", "supervised from scratch"] = network
        finding, table = Finding(), {who: [setting.metric.score(test.labels, answer(test.samples))] for who, answer in answerers.items()}
        for nuisance in views.nuisances:
            every = [disturbed(views, nuisance, severity, test.samples, setting) for severity in SEVERITIES]
            valid = None if every[0].valid is None else np.concatenate([s.valid for s in every if s.valid is not None])
            samples = Samples(np.concatenate([s.values for s in every]), valid)
            for who, answer in answerers.items():
                table[who] += [setting.metric.score(test.labels, said) for said in np.split(answer(samples), len(SEVERITIES))]
        units = [f"{nuisance} {severity}" for nuisance in views.nuisances for severity in SEVERITIES]
        for (name, title), values in table.items():
            finding.rows += self._rows(setting, name, title, values, units, len(test))
        by_nuisance = {who: np.array(values[1:]).reshape(-1, len(SEVERITIES)).mean(1) for who, values in table.items()}
        others = {title: values for (name, title), values in by_nuisance.items() if name != "ours"}
        if others:
            on = f"on disturbed samples ({len(units) // len(SEVERITIES)} nuisances, 5 severities)"
            said = by_draws(by_nuisance["ours", "ours"], others, setting.metric.points, setting.metric.title, on)
            by = said.by.replace("draws of labels", "nuisances")
            finding.verdict = said._replace(by=by, sentence=said.sentence.replace(said.by, by))
        finding.shown = {"nuisances": list(views.nuisances), "severities": list(SEVERITIES), "scores": {title: v for (_, title), v in table.items()}}
        return finding

    def _frozen(self, setting: Setting, ours: Frozen) -> Answerer:
        """Reads ours off disturbed samples with the read-out that was learned on clean ones: the same rows give the same choice."""
        assert setting.encoder is not None
        reader, rows = FrozenEncoder(setting.encoder), np.arange(len(setting.train))
        clean = reader.readings(setting.train.samples)
        seen = clean if setting.unlabelled is None else reader.readings(setting.unlabelled.samples)
        keys = list(ours.variants)

        def answer(samples: Samples) -> NDArray[np.float64]:
            test = reader.readings(samples)
            again = Frozen("ours", "ours", {key: Variant(clean[key], test[key], seen[key]) for key in keys[:1]})
            said = again.answers(replace(setting), [rows])[0]
            assert said is not None
            return said.scores

        return answer

    def _rows(self, setting: Setting, name: str, title: str, values: list[float], units: list[str], n: int) -> list[Result]:
        clean, rest = values[0], values[1:]
        common: dict[str, Any] = {"contestant": name, "title": title, "n": n}
        rows = [Result("robustness", setting.metric.name, value, unit=unit, **common) for unit, value in zip(["clean", *units], values, strict=True)]
        rows.append(Result("robustness", setting.metric.name, float(np.mean(rest)), unit="mean of all", **common))
        drop = 1 - float(np.mean(rest)) / clean if clean > 0 else float("nan")
        return [*rows, Result("robustness", "relative_drop", drop, unit="mean of all", **common)]


def disturbed(views: Views, nuisance: str, severity: int, samples: Samples, setting: Setting, batch: int = 256) -> Samples:
    """The samples under one nuisance; drawn the same for all contestants."""
    rng = torch.Generator().manual_seed(int(setting.rng(10, severity, *nuisance.encode()).integers(2**62)))
    parts = [views.nuisance(nuisance, severity, Batch.of(samples.take(slice(s, s + batch))), rng) for s in range(0, len(samples.values), batch)]
    valid = None if parts[0].valid is None else np.concatenate([p.valid.numpy() for p in parts if p.valid is not None])
    return Samples(np.concatenate([p.values.numpy() for p in parts]), valid)

"""Evaluate: a model on labelled data, by several protocols, always against the null ladder; every number goes into the ledger.

Ours and the rungs get the same labels, the same unlabelled samples, the same draws, the same strengths and validation. The test is touched once a
protocol. Without training labels the labelled samples are split: by time, by entity, or by class.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import sklearn
import torch
from numpy.typing import NDArray

from tacit import __version__
from tacit.connect.labels import Labels
from tacit.contracts.errors import DataError, TacitError
from tacit.contracts.goal import Goal
from tacit.contracts.pool import Pool
from tacit.evaluation.caveats import by_time_alone, flattering, untested
from tacit.evaluation.contestant import Frozen
from tacit.evaluation.decoding import decoded, others
from tacit.evaluation.embedding import FrozenEncoder
from tacit.evaluation.labelled import coded, require_samples
from tacit.evaluation.metric import Metric
from tacit.evaluation.protocol import Finding, protocol_named
from tacit.evaluation.rung import ladder
from tacit.evaluation.rungs.untrained import readings
from tacit.evaluation.setting import Setting
from tacit.evaluation.splits import split
from tacit.evaluation.verdict import Verdict
from tacit.export.model_folder import SampleModel
from tacit.ledger.result import GAIN, Result
from tacit.ledger.store import Ledger
from tacit.ledger.tables import as_markdown

USUAL = ("knn", "probe", "few_shot")
VERDICTS = ("few_shot", "probe", "knn", "fine_tune", "anomaly", "retrieval")  # whose verdict speaks for the model, in this order
Progress = Callable[[str, float], None]


@dataclass
class Results:
    """rows: as written to the ledger; findings: by protocol, with what there is to draw; verdict: the sentence; notes: for people."""

    rows: list[Result]
    findings: dict[str, Finding]
    verdict: str
    notes: list[str] = field(default_factory=list)
    setting: Setting | None = None

    def table(self) -> str:
        """Markdown."""
        return as_markdown(self.rows)

    def json(self) -> dict[str, Any]:
        """Plain values, for --json."""
        verdicts = {name: _plain(f.verdict._asdict()) for name, f in self.findings.items() if f.verdict is not None}
        rows = [r.row() for r in self.rows]
        return {"verdict": self.verdict, "verdicts": verdicts, "results": rows, "notes": self.notes}


def run_evaluation(
    model: SampleModel,
    test_pool: Pool,
    test_labels: Labels,
    train_pool: Pool | None = None,
    train_labels: Labels | None = None,
    protocols: Sequence[str] = USUAL,
    goal: Goal | None = None,
    rng: np.random.Generator | None = None,
    ledger: Ledger | None = None,
    progress: Progress | None = None,
    *,
    rungs: tuple[str, ...] = (),
    seconds: float = 20.0,
    name: str = "",
    command: str = "",
    also: Sequence[Setting] = (),
    masks: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
) -> Results:
    """rungs: names, () = all that stand here; seconds: for one supervised training (0: none); name: of the data set in the ledger.

    also: other labelled sets, from `set_up`, for transfer; masks: classes by place of the training and of the test samples that have labels, in the
    order of their labels, for the dense probe.

    Raises DataError where labels and samples cannot be judged by; a protocol that fails is a row that says so.
    """
    goal, rng = goal or Goal(), rng or np.random.default_rng(0)
    judges = {name: protocol_named(name) for name in protocols}
    setting = set_up(model, test_pool, test_labels, train_pool, train_labels, goal, rng, seconds, name, masks)
    setting.also = list(also)
    return evaluate_setting(setting, model, judges, ledger, progress, rungs, command)


def set_up(
    model: SampleModel,
    test_pool: Pool,
    test_labels: Labels,
    train_pool: Pool | None,
    train_labels: Labels | None,
    goal: Goal,
    rng: np.random.Generator,
    seconds: float = 20.0,
    name: str = "",
    masks: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
) -> Setting:
    """Pools and labels decoded for this model. Raises DataError."""
    notes: list[str] = []
    if train_labels is not None and train_pool is None:
        train_pool = test_pool
    test, kept = decoded(model.modality, test_pool, test_labels, goal, rng, notes, "test")
    if train_labels is None or train_pool is None:
        if masks is not None:
            raise DataError("masks were given, and no training labels.", "Give training samples with masks of their own.")
        codes, _, classes = coded(test_labels.values[kept], test_labels.values[kept][:0], goal.kind)
        whole = replace(test, labels=codes, classes=classes)
        parts = split(whole, goal, rng, 0.5)
        if classes:
            require_samples(codes[parts.train], classes, parts.how)
        notes.append(f"no training labels were given: half of the labelled samples are learned from, split {parts.how}")
        train, test, unlabelled = whole.take(parts.train), whole.take(parts.held), None
        notes += by_time_alone(train, test) if parts.how == "by time" else []
    else:
        train, kept_train = decoded(model.modality, train_pool, train_labels, goal, rng, notes, "training")
        train_codes, test_codes, classes = coded(train_labels.values[kept_train], test_labels.values[kept], goal.kind)
        if classes:
            require_samples(train_codes, classes)
        train, test = replace(train, labels=train_codes, classes=classes), replace(test, labels=test_codes, classes=classes)
        masks = None if masks is None else (masks[0][kept_train], masks[1][kept])
        unlabelled = others(model.modality, train_pool, train_labels, rng)
        notes += flattering(train, test)
    notes += untested(test)
    metric = Metric(goal, test.labels, test.classes)
    if not goal.metric:
        by = "judged by the costs that the goal states" if goal.costs else f"no metric was stated: {metric.title}, by the labels of the test"
        notes.append(by)
    if goal.random_split and (train.entity is not None or train.time is not None):
        notes.append("split at random across entities or times, as was asked for: numbers flatter")
    seed = int(rng.integers(2**31))
    title = name or test_pool.described
    return Setting(train, test, goal, metric, unlabelled, model.encoder, masks=masks, name=title, seed=seed, seconds=seconds, notes=notes)


def evaluate_setting(
    setting: Setting,
    model: SampleModel,
    judges: dict[str, Any],
    ledger: Ledger | None = None,
    progress: Progress | None = None,
    rungs: tuple[str, ...] = (),
    command: str = "",
) -> Results:
    """The protocols one after the other; the ladder is fitted once for all."""
    told = progress or (lambda what, share: None)
    told("embedding", 0.0)
    ours = ours_of(setting, FrozenEncoder(model.encoder))
    setting.told = lambda what: told(f"the ladder: {what}", 0.05)
    standing, left_out = ladder(setting, rungs) if any(judge.ladder for judge in judges.values()) else ([], {})
    notes = [*setting.notes, *(f"rung {name} left out: {reason}" for name, reason in left_out.items() if "is not for" not in reason)]
    findings: dict[str, Finding] = {}
    for i, (name, judge) in enumerate(judges.items()):
        at = 0.1 + 0.9 * i / len(judges)
        told(name, at)
        setting.told = partial(_within, told, name, at)
        began = time.monotonic()
        try:
            reason = judge.why_not(setting)
            findings[name] = Finding(notes=[reason]) if reason else judge.run(setting, ours, standing)
        except (TacitError, ValueError, RuntimeError, np.linalg.LinAlgError) as e:  # a failure is a row like any other
            reason = f"{type(e).__name__}: {e}"
            findings[name] = Finding()
        if reason:
            findings[name].rows = [Result(name, setting.metric.name, float("nan"), failed=reason)]
            notes.append(f"{name} was not measured: {reason}")
        else:
            notes += [f"{name}: {note}" for note in findings[name].notes]
        findings[name].shown["seconds"] = time.monotonic() - began
    for name, finding in findings.items():
        finding.rows += [] if finding.verdict is None else [_gain(name, finding.verdict, setting)]
    rows = [_signed(r, setting, model, command) for f in findings.values() for r in f.rows]
    if ledger is not None:
        rows = ledger.add(rows)
    told("done", 1.0)
    return Results(rows, findings, spoken(findings), notes, setting)


def _within(told: Progress, protocol: str, share: float, what: str) -> None:
    told(f"{protocol}: {what}", share)


def ours_of(setting: Setting, reader: FrozenEncoder) -> Frozen:
    """The learned encoder as a contestant."""
    return readings("ours", "ours", reader, setting)


def spoken(findings: dict[str, Finding]) -> str:
    """The verdict that speaks for the model, and what the others say where they say otherwise."""
    reached: dict[str, Verdict] = {name: f.verdict for name, f in findings.items() if f.verdict is not None}
    verdicts = {name: reached[name] for name in VERDICTS if name in reached} or reached  # one that was asked for alone speaks, whichever it is
    if not verdicts:
        return "no verdict: nothing was measured against the ladder"
    (_, first), *others = verdicts.items()
    differing = [v.sentence for _, v in others if v.state != first.state]
    return first.sentence + (f" By other measures: it {' It '.join(differing)}" if differing else "")


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    """JSON knows no NaN."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in facts.items()}


def _gain(protocol: str, said: Verdict, setting: Setting) -> Result:
    """A verdict as a row, so that cards and reports can be written from the ledger alone."""
    extra = {**said._asdict(), "metric": setting.metric.name}
    low, high = said.gain - said.wide, said.gain + said.wide
    return Result(protocol, GAIN, said.gain, title=said.rung, n=len(setting.test), low=low, high=high, interval=said.by, extra=extra)


def _signed(result: Result, setting: Setting, model: SampleModel, command: str) -> Result:
    versions = f"tacit {__version__}, torch {torch.__version__}, numpy {np.__version__}, scikit-learn {sklearn.__version__}"
    split_by = result.split or setting.how
    return replace(
        result, model=model.hash, dataset=setting.name, split=split_by, seed=setting.seed, versions=versions, command=command or " ".join(sys.argv)
    )

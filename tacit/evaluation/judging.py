"""Judging: what a tournament scores encoders by. With labels, held-out scores of a linear read-out; without, what can be seen of the embeddings.

With labels: the same few splits for everyone (whole entities, or the latest, held out), so that differences are paired. A third of the labels is
held back from them: a judge of its own (`fresh`), who has chosen nothing, scores the winner on those.
Without: how well two views of a sample find each other, and uniformity (Wang and Isola, 2020), each as a share of what an untrained encoder has.
They tell a collapsed encoder from a sound one; which of two sound ones serves a purpose they know little of (docs/log.md has the rank correlations),
and a task that is trained on agreement of views is flattered. Effective rank (Garrido et al., "RankMe", 2023) is not among them: over tasks it
ranked the wrong way more often than not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from tacit.connect.labels import Labels
from tacit.contracts.catalog import load
from tacit.contracts.goal import Goal
from tacit.contracts.layout import Samples
from tacit.contracts.modality import Modality
from tacit.contracts.pool import Pool
from tacit.evaluation.contestant import Contestant
from tacit.evaluation.decoding import decoded, others
from tacit.evaluation.embedding import FrozenEncoder, read_pool
from tacit.evaluation.labelled import Labelled, coded
from tacit.evaluation.metric import Metric
from tacit.evaluation.rung import ladder
from tacit.evaluation.rungs.untrained import fresh, readings
from tacit.evaluation.setting import Setting
from tacit.evaluation.splits import Split, how_split, split
from tacit.learning.health import uniformity
from tacit.nets.encoder import Batch, Encoder

SPLITS, HELD = 5, 1 / 3
LOOKED_AT = 512
STANDARD = 1000  # unlabelled samples by which columns are standardised: each contestant's are embedded anew
LEAST_APART = 6  # labels of each class, and entities, below which a third of them is too little to be a judge
LEAST = 10  # labels below which they do not decide
FEW = 5  # labels a class below which the report warns


class Judge(Protocol):
    """values: [splits] of one encoder, more is better; rungs: {title: [splits]}, once there is an encoder; share: held out over learned from;
    labelled: whether it can say that something helps; fresh: a judge by labels that this one never scores by, None where there are too few."""

    title: str
    points: float
    share: float
    labelled: bool

    @property
    def fresh(self) -> Judge | None: ...

    def values(self, encoder: Encoder) -> NDArray[np.float64]: ...

    def rungs(self, encoder: Encoder) -> dict[str, NDArray[np.float64]]: ...

    @property
    def trust(self) -> str: ...


class LabelJudge:
    """Splits that hold out a third of the rows `asked` in turn and learn from all others of `learned`; standing: the rungs, once they are there."""

    def __init__(
        self,
        setting: Setting,
        learned: NDArray[np.int64],
        asked: NDArray[np.int64],
        standing: list[Contestant] | None = None,
        fresh: LabelJudge | None = None,
    ) -> None:
        self.setting, self.asked, self.fresh = setting, asked, fresh
        self.standing = standing if standing is not None else []
        part, self.splits = setting.train.take(asked), list[Split]()
        for turn in range(1 if setting.how == "by time" else SPLITS):
            cut = split(part, setting.goal, setting.rng(21, turn), HELD)
            held = asked[cut.held]
            self.splits.append(Split(np.setdiff1d(learned, held), held, cut.how))
        self.title, self.points, self.labelled = setting.metric.title, setting.metric.points, True
        self.share = HELD / (1 - HELD)  # of the rows asked, which are a finite part: what each split holds out over what it leaves

    @classmethod
    def of(
        cls, data: Labelled, goal: Goal, unlabelled: Labelled | None = None, seed: int = 0, seconds: float = 0.0, apart: bool = True
    ) -> LabelJudge:
        """data: the labelled samples; unlabelled: others that rungs may learn from; seconds: for the supervised rung, 0: none; apart: hold a third
        back for a verdict."""
        setting = Setting(data, data, goal, Metric(goal, data.labels, data.classes), unlabelled, seed=seed, seconds=seconds)
        everyone = np.arange(len(data))
        choosing, back = held_back(data, goal, setting.rng(22)) if apart else (everyone, everyone[:0])
        standing: list[Contestant] = []
        fresh = cls(setting, np.arange(len(data)), back, standing) if len(back) else None
        return cls(setting, choosing, choosing, standing, fresh)

    def values(self, encoder: Encoder) -> NDArray[np.float64]:
        others = self.setting.unlabelled
        if others is not None:
            others = others.take(np.arange(len(others))[:: -(-len(others) // STANDARD)])
        return self._of(readings("ours", "ours", FrozenEncoder(encoder), replace(self.setting, unlabelled=others)))

    def rungs(self, encoder: Encoder) -> dict[str, NDArray[np.float64]]:
        self.setting = replace(self.setting, encoder=encoder)
        if not self.standing:  # fitted once for this judge and for the one who has chosen nothing: without labels, of which there is but one set
            self.standing += ladder(self.setting)[0]
        return {rung.title: self._of(rung) for rung in self.standing}

    def _of(self, contestant: Contestant) -> NDArray[np.float64]:
        said = contestant.answers(self.setting, [s.train for s in self.splits])
        labels = self.setting.train.labels
        pairs = zip(said, self.splits, strict=True)
        return np.array([np.nan if a is None else self.setting.metric.score(labels[s.held], a.scores[s.held]) for a, s in pairs])

    @property
    def trust(self) -> str:
        data = self.setting.train
        each = int(np.bincount(data.labels[self.asked], minlength=len(data.classes)).min()) if data.classes else len(self.asked) // 10
        turns = "1 split" if len(self.splits) == 1 else f"{len(self.splits)} splits"
        told = f"Chosen by {len(self.asked):,} labels, a third held out in turn ({turns}, {self.splits[0].how})."
        if self.fresh is not None:
            told += f" {len(self.fresh.asked):,} others were held back for the verdict."
        return told + (f" A class has as few as {each} labels: small differences are chance." if data.classes and each < FEW else "")


def held_back(data: Labelled, goal: Goal, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(rows that may choose, a third that chooses nothing: whole entities, the latest, or of each class alike; [] where there are too few)."""
    everyone, how = np.arange(len(data)), how_split(data, goal)
    parts = len(np.unique(np.asarray(data.entity))) if how == "by entity" else len(data)
    each = int(np.bincount(data.labels, minlength=len(data.classes)).min()) if data.classes else len(data)
    if parts < LEAST_APART or each < LEAST_APART:
        return everyone, everyone[:0]
    train, held, _ = split(data, goal, rng, HELD)
    if data.classes and min(len(np.unique(data.labels[side])) for side in (train, held)) < 2:
        return everyone, everyone[:0]
    return train, held


def judge_of(
    modality: Modality,
    pool: Pool,
    labels: Labels | None,
    goal: Goal,
    rng: np.random.Generator,
    seconds: float = 0.0,
    forbidden: Sequence[str] = (),
    view_options: Mapping[str, Any] | None = None,
    apart: bool = True,
) -> Judge:
    """With enough labels by them, else label-free. labels: of some samples of this pool; forbidden, view_options: of the views that are learned
    with, besides the goal's; apart: hold a third of the labels back for a verdict. Raises DataError."""
    seed, notes = int(rng.integers(2**31)), list[str]()
    if labels is None or len(labels.rows) < LEAST:
        at = np.sort(rng.choice(len(pool), min(len(pool), LOOKED_AT), replace=False))
        return LabelFreeJudge(read_pool(pool, modality, at)[0], (*goal.forbidden, *forbidden), seed, view_options)
    data, kept = decoded(modality, pool, labels, goal, rng, notes, "training")
    codes, _, classes = coded(labels.values[kept], labels.values[kept][:0], goal.kind)
    return LabelJudge.of(replace(data, labels=codes, classes=classes), goal, others(modality, pool, labels, rng), seed, seconds, apart)


class Sights(NamedTuple):
    """found: share of samples whose nearest among all second views is their own; even: minus uniformity."""

    found: float
    even: float


class LabelFreeJudge:
    """samples: some of the pool; forbidden: views that change the meaning here; view_options: arguments of the views."""

    def __init__(self, samples: Samples, forbidden: tuple[str, ...] = (), seed: int = 0, view_options: Mapping[str, Any] | None = None) -> None:
        self.samples, self.forbidden, self.seed = samples.take(slice(0, LOOKED_AT)), frozenset(forbidden), seed
        self.view_options = dict(view_options or {})
        self.title, self.points, self.share, self.labelled = "label-free measures", 1.0, 0.0, False
        self.start: Sights | None = None
        self.fresh: Judge | None = None

    def values(self, encoder: Encoder) -> NDArray[np.float64]:
        """[1] geometric mean of the two, each over the same untrained encoder's: that of the first who is judged."""
        if self.start is None:
            self.start = self.sights(fresh(encoder, self.samples, self.seed))
        pairs = zip(self.sights(encoder), self.start, strict=True)
        return np.array([np.exp(np.mean([np.log(max(now, 1e-3) / max(then, 1e-3)) for now, then in pairs]))])

    def rungs(self, encoder: Encoder) -> dict[str, NDArray[np.float64]]:
        return {"the same encoder untrained": np.ones(1)}

    def sights(self, encoder: Encoder) -> Sights:
        """Of two strong views of each sample, by what was learned alone: simple features beside it are the same for all."""
        views = load("views", encoder.layout.modality)(encoder.layout, encoder.patch, self.forbidden, **{**encoder.view_options, **self.view_options})
        rng = torch.Generator().manual_seed(self.seed)
        reader, batch = FrozenEncoder(encoder), Batch.of(self.samples)
        seen = []
        for _ in range(2):
            view = views.strong(batch, rng)
            valid = None if view.valid is None else view.valid.numpy()
            seen.append(_pooled(reader, Samples(view.values.numpy(), valid)))
        one, other = (torch.nn.functional.normalize(e - e.mean(0), dim=1) for e in seen)
        found = float(((one @ other.T).argmax(1) == torch.arange(len(one))).float().mean())
        return Sights(found, -uniformity(_pooled(reader, self.samples)))

    @property
    def trust(self) -> str:
        return (
            "There are no labels to judge by: views that find each other and uniformity decide. They rule out what has collapsed; between sound "
            "encoders they are a weak guide (rank correlation with labelled probes about a half, on four sets that were looked at for it), and tasks "
            "that train on agreement of views are flattered. "
            "Losses of different tasks cannot be compared at all. Twenty labels a class would decide better."
        )


def _pooled(reader: FrozenEncoder, samples: Samples) -> torch.Tensor:
    """[N, D] of what was learned, without simple features beside it."""
    return torch.cat([f.pooled.float().cpu() for f in reader.features(samples)])

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
from tacit.contracts.errors import DataError
from tacit.contracts.goal import Goal
from tacit.contracts.layout import Samples
from tacit.contracts.modality import Modality
from tacit.contracts.pool import Pool
from tacit.evaluation.caveats import by_time_alone
from tacit.evaluation.contestant import Contestant
from tacit.evaluation.decoding import decoded, others
from tacit.evaluation.embedding import FrozenEncoder, read_pool
from tacit.evaluation.held_out import HELD, held_back, scored_splits
from tacit.evaluation.labelled import Labelled, coded
from tacit.evaluation.metric import Metric
from tacit.evaluation.rung import ladder
from tacit.evaluation.rungs.untrained import fresh, readings
from tacit.evaluation.setting import Setting
from tacit.learning.health import uniformity
from tacit.nets.encoder import Batch, Encoder

LOOKED_AT = 512
STANDARD = 1000  # unlabelled samples by which columns are standardised: each contestant's are embedded anew
LEAST = 10  # labels below which they do not decide
FEW = 5  # labels a class below which the report warns


class Judge(Protocol):
    """values: [splits] of one encoder, more is better; rungs: {title: [splits]}, once there is an encoder; share: held out over learned from;
    span: the least and the most that a value can be; labelled: whether it can say that something helps; notes: of the labels, for people; fresh: a
    judge by labels that this one never scores by, None where there are too few."""

    title: str
    points: float
    span: tuple[float, float]
    share: float
    labelled: bool
    notes: list[str]

    @property
    def fresh(self) -> Judge | None: ...

    def values(self, encoder: Encoder) -> NDArray[np.float64]: ...

    def rungs(self, encoder: Encoder) -> dict[str, NDArray[np.float64]]: ...

    @property
    def trust(self) -> str: ...


class LabelJudge:
    """Splits that hold out a third of the rows `asked` in turn and learn from all others of `learned`; standing: the rungs, once they are there.
    Raises DataError where these labels cannot be judged by."""

    def __init__(
        self,
        setting: Setting,
        learned: NDArray[np.int64],
        asked: NDArray[np.int64],
        standing: list[Contestant] | None = None,
        fresh: LabelJudge | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self.asked, self.fresh, self.notes = asked, fresh, list(notes)
        self.standing = standing if standing is not None else []
        self.splits = scored_splits(setting, learned, asked)
        self.setting = replace(setting, seconds=setting.seconds / len(self.splits))
        self.stood: dict[str, NDArray[np.float64]] = {}  # the rungs, once asked for: what is trained from scratch is dear
        if (first := self.splits[0]).how == "by time":
            self.notes += by_time_alone(setting.train.take(first.train), setting.train.take(first.held))
        self.title, self.points, self.span, self.labelled = setting.metric.title, setting.metric.points, setting.metric.span, True
        self.share = HELD / (1 - HELD)  # of the rows asked, which are a finite part: what each split holds out over what it leaves

    @classmethod
    def of(
        cls,
        data: Labelled,
        goal: Goal,
        unlabelled: Labelled | None = None,
        seed: int = 0,
        seconds: float = 0.0,
        apart: bool = True,
        notes: Sequence[str] = (),
    ) -> LabelJudge:
        """data: the labelled samples; unlabelled: others that rungs may learn from; seconds: for the supervised rung on all splits together,
        0: none; apart: hold a third back for a verdict, where both parts can be judged by; notes: of the labels. Raises DataError."""
        setting = Setting(data, data, goal, Metric(goal, data.labels, data.classes), unlabelled, seed=seed, seconds=seconds)
        everyone, standing = np.arange(len(data)), list[Contestant]()
        choosing, back = held_back(data, goal, setting.rng(22)) if apart else (everyone, everyone[:0])
        if len(back):
            try:
                return cls(setting, choosing, choosing, standing, cls(setting, everyone, back, standing), notes)
            except DataError as e:
                notes = [*notes, f"none are held back for the verdict: {e.wrong.rstrip('.')}"]
        return cls(setting, everyone, everyone, standing, notes=notes)

    def values(self, encoder: Encoder) -> NDArray[np.float64]:
        """Raises DataError where one is no number: it could not be ranked."""
        others = self.setting.unlabelled
        if others is not None:
            others = others.take(np.arange(len(others))[:: -(-len(others) // STANDARD)])
        return _numbers(self._of(readings("ours", "ours", FrozenEncoder(encoder), replace(self.setting, unlabelled=others))), self.title)

    def rungs(self, encoder: Encoder) -> dict[str, NDArray[np.float64]]:
        if not self.stood:
            self.setting = replace(self.setting, encoder=encoder)
            if not self.standing:  # fitted once for this judge and for the one who has chosen nothing: without labels, of which there is but one set
                self.standing += ladder(self.setting)[0]
            self.stood = {rung.title: self._of(rung) for rung in self.standing}
        return self.stood

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
        told += f" {len(self.fresh.asked):,} others were held back for the verdict." if self.fresh is not None else ""
        told += f" A class has as few as {each} labels: small differences are chance." if data.classes and each < FEW else ""
        return told + (f" Of the labels: {'; '.join(self.notes)}." if self.notes else "")


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
    seed = int(rng.integers(2**31))
    if labels is None or not enough(labels):
        at = np.sort(rng.choice(len(pool), min(len(pool), LOOKED_AT), replace=False))
        few = [] if labels is None else [too_few(labels)]
        return LabelFreeJudge(read_pool(pool, modality, at)[0], (*goal.forbidden, *forbidden), seed, view_options, few)
    notes = list(labels.notes)
    data, kept = decoded(modality, pool, labels, goal, rng, notes, "training")
    codes, _, classes = coded(labels.values[kept], labels.values[kept][:0], goal.kind)
    return LabelJudge.of(replace(data, labels=codes, classes=classes), goal, others(modality, pool, labels, rng), seed, seconds, apart, notes)


def enough(labels: Labels | None) -> bool:
    """Whether there are labels, and as many as decide."""
    return labels is not None and len(labels.rows) >= LEAST


def too_few(labels: Labels) -> str:
    """For people, where they are not enough."""
    many = len(labels.rows)
    return f"{many} labels are fewer than {LEAST} and are not used" if many > 1 else f"1 label is fewer than {LEAST} and is not used"


class Sights(NamedTuple):
    """found: share of samples whose nearest among all second views is their own; even: minus uniformity."""

    found: float
    even: float


class LabelFreeJudge:
    """samples: some of the pool; forbidden: views that change the meaning here; view_options: arguments of the views."""

    def __init__(
        self,
        samples: Samples,
        forbidden: tuple[str, ...] = (),
        seed: int = 0,
        view_options: Mapping[str, Any] | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self.samples, self.forbidden, self.seed = samples.take(slice(0, LOOKED_AT)), frozenset(forbidden), seed
        self.view_options = dict(view_options or {})
        self.title, self.points, self.span, self.share, self.labelled = "label-free measures", 1.0, (0.0, np.inf), 0.0, False
        self.start: Sights | None = None
        self.fresh: Judge | None = None
        self.notes = list(notes)

    def values(self, encoder: Encoder) -> NDArray[np.float64]:
        """[1] geometric mean of the two, each over the same untrained encoder's: that of the first who is judged."""
        self.start = self.start or self.sights(fresh(encoder, self.samples, self.seed))
        pairs = zip(self.sights(encoder), self.start, strict=True)
        return _numbers(np.array([np.exp(np.mean([np.log(max(now, 1e-3) / max(then, 1e-3)) for now, then in pairs]))]), self.title)

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
        return "".join(f"{note}. " for note in self.notes) + (
            "There are no labels to judge by: views that find each other and uniformity decide. They rule out what has collapsed; between sound "
            "encoders they are a weak guide (rank correlation with labelled probes about a half, on four sets that were looked at for it), and tasks "
            "that train on agreement of views are flattered. "
            "Losses of different tasks cannot be compared at all. Twenty labels a class would decide better."
        )


def _numbers(values: NDArray[np.float64], title: str) -> NDArray[np.float64]:
    """As they are. Raises DataError where one is none: it would stand anywhere in a ranking."""
    if not np.isfinite(values).all():
        raise DataError(f"{title} of what was learned is no number on {int((~np.isfinite(values)).sum())} of {len(values)} splits.")
    return values


def _pooled(reader: FrozenEncoder, samples: Samples) -> torch.Tensor:
    """[N, D] of what was learned, without simple features beside it."""
    return torch.cat([f.pooled.float().cpu() for f in reader.features(samples)])

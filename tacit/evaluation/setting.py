"""Setting: what everyone in an evaluation is given, ours and the rungs alike. The same labels, the same draws, the same validation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.goal import Goal
from tacit.evaluation.labelled import Labelled
from tacit.evaluation.metric import Metric
from tacit.evaluation.splits import class_folds, folds, how_split
from tacit.nets.encoder import Encoder

MOST_FOLDS = 10


@dataclass
class Setting:
    """train, test: labelled; unlabelled: others of the training pool, whose labels nobody knows (those here mean nothing): rungs may learn
    from them as ours did; metric, goal: by what is judged; encoder: ours; seed: of all that is drawn; seconds: for one training of a network.

    also: other labelled sets, for transfer; masks: classes by place of the training and of the test samples, [n, H, W] or [n, L], -1: nobody knows;
    name: of the data set; notes: what a reader of the results should know; told: is called with what is done now.
    """

    train: Labelled
    test: Labelled
    goal: Goal
    metric: Metric
    unlabelled: Labelled | None = None
    encoder: Encoder | None = None
    also: list[Setting] = field(default_factory=list)
    masks: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
    name: str = ""
    seed: int = 0
    seconds: float = 20.0
    notes: list[str] = field(default_factory=list)
    told: Callable[[str], None] = field(default=lambda what: None, repr=False)

    @property
    def seen(self) -> Labelled:
        """What may be learned from without labels."""
        return self.unlabelled if self.unlabelled is not None else self.train

    def everywhere(self, f: Callable[[Labelled], Any]) -> tuple[Any, Any, Any]:
        """f of the training samples, of the test samples, and of those that may be looked at without labels."""
        train = f(self.train)
        return train, f(self.test), train if self.unlabelled is None else f(self.unlabelled)

    def rng(self, *of: int) -> np.random.Generator:
        """A generator of its own for each purpose, so that no part's draws depend on another's."""
        return np.random.default_rng([self.seed, *of])

    @property
    def how(self) -> str:
        """How validation splits: for the ledger."""
        return how_split(self.train, self.goal)

    def weights(self, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """[n] so that classes count alike, where the metric counts them alike."""
        if not self.metric.balanced:
            return None
        labels = self.train.labels[rows]
        counts = np.bincount(labels, minlength=len(self.train.classes))
        return np.asarray(1.0 / counts[labels], np.float64)

    def folds(self, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Parts of 0..len(rows)-1 to hold out in turn, the same for everyone; [] where a class has one label alone."""
        data, rng = self.train.take(rows), self.rng(1, len(rows), int(rows[0]))
        if self.how in ("by time", "by entity"):
            different = len(np.unique(np.asarray(data.entity))) if self.how == "by entity" else len(rows)
            return folds(data, self.goal, rng, 5) if different > 1 and len(rows) > 2 * max(1, len(data.classes)) else []
        if not data.classes:
            return class_folds(np.zeros(len(rows), np.int64), rng, min(MOST_FOLDS, len(rows))) if len(rows) > 2 else []
        least = int(np.bincount(data.labels, minlength=len(data.classes)).min())
        return class_folds(data.labels, rng, min(MOST_FOLDS, max(least, 2))) if least > 1 or len(rows) > 5 * len(data.classes) else []

    def score(self, scores: NDArray[Any]) -> float:
        """Of answers [m, K] to the test samples."""
        return self.metric.score(self.test.labels, scores)

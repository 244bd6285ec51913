"""Supervised from scratch: the same encoder learns from the same labels alone. What the labels would have brought without the unlabelled rest.

Rates and the number of steps are chosen on held-out labels, then it learns from all of them (see training). It is dear, so only the first draws
of each size are learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tacit.evaluation.contestant import Answer, Contestant
from tacit.evaluation.rung import Rung
from tacit.evaluation.rungs.untrained import fresh
from tacit.evaluation.setting import Setting
from tacit.evaluation.training import Plan, train_network

DRAWS = 3  # of each size


class Supervised(Rung):
    """Adam from random weights, twice the rates, early stopping."""

    title: ClassVar[str] = "supervised from scratch"

    def why_not(self, setting: Setting) -> str | None:
        if setting.encoder is None:
            return "no encoder was given, only embeddings"
        return None if setting.seconds > 0 else "no time was given for it"

    def contestant(self, setting: Setting) -> Contestant:
        return _Learner("supervised", self.title)


class _Learner(Contestant):
    def answers(self, setting: Setting, draws: Sequence[NDArray[np.int64]]) -> list[Answer | None]:
        assert setting.encoder is not None
        learned: dict[int, int] = {}
        out: list[Answer | None] = []
        for i, rows in enumerate(draws):
            learned[len(rows)] = learned.get(len(rows), 0) + 1
            if learned[len(rows)] > DRAWS:
                out.append(None)
                continue
            encoder = setting.encoder

            def start(seed: int = i, like: Any = encoder) -> Any:
                return fresh(like, setting.seen.samples, setting.seed + seed)

            network, told, valued = train_network(start, setting, rows, Plan(rates=(1e-3, 3e-4), decays=(1e-4,), seconds=setting.seconds), whole=True)
            out.append(Answer(network(setting.test.samples), told, valued))
        return out

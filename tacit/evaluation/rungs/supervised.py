"""Supervised from scratch: the same encoder learns from the same labels alone. What the labels would have brought without the unlabelled rest.

Rates and the number of steps are chosen on held-out labels, then it learns from all of them (see training). It is dear, so only the first draws
of each size are learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tacit.evaluation.contestant import Answer, Contestant
from tacit.evaluation.rung import Rung
from tacit.evaluation.rungs.untrained import starts
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
        start = starts(setting.encoder, setting.seen.samples, setting.seed)
        learned: dict[int, int] = {}
        out: list[Answer | None] = []
        for rows in draws:
            learned[len(rows)] = learned.get(len(rows), 0) + 1
            if learned[len(rows)] > DRAWS:
                out.append(None)
                continue
            turn = learned[len(rows)] - 1
            plan = Plan(rates=(1e-3, 3e-4), decays=(1e-4,), seconds=setting.seconds)
            network, told, valued = train_network(partial(start, turn), setting, rows, plan, whole=True)
            out.append(Answer(network(setting.test.samples), told, valued))
        return out

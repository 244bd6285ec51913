"""Fine-tuning: all weights go on learning with the labels, from the learned encoder and, the same way, from random weights.

Three folds, each held out once for rate, decay and early stopping; the answers are the mean of the three networks'.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tacit.evaluation.contestant import Contestant, Frozen
from tacit.evaluation.protocol import Finding, Protocol, measured
from tacit.evaluation.rungs.untrained import starts
from tacit.evaluation.setting import Setting
from tacit.evaluation.training import Plan, train_network
from tacit.nets.encoder import Encoder

FOLDS = 3
TUNED = Plan(rates=(1e-3, 2e-4), decays=(1e-4, 5e-2), head_factor=5.0)
SCRATCH = Plan(rates=(3e-3, 1e-3), decays=(1e-4, 5e-2))


class Finetune(Protocol):
    """Against the frozen rungs and against the same training from scratch."""

    def why_not(self, setting: Setting) -> str | None:
        return "no encoder was given, only embeddings" if setting.encoder is None else None

    def run(self, setting: Setting, ours: Frozen, rungs: list[Contestant]) -> Finding:
        encoder = setting.encoder
        assert encoder is not None
        answers, choices = {}, {}
        answers["ours", "ours, fine-tuned"], choices["ours"] = trained(setting, lambda fold: copy.deepcopy(encoder), TUNED)
        scratch = trained(setting, starts(encoder, setting.seen.samples, setting.seed), SCRATCH)
        answers["supervised", "supervised from scratch"], choices["supervised"] = scratch
        for contestant in (r for r in rungs if isinstance(r, Frozen)):
            if (answer := contestant.probed(setting)) is not None:
                answers[contestant.name, contestant.title] = answer.scores
                choices[contestant.name] = answer.choice
        rows, sentence = measured("fine_tune", setting, answers, f"fine-tuned with {len(setting.train):,} labels", choices)
        return Finding(rows, sentence)


def trained(setting: Setting, start: Callable[[int], Encoder], plan: Plan) -> tuple[NDArray[np.float64], str]:
    """(mean scores of the test over the folds, what was chosen)."""
    rows, scores, told = np.arange(len(setting.train)), [], []
    plan = plan._replace(seconds=setting.seconds or plan.seconds)
    for fold in range(min(FOLDS, max(1, len(setting.folds(rows))))):
        network, choice, _ = train_network(lambda f=fold: start(f), setting, rows, plan, fold)  # type: ignore[misc]
        scores.append(network(setting.test.samples))
        told.append(choice)
    return np.mean(scores, axis=0), "; ".join(told)

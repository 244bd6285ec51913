"""Fine-tuning a model to keep: all weights go on learning with the labels; then a plain head is read off them.

A part of the labels is held out for rate, decay and the number of steps; what was chosen is trained anew with all of them. The figure told is that
of the held-out part, with how many labels these are and that they chose, too: it flatters. The head is fitted on embeddings of the very samples that
moved the weights, so its probabilities are surer than they should be.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.goal import Goal
from tacit.contracts.layout import Samples
from tacit.evaluation.embedding import FrozenEncoder
from tacit.evaluation.intervals import counted
from tacit.evaluation.labelled import Labelled, coded
from tacit.evaluation.metric import Metric
from tacit.evaluation.protocols.finetune import TUNED
from tacit.evaluation.setting import Setting
from tacit.evaluation.training import held_out, train_network
from tacit.evaluation.tuning import Tuned, fit_head
from tacit.nets.encoder import Encoder


def fine_tune(
    encoder: Encoder,
    samples: Samples,
    labels: NDArray[np.generic],
    goal: Goal,
    groups: NDArray[np.generic] | None = None,
    seconds: float = 120.0,
    seed: int = 0,
    told: Callable[[str], None] = lambda what: None,
) -> tuple[Encoder, Tuned]:
    """(the tuned encoder, its head with the held-out score). encoder is left as it was; labels: class names or numbers; seconds: the most in all.

    Raises DataError where the labels are of one class.
    """
    codes, _, classes = coded(labels, labels[:0], goal.kind)
    data = Labelled(encoder.layout, samples, codes, classes, entity=groups)
    setting = Setting(
        data, data, replace(goal, entity="entity" if groups is not None else ""), Metric(goal, codes, classes), None, encoder, seed=seed
    )
    setting.told = told
    started: list[Encoder] = []

    def start() -> Encoder:
        started.append(copy.deepcopy(encoder))
        return started[-1]

    _, chosen, value = train_network(start, setting, np.arange(len(codes)), TUNED._replace(seconds=seconds), whole=True)
    tuned = started[-1].eval()  # trained last, with all the labels
    if tuned.settles and tuned.looks:  # thresholds and balance are those of weights that it no longer has
        tuned.settle(samples.take(np.arange(0, len(codes), -(-len(codes) // tuned.looks))))
    metric = goal.metric if isinstance(goal.metric, str) and goal.metric else None
    head = fit_head(FrozenEncoder(tuned).embed(samples), np.asarray(labels), metric, groups, seed)  # its own score is not told
    held = codes[held_out(setting, np.arange(len(codes)))]
    low, high = counted(setting.metric, value, held) if groups is None else (math.nan, math.nan)  # labels of one entity do not stand apart
    how = f"{len(held):,} labels that were held out and chose {chosen}, too: it flatters"
    return tuned, Tuned(head.head, setting.metric.name, float(value), low, high, head.choice, 1, len(held), how)

"""The same encoder untrained: what it brings before the first step of learning. Same class, same arguments, another seed; read off like ours.

Untrained is all that ours had before a gradient moved a weight: where its kind begins with a look at the samples (bagged counts which words share
texts), this one looks as well; running statistics (batch norm) are taken from the training samples. What is gained over it is what learning gave,
not what the look gave. It looks at the samples that rungs may see without labels, 5,000 at most, which may be fewer than ours has seen.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch

from tacit.contracts.layout import Samples
from tacit.evaluation.contestant import Contestant, Frozen, Variant
from tacit.evaluation.embedding import FrozenEncoder
from tacit.evaluation.rung import Rung
from tacit.evaluation.setting import Setting
from tacit.export.model_folder import arguments_of
from tacit.nets.encoder import Batch, Encoder

APART = 7919  # added to the seed
LOOKS, LOOK = 20, 64  # batches
LOOK_ASIDE = 1000  # samples


class Untrained(Rung):
    """All that is read off ours is read off it."""

    title: ClassVar[str] = "the same encoder untrained"

    def why_not(self, setting: Setting) -> str | None:
        return None if setting.encoder is not None else "no encoder was given, only embeddings"

    def contestant(self, setting: Setting) -> Contestant:
        assert setting.encoder is not None
        reader = FrozenEncoder(fresh(setting.encoder, setting.seen.samples, setting.seed))
        return readings("untrained", self.title, reader, setting)


def readings(name: str, title: str, reader: FrozenEncoder, setting: Setting) -> Frozen:
    """A contestant with all that can be read off an encoder."""
    train, test, seen = setting.everywhere(lambda side: reader.readings(side.samples))
    return Frozen(name, title, {key: Variant(train[key], test[key], seen[key]) for key in train})


def fresh(encoder: Encoder, samples: Samples, seed: int) -> Encoder:
    """A new one of the same kind on the same device, its running statistics those of the samples."""
    made = type(encoder)(encoder.layout, **{**arguments_of(encoder), "seed": encoder.seed + APART + seed})
    device = next(encoder.buffers()).device
    if type(made).begin is not Encoder.begin:  # simple features, which every kind has a look for, are taken from ours below
        made.begin(samples)
    made.to(device).train()
    order = np.random.default_rng(seed).permutation(len(samples.values))[: LOOKS * LOOK]  # sorted by class, a batch would be of one class
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        for start in range(0, len(order), LOOK):
            part = samples.take(order[start : start + LOOK])
            if len(part.values) > 1:
                made(Batch.of(part).to(device))
    if made.aside is not None and encoder.aside is not None:  # nothing of it is taught: it is the same on both sides
        made.aside = copy.deepcopy(encoder.aside)  # whole: what it draws from the seed (which channels are added up) is no buffer
    if made.looks:
        made.settle(samples.take(order[:LOOK_ASIDE]))
    return made.eval()


def starts(encoder: Encoder, samples: Samples, seed: int) -> Callable[[int], Encoder]:
    """f(turn) → an untrained one to be trained, the same first weights for the same turn; each is made once, since a look may take seconds."""
    made: dict[int, Encoder] = {}

    def start(turn: int) -> Encoder:
        if turn not in made:
            made[turn] = fresh(encoder, samples, seed + turn)
        return copy.deepcopy(made[turn])

    return start

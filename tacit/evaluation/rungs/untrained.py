"""The same encoder untrained: what its shape alone brings. Same class, same arguments, another seed; read off like ours.

Its running statistics (batch norm) are taken from the training samples, without a step of learning: else it would be weaker than it is.
"""

from __future__ import annotations

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
    made.to(device).train()
    order = np.random.default_rng(seed).permutation(len(samples.values))[: LOOKS * LOOK]  # sorted by class, a batch would be of one class
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        for start in range(0, len(order), LOOK):
            part = samples.take(order[start : start + LOOK])
            if len(part.values) > 1:
                made(Batch.of(part).to(device))
    if made.aside is not None and encoder.aside is not None:  # nothing of it is taught: it is the same on both sides
        made.aside.load_state_dict(encoder.aside.state_dict())
        made.settle(samples.take(order[:LOOK_ASIDE]))
    return made.eval()

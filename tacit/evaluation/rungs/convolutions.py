"""Random convolutions: what series must be better than, since it takes seconds and has no weights to learn.

See random_convolutions for the method and its reference.
"""

from __future__ import annotations

from typing import ClassVar

from tacit.evaluation.contestant import Contestant, Frozen, Variant
from tacit.evaluation.rung import Rung
from tacit.evaluation.setting import Setting
from tacit.nets import random_convolutions


class Convolutions(Rung):
    """Standardised, and as they are."""

    title: ClassVar[str] = "random convolutions"
    modalities: ClassVar[tuple[str, ...]] = ("series",)

    def contestant(self, setting: Setting) -> Contestant:
        seen = setting.seen.samples
        transform = random_convolutions.features(seen.values, seen.valid, setting.rng(4))
        rows = setting.everywhere(lambda side: transform(side.samples.values, side.samples.valid))
        return Frozen("convolutions", self.title, {"standardised": Variant.of(rows), "as they are": Variant.of(rows, False)})

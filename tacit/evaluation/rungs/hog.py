"""HOG + colour histogram: what pictures were told apart by before networks. The same simple features stand beside our encoders of pictures."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from tacit.contracts.layout import Samples
from tacit.evaluation.contestant import Contestant, Frozen, Variant
from tacit.evaluation.rung import Rung
from tacit.evaluation.setting import Setting
from tacit.nets.simple.image import ImageSimple

AT_ONCE = 256


class Hog(Rung):
    """Both, and each alone."""

    title: ClassVar[str] = "HOG + colour histogram"
    modalities: ClassVar[tuple[str, ...]] = ("image",)

    def contestant(self, setting: Setting) -> Contestant:
        measure = ImageSimple(setting.train.layout)

        def measured(samples: Samples) -> NDArray[np.float32]:
            parts = (samples.take(slice(k, k + AT_ONCE)) for k in range(0, len(samples.values), AT_ONCE))
            return np.concatenate([measure(torch.from_numpy(part.values)).numpy() for part in parts])

        with torch.no_grad():
            both = setting.everywhere(lambda side: measured(side.samples))
        shape, colour = ([x[:, : measure.shapes] for x in both], [x[:, measure.shapes :] for x in both])
        return Frozen(
            "hog",
            self.title,
            {
                "both": Variant.of(both, False),
                "both, standardised": Variant.of(both),
                "HOG alone": Variant.of(shape, False),
                "colours alone": Variant.of(colour),
            },
        )

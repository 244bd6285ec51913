"""Constant: the same answer for everyone, the training labels' shares or mean. Below this, nothing was learned at all."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tacit.evaluation.contestant import Contestant, Frozen, Variant
from tacit.evaluation.rung import Rung
from tacit.evaluation.setting import Setting


class Constant(Rung):
    """Features without any difference, so that the read-out is its intercept."""

    title: ClassVar[str] = "constant"

    def contestant(self, setting: Setting) -> Contestant:
        return Frozen("constant", self.title, {"intercept": Variant.of(setting.everywhere(lambda side: np.zeros((len(side), 1))))})

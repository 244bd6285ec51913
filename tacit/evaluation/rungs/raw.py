"""Raw input: pixels, steps or token counts as they are, read off linearly."""

from __future__ import annotations

from typing import ClassVar

from scipy import sparse

from tacit.evaluation.contestant import Contestant, Frozen, Variant
from tacit.evaluation.flat import flat
from tacit.evaluation.rung import Rung
from tacit.evaluation.setting import Setting


class Raw(Rung):
    """As is, and standardised column by column."""

    title: ClassVar[str] = "raw input"

    def contestant(self, setting: Setting) -> Contestant:
        train, test = (flat(side.samples, side.layout) for side in (setting.train, setting.test))
        variants = {"as it is": Variant(train, test, False)}
        if not sparse.issparse(train):
            variants["standardised"] = Variant(train, test)
        return Frozen("raw", self.title, variants)

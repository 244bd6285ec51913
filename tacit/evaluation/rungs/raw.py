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
        rows = setting.everywhere(lambda side: flat(side.samples, side.layout))
        variants = {"as it is": Variant.of(rows, False)}
        if not sparse.issparse(rows[0]):
            variants["standardised"] = Variant.of(rows)
        return Frozen("raw", self.title, variants)

"""Causal: dilated convolutions that look back only, for series that are still going on.

The token of a step depends on that step and earlier ones alone; the embedding is the token of the last real step (or, where asked for,
pooled over all so far). van den Oord et al., "WaveNet", 2016, section 2.1; blocks as of `dilated`.
"""

from __future__ import annotations

from typing import Literal

from tacit.contracts.errors import DataError
from tacit.contracts.layout import Layout
from tacit.nets.encoders.dilated import Dilated


class Causal(Dilated):
    """As Dilated. A sample can't be normalised by its own statistics here: they would be of what comes later."""

    causal = True

    def __init__(
        self,
        layout: Layout,
        seed: int = 0,
        width: int = 320,
        hidden: int = 64,
        depth: int = 0,
        normalise: Literal["whole", "instance"] = "whole",
        pool: Literal["largest", "mean", "last"] = "last",
        simple: bool = True,
    ) -> None:
        if normalise == "instance":
            raise DataError("a causal encoder can't normalise a series by statistics of its whole length.", 'Use normalise = "whole".')
        super().__init__(layout, seed, width, hidden, depth, normalise, pool, simple)

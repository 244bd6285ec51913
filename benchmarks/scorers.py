"""Scorers by name: tacit, its rungs and its peers, all behind the door of readings.py."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.peers import Chance, Constant, Ewma, Forest, Gaussian, HalfSpace, RandomCut
from benchmarks.readings import Readings, Scorer

__all__ = ["PEERS", "USUAL", "Readings", "Scorer"]

PEERS: dict[str, Callable[[], Scorer]] = {
    "constant": Constant,
    "random": Chance,
    "ewma": Ewma,
    "ewma_slow": lambda: Ewma(0.0005, worst=False),
    "gaussian": Gaussian,
    "hst": HalfSpace,
    "hst_large": lambda: HalfSpace(25, 15),  # about 20 events/s: on request only
    "krcf": RandomCut,
    "krcf_why": lambda: RandomCut(attribution=True),
    "forest": Forest,
}
USUAL = ("constant", "random", "ewma", "ewma_slow", "gaussian", "hst", "krcf", "forest")

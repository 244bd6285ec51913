"""Scorers by name: tacit, its rungs and its peers, all behind the door of readings.py."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.peers import Chance, Constant, Ewma, Forest, Gaussian, HalfSpace, RandomCut, Range
from benchmarks.readings import Readings, Scorer
from benchmarks.standing_encoder import Standing
from benchmarks.tacit_door import Learning, Tacit

__all__ = ["PEERS", "USUAL", "Readings", "Scorer"]

PEERS: dict[str, Callable[[int], Scorer]] = {  # each takes a seed
    "constant": lambda seed: Constant(),
    "random": Chance,
    "ewma": lambda seed: Ewma(),
    "ewma_slow": lambda seed: Ewma(0.0005, worst=False),  # the best of 0.0005 … 0.02 for SMD and SKAB, in the rung's favour
    "gaussian": lambda seed: Gaussian(),
    "hst": lambda seed: HalfSpace(seed=seed),
    "hst_large": lambda seed: HalfSpace(25, 15, seed=seed),  # about 20 events/s: on request only
    "krcf": lambda seed: RandomCut(seed=seed),
    "krcf_why": lambda seed: RandomCut(attribution=True, seed=seed),
    "forest": Forest,
    "range": lambda seed: Range(),
    "tacit": lambda seed: Tacit(),
    "tacit_hourly": lambda seed: Tacit(24.0),  # one alert an hour: what the target of the fault recordings allows
    "tacit_learning": Learning,
    "tacit_encoder": Standing,
    "tacit_untrained": lambda seed: Standing(seed, learned=False),
}
SEEDED = {"random", "hst", "hst_large", "krcf", "krcf_why", "forest", "tacit_learning", "tacit_encoder", "tacit_untrained"}
USUAL = ("constant", "random", "ewma", "ewma_slow", "gaussian", "hst", "krcf", "forest", "tacit")

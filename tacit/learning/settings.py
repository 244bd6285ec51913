"""Settings that follow the data's size and the budget: batch, rate, warm-up. Published defaults are for a million samples and fail on small sets.

The rate grows with the root of the batch (Malladi et al., "On the SDEs and scaling rules for adaptive gradient algorithms", 2022);
the batch is small enough that an epoch has some tens of steps and large enough that contrastive negatives differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

RATE = 1e-3  # of AdamW at batch 256
RATES = {"image": 2e-3}  # where another was better (docs/log.md)
WARM = 0.05  # share of the budget


@dataclass(frozen=True)
class Settings:
    """batch: samples a step; rate: AdamW's at the top; warm: steps of linear warm-up per total; held: samples kept out to watch the gap."""

    batch: int
    rate: float
    warm: float
    decay: float
    held: int


def settle(samples: int, batch: int | None = None, rate: float | None = None, decay: float | None = None, modality: str = "") -> Settings:
    """Settings for so many samples of a modality; what is given stays."""
    held = min(1024, max(8, samples // 20)) if samples >= 64 else 0
    size = batch or int(2 ** round(math.log2(min(256, max(8, (samples - held) / 16)))))
    size = min(size, max(2, samples - held))
    return Settings(size, rate or RATES.get(modality, RATE) * math.sqrt(size / 256), WARM, 0.05 if decay is None else decay, held)


def pace(step: int, total: int, warm: float) -> float:
    """Linear warm-up, then a cosine to 0 (Loshchilov & Hutter, "SGDR", 2017), in [0, 1]."""
    begin = max(1, int(warm * total))
    if step < begin:
        return (step + 1) / begin
    return 0.5 + 0.5 * math.cos(math.pi * min(1.0, (step - begin) / max(1, total - begin)))

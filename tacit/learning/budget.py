"""Budget: how long to learn. Without torch, so that a recipe is read anywhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """One of the three. seconds: of learning, checkpoints and looks included."""

    steps: int | None = None
    epochs: float | None = None
    seconds: float | None = None

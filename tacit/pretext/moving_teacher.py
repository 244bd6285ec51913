"""Moving teacher: a copy of the student that follows it slowly and is never taught by gradients.

theta_t <- m theta_t + (1 - m) theta_s, m rising from its first value to 1 on a cosine over the budget. Grill et al., "BYOL", 2020, eq. 1
and section 3.2. At m = 0 it stays 0: the teacher is the student (Chen and He, "SimSiam", 2021).
"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import nn


class MovingTeacher(nn.Module):
    """parts: modules of the student, copied here with all their weights and buffers; momentum: m at the start.

    Dropout is always off: an answer isn't noisy. Batch norms alone follow the mode of the task: in training they use each batch's own
    statistics and keep running ones of their own, which differ from the student's, whose weights are others.
    """

    def __init__(self, parts: list[nn.Module], momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.parts = nn.ModuleList(copy.deepcopy(part) for part in parts).requires_grad_(False)

    def train(self, mode: bool = True) -> MovingTeacher:
        super().train(False)
        self.training = mode
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.training = mode
        return self

    @torch.no_grad()
    def forward(self, batch: Any, hidden: Any = None) -> Any:
        """The teacher's encoder alone (the first part)."""
        return self.parts[0](batch, hidden)

    @torch.no_grad()
    def follow(self, parts: list[nn.Module], progress: float) -> None:
        """One step towards the student's weights; progress in [0, 1]."""
        share = (1 - self.momentum) * 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, progress)))) if self.momentum else 1.0
        for mine, theirs in zip(self.parts, parts, strict=True):
            pairs = zip(mine.parameters(), theirs.parameters(), strict=True)
            for own, other in pairs:
                own.lerp_(other.detach().to(own.dtype), share)

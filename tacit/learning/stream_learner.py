"""StreamLearner: the only place where an encoder's weights are updated.

One step: each task poses a puzzle about the same windows, the weighted losses are added, AdamW (Loshchilov & Hutter, 2019)
moves the weights, gradients clipped at norm 1. All randomness comes from one generator inside the state; restore is bit-exact.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

from tacit.nets.recurrent import RecurrentEncoder
from tacit.pretext.streams.stream_task import Outcome, StreamTask, Windows


class StreamLearner:
    """encoder and tasks are moved in place; weights: {task: weight of its loss}; linear_rate: of the closed-form part, against `rate`."""

    def __init__(
        self,
        encoder: RecurrentEncoder,
        tasks: dict[str, StreamTask],
        weights: dict[str, float],
        seed: int = 0,
        rate: float = 2e-3,
        linear_rate: float = 0.1,
        decay: float = 0.1,
    ) -> None:
        self.encoder, self.tasks, self.weights = encoder, nn.ModuleDict(tasks), weights
        self.rate, self.linear_rate, self.decay, self.seed = rate, linear_rate, decay, seed
        self.rng = np.random.default_rng(seed)
        plain = list(encoder.linear.parameters())
        known = {id(p) for p in plain}
        rest = [p for p in [*encoder.parameters(), *self.tasks.parameters()] if id(p) not in known]
        self.optimizer = torch.optim.AdamW([{"params": plain, "weight_decay": 0.0}, {"params": rest, "weight_decay": decay}], lr=rate)
        self.steps = 0

    def step(self, windows: Windows, pace: float = 1.0) -> Outcome:
        """One update on these windows; `pace` in [0, 1] scales the learning rates (schedules live with the caller)."""
        warm = min(1.0, (self.steps + 1) / 30)
        for group, share in zip(self.optimizer.param_groups, (self.linear_rate, 1.0), strict=True):
            group["lr"] = self.rate * share * pace * warm
        self.encoder.train()
        total, metrics = torch.zeros(()), {}
        for name, task in self.tasks.items():
            assert isinstance(task, StreamTask)
            outcome = task.solve(self.encoder, task.pose(windows, self.rng))
            total = total + self.weights[name] * outcome.loss
            metrics[name] = float(outcome.loss.detach())
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([*self.encoder.parameters(), *self.tasks.parameters()], 1.0)
        self.optimizer.step()
        self.steps += 1
        return Outcome(total.detach(), None, metrics)

    def state(self) -> dict[str, Any]:
        """A copy of all that the next step depends on."""
        parts = {
            "encoder": self.encoder.state_dict(),
            "tasks": self.tasks.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": self.rng.bit_generator.state,
            "training": self.encoder.training,
            "steps": self.steps,
        }
        return copy.deepcopy(parts)

    def restore(self, state: dict[str, Any]) -> None:
        """Go on exactly from there."""
        state = copy.deepcopy(state)
        self.encoder.load_state_dict(state["encoder"])
        self.tasks.load_state_dict(state["tasks"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.bit_generator.state = state["rng"]
        self.encoder.train(state["training"])
        self.steps = state["steps"]

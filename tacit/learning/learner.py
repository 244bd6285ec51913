"""Learner: one step of learning on samples; the only place where such an encoder's weights move.

Each task poses a puzzle about the same batch, the weighted losses are added, AdamW (Loshchilov & Hutter, 2019) moves the
weights, gradients clipped. All randomness comes from two generators inside the state (views, dropout); restore is bit-exact
on the same machine, threads and versions. Under torchrun the gradients are averaged over the processes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from tacit.contracts.errors import DataError
from tacit.learning.health import gradient_norm
from tacit.nets.encoder import Batch, Encoder
from tacit.nets.view import Views
from tacit.pretext.pretext_task import Outcome, PretextTask, Puzzle


class _Whole(nn.Module):
    """Encoder and heads as one module, so that DistributedDataParallel sees every gradient."""

    def __init__(self, encoder: Encoder, tasks: dict[str, PretextTask], weights: dict[str, float]) -> None:
        super().__init__()
        self.encoder, self.tasks, self.weights = encoder, nn.ModuleDict(tasks), weights

    def forward(self, puzzles: dict[str, Puzzle]) -> tuple[Tensor, dict[str, Outcome]]:
        outcomes = {name: task.solve(self.encoder, puzzles[name]) for name, task in self.named()}
        return torch.stack([self.weights[name] * outcome.loss for name, outcome in outcomes.items()]).sum(), outcomes

    def named(self) -> Iterator[tuple[str, PretextTask]]:
        for name, task in self.tasks.items():
            assert isinstance(task, PretextTask)
            yield name, task


class Learner:
    """encoder and tasks move in place. weights: of the tasks' losses; rate: of AdamW at pace 1; decay: weight decay (matrices only);
    pieces: a batch is cut into so many, their gradients added (for memory); clip: largest gradient norm; precision: "float32" or
    "bfloat16" (autocast). Raises DataError where a task cannot be set, with its reason."""

    def __init__(
        self,
        encoder: Encoder,
        tasks: dict[str, PretextTask],
        weights: dict[str, float],
        views: Views,
        seed: int = 0,
        rate: float = 1e-3,
        decay: float = 0.05,
        pieces: int = 1,
        clip: float = 1.0,
        precision: str = "float32",
    ) -> None:
        for name, task in tasks.items():
            if reason := task.refuses(encoder, views):
                raise DataError(f"the task {name!r} cannot be set here: {reason}.", "Choose another with --pretext.")
        self.device = next(encoder.parameters()).device
        self.whole = _Whole(encoder, tasks, weights).to(self.device)
        self.encoder, self.views, self.seed = encoder, views, seed
        self.rate, self.decay, self.pieces, self.clip, self.precision = rate, decay, pieces, clip, precision
        self.rng = torch.Generator().manual_seed(seed)
        self.chance = torch.Generator().manual_seed(seed + 1).get_state()  # of the global generator while solving: dropout
        moved = [p for p in self.whole.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in moved if p.ndim > 1], "weight_decay": decay},
            {"params": [p for p in moved if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=rate, betas=(0.9, 0.98), fused=True)
        self.moved = moved
        self.steps = 0
        self.called: nn.Module = self.whole
        self.rank, self.world = 0, 1
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            self.rank, self.world = torch.distributed.get_rank(), torch.distributed.get_world_size()
            self.called = DistributedDataParallel(self.whole, find_unused_parameters=True)

    def step(self, batch: Batch, pace: float = 1.0, progress: float = 0.0) -> Outcome:
        """One update on this batch. pace scales the rate, progress in [0, 1] is told to the tasks (schedules live with the caller)."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * pace
        self.whole.train()
        if self.world > 1:  # the checkpoint holds one process' generators: here they follow from the step
            self.rng.manual_seed((self.seed * self.world + self.rank) * 1_000_003 + self.steps)
            self.chance = torch.Generator().manual_seed((self.seed * self.world + self.rank) * 1_000_003 + self.steps + 1).get_state()
        self.optimizer.zero_grad(set_to_none=True)
        outcomes: list[Outcome] = []
        rows = torch.arange(len(batch.values), device=batch.values.device)
        cut = rows.chunk(self.pieces) if self.pieces > 1 else [rows]  # may be fewer than asked for
        with self._chance():
            for k, piece in enumerate(cut):
                last = k == len(cut) - 1
                part = batch if self.pieces == 1 else batch.take(piece)
                quiet = nullcontext() if last or not isinstance(self.called, DistributedDataParallel) else self.called.no_sync()
                with quiet:
                    outcome = self._solve(part)
                    (outcome.loss * (len(piece) / len(rows))).backward()  # type: ignore[no-untyped-call]
                outcomes.append(outcome)
        norm = gradient_norm(self.moved, self.clip)
        self.optimizer.step()
        self.steps += 1
        for _, task in self.whole.named():
            task.after_step(self.encoder, progress)
        first = outcomes[0]
        loss = torch.stack([o.loss.detach() * (len(piece) / len(rows)) for o, piece in zip(outcomes, cut, strict=True)]).sum()
        return Outcome(loss, first.errors, {**first.metrics, "gradient": norm}, first.embeddings, first.pairs)

    @property
    def settled(self) -> bool:
        """Whether losses of different steps can be compared."""
        return all(task.settled for _, task in self.whole.named())

    def _solve(self, batch: Batch) -> Outcome:
        puzzles = {}
        with torch.no_grad():
            for name, task in self.whole.named():
                puzzles[name] = task.pose(batch, self.views, self.rng)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            loss, outcomes = self.called(puzzles)
        metrics = {f"{name}.{k}" if len(outcomes) > 1 else k: v for name, o in outcomes.items() for k, v in o.metrics.items()}
        if len(outcomes) > 1:
            metrics |= {f"{name}.loss": float(o.loss.detach()) for name, o in outcomes.items()}
        shown = next((o for o in outcomes.values() if o.embeddings is not None), next(iter(outcomes.values())))
        return Outcome(loss, shown.errors, metrics, shown.embeddings, shown.pairs)

    @torch.no_grad()
    def held_out(self, batch: Batch, seed: int = 0) -> Outcome:
        """The loss on samples that are not learned from; the same puzzles each time; changes nothing."""
        rng, self.rng = self.rng, torch.Generator().manual_seed(seed)
        before = copy.deepcopy(dict(self.whole.named_buffers()))
        self.whole.eval()
        try:
            puzzles = {name: task.pose(batch, self.views, self.rng) for name, task in self.whole.named()}
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
                loss, outcomes = self.whole(puzzles)
        finally:
            self.rng = rng
            for k, v in self.whole.named_buffers():
                v.copy_(before[k])
            self.whole.train()
        first = next(iter(outcomes.values()))
        return Outcome(loss, first.errors, first.metrics, first.embeddings, first.pairs)

    @contextmanager
    def _chance(self) -> Iterator[None]:
        """Inside, the global generator is the learner's own; afterwards it is as it was."""
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.set_rng_state(self.chance)
            if self.device.type == "cuda":
                torch.cuda.manual_seed((self.seed * self.world + self.rank) * 1_000_003 + self.steps)
            yield
            self.chance = torch.get_rng_state()

    def state(self) -> dict[str, Any]:
        """A copy of all that the next step depends on."""
        return copy.deepcopy(
            {
                "whole": self.whole.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "rng": self.rng.get_state(),
                "chance": self.chance,
                "training": self.whole.training,
                "steps": self.steps,
                "pieces": self.pieces,  # more than asked for where memory was short
            }
        )

    def restore(self, state: dict[str, Any]) -> None:
        """Go on exactly from there."""
        self.whole.load_state_dict(state["whole"])
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        for parameter, kept in self.optimizer.state.items():  # moments lie in memory as their weights do: the fused step takes them so
            for name, value in kept.items():
                if isinstance(value, Tensor) and value.shape == parameter.shape:
                    kept[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
        self.rng.set_state(state["rng"].cpu())
        self.chance = state["chance"].cpu()
        self.whole.train(bool(state["training"]))
        self.steps, self.pieces = int(state["steps"]), int(state["pieces"])

"""Pretext task: a game on unlabelled samples whose solving teaches an encoder.

`pose` makes a puzzle and has no weights, so that it can be tested and shown; `solve` has the weights that are thrown
away and returns the loss. Written once for all modalities: a task asks the views for powers by name.
A part is one module here that defines one public subclass; this contract isn't one.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, smooth_l1_loss

from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch, Encoder
from tacit.nets.view import Views


class Puzzle(NamedTuple):
    """views: what the encoder is shown; hidden: for each view the patches it must not see ([B, N] bool or None); answer: what is asked."""

    views: tuple[Batch, ...]
    hidden: tuple[Tensor | None, ...]
    answer: tuple[Tensor | None, ...]


class Outcome(NamedTuple):
    """loss: what to minimise, differentiable; errors: [B] a sample's own, where the loss has one; metrics: for people;
    embeddings: [B, D] pooled, detached, of one view: what health is measured on; pairs: the other view's, for alignment."""

    loss: Tensor
    errors: Tensor | None
    metrics: dict[str, float]
    embeddings: Tensor | None = None
    pairs: Tensor | None = None


class PretextTask(nn.Module, ABC):
    """encoder: the one that will be taught (its width, patch and layout are read; it is not kept); seed: of the heads' weights.

    needs: powers of the views; causal: None, or whether the encoder must be so; settled: whether losses of different steps can be compared, which
    they cannot where a teacher that learns gives the answers.
    """

    needs: ClassVar[frozenset[str]]
    causal: ClassVar[bool | None] = None
    settled: ClassVar[bool] = True

    def __init__(self, encoder: Encoder, seed: int = 0) -> None:
        super().__init__()
        self.seed = seed
        self.width, self.patch, self.layout = encoder.width, encoder.patch, encoder.layout

    @classmethod
    def refuses(cls, encoder: Encoder, views: Views) -> str | None:
        """Why this task cannot be set for this encoder and these views, or None."""
        for power in sorted(cls.needs):
            if reason := views.why_not(power):
                return reason
        if cls.causal is not None and encoder.causal != cls.causal:
            return f"it needs an encoder that {'sees only what came before' if cls.causal else 'sees both ways'}"
        return None

    @abstractmethod
    def pose(self, batch: Batch, views: Views, rng: torch.Generator) -> Puzzle:
        """A puzzle about these samples; the same generator state poses the same one."""

    @abstractmethod
    def solve(self, encoder: Encoder, puzzle: Puzzle) -> Outcome:
        """Loss of the encoder (and this task's own heads) on the puzzle."""

    def after_step(self, encoder: Encoder, progress: float) -> None:
        """After the weights moved; progress in [0, 1] of the budget. Teachers and centres follow here; their state is in buffers."""


def perceptron(widths: tuple[int, ...], seed: int, norm: bool = True) -> nn.Sequential:
    """Linear (BatchNorm ReLU Linear)*: a head whose first weights depend on `seed` alone."""
    layers: list[nn.Module] = []
    for k, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        if k:
            layers += [BatchNorm(inputs), nn.ReLU()] if norm else [nn.GELU()]
        layers.append(seeded_linear(inputs, outputs, seed + k))
    return nn.Sequential(*layers)


class BatchNorm(nn.BatchNorm1d):
    """Batch norm that takes a batch of one: it has no statistics of its own, so the running ones are used."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training and len(x) == 1:
            return nn.functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        return super().forward(x)


def seeded_linear(inputs: int, outputs: int, seed: int) -> nn.Linear:
    """A linear layer whose first weights depend on `seed` alone: N(0, 1 / inputs), bias 0."""
    with torch.random.fork_rng(devices=[]):
        layer = nn.Linear(inputs, outputs)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(outputs, inputs, generator=torch.Generator().manual_seed(seed)) / inputs**0.5)
        layer.bias.zero_()
    return layer


def content_width(layout: Layout, patch: tuple[int, ...]) -> int:
    """Outputs that a head needs to restore one patch: its numbers, or the vocabulary."""
    if layout.kind == "category":
        return layout.vocabulary
    places = 1
    for step in patch:
        places *= step
    return places * layout.channels


def restoring_loss(layout: Layout, guess: Tensor, answer: Tensor, asked: Tensor) -> tuple[Tensor, Tensor]:
    """(mean over all that is asked, [B] mean by sample). Numbers: guess, answer, asked [B, N, P], Huber; categories: guess [B, N, V],
    answer, asked [B, N], cross-entropy. 0 where nothing is asked."""
    if layout.kind == "category":
        each = cross_entropy(guess.flatten(0, 1), answer.flatten(), reduction="none").view(answer.shape)
    else:
        each = smooth_l1_loss(guess, answer, reduction="none", beta=2.0)
    kept, many = (each * asked).flatten(1).sum(1), asked.flatten(1).sum(1).to(each.dtype)
    return kept.sum() / many.sum().clamp_min(1), (kept / many.clamp_min(1)).detach()


def facts_of(task: PretextTask) -> dict[str, Any]:
    """Constructor arguments as stored, for the model folder."""
    import inspect

    names = [p for p in inspect.signature(type(task)).parameters if p != "encoder"]
    return {name: getattr(task, name) for name in names}

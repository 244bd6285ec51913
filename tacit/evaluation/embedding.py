"""Embedding: samples → arrays, by an encoder that is left as it was found. Embedder is all that evaluation asks of a model.

In batches, without gradients, in evaluation mode; poolings and inner layers come out of the same pass, by hooks on the encoder's own stack.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tacit.contracts.layout import Layout, Samples
from tacit.contracts.modality import Modality
from tacit.contracts.pool import Pool, Refused
from tacit.nets.encoder import Batch, Encoder, Features

BATCH = 256
INNER = 2  # layers before the last that are read off too


@runtime_checkable
class Embedder(Protocol):
    """What evaluation asks of a model: embeddings [B, D] float32 of samples that lie as `layout` says."""

    @property
    def layout(self) -> Layout: ...

    def embed(self, samples: Samples) -> NDArray[np.float32]: ...


class FrozenEncoder:
    """An Embedder over a torch encoder, whose weights nothing here changes."""

    def __init__(self, encoder: Encoder, batch: int = BATCH, device: str | None = None) -> None:
        self.encoder, self.batch = encoder, batch
        self.device = device or str(next(encoder.buffers()).device)

    @property
    def layout(self) -> Layout:
        return self.encoder.layout

    def embed(self, samples: Samples) -> NDArray[np.float32]:
        """[B, outputs]."""
        return np.concatenate([self.encoder.joined(b, f).float().cpu().numpy() for b, f in self._answered(samples)])

    def tokens(self, samples: Samples) -> NDArray[np.float32]:
        """[B, N, D]."""
        return np.concatenate([f.tokens.float().cpu().numpy() for f in self.features(samples)])

    def features(self, samples: Samples) -> Iterator[Features]:
        """Batch after batch."""
        for _, features in self._answered(samples):
            yield features

    def _answered(self, samples: Samples) -> Iterator[tuple[Batch, Features]]:
        """What is handed out is reckoned without gradients; the switch is never left off between two batches, where a caller may fail."""
        with at_rest(self.encoder):
            for start in range(0, len(samples.values), self.batch):
                batch = Batch.of(samples.take(slice(start, start + self.batch))).to(self.device)
                with torch.no_grad():
                    features = self.encoder(batch)
                yield batch, features

    def readings(self, samples: Samples) -> dict[str, NDArray[np.float32]]:
        """All that can be read off in one pass, by name: the embedding, mean and spread of the tokens, means of the inner layers; [B, …] each.
        What stands beside the embedding stands beside each of them: few held-out labels would else choose by chance between with and without."""
        inner: dict[str, Tensor] = {}
        hooks = [layer.register_forward_hook(_keeper(inner, f"{back} layers below the top")) for back, layer in _inner(self.encoder)]
        parts: dict[str, list[NDArray[np.float32]]] = {}
        try:
            for batch, features in self._answered(samples):
                embedding = self.encoder.joined(batch, features)
                beside = embedding[:, self.encoder.own :]
                others = {"mean and spread of tokens": _moments(features), **inner}
                found = {"embedding": embedding, **{name: torch.cat([value, beside], 1) for name, value in others.items()}}
                for name, value in found.items():
                    parts.setdefault(name, []).append(value.float().cpu().numpy())
        finally:
            for hook in hooks:
                hook.remove()
        return {name: np.concatenate(part) for name, part in parts.items()}


@contextmanager
def at_rest(encoder: nn.Module) -> Iterator[None]:
    """In evaluation mode, each module's own mode restored after."""
    modes = [(module, module.training) for module in encoder.modules()]
    encoder.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _moments(features: Features) -> Tensor:
    """[B, 2D] mean and deviation over the real tokens."""
    tokens, valid = features.tokens, features.valid
    weight = torch.ones(tokens.shape[:2], device=tokens.device) if valid is None else valid.to(tokens.dtype)
    weight = (weight / weight.sum(1, keepdim=True).clamp_min(1))[..., None]
    mean = (tokens * weight).sum(1)
    return torch.cat([mean, ((tokens - mean[:, None]).pow(2) * weight).sum(1).clamp_min(0).sqrt()], dim=1)


def _inner(encoder: Encoder) -> list[tuple[int, nn.Module]]:
    """The encoder's layers just before its last: of the longest list of like modules in it. None of series: there their sums over residual blocks
    run away on samples unlike those seen, and few held-out labels choose them by chance (docs/log.md)."""
    if encoder.layout.modality == "series":
        return []
    stacks = [
        m for m in encoder.modules() if isinstance(m, nn.ModuleList | nn.Sequential) and len(m) > INNER and any(True for _ in m[0].parameters())
    ]
    if not stacks:
        return []
    stack = max(stacks, key=lambda m: sum(p.numel() for p in m.parameters()))
    return [(back, stack[len(stack) - 1 - back]) for back in range(1, INNER + 1)]


def _keeper(inner: dict[str, Tensor], name: str) -> Any:
    """A hook that keeps the mean over places of what a layer says."""

    def keep(layer: nn.Module, given: Any, said: Any) -> None:
        said = said[0] if isinstance(said, tuple) else said
        if not isinstance(said, Tensor) or said.ndim not in (2, 3, 4):
            return
        channels_second = said.ndim == 4 or any(isinstance(m, nn.Conv1d) for m in layer.modules())
        places = tuple(range(2, said.ndim)) if channels_second else (1,)
        inner[name] = said if said.ndim == 2 else said.mean(places)

    return keep


def read_pool(
    pool: Pool, modality: Modality, at: NDArray[np.int64] | None = None, chunk: int = 1024
) -> tuple[Samples, NDArray[np.int64], list[Refused]]:
    """Samples of a pool (all, or those at `at`): (samples, positions in the pool that they came from, refused)."""
    at = np.arange(len(pool)) if at is None else np.asarray(at, np.int64)
    values, valid, kept, refused = [], [], [], []
    for start in range(0, len(at), chunk):
        part = at[start : start + chunk]
        samples, rows, bad = modality.read(pool, part)
        values.append(samples.values)
        valid.append(samples.valid)
        kept.append(part[rows])
        refused += bad
    masks = (
        [np.ones(v.shape, np.bool_) if m is None else m for v, m in zip(values, valid, strict=True)] if any(m is not None for m in valid) else None
    )
    return Samples(np.concatenate(values), None if masks is None else np.concatenate(masks)), np.concatenate(kept), refused

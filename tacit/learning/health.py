"""Health: how an encoder fares while it learns, without labels; a collapse is an error, not a curve nobody reads.

Effective rank (RankMe), alignment and uniformity (Wang & Isola, "Understanding contrastive representation learning through
alignment and uniformity on the hypersphere", 2020), spread of the embeddings, norm of the gradient. An untrained network already maps
all samples close together, so a collapse is told by what it was at the start, not by a fixed number alone. An encoder with batch norms spreads
its embeddings even when its task has collapsed, so the projections of tasks that have such are looked at, too. Projections alone prove
nothing: those of distillation may share a direction that its centring takes off again. They count where the embedding lost rank, too, among as many
samples as at first.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tacit.contracts.errors import CollapseError

KEPT = 512  # embeddings looked at
PATIENCE = 2  # looks in a row
THIN = 0.25  # share of the first effective rank; sound runs stayed above 0.5, one that learned at a hundred times its rate at 0.33
LOST = 0.75  # share of the first effective rank from which on narrow projections are no collapse; sound runs .9, collapsed .55 at most (docs/log.md)
SHRUNK = 0.2  # share of the first spread of projections; sound runs stayed above a half, collapsed ones came below 0.17 (docs/log.md)


def effective_rank(embeddings: Tensor) -> float:
    """How many directions the embeddings really use, 1 (collapsed) to D: exp of the entropy of the singular values.

    embeddings: [N, D]. Roy & Vetterli, "The effective rank", 2007; as RankMe, Garrido et al., 2023, eq. 1. 1 for constants.
    """
    centred = embeddings.double() - embeddings.double().mean(0)
    s = torch.linalg.svdvals(centred)
    if float(s.sum()) <= 1e-9 * (1 + float(embeddings.abs().max())) * len(s):
        return 1.0
    p = s / s.sum()
    return float(torch.exp(-(p * torch.log(p.clamp_min(1e-12))).sum()))


def spread(embeddings: Tensor) -> float:
    """Root mean squared distance of the directions from their mean, 0 (all the same) to 1. embeddings: [N, D]."""
    unit = nn.functional.normalize(embeddings.float(), dim=-1)
    return float((unit - unit.mean(0)).pow(2).sum(-1).mean().sqrt())


def alignment(embeddings: Tensor, pairs: Tensor) -> float:
    """Mean squared distance of two views' directions, 0 to 4. Both [N, D]."""
    a, b = (nn.functional.normalize(e.float(), dim=-1) for e in (embeddings, pairs))
    return float((a - b).pow(2).sum(-1).mean())


def uniformity(embeddings: Tensor, heat: float = 2.0) -> float:
    """log of the mean of exp(-heat * squared distance) over pairs: 0 where all is one point, about -4 on a uniform sphere. [N, D]."""
    unit = nn.functional.normalize(embeddings.float(), dim=-1)
    return float(torch.pdist(unit).pow(2).mul(-heat).exp().mean().log()) if len(unit) > 1 else 0.0


def gradient_norm(parameters: Sequence[nn.Parameter], clip: float) -> float:
    """The norm before clipping at `clip`, in place."""
    return float(nn.utils.clip_grad_norm_([p for p in parameters if p.grad is not None], clip, foreach=True))


class Health:
    """Collects embeddings as they come and looks at them on request. Stored: the figures of the first look, against which later ones stand."""

    def __init__(self, kept: int = KEPT) -> None:
        self.kept = kept
        self.parts: deque[tuple[Tensor, Tensor | None]] = deque()
        self.first: dict[str, float] = {}
        self.projected: dict[str, tuple[float, float]] = {}  # by task: spread of the projections at first and now
        self.bad = 0

    def see(self, embeddings: Tensor | None, pairs: Tensor | None, metrics: Mapping[str, float] | None = None) -> None:
        """Embeddings [B, D] of one view, and of another where there are two; metrics of the tasks: the spread of their projections."""
        for name, value in (metrics or {}).items():
            if name.rpartition(".")[2] == "spread":
                self.projected[name] = (self.projected.get(name, (value,))[0], value)
        if embeddings is None:
            return
        self.parts.append((embeddings.detach(), None if pairs is None else pairs.detach()))
        while sum(len(e) for e, _ in self.parts) - len(self.parts[0][0]) >= self.kept:
            self.parts.popleft()

    def look(self, loss: float, gradient: float) -> dict[str, float]:
        """The figures now. Raises CollapseError where the loss is not finite, or embeddings have shrunk to a point or a line twice in a row."""
        if not (math.isfinite(loss) and math.isfinite(gradient)):
            raise CollapseError(
                f"learning has collapsed: the loss is {loss}, the gradient's norm {gradient}.", "Lower the rate (--rate), or use the default."
            )
        if not self.parts or sum(len(e) for e, _ in self.parts) < 16:
            return {"gradient": gradient}
        found = torch.cat([e.float() for e, _ in self.parts]).cpu()
        if not bool(torch.isfinite(found).all()):
            raise CollapseError("learning has collapsed: embeddings are not finite.", "Lower the rate (--rate), or use the default.")
        figures = {"rank": effective_rank(found), "spread": spread(found), "uniformity": uniformity(found[: self.kept]), "gradient": gradient}
        both = [(e, p) for e, p in self.parts if p is not None and len(p) == len(e)]
        if both:
            figures["alignment"] = alignment(torch.cat([e for e, _ in both]), torch.cat([p for _, p in both]))
        if not self.first:
            self.first = {**figures, "many": float(len(found))}
        alike = found[-int(self.first["many"]) :]  # rank grows with the number of samples, and there are few at first
        left = (figures["rank"] if len(alike) == len(found) else effective_rank(alike)) / self.first["rank"]
        self._judge(figures, left)
        return figures

    def _judge(self, figures: dict[str, float], left: float) -> None:
        """left: share of the first effective rank."""
        flat = figures["spread"] < max(0.004, min(0.02, 0.1 * self.first["spread"]))
        thin = self.first["rank"] > 6 and left < THIN
        narrow = [(name, begun, now) for name, (begun, now) in self.projected.items() if now < SHRUNK * min(1.0, begun)]
        shrunk = narrow if left < LOST else []
        self.bad = self.bad + 1 if flat or thin or shrunk else 0
        if self.bad >= PATIENCE:
            what = "all samples have nearly the same embedding" if flat else "embeddings use few directions only"
            if shrunk and not (flat or thin):
                what = f"all samples have nearly the same projection ({shrunk[0][0]} {shrunk[0][2]:.3f}, at the start {shrunk[0][1]:.3f})"
            raise CollapseError(
                f"learning has collapsed: {what} (spread {figures['spread']:.4f}, at the start {self.first['spread']:.4f}; effective rank "
                f"{left * self.first['rank']:.1f}, at the start {self.first['rank']:.1f}).",
                "Lower the rate (--rate), take a larger batch (--batch), or a task that cannot collapse (contrastive, masked).",
            )

    def state(self) -> dict[str, Any]:
        return {
            "first": dict(self.first),
            "projected": dict(self.projected),
            "bad": self.bad,
            "embeddings": [e for e, _ in self.parts],
            "pairs": [p for _, p in self.parts],
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.first, self.projected, self.bad = dict(state["first"]), dict(state["projected"]), int(state["bad"])
        self.parts = deque(zip(state["embeddings"], state["pairs"], strict=True))

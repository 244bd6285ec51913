"""kNN: do neighbours share their label. Cosine similarity, votes weighted by exp(similarity / 0.07); k chosen on held-out training labels.
Where the metric counts classes alike, a rare class's votes count as much as a frequent one's.

Wu et al., "Unsupervised feature learning via non-parametric instance discrimination", 2018, section 3.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tacit.contracts.errors import DataError
from tacit.evaluation.contestant import Contestant, Frozen
from tacit.evaluation.protocol import TRY, Finding, Protocol, measured, unmeasured
from tacit.evaluation.setting import Setting
from tacit.evaluation.splits import split

SIZES = (1, 3, 5, 10, 20, 50, 100, 200)
HEAT = 0.07
AT_ONCE = 1024


class Knn(Protocol):
    """Every contestant that has features."""

    def run(self, setting: Setting, ours: Frozen, rungs: list[Contestant]) -> Finding:
        parts = split(setting.train, setting.goal, setting.rng(7))
        answers, choices, failed = {}, {}, []
        weights = setting.weights(np.arange(len(setting.train)))
        targets = setting.train.targets if weights is None else setting.train.targets * weights[:, None]
        for contestant in (ours, *(r for r in rungs if isinstance(r, Frozen))):
            best: tuple[float, str, str, int] | None = None
            for key, (train, *_) in contestant.variants.items():
                votes = neighbour_votes(train[parts.train], train[parts.held], targets[parts.train])
                for k, scores in zip(SIZES, votes, strict=False):
                    valued = setting.metric.score(setting.train.labels[parts.held], scores)
                    if np.isfinite(valued) and (best is None or valued > best[0]):
                        best = (valued, key, f"{key}, k = {k}", k)
            if best is None:
                failed.append(unmeasured("knn", setting, contestant.name, contestant.title))
                continue
            _, key, choices[contestant.name], k = best
            train, test, *_ = contestant.variants[key]
            answers[contestant.name, contestant.title] = neighbour_votes(train, test, targets, (k,))[0]
        if failed and failed[0].contestant == "ours":
            raise DataError(f"{setting.metric.title} is no number for any reading and any number of neighbours of ours, on validation.", TRY)
        rows, sentence = measured("knn", setting, answers, f"by neighbours among {len(setting.train):,} labels", choices)
        return Finding(rows + failed, sentence)


def unit(rows: Any) -> Any:
    """Rows of length 1, sparse or not; a row of zeros stays."""
    if sparse.issparse(rows):
        size = np.sqrt(np.asarray(rows.multiply(rows).sum(1)).ravel())
        return sparse.diags(1 / np.maximum(size, 1e-12)).astype(np.float32) @ rows
    rows = np.asarray(rows, np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def similarities(gallery: Any, queries: Any) -> NDArray[np.float32]:
    """[q, g] of unit rows."""
    found = queries @ gallery.T
    return np.asarray(found.todense() if sparse.issparse(found) else found, np.float32)


def neighbour_votes(train: Any, asked: Any, targets: NDArray[np.float64], sizes: tuple[int, ...] = SIZES) -> NDArray[np.float64]:
    """[sizes that fit, q, K] weighted means of the neighbours' targets."""
    train, asked = unit(train), unit(asked)
    n = train.shape[0]
    sizes = tuple(k for k in sizes if k <= n) or (n,)
    out = np.zeros((len(sizes), asked.shape[0], targets.shape[1]))
    for start in range(0, asked.shape[0], AT_ONCE):
        near = similarities(train, asked[start : start + AT_ONCE])
        top = np.argpartition(-near, max(sizes) - 1, axis=1)[:, : max(sizes)] if max(sizes) < n else np.tile(np.arange(n), (len(near), 1))
        top = np.take_along_axis(top, np.argsort(-np.take_along_axis(near, top, 1), axis=1, kind="stable"), 1)  # nearest first
        value = np.take_along_axis(near, top, 1).astype(np.float64)
        weight = np.exp((value - value[:, :1]) / HEAT)[..., None]
        votes = weight * targets[top]
        for i, k in enumerate(sizes):
            out[i, start : start + AT_ONCE] = votes[:, :k].sum(1) / weight[:, :k].sum(1)
    return out

"""Anomaly: who has seen normal samples alone, does he see what is not. Average precision and area under the ROC curve.

Score: distance to the five nearest normal training samples (after standardising), and Mahalanobis' distance with the Ledoit-Wolf
covariance (2004) of the normal ones. The verdict is on the former: there are no labels to choose between the two.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.covariance import ledoit_wolf
from sklearn.metrics import average_precision_score, roc_auc_score

from tacit.contracts.goal import Goal
from tacit.evaluation.contestant import Contestant, Frozen
from tacit.evaluation.metric import Metric
from tacit.evaluation.protocol import Finding, Protocol, measured
from tacit.evaluation.setting import Setting
from tacit.ledger.result import Result

NEAREST = 5
WIDEST = 2500  # columns that a covariance is taken of: those of any encoder here; its cost grows with their square
MOST = 5_000  # normal samples


class Anomaly(Protocol):
    """Normal: all classes but the one that is looked for, where there are two; else the most frequent class."""

    def why_not(self, setting: Setting) -> str | None:
        return None if setting.train.classes else "labels are numbers: nothing is anomalous by them"

    def run(self, setting: Setting, ours: Frozen, rungs: list[Contestant]) -> Finding:
        classes = setting.train.classes
        normal = 1 - setting.metric.positive if len(classes) == 2 else int(np.argmax(np.bincount(setting.train.labels)))
        rows = np.flatnonzero(setting.train.labels == normal)
        rows = np.sort(setting.rng(11).permutation(rows)[:MOST])
        strange = (setting.test.labels != normal).astype(np.int64)
        binary = replace(
            setting, test=replace(setting.test, labels=strange, classes=("normal", "strange")),
            metric=Metric(Goal(metric="average_precision", positive="strange"), strange, ("normal", "strange")),
        )  # fmt: skip
        answers, extra = {}, []
        for contestant in (ours, *(r for r in rungs if isinstance(r, Frozen))):
            train, test, *_ = next(iter(contestant.variants.values()))
            near = neighbour_distance(train[rows], test)
            answers[contestant.name, contestant.title] = np.stack([-near, near], axis=1)
            scores = {"nearest neighbours": near}
            who: dict[str, Any] = {"contestant": contestant.name, "title": contestant.title, "n": len(strange)}
            if train.shape[1] > WIDEST:
                why = f"Mahalanobis' distance of {contestant.title}: a covariance of {train.shape[1]:,} columns is too large ({WIDEST:,} at most)"
                extra.append(Result("anomaly", "average_precision", float("nan"), unit="Mahalanobis", failed=why, **who))
            else:
                scores["Mahalanobis"] = mahalanobis(*(side.toarray() if sparse.issparse(side) else side for side in (train[rows], test)))
            for unit, score in scores.items():
                extra.append(Result("anomaly", "roc_auc", float(roc_auc_score(strange, score)), unit=unit, **who))
                if unit != "nearest neighbours":
                    extra.append(Result("anomaly", "average_precision", float(average_precision_score(strange, score)), unit=unit, **who))
        found, sentence = measured("anomaly", binary, answers, f"at finding what is not {classes[normal]!r}, from {len(rows):,} normal samples")
        return Finding([replace(r, unit="nearest neighbours") for r in found] + extra, sentence)


def neighbour_distance(normal: Any, asked: Any, k: int = NEAREST, at_once: int = 1024) -> NDArray[np.float64]:
    """[q] mean distance to the k nearest."""
    k = min(k, normal.shape[0])
    length = _squares(normal)
    out = np.empty(asked.shape[0])
    for start in range(0, asked.shape[0], at_once):
        part = asked[start : start + at_once]
        dots = part @ normal.T
        dots = np.asarray(dots.todense() if sparse.issparse(dots) else dots, np.float64)
        square = np.maximum(_squares(part)[:, None] + length[None, :] - 2 * dots, 0)
        out[start : start + at_once] = np.sqrt(np.partition(square, k - 1, axis=1)[:, :k]).mean(1)
    return out


def mahalanobis(normal: NDArray[Any], asked: NDArray[Any]) -> NDArray[np.float64]:
    """[q] distances under the shrunken covariance of the normal rows."""
    normal, asked = np.asarray(normal, np.float64), np.asarray(asked, np.float64)
    mean = normal.mean(0)
    covariance, _ = ledoit_wolf(normal - mean, assume_centered=True)
    covariance += 1e-6 * max(float(np.trace(covariance)) / len(covariance), 1e-12) * np.eye(len(covariance))
    away = asked - mean
    return np.asarray(np.sqrt(np.maximum((away * np.linalg.solve(covariance, away.T).T).sum(1), 0)))


def _squares(rows: Any) -> NDArray[np.float64]:
    if sparse.issparse(rows):
        return np.asarray(rows.multiply(rows).sum(1), np.float64).ravel()
    return np.asarray(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))

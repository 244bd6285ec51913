"""Retrieval: test samples ask, all training samples are ranked by cosine; is what is alike on top. Nothing is sampled: the ranking is full.

Recall@k: share of queries with one of their class among the first k. mAP: mean over queries of sum_r precision(r) [hit at r] / hits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.evaluation.contestant import Contestant, Frozen
from tacit.evaluation.intervals import percentiles, resamples
from tacit.evaluation.protocol import Finding, Protocol
from tacit.evaluation.protocols.knn import similarities, unit
from tacit.evaluation.setting import Setting
from tacit.evaluation.verdict import verdict
from tacit.ledger.result import Result

DEPTHS = (1, 5, 10)
MOST = 2_000  # queries
AT_ONCE = 256


class Retrieval(Protocol):
    """The first reading of each contestant: there is nothing to choose."""

    def why_not(self, setting: Setting) -> str | None:
        return None if setting.train.classes else "labels are numbers: nothing is alike by them"

    def run(self, setting: Setting, ours: Frozen, rungs: list[Contestant]) -> Finding:
        rows = np.sort(setting.rng(15).permutation(len(setting.test))[:MOST])
        entity = None if setting.test.entity is None else setting.test.entity[rows]
        drawn = resamples(len(rows), setting.rng(16), entity)
        finding, table = Finding(), {}
        over = "95 %, bootstrap over queries" if entity is None else "95 %, bootstrap over entities"
        for contestant in (ours, *(r for r in rungs if isinstance(r, Frozen))):
            train, test, *_ = next(iter(contestant.variants.values()))
            measures = ranked(train, test[rows], setting.train.labels, setting.test.labels[rows])
            for name, each in measures.items():
                low, high = percentiles(np.array([each[d].mean() for d in drawn]))
                finding.rows.append(
                    Result(
                        "retrieval", name, float(each.mean()), contestant.name, contestant.title, n=len(rows), low=low, high=high, interval=over
                    )
                )  # fmt: skip
            table[contestant.title] = measures["map"]
        mine = table.pop(ours.title)
        if table:
            rival = max(table, key=lambda title: float(table[title].mean()))
            each = mine - table[rival]
            low, high = percentiles(np.array([each[d].mean() for d in drawn]))
            finding.verdict = verdict(
                float(each.mean()), low, high, rival, 100, "mean average precision", f"at search among {len(setting.train):,}", over
            )
        return finding


def ranked(gallery: Any, queries: Any, known: NDArray[np.int64], asked: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """{"recall@k" …, "map"}: [q] each. A query whose class the gallery lacks counts 0."""
    gallery, queries = unit(gallery), unit(queries)
    n = gallery.shape[0]
    out = {f"recall@{k}": np.zeros(len(asked)) for k in DEPTHS} | {"map": np.zeros(len(asked))}
    places = np.arange(1, n + 1)
    for start in range(0, len(asked), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        order = np.argsort(-similarities(gallery, queries[part]), axis=1, kind="stable")
        hits = known[order] == asked[part, None]  # [q, n]
        found = hits.cumsum(1)
        out["map"][part] = (found / places * hits).sum(1) / np.maximum(found[:, -1], 1)
        for k in DEPTHS:
            out[f"recall@{k}"][part] = found[:, min(k, n) - 1] > 0
    return out

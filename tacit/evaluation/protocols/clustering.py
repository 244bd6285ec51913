"""Clustering: do groups that nobody named fall out. k-means with as many clusters as classes, compared with the labels.

Normalised mutual information and adjusted Rand index (Hubert and Arabie, 1985); interval over starts of k-means.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from tacit.evaluation.contestant import Contestant, Frozen
from tacit.evaluation.intervals import over_draws, within
from tacit.evaluation.protocol import Finding, Protocol
from tacit.evaluation.protocols.knn import unit
from tacit.evaluation.setting import Setting
from tacit.evaluation.verdict import by_draws
from tacit.ledger.result import Result

MOST = 3_000
MEASURES = {"nmi": normalized_mutual_info_score, "ari": adjusted_rand_score}
SPANS = {"nmi": (0.0, 1.0), "ari": (-0.5, 1.0)}  # from where to where they reach


class Clustering(Protocol):
    """Of the test samples' embeddings, each of length 1."""

    def why_not(self, setting: Setting) -> str | None:
        return None if setting.train.classes else "labels are numbers: there are no classes to be found again"

    def run(self, setting: Setting, ours: Frozen, rungs: list[Contestant]) -> Finding:
        rows = np.sort(setting.rng(14).permutation(len(setting.test))[:MOST])
        labels, many = setting.test.labels[rows], len(setting.train.classes)
        finding, table = Finding(), {}
        for contestant in (ours, *(r for r in rungs if isinstance(r, Frozen) and r.name != "constant")):
            test = next(iter(contestant.variants.values())).test[rows]
            test = unit(test if sparse.issparse(test) else np.asarray(test, np.float32))
            found = [KMeans(many, n_init=2, random_state=seed).fit_predict(test) for seed in range(setting.goal.seeds)]
            for name, measure in MEASURES.items():
                values = np.array([measure(labels, clusters) for clusters in found])
                mean, wide = over_draws(values)
                low, high = within(mean, wide, SPANS[name])
                over = "95 %, Student's over starts"
                who = (contestant.name, contestant.title)
                finding.rows.append(Result("clustering", name, mean, *who, n=len(rows), seeds=len(values), low=low, high=high, interval=over))
                if name == "nmi":
                    table[contestant.title] = values
        mine = table.pop(ours.title)
        finding.verdict = by_draws(mine, table, 100, "normalised mutual information", "at clustering")
        by = finding.verdict.by.replace("draws of labels", "starts")
        finding.verdict = finding.verdict._replace(by=by, sentence=finding.verdict.sentence.replace(finding.verdict.by, by))
        return finding

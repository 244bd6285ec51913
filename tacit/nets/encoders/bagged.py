"""Bagged: a text is the weighted mean of its words, whose vectors start from which words share texts. For few and short texts.

Before the first step the words of the pool are counted: P_ij = max(0, log p(i, j) / (p(i) q(j))), q of the contexts flattened by a power of 0.75; its
leading singular vectors times their values are the first embedding, turned by a random rotation so that every column carries as much as any other
(a probe standardises columns). Levy & Goldberg, "Neural Word Embedding as Implicit Matrix Factorization", 2014, eq. 12, with texts as
windows. Words weigh a / (a + p(i)): Arora et al., "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", 2017, eq. 3. All of it learns on.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import rms_norm

from tacit.contracts.layout import Layout, Samples
from tacit.nets.encoder import Batch, Encoder, Features
from tacit.nets.encoders._tokens import refuse_other_than_text, trimmed, untrimmed

CONTEXTS = 4000  # most frequent tokens that are counted as company: bounds memory
FLAT = 0.75
RARE = 1e-2  # a: tokens more frequent than this weigh less
TEXTS = 50_000  # looked at


class Bagged(Encoder):
    """width: D. A token is its own vector and what its text says; order does not count."""

    modalities: ClassVar[frozenset[str]] = frozenset({"text"})
    looks: int = TEXTS

    def __init__(self, layout: Layout, seed: int = 0, width: int = 64) -> None:
        refuse_other_than_text(layout, "bagged")
        super().__init__(layout, seed)
        self.width, self.patch = width, (1,)
        with torch.random.fork_rng(devices=[]):
            self.embed, self.around = nn.Embedding(layout.vocabulary, width), nn.Linear(width, width, bias=False)
        self.weight = nn.Parameter(torch.zeros(layout.vocabulary))  # log of a token's
        self.centre = nn.Parameter(torch.zeros(width))
        with torch.no_grad():
            nn.init.normal_(self.embed.weight, generator=torch.Generator().manual_seed(seed))
            nn.init.zeros_(self.around.weight)

    def begin(self, samples: Samples) -> None:
        """Vectors, weights and centre from the texts that will be learned from."""
        counts, frequent = _bag(samples, self.layout.vocabulary)
        vectors = _in_company(counts, frequent, min(self.width, self.layout.vocabulary - 1, CONTEXTS), self.seed)  # [V, d]
        if not vectors.any():
            return  # texts of one word each have no company
        rotation = np.linalg.qr(np.random.default_rng([self.seed, 5]).standard_normal((self.width, self.width)))[0]
        vectors = vectors @ rotation[: vectors.shape[1]]
        rate = frequent / frequent.sum()
        weights = RARE / (RARE + rate)
        lengths = np.sqrt((vectors**2).sum(1)[rate > 0].mean())
        vectors = vectors * (self.width**0.5 / lengths)
        weighted = counts.multiply(weights).tocsr()
        means = (weighted @ vectors) / np.maximum(np.asarray(weighted.sum(1)), 1e-9)
        with torch.no_grad():
            self.embed.weight.copy_(torch.from_numpy(vectors.astype(np.float32)))
            self.weight.copy_(torch.from_numpy(np.log(weights).astype(np.float32)))
            self.centre.copy_(torch.from_numpy(means.mean(0).astype(np.float32)))

    def forward(self, batch: Batch, hidden: Tensor | None = None) -> Features:
        ids, valid = trimmed(batch, hidden, self.layout.special["mask"])
        vectors = self.embed(ids)  # [B, n, D]
        weights = self.weight[ids].exp()
        weights = weights.masked_fill(ids == self.layout.special["mask"], 0)
        weights = (weights if valid is None else weights.masked_fill(~valid, 0)).unsqueeze(-1)
        mean = (vectors * weights).sum(1) / weights.sum(1).clamp_min(1e-6)
        pooled = rms_norm(mean - self.centre, (self.width,))
        tokens = rms_norm(vectors + self.around(pooled).unsqueeze(1), (self.width,))
        return Features(untrimmed(tokens, batch.values.shape[1]), pooled, batch.valid)


def _bag(samples: Samples, vocabulary: int) -> tuple[Any, NDArray[np.float64]]:
    """(sparse [B, V] counts of tokens, [V] texts that hold each)."""
    from scipy import sparse

    values = samples.values[:TEXTS]
    valid = np.ones(values.shape, np.bool_) if samples.valid is None else samples.valid[:TEXTS]
    rows, places = np.nonzero(valid)
    shape = (len(values), vocabulary)
    counts = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, values[rows, places])), shape=shape)
    counts.sum_duplicates()
    return counts, np.asarray(counts.sum(0), np.float64).ravel()


def _in_company(counts: Any, frequent: NDArray[np.float64], width: int, seed: int) -> NDArray[np.float64]:
    """[V, width]: leading left singular vectors times values of the positive pointwise mutual information of tokens and their contexts."""
    from scipy import sparse
    from sklearn.utils.extmath import randomized_svd

    there = counts.copy()
    there.data[:] = 1
    contexts = np.sort(np.argsort(-frequent, kind="stable")[:CONTEXTS])
    others = np.asarray(there.sum(1)).ravel() - 1
    shared = ((sparse.diags(1 / np.maximum(others, 1)) @ there).T @ there[:, contexts]).tocoo()
    apart = shared.row != contexts[shared.col]  # a token is no company for itself
    row, col, together = shared.row[apart], shared.col[apart], shared.data[apart].astype(np.float64)
    if not len(together):
        return np.zeros((counts.shape[1], width))
    mine = np.bincount(row, together, counts.shape[1])
    theirs = np.bincount(col, together, len(contexts)) ** FLAT
    information = np.log(together / mine[row] / (theirs / theirs.sum())[col])
    positive = information > 0
    matrix = sparse.csr_matrix((information[positive], (row[positive], col[positive])), shape=(counts.shape[1], len(contexts)))
    left, values, _ = randomized_svd(matrix, width, n_iter=4, random_state=seed)
    return np.asarray(left * values)

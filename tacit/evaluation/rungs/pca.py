"""PCA: the directions in which the raw input varies most, with and without whitening; for text of its TF-IDF (latent semantic analysis).

Pearson, 1901; Deerwester et al., "Indexing by latent semantic analysis", 1990. By randomised subspace iteration (Halko et al., 2011).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.utils.extmath import randomized_svd

from tacit.evaluation.contestant import Contestant, Frozen, Variant
from tacit.evaluation.flat import flat
from tacit.evaluation.rung import Rung
from tacit.evaluation.setting import Setting

SIZES = (16, 64, 256)
LOOKED_AT = 5000  # rows that the directions are taken from


class Pca(Rung):
    """16, 64 and 256 directions of the unlabelled training samples."""

    title: ClassVar[str] = "PCA"

    def contestant(self, setting: Setting) -> Contestant:
        train, test, seen = setting.everywhere(lambda side: flat(side.samples, side.layout))
        rng = setting.rng(2)
        looked_at = seen[np.sort(rng.choice(seen.shape[0], min(LOOKED_AT, seen.shape[0]), replace=False))]
        if sparse.issparse(train):
            weigh = TfidfTransformer().fit(seen)
            train, test, seen, looked_at = (weigh.transform(x) for x in (train, test, seen, looked_at))
            centre: NDArray[Any] | float = 0.0
            directions = _directions(looked_at, rng)
        else:
            centre = looked_at.mean(0)
            directions = _directions(looked_at - centre, rng)
        low = [np.asarray(x @ directions.T - centre @ directions.T if not sparse.issparse(x) else x @ directions.T) for x in (train, test, seen)]
        sizes = sorted({min(size, len(directions)) for size in SIZES})
        variants = {f"{size} directions": Variant.of((x[:, :size] for x in low), False) for size in sizes[1:] or sizes}
        variants |= {f"{size} directions, whitened": Variant.of(x[:, :size] for x in low) for size in sizes[:2]}
        return Frozen("pca", self.title, variants)


def _directions(rows: Any, rng: np.random.Generator) -> NDArray[np.float32]:
    """[k, P]."""
    many = min(SIZES[-1], *(s - 1 for s in rows.shape)) if min(rows.shape) > 1 else 1
    return np.asarray(randomized_svd(rows, many, n_iter=3, random_state=int(rng.integers(2**31)))[2], np.float32)

"""Random convolutions (MiniRocket-like) against the published figures.

    python -m benchmarks.random_convolutions [--out benchmarks/results/random_convolutions.md]

Features of `tacit.nets.random_convolutions`, standardised, and scikit-learn's RidgeClassifierCV over ten strengths, as the authors do.
Official split: mean and deviation over seeds. Resamples: training and test samples thrown together and split again at the same sizes and class
counts, as for the authors' means over 30 resamples (results_ucr109_mean.csv in angus924/minirocket); the splits themselves are not theirs.
Figures marked (r) are recalled from the archive's literature: multivariate ones are not in that file. Time: CPU seconds, fit + both transforms.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks.series_sets import UCR, archive
from benchmarks.tables import write
from tacit.nets.random_convolutions import features

PUBLISHED = {"BasicMotions": "1.000 (r)", "GunPoint": "0.9924", "ItalyPowerDemand": "0.9596", "JapaneseVowels": "0.98 to 0.99 (r)"}


def accuracy(train: NDArray[Any], test: NDArray[Any], train_labels: NDArray[Any], test_labels: NDArray[Any], seed: int) -> tuple[float, float]:
    """(accuracy, CPU seconds of the features)."""
    begun = time.process_time()
    transform = features(train, None, np.random.default_rng(seed))
    x, x_test = transform(train, None), transform(test, None)
    took = time.process_time() - begun
    scale = StandardScaler().fit(x)
    ridge = RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)).fit(scale.transform(x), train_labels)
    return float(ridge.score(scale.transform(x_test), test_labels)), took


def row(name: str, seeds: int, resamples: int) -> dict[str, object]:
    data = archive(name)
    accuracy(data.train[:2], data.test[:2], np.array(["a", "b"]), np.array(["a", "b"]), 0)  # compiled by now
    official = [accuracy(data.train, data.test, data.train_answers, data.test_answers, seed) for seed in range(seeds)]
    x, y = np.concatenate([data.train, data.test]), np.concatenate([data.train_answers, data.test_answers])
    again = []
    for seed in range(resamples):
        train, test = train_test_split(np.arange(len(y)), train_size=len(data.train), stratify=y, random_state=seed)
        again.append(accuracy(x[train], x[test], y[train], y[test], seed)[0])
    scores = np.array([score for score, _ in official])
    return {
        "set": name,
        "official split": f"{scores.mean():.4f} ± {scores.std(ddof=1):.4f}",
        "resamples": f"{np.mean(again):.4f} ± {np.std(again, ddof=1) / len(again) ** 0.5:.4f}",
        "published": PUBLISHED[name],
        "CPU s": float(np.mean([took for _, took in official])),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--resamples", type=int, default=30)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    rows = [row(name, given.seeds, given.resamples) for name in UCR]
    write(given.out, "Random convolutions", __doc__ or "", [(f"{given.seeds} seeds, {given.resamples} resamples", rows)])


if __name__ == "__main__":
    main()

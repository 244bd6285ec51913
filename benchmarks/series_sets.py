"""Series sets with their labels as arrays: four of the UCR/UEA archive, C-MAPSS FD001, beats of an ECG, windows of SKAB.

All from the folder TACIT_DATA. A set is a pool to learn from (never with labels), training samples with labels and groups, and test samples.
"""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.layout import Samples

UCR = ("BasicMotions", "GunPoint", "ItalyPowerDemand", "JapaneseVowels")
RUL_CAP = 125


@dataclass(frozen=True)
class SeriesSet:
    """train, test: [n, L, C] float32; valid: the same shape, or None; answers: class names, or numbers where `regression`; groups: of the training
    samples (an engine, a recording), from which folds and label budgets are drawn whole; published: figures from elsewhere, for the reader;
    pool: what is learned from without labels where that is more than the training samples."""

    name: str
    train: NDArray[np.float32]
    test: NDArray[np.float32]
    train_answers: NDArray[Any]
    test_answers: NDArray[Any]
    train_valid: NDArray[np.bool_] | None = None
    test_valid: NDArray[np.bool_] | None = None
    groups: NDArray[np.int64] | None = None
    regression: bool = False
    published: str = ""
    pool: Samples | None = None


def folder() -> Path:
    return Path(os.environ["TACIT_DATA"])


def archive(name: str) -> SeriesSet:
    """One of UCR, official split."""
    arrays, labels = (np.load(folder() / "ts_ucr_uea" / part / f"{name}.npz") for part in (".", "labels"))
    train, test = (np.ascontiguousarray(arrays[part].swapaxes(1, 2), np.float32) for part in ("train", "test"))
    return SeriesSet(name, train, test, labels["train"], labels["test"])


def cmapss(length: int = 50, step: int = 1) -> SeriesSet:
    """Windows of the last `length` cycles (padded in front) of the 14 sensors that move; answers: cycles left, at most 125.

    Every `step`-th cycle of the 100 training engines, in the pool every one; the last one of the 100 test engines. Zheng et al., 2017,
    and most after them.
    """
    root = folder() / "ts_cmapss_fd001"
    train, test = (np.loadtxt(root / f"{part}_FD001.txt", dtype=np.float32) for part in ("train", "test"))
    moving = np.array([c for c in range(5, 26) if len(np.unique(train[:, c])) > 2])
    left = np.minimum(np.loadtxt(root / "labels" / "RUL_FD001.txt"), RUL_CAP)
    found = [_windows(train, engine, moving, length, step) for engine in np.unique(train[:, 0])]
    last = [_windows(test, engine, moving, length, 0) for engine in np.unique(test[:, 0])]
    answers = np.concatenate([np.minimum(f[2], RUL_CAP) for f in found])
    groups = np.repeat(np.arange(len(found)), [len(f[0]) for f in found])
    values, valid, test_values, test_valid = (np.concatenate([f[k] for f in some]) for some in (found, last) for k in (0, 1))
    published = "LSTM 16.1, DCNN 12.6 with all labels"
    every = [_windows(train, engine, moving, length, 1) for engine in np.unique(train[:, 0])] if step > 1 else found
    pool = Samples(*(np.concatenate([f[k] for f in every]) for k in (0, 1)))
    return SeriesSet("C-MAPSS FD001", values, test_values, answers, left, valid, test_valid, groups, True, published, pool)


def _windows(rows: NDArray[Any], engine: float, columns: NDArray[Any], length: int, step: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """(values [n, L, C], valid, cycles left [n]) of one engine; step 0: its last cycle alone."""
    run = rows[rows[:, 0] == engine][:, columns]
    padded = np.concatenate([np.zeros((length - 1, run.shape[1]), np.float32), run])
    real = np.arange(len(padded)) >= length - 1
    ends = np.arange(len(run)) if step else np.array([len(run) - 1])
    ends = ends[(len(run) - 1 - ends) % step == 0] if step else ends
    at = ends[:, None] + np.arange(length)  # [n, L]
    values = padded[at]
    return values, np.broadcast_to(real[at][..., None], values.shape).copy(), (len(run) - 1 - ends).astype(np.float64)


def ecg(record: str, length: int = 200) -> SeriesSet:
    """Windows of one lead (200 steps, about two beats), every half window; answer: whether an abnormal beat lies in it.

    The first half of the record is learned from, the second is the test. Groups: stretches of a twentieth of the first half.
    """
    root = folder() / "ts_ecg_mba"
    with gzip.open(root / f"MBA_{record}_values.csv.gz") as f, gzip.open(root / "labels" / f"MBA_{record}_labels.csv.gz") as g:
        values, labels = (np.genfromtxt(part, delimiter=",", dtype=np.float32) for part in (f, g))
    values, labels = (x.reshape(len(x), -1)[:, -1] for x in (values, labels))
    values, labels = values[~np.isnan(values)], labels[~np.isnan(labels)]
    start = np.arange(0, len(values) - length, length // 2)
    at = start[:, None] + np.arange(length)
    x, y = values[at][..., None], np.where(labels[at].any(1), "abnormal", "normal")
    half = len(start) // 2
    return SeriesSet(record, x[:half], x[half + 2 :], y[:half], y[half + 2 :], groups=np.arange(half) * 20 // half)


def skab(length: int = 60) -> SeriesSet:
    """A minute of the 8 sensors of a water pump, every half minute; answer: whether most of it is marked as anomalous.

    Every other recording is learned from, the rest are the test; groups: recordings.
    """
    root = folder() / "ts_skab"
    names = sorted(str(p.relative_to(root / "data")) for part in ("valve1", "valve2", "other") for p in (root / "data" / part).glob("*.csv"))
    sides: list[list[list[NDArray[Any]]]] = [[], []]
    for k, name in enumerate(names):
        sensors, marks = (
            np.genfromtxt(root / part / name, delimiter=";", skip_header=1, usecols=columns, dtype=np.float32)
            for part, columns in (("data", range(1, 9)), ("labels", (1,)))
        )
        start = np.arange(0, min(len(sensors), len(marks)) - length + 1, length // 2)
        at = start[:, None] + np.arange(length)
        answers = np.where(marks[at].mean(1) > 0.5, "anomalous", "normal")
        sides[k % 2].append([np.nan_to_num(sensors[at]), answers, np.full(len(start), k)])
    train, test = ([np.concatenate(column) for column in zip(*side, strict=True)] for side in sides)
    return SeriesSet("SKAB", train[0], test[0], train[1], test[1], groups=train[2])

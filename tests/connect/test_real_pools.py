"""Real sets: what opens as what, with labels that fit. Labels are read here alone."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tacit.checks.leakage import leakage
from tacit.checks.run_checks import run_checks
from tacit.connect.labels import read_labels
from tacit.connect.open_pool import open_pool, subset
from tacit.contracts.catalog import load

SETS = [  # pool, samples, modality, size as the modality makes it, labels, classes (0: numbers)
    ("image_mnist/t10k-images-idx3-ubyte.gz", 10_000, "image", (28, 28), "image_mnist/labels/t10k-labels-idx1-ubyte.gz", 10),
    ("image_cifar10/train.zip", 17_000, "image", (32, 32), "image_cifar10/labels/train_labels.csv", 10),
    ("image_flowers/images.zip", 1_187, "image", None, "image_flowers/labels/labels.csv", 2),
    ("image_pneumoniamnist/images.npz:train_images", 3_882, "image", (28, 28), "image_pneumoniamnist/labels/labels.npz:train_labels", 2),
    ("ts_ucr_uea/BasicMotions.npz:train", 40, "series", (100,), "ts_ucr_uea/labels/BasicMotions.npz:train", 4),
    ("ts_ucr_uea/JapaneseVowels.npz:test", 370, "series", (25,), "ts_ucr_uea/labels/JapaneseVowels.npz:test", 9),
    ("ts_cmapss_fd001/test_FD001.txt", 100, "series", (303,), "ts_cmapss_fd001/labels/RUL_FD001.txt", 0),
    ("text_ag_news/train.csv.gz", 6_884, "text", None, "text_ag_news/labels/train_labels.csv", 4),
    ("text_sst2/dev.txt", 872, "text", None, "text_sst2/labels/dev_labels.txt", 2),
]


@pytest.fixture
def data() -> Path:
    """The folder of real recordings that TACIT_DATA names."""
    folder = os.environ.get("TACIT_DATA")
    if folder is None:
        say = pytest.fail if os.environ.get("TACIT_REQUIRE_ALL") == "1" else pytest.skip
        say("set TACIT_DATA to the folder of real recordings")
    return Path(str(folder))


@pytest.mark.parametrize(
    ("name", "samples", "modality", "size", "labels", "classes"), SETS, ids=lambda v: v if isinstance(v, str) and "/" in v else ""
)
def test_a_set_opens_and_its_labels_fit(data, name, samples, modality, size, labels, classes):
    pool = open_pool(f"{data}/{name}")
    assert len(pool) == samples and pool.modality == modality
    few = subset(pool, np.arange(min(samples, 300)))
    made = load("modality", modality).fit(pool if modality == "series" else few, np.random.default_rng(0))
    assert size is None or made.layout.size == size
    arrays, at, refused = made.arrays(few.read(range(len(few))), few.names)
    assert len(arrays.values) >= len(few) and not refused and set(at.tolist()) == set(range(len(few)))
    known = read_labels(f"{data}/{labels}", pool)
    assert len(known) == samples and len(known.classes) == classes and not known.missing and not known.unlabelled


def test_recordings_of_skab(data):
    pool = open_pool(data / "ts_skab/data/valve1", window=60)
    assert pool.modality == "series" and pool.read([5])[0].shape == (60, 8) and len(set(pool.columns["series"].tolist())) == 16


def test_texts_of_shakespeare_are_one(data):
    assert len(open_pool(data / "text_tinyshakespeare/input.txt")) == 1


def test_what_is_wrong_with_real_sets(data):
    pool = open_pool(f"{data}/image_pneumoniamnist/images.npz:train_images")
    made = load("modality", "image").fit(pool, np.random.default_rng(0))
    report = run_checks(pool, made, np.random.default_rng(0))
    assert not report.errors and not report.warnings
    assert next(f for f in report.findings if f.check == "exact duplicates").figures["surplus"] == 17
    assert leakage(pool, open_pool(f"{data}/image_pneumoniamnist/images.npz:test_images"), made) is None
    engines = open_pool(data / "ts_cmapss_fd001/train_FD001.txt")
    constant = run_checks(engines, load("modality", "series").fit(engines, np.random.default_rng(0)), np.random.default_rng(0)).warnings[0]
    assert constant.check == "constant channels" and constant.figures["channels"] == 7


def test_near_copies_between_the_parts_of_cifar10_are_few_and_said(data):
    """That there are some is known: Barz & Denzler, "Do we train on test data?", 2020."""
    pool, test = open_pool(data / "image_cifar10/train.zip"), open_pool(data / "image_cifar10/test.zip")
    made = load("modality", "image").fit(pool, np.random.default_rng(0))
    finding = leakage(pool, test, made)
    assert finding is not None and finding.severity == "warning" and 3 <= finding.figures["near"] <= 30

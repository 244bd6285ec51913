"""TacitEncoder under scikit-learn's own checks, in a pipeline, cloned, and on the three forms of samples."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator

import tacit

TINY = {"steps": 4, "encoder": "dilated:width=8,hidden=8,depth=2"}


ELSEWHERE = {"check_array_api_input"}  # skips itself where SCIPY_ARRAY_API is not set before scipy is imported; we claim no such support
CHECKS = [(e, c) for e, c in estimator_checks_generator(tacit.TacitEncoder(**TINY), mark=None) if c.func.__name__ not in ELSEWHERE]


@pytest.mark.parametrize(("estimator", "check"), CHECKS, ids=[c.func.__name__ for _, c in CHECKS])
def test_scikit_learns_own_checks(estimator: object, check: object) -> None:
    check(estimator)  # type: ignore[operator]


def test_hardly_any_check_is_left_out() -> None:
    assert len(CHECKS) > 40


def test_in_a_pipeline_and_cloned() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(32)
    kinds = rng.integers(0, 2, 60)
    x = np.sin(2 * np.pi * (t / np.where(kinds, 8.0, 4.0)[:, None] + rng.random((60, 1)))).astype(np.float32)
    whole = make_pipeline(clone(tacit.TacitEncoder(steps=30, encoder="dilated:width=16,hidden=16,depth=3")), LogisticRegression())
    assert whole.fit(x[:40], kinds[:40]).score(x[40:], kinds[40:]) > 0.9
    assert len(whole[0].curve_) > 1 and whole[0].get_feature_names_out()[0] == "tacitencoder0"


@pytest.mark.parametrize(
    ("data", "modality"),
    [
        (np.random.default_rng(0).integers(0, 255, (24, 16, 16, 3), np.uint8), "image"),
        ([f"number {i} is {'even' if i % 2 == 0 else 'odd'} and that is all" for i in range(24)], "text"),
        (np.random.default_rng(0).standard_normal((24, 20, 3)).astype(np.float32), "series"),
    ],
    ids=["pictures", "texts", "series"],
)
def test_other_forms(data: object, modality: str) -> None:
    made = tacit.TacitEncoder(steps=2).fit(data)
    assert made.model_.modality == modality
    assert made.transform(data).shape == (24, made.model_.width)

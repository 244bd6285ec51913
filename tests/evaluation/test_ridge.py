"""Ridge: every strength, every held-out fold and every weighting against the plain way of doing it, one at a time."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge as Plain

from tacit.evaluation.ridge import STRENGTHS, Ridge, Spectrum, from_kernel, from_rows, ridge_weights


def problem(n: int, D: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n + D)
    X, new = rng.normal(size=(n, D)) + 1, rng.normal(size=(9, D)) + 1
    return X, new, X[:, :3] @ rng.normal(size=(3, 2)) + rng.normal(size=(n, 2)), rng.uniform(0.2, 3, n)


def plain(X: np.ndarray, Y: np.ndarray, new: np.ndarray, w: np.ndarray | None, absolute: float) -> np.ndarray:
    return Plain(alpha=absolute).fit(X, Y, None if w is None else w).predict(new)


@pytest.mark.parametrize(("n", "D"), [(40, 6), (12, 30)])
@pytest.mark.parametrize("weighted", [False, True])
def test_answers_and_folds_are_those_of_plain_ridge(n: int, D: int, weighted: bool) -> None:
    X, new, Y, w = problem(n, D)
    w = w * n / w.sum()
    used = w if weighted else None
    centred = (X - np.average(X, axis=0, weights=used)) * np.sqrt(w if weighted else 1)[..., None] if weighted else X - X.mean(0)
    scale = (centred**2).sum() / n
    folds = np.array_split(np.random.default_rng(0).permutation(n), 5)
    for spectrum in (from_rows(X, new, used), from_kernel(X @ X.T, new @ X.T, used)):
        assert isinstance(spectrum, Spectrum)
        ridge = Ridge(spectrum, Y)
        answers, held = ridge.answers(), ridge.held_out(folds)
        for s in (2, 6, 9):
            absolute = STRENGTHS[s] * scale
            np.testing.assert_allclose(answers[s], plain(X, Y, new, used, absolute), atol=1e-6)
            np.testing.assert_allclose(ridge.answers(s), answers[s], atol=1e-12)
            for fold in folds:
                rest = np.setdiff1d(np.arange(n), fold)
                expected = plain(X[rest], Y[rest], X[fold], None if used is None else used[rest], absolute)
                np.testing.assert_allclose(held[s, fold], expected, atol=1e-5)


def test_features_without_any_difference_answer_the_mean() -> None:
    Y = np.array([[1.0], [2.0], [6.0]])
    for D in (1, 5):
        np.testing.assert_allclose(Ridge(from_rows(np.zeros((3, D)), np.zeros((2, D))), Y).answers(), 3.0)


@pytest.mark.parametrize(("n", "columns"), [(30, 80), (80, 30)])
def test_weights_answer_as_ridge_does(n: int, columns: int) -> None:
    rng = np.random.default_rng(9)
    X, new, Y, w = rng.standard_normal((n, columns)), rng.standard_normal((7, columns)), rng.standard_normal((n, 3)), rng.random(n) + 0.1
    whole = Ridge(from_rows(X, new, w), Y)
    for at in (2, 9, 13):
        weights, bias = ridge_weights(X, Y, w, STRENGTHS[at])
        np.testing.assert_allclose(new @ weights + bias, whole.answers(at), atol=1e-6)

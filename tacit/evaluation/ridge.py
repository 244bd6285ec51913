"""Ridge for a whole grid of strengths at once, with exact held-out answers: what a linear read-out and its choice cost one spectrum.

On rows weighted by √w and centred, K = X Xᵀ = U diag(e) Uᵀ; for strength λ the answers are L diag(1 / (e + λ)) Lᵀ Y with L = U √e, on new
rows R diag(1 / (e + λ)) Lᵀ Y with R = X_new Xᵀ U / √e. With H the hat matrix, the intercept's part included, leaving out a fold F
gives the residuals (I - H_FF)⁻¹ (Y - Ŷ)_F exactly (Allen's PRESS, 1974; by folds: An, Liu & Venkatesh, 2007, eq. 14).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

STRENGTHS = tuple(10.0 ** np.arange(-4, 2.51, 0.5))  # times the mean squared length of a row
DEFAULT = 9  # of those, where a class has one label and nothing can be held out
TINY = 1e-10


class Spectrum(NamedTuple):
    """left: L [n, r]; right: R [m, r]; energy: e [r], in units of the mean row; weight: √w / |√w| [n]; root: √w [n]."""

    left: NDArray[Any]
    right: NDArray[Any]
    energy: NDArray[Any]
    weight: NDArray[Any]
    root: NDArray[Any]


def from_kernel(K: NDArray[Any], K_new: NDArray[Any], w: NDArray[Any] | None = None) -> Spectrum:
    """K [n, n] and K_new [m, n] of dot products, neither weighted nor centred. The way for few labels or many columns."""
    n = len(K)
    w = np.ones(n) if w is None else w * n / w.sum()
    share, root = w / n, np.sqrt(w)
    mean, mean_new = K @ share, K_new @ share
    K = (K - mean[:, None] - mean[None, :] + share @ mean) * root[:, None] * root[None, :]
    K_new = (K_new - mean_new[:, None] - mean[None, :] + share @ mean) * root[None, :]
    energy, U = eigh(K.astype(np.float64))
    scale = max(float(energy.sum()) / n, TINY)
    kept = energy > max(energy[-1], TINY) * 1e-9
    energy, U = energy[kept], U[:, kept]
    return Spectrum(U * np.sqrt(energy / scale), K_new @ (U / np.sqrt(energy * scale)), energy / scale, root / n**0.5, root)


def from_rows(X: NDArray[Any], X_new: NDArray[Any], w: NDArray[Any] | None = None) -> Spectrum:
    """X [n, D], X_new [m, D], by XᵀX where there are more rows than columns."""
    n = len(X)
    if X.shape[1] >= n:
        return from_kernel(X @ X.T, X_new @ X.T, w)
    w = np.ones(n) if w is None else w * n / w.sum()
    root = np.sqrt(w)
    centre = (w / n) @ X
    X, X_new = (X - centre) * root[:, None], X_new - centre
    energy, V = eigh((X.T @ X).astype(np.float64))
    scale = max(float(energy.sum()) / n, TINY)
    kept = energy > max(energy[-1] if len(energy) else 0.0, TINY) * 1e-9
    energy, V = energy[kept] / scale, V[:, kept] / scale**0.5
    return Spectrum(X @ V, X_new @ V, energy, root / n**0.5, root)


def ridge_weights(X: NDArray[Any], Y: NDArray[Any], w: NDArray[Any], strength: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """([D, K], [K]): what answers new rows as Ridge of this strength does, X @ weights + bias."""
    n = len(X)
    w = w * n / w.sum()
    root = np.sqrt(w)[:, None]
    centre, centre_Y = (w / n) @ X, (w / n) @ Y
    A, T = (X - centre) * root, (Y - centre_Y) * root
    penalty = strength * max(float((A * A).sum()) / n, TINY)
    if X.shape[1] >= n:
        weights = A.T @ np.linalg.solve(A @ A.T + penalty * np.eye(n), T)
    else:
        weights = np.linalg.solve(A.T @ A + penalty * np.eye(X.shape[1]), A.T @ T)
    return weights, centre_Y - centre @ weights


class Ridge:
    """Answers of every strength, on new rows and on held-out folds."""

    def __init__(self, spectrum: Spectrum, Y: NDArray[np.float64], strengths: Sequence[float] = STRENGTHS) -> None:
        self.spectrum, self.strengths = spectrum, strengths
        self.centre = (spectrum.root**2 / (spectrum.root**2).sum()) @ Y  # [K]
        self.Y = (Y - self.centre) * spectrum.root[:, None]
        self.inner = spectrum.left.T @ self.Y  # [r, K]
        self.shrunk = 1 / (spectrum.energy[None, :] + np.array(strengths)[:, None])  # [S, r]

    def answers(self, at: int | None = None) -> NDArray[np.float64]:
        """[S, m, K], or [m, K] of one strength."""
        if at is not None:
            return np.asarray(self.spectrum.right @ (self.shrunk[at][:, None] * self.inner) + self.centre)
        return np.asarray(np.einsum("mr,src->smc", self.spectrum.right, self.shrunk[:, :, None] * self.inner, optimize=True) + self.centre)

    def held_out(self, folds: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
        """[S, n, K]: each row answered by all rows but its fold's. Folds cut 0..n-1 into parts."""
        left, weight, root = self.spectrum.left, self.spectrum.weight, self.spectrum.root
        out = np.empty((len(self.strengths), *self.Y.shape))
        said = np.matmul(left, self.shrunk[:, :, None] * self.inner)  # [S, n, K]
        for fold in folds:
            part = left[fold]
            hat = np.matmul(part * self.shrunk[:, None, :], part.T) + np.outer(weight[fold], weight[fold])  # [S, f, f]
            rest = (1 + 1e-9) * np.eye(len(fold)) - hat
            out[:, fold] = self.Y[fold] - np.linalg.solve(rest, self.Y[fold] - said[:, fold])
        return np.asarray(out / root[None, :, None] + self.centre)


def leaning_of(held: NDArray[np.float64], Y: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """[S, K]: by how much held-out answers [S, n, K] lean to each class, where classes count alike (`weights` [n]).

    Few labels in many columns are all fitted exactly, whatever they weigh (Byrd & Lipton, "What is the effect of importance weighting in deep
    learning?", 2019), so new samples lean to the class that has more of them. Held-out answers tell by how much.
    """
    return np.asarray(np.tensordot(held - Y, weights / weights.sum(), axes=(1, 0)))

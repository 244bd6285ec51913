"""Correlation of the Gaussianised surprises of all features, and the whitener that shares a distance out.

w = R^-1/2 g decorrelates g as near to g as can be, so that w_i belongs to feature i: the squares w_i^2 are >= 0 and sum
exactly to the Mahalanobis distance g' R^-1 g. Garthwaite & Koch, "Evaluating the contributions of individual
variables to a quadratic form", 2016 (the cor-cor transformation); Kessy, Lewin & Strimmer, 2018 (ZCA-cor).
R^-1/2 comes from the coupled Newton-Schulz iteration (Higham, Functions of Matrices, 2008, eq. 6.35): products only.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tacit.heads.compiling import compiled, hot

Row = NDArray[np.float32]
Square = NDArray[np.float64]

RATE = 1.0 / 1000.0
CLIP = 4.0
ROUNDS = 14
CLOSE = 1e-4  # to the identity: each round squares what is left
SHRINK = 0.05


@hot
def learn_correlation(packed: Row, g: Row, clipped: Row, n: float, weight: float, F: int) -> None:
    """Exponentially weighted second moments of g [F], clipped at +-4; packed [F(F+1)/2]; n events came before; clipped [F] is scratch."""
    rate = np.float32(weight * max(1.0 / (n + 2.0), RATE))
    keep = np.float32(1.0) - rate
    for i in range(F):
        clipped[i] = min(max(g[i], np.float32(-CLIP)), np.float32(CLIP))
    at = 0
    for i in range(F):
        a = rate * clipped[i]
        c = packed[at : at + i + 1]
        for j in range(i + 1):
            c[j] = keep * c[j] + a * clipped[j]
        at += i + 1


@compiled
def _multiply(X: Square, Y: Square, out: Square, F: int) -> None:
    for i in range(F):
        row = out[i]
        for j in range(F):
            row[j] = 0.0
        for k in range(F):
            a, other = X[i, k], Y[k]
            for j in range(F):
                row[j] += a * other[j]


@compiled
def whiten(packed: Row, whitener: Row, n: float, F: int, Y: Square, Z: Square, T: Square, U: Square) -> None:
    """whitener := (shrunken correlation)^-1/2, packed; Y, Z, T, U [F, F] are scratch.

    Shrinks towards the identity by SHRINK + F / n_eff: with few events the features are taken as unrelated.
    """
    effective = min(n, 1.0 / RATE)
    shrink = min(1.0, SHRINK + F / (effective + F))
    at = 0
    for i in range(F):
        for j in range(i + 1):
            Y[i, j] = packed[at + j]
        at += i + 1
    for i in range(F):
        for j in range(i):
            size = math.sqrt(max(Y[i, i], 1e-6) * max(Y[j, j], 1e-6))
            Y[i, j] *= (1.0 - shrink) / size
    norm = 0.0
    for i in range(F):
        Y[i, i] = 1.0
    for i in range(F):
        for j in range(i):
            Y[j, i] = Y[i, j]
    for i in range(F):
        total = 0.0
        for j in range(F):
            total += abs(Y[i, j])
            Z[i, j] = 0.0
        norm = max(norm, total)
        Z[i, i] = 1.0
    for i in range(F):
        for j in range(F):
            Y[i, j] /= norm
    for _ in range(ROUNDS):
        _multiply(Z, Y, T, F)
        for i in range(F):
            for j in range(F):
                T[i, j] = -0.5 * T[i, j]
            T[i, i] += 1.5
        away = 0.0
        for i in range(F):
            for j in range(F):
                away = max(away, abs(T[i, j] - (1.0 if i == j else 0.0)))
        _multiply(Y, T, U, F)
        for i in range(F):
            for j in range(F):
                Y[i, j] = U[i, j]
        _multiply(T, Z, U, F)
        for i in range(F):
            for j in range(F):
                Z[i, j] = U[i, j]
        if away < CLOSE:
            break
    scale = 1.0 / math.sqrt(norm)
    at = 0
    for i in range(F):
        for j in range(i + 1):
            whitener[at + j] = np.float32(0.5 * (Z[i, j] + Z[j, i]) * scale)
        at += i + 1


@hot
def decorrelate(whitener: Row, g: Row, out: Row, F: int) -> None:
    """out = R^-1/2 g from the packed triangle; all [F]."""
    for i in range(F):
        out[i] = np.float32(0.0)
    at = 0
    for i in range(F):
        a, total = g[i], np.float32(0.0)
        w = whitener[at : at + i + 1]
        for j in range(i):
            out[j] += a * w[j]
            total += w[j] * g[j]
        out[i] += total + w[i] * a
        at += i + 1

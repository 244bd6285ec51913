"""Ridge forecast: a Gram matrix and cross moments with forgetting, solved every n events.

W = (G + rho I)^-1 C, G = sum lambda^k phi phi', C = sum lambda^k phi (z(t+h) - z(t))': the target is the
change, so that the ridge shrinks towards "stays as it is". The Gram is kept, not its inverse: it cannot wind up,
and two of them merge by addition. The triangle is packed by rows; every inner loop of products runs over contiguous
memory without a reduction, so that the compiler vectorises it and the sum does not depend on how.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tacit.heads.compiling import compiled, hot

Row = NDArray[np.float32]
Rows = NDArray[np.float32]
Square = NDArray[np.float64]

FORGET = 1.0 - math.log(2.0) / 2000.0  # half-life of 2,000 events
FLOOR = 2.5  # the ridge: as if so many events a feature of the bank had said that nothing changes
SHARE = 2e-3  # and this share of the mean diagonal


@hot
def learn_gram(gram: Row, cross: Row, phi: Rows, target: Rows, weight: Row, P: int, K: int) -> None:
    """Eight pairs at once, oldest first: gram [P(P+1)/2], cross [P*K], phi [8, P], target [8, K], weight [8]."""
    forget = np.float32(FORGET**8)
    at = 0
    x0, x1, x2, x3, x4, x5, x6, x7 = phi[0], phi[1], phi[2], phi[3], phi[4], phi[5], phi[6], phi[7]
    y0, y1, y2, y3, y4, y5, y6, y7 = target[0], target[1], target[2], target[3], target[4], target[5], target[6], target[7]
    w7 = weight[7]
    w6 = weight[6] * np.float32(FORGET)
    w5 = weight[5] * np.float32(FORGET**2)
    w4 = weight[4] * np.float32(FORGET**3)
    w3 = weight[3] * np.float32(FORGET**4)
    w2 = weight[2] * np.float32(FORGET**5)
    w1 = weight[1] * np.float32(FORGET**6)
    w0 = weight[0] * np.float32(FORGET**7)
    for i in range(P):
        a0, a1, a2, a3 = w0 * x0[i], w1 * x1[i], w2 * x2[i], w3 * x3[i]
        a4, a5, a6, a7 = w4 * x4[i], w5 * x5[i], w6 * x6[i], w7 * x7[i]
        g = gram[at : at + i + 1]
        for j in range(i + 1):
            early = (a0 * x0[j] + a1 * x1[j]) + (a2 * x2[j] + a3 * x3[j])
            g[j] = forget * g[j] + (early + ((a4 * x4[j] + a5 * x5[j]) + (a6 * x6[j] + a7 * x7[j])))
        at += i + 1
        c = cross[i * K : (i + 1) * K]
        for k in range(K):
            early = (a0 * y0[k] + a1 * y1[k]) + (a2 * y2[k] + a3 * y3[k])
            c[k] = forget * c[k] + (early + ((a4 * y4[k] + a5 * y5[k]) + (a6 * y6[k] + a7 * y7[k])))


@hot
def predict(weights: Row, phi: Row, out: Row, P: int, K: int) -> None:
    """out = W' phi; weights [P*K], phi [P], out [K]. Four rows at a time: out is loaded and stored once for all of them."""
    for k in range(K):
        out[k] = np.float32(0.0)
    for i in range(0, P - 3, 4):
        a0, a1, a2, a3 = phi[i], phi[i + 1], phi[i + 2], phi[i + 3]
        at = i * K
        w0, w1, w2, w3 = weights[at : at + K], weights[at + K : at + 2 * K], weights[at + 2 * K : at + 3 * K], weights[at + 3 * K : at + 4 * K]
        for k in range(K):
            out[k] += (a0 * w0[k] + a1 * w1[k]) + (a2 * w2[k] + a3 * w3[k])
    for i in range(P - P % 4, P):
        a = phi[i]
        w = weights[i * K : i * K + K]
        for k in range(K):
            out[k] += a * w[k]


@compiled
def solve(gram: Row, cross: Row, weights: Row, P: int, K: int, A: Square, B: Square, panel: Square) -> bool:
    """weights := (G + rho I)^-1 C by Cholesky in float64; A [P, P], B [P, K], panel [4, P] are scratch.

    Four columns at a time, so that what is left of A, and a row of B, is loaded and stored once for four.
    False where the matrix is not positive definite (then the old weights stay); cannot happen with a finite Gram.
    """
    at, trace = 0, 0.0
    for i in range(P):
        for j in range(i + 1):
            A[i, j] = gram[at + j]
        at += i + 1
        trace += A[i, i]
    ridge = FLOOR * P + SHARE * trace / P
    for i in range(P):
        A[i, i] += ridge
        for k in range(K):
            B[i, k] = cross[i * K + k]
    c0, c1, c2, c3 = panel[0], panel[1], panel[2], panel[3]
    for first in range(0, P, 4):
        last = min(first + 4, P)
        for q in range(first, last):
            column = panel[q - first]
            for i in range(q, P):
                column[i] = A[i, q]
            for k in range(first, q):
                other = panel[k - first]
                a = other[q]
                for i in range(q, P):
                    column[i] -= a * other[i]
            if not 0.0 < column[q] < np.inf:
                return False
            inverse = 1.0 / math.sqrt(column[q])
            for i in range(q, P):
                column[i] *= inverse
            for i in range(q, P):
                A[i, q] = column[i]
        for i in range(last, P):  # none is left where the panel was not full
            a0, a1, a2, a3, row = c0[i], c1[i], c2[i], c3[i], A[i]
            for j in range(last, i + 1):
                row[j] -= (a0 * c0[j] + a1 * c1[j]) + (a2 * c2[j] + a3 * c3[j])
    for i in range(P):
        row = B[i]
        four = i - i % 4
        for j in range(0, four, 4):
            a0, a1, a2, a3 = A[i, j], A[i, j + 1], A[i, j + 2], A[i, j + 3]
            b0, b1, b2, b3 = B[j], B[j + 1], B[j + 2], B[j + 3]
            for k in range(K):
                row[k] -= (a0 * b0[k] + a1 * b1[k]) + (a2 * b2[k] + a3 * b3[k])
        for j in range(four, i):
            a, other = A[i, j], B[j]
            for k in range(K):
                row[k] -= a * other[k]
        inverse = 1.0 / A[i, i]
        for k in range(K):
            row[k] *= inverse
    for i in range(P - 1, -1, -1):
        row = B[i]
        four = P - (P - i - 1) % 4
        for j in range(i + 1, four, 4):
            a0, a1, a2, a3 = A[j, i], A[j + 1, i], A[j + 2, i], A[j + 3, i]
            b0, b1, b2, b3 = B[j], B[j + 1], B[j + 2], B[j + 3]
            for k in range(K):
                row[k] -= (a0 * b0[k] + a1 * b1[k]) + (a2 * b2[k] + a3 * b3[k])
        for j in range(four, P):
            a, other = A[j, i], B[j]
            for k in range(K):
                row[k] -= a * other[k]
        inverse = 1.0 / A[i, i]
        for k in range(K):
            row[k] *= inverse
            weights[i * K + k] = np.float32(row[k])
    return True

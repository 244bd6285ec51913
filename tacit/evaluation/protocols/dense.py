"""Dense probe: do tokens know where things are. A linear read-out of each token's class, spread back over the places; mean IoU.

A token learns the shares of the classes among its places; scores are interpolated linearly between tokens. IoU of a class: places that are
both said and true over places that are either, over the whole test; mIoU: the mean over the classes that occur.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tacit.evaluation.contestant import Contestant, Frozen
from tacit.evaluation.embedding import FrozenEncoder
from tacit.evaluation.intervals import percentiles, resamples
from tacit.evaluation.labelled import Labelled
from tacit.evaluation.protocol import Finding, Protocol
from tacit.evaluation.ridge import Ridge, from_rows
from tacit.evaluation.rungs.untrained import fresh
from tacit.evaluation.setting import Setting
from tacit.evaluation.verdict import verdict
from tacit.ledger.result import Result
from tacit.nets.encoder import Encoder

MOST_TOKENS = 20_000  # that the read-out learns from
MOST = 500  # test samples
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)


class Dense(Protocol):
    """Ours, the same encoder untrained, the raw values of each patch with its surroundings, and the most frequent class."""

    def why_not(self, setting: Setting) -> str | None:
        if setting.masks is None:
            return "no masks were given: classes by place"
        return "no encoder was given, only embeddings" if setting.encoder is None else None

    def run(self, setting: Setting, ours: Frozen, rungs: list[Contestant]) -> Finding:
        encoder, masks = setting.encoder, setting.masks
        assert encoder is not None and masks is not None
        part = np.sort(setting.rng(17).permutation(len(setting.test))[:MOST])
        setting = replace(setting, test=setting.test.take(part), masks=(masks[0], masks[1][part]))
        readers = {
            ("ours", "ours"): FrozenEncoder(encoder).tokens,
            ("untrained", "the same encoder untrained"): FrozenEncoder(fresh(encoder, setting.seen.samples, setting.seed)).tokens,
        }
        tables = {
            who: self._confusions(setting, encoder, *(read(side.samples) for side in (setting.train, setting.test))) for who, read in readers.items()
        }
        tables["raw", "raw patches"] = self._confusions(setting, encoder, *(patches(side, encoder) for side in (setting.train, setting.test)))
        nothing = (np.zeros((len(side), int(np.prod(encoder.grid)), 1), np.float32) for side in (setting.train, setting.test))
        tables["constant", "constant"] = self._confusions(setting, encoder, *nothing)
        drawn = resamples(len(setting.test), setting.rng(18), setting.test.entity)
        boots = {who: np.array([mean_iou(table[d].sum(0)) for d in drawn]) for who, table in tables.items()}
        values = {who: mean_iou(table.sum(0)) for who, table in tables.items()}
        over, rows = "95 %, bootstrap over test samples", []
        for (name, title), value in values.items():
            low, high = percentiles(boots[name, title])
            rows.append(Result("dense", "miou", value, name, title, n=len(part), low=low, high=high, interval=over))
        rival = max((who for who in values if who[0] != "ours"), key=lambda who: values[who])
        low, high = percentiles(boots["ours", "ours"] - boots[rival])
        return Finding(rows, verdict(values["ours", "ours"] - values[rival], low, high, rival[1], 100, "mean IoU", "by place", over))

    def _confusions(self, setting: Setting, encoder: Encoder, train: NDArray[np.float32], test: NDArray[np.float32]) -> NDArray[np.int64]:
        """[m, K, K] true × said, of each test sample. Strength chosen on a fifth of the training samples."""
        assert setting.masks is not None
        size, grid, patch = encoder.layout.size, encoder.grid, encoder.patch
        many = int(max(m.max() for m in setting.masks)) + 1
        shares = token_shares(setting.masks[0], many, patch, grid)  # [n, N, K]
        rng = setting.rng(19)
        order = rng.permutation(len(train))
        held, kept = order[: max(1, len(order) // 5)], order[max(1, len(order) // 5) :]
        X, Y = train[kept].reshape(-1, train.shape[2]).astype(np.float64), shares[kept].reshape(-1, many)
        chosen = rng.permutation(np.flatnonzero(np.isfinite(Y).all(1)))[:MOST_TOKENS]
        X, Y = X[chosen], Y[chosen]
        mean, scale = X.mean(0), 1 / np.maximum(X.std(0), 1e-6)
        both = np.concatenate([train[held], test]).astype(np.float64)
        new = (both.reshape(-1, train.shape[2]) - mean) * scale
        answers = Ridge(from_rows((X - mean) * scale, new), Y, STRENGTHS).answers()  # [S, tokens, K]
        best, found = -1.0, np.zeros((0, many, many), np.int64)
        for said in answers.reshape(len(STRENGTHS), len(both), -1, many):
            value = mean_iou(_tables(setting.masks[0][held], spread(said[: len(held)], grid, patch, size), many).sum(0))
            if value > best:
                best, found = value, _tables(setting.masks[1], spread(said[len(held) :], grid, patch, size), many)
        return found


def mean_iou(table: NDArray[np.int64]) -> float:
    """Of a confusion table [K, K], over the classes that are true or said anywhere."""
    both, either = np.diag(table), table.sum(0) + table.sum(1) - np.diag(table)
    return float((both[either > 0] / either[either > 0]).mean())


def _tables(true: NDArray[np.int64], said: NDArray[np.int64], many: int) -> NDArray[np.int64]:
    out = np.zeros((len(true), many, many), np.int64)
    for i, (t, s) in enumerate(zip(true, said, strict=True)):
        real = t >= 0
        out[i] = np.bincount(t[real] * many + s[real], minlength=many * many).reshape(many, many)
    return out


def token_shares(masks: NDArray[np.int64], many: int, patch: tuple[int, ...], grid: tuple[int, ...]) -> NDArray[np.float64]:
    """[n, N, K] shares of the classes among each token's places; NaN where nobody knows any."""
    whole = np.full((len(masks), *(g * p for g, p in zip(grid, patch, strict=True))), -1, np.int64)
    whole[tuple(slice(0, s) for s in masks.shape)] = masks
    counts = np.stack([whole == k for k in range(many)], axis=-1).astype(np.float64)  # [n, places…, K]
    for axis, (g, p) in enumerate(zip(grid, patch, strict=True), 1):
        counts = counts.reshape(*counts.shape[:axis], g, p, *counts.shape[axis + 1 :]).sum(axis + 1)
    counts = counts.reshape(len(masks), -1, many)
    total = counts.sum(2, keepdims=True)
    return np.asarray(np.where(total > 0, counts / np.maximum(total, 1), np.nan))


def spread(scores: NDArray[np.float64], grid: tuple[int, ...], patch: tuple[int, ...], size: tuple[int, ...]) -> NDArray[np.int64]:
    """Classes by place, from scores [n, N, K] at the tokens' centres, linear in between."""
    field = scores.reshape(len(scores), *grid, scores.shape[2])
    for axis, (g, p, s) in enumerate(zip(grid, patch, size, strict=True), 1):
        at = np.clip((np.arange(s) + 0.5) / p - 0.5, 0, g - 1)
        low = np.floor(at).astype(np.int64)
        part = (at - low).reshape(-1, *(1,) * (field.ndim - 1 - axis))
        field = np.take(field, low, axis) * (1 - part) + np.take(field, np.minimum(low + 1, g - 1), axis) * part
    return np.asarray(field.argmax(-1), np.int64)


def patches(side: Labelled, encoder: Encoder) -> NDArray[np.float32]:
    """[n, N, P] raw values of each token's places (thinned to at most 8 along an axis)."""
    values = side.samples.values.astype(np.float32)
    values = values.transpose(0, 2, 3, 1) if side.layout.modality == "image" else values
    grid, patch = encoder.grid, encoder.patch
    pad = [(0, 0), *((0, g * p - s) for g, p, s in zip(grid, patch, side.layout.size, strict=True)), (0, 0)]
    values = np.pad(values, pad, mode="edge")
    for axis, (g, p) in enumerate(zip(grid, patch, strict=True), 1):  # [n, g, k, …]: places of a token behind its row
        at = np.linspace(0, p - 1, min(p, 8)).round().astype(np.int64)
        rows = (np.arange(g)[:, None] * p + at).ravel()
        values = np.take(values, rows, axis)
    axes = len(grid)
    cut = [n for g, p in zip(grid, patch, strict=True) for n in (g, min(p, 8))]
    values = values.reshape(len(values), *cut, values.shape[-1])
    order = [0, *range(1, 2 * axes, 2), *range(2, 2 * axes + 1, 2), 2 * axes + 1]
    return np.ascontiguousarray(values.transpose(order).reshape(len(values), int(np.prod(grid)), -1))

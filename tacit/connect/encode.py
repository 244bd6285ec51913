"""Encode: insights → the JSON text of their fields, many at once.

The numbers of a batch are printed by orjson straight from the arrays, cut at their brackets and set into
templates, one template for each pattern of present features; equal to the fields of `Insight`, float32
numbers in their shortest form. About 4 µs an insight of 8 features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from tacit.contracts.insight import REASONS, Insights

FIELDS = ("key", "time", "position", "score", "alert", "expected", "forecast", "reasons", "sentence", "drift", "model", "late")
_KEYS_KEPT = 1 << 17


@dataclass(frozen=True, slots=True)
class Encoded:
    """JSON texts, [n] each; times without quotes."""

    keys: list[str]
    times: list[str]
    positions: list[str]
    scores: list[str]
    alerts: list[str]
    expected: list[str]
    forecast: list[str]
    reasons: list[str]
    sentences: list[str]
    drifts: list[str]
    model: str
    lates: list[str]


class Encoder:
    """Keeps the quoted names and keys between batches."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._features: tuple[Any, ...] = ()
        self._names: list[str] = []

    def encode(self, insights: Insights) -> Encoded:
        """The fields of all insights as JSON text."""
        n = len(insights)
        if insights.features is not self._features:
            self._features = insights.features
            self._names = [_quote(f.name) for f in insights.features]
        sentences = ["null"] * n
        for row, sentence in insights.sentences.items():
            sentences[row] = _quote(sentence)
        expected, forecast = self._bands(insights)
        return Encoded(
            keys=self._quoted(insights.keys),
            times=insights.iso(),
            positions=_numbers(insights.positions),
            scores=_numbers(insights.score),
            alerts=["null" if a == 0 else str(a) for a in insights.alert.tolist()],
            expected=expected,
            forecast=forecast,
            reasons=self._reasons(insights),
            sentences=sentences,
            drifts=_numbers(insights.drift),
            model=_quote(insights.model),
            lates=["true" if late else "false" for late in insights.late.tolist()],
        )

    def lines(self, insights: Insights) -> bytes:
        """One JSON object a line, each with its newline."""
        if not len(insights):
            return b""
        e = self.encode(insights)
        template = (
            '{"key":%s,"time":"%s","position":%s,"score":%s,"alert":%s,"expected":{%s},"forecast":{%s},"reasons":[%s],"sentence":%s,"drift":%s,"model":'
            + e.model.replace("%", "%%")
            + ',"late":%s}\n'
        )
        rows = zip(e.keys, e.times, e.positions, e.scores, e.alerts, e.expected, e.forecast, e.reasons, e.sentences, e.drifts, e.lates, strict=True)
        return "".join([template % row for row in rows]).encode()

    def _quoted(self, keys: Sequence[str]) -> list[str]:
        known = self._keys
        try:
            return [known[k] for k in keys]
        except KeyError:
            if len(known) > _KEYS_KEPT:
                known.clear()
            for key in set(keys).difference(known):
                known[key] = _quote(key)
            return [known[k] for k in keys]

    def _bands(self, insights: Insights) -> tuple[list[str], list[str]]:
        """`expected` and `forecast` without their braces, rows with the same features present done together."""
        n = len(insights)
        seen = np.isfinite(insights.middle)
        told = seen & np.isfinite(insights.forecast)
        expected, forecast = [""] * n, [""] * n
        for rows in _alike(np.concatenate([seen, told], axis=1)):
            i = rows[0]
            js, ks = np.flatnonzero(seen[i]), np.flatnonzero(told[i])
            bands = np.stack([insights.low[rows][:, js], insights.middle[rows][:, js], insights.high[rows][:, js]], axis=2)
            _place(expected, rows, _fill(self._template(js, "[%s]"), _triples(bands), len(js)))
            ahead = insights.forecast[rows][:, ks]
            _place(forecast, rows, _fill(self._template(ks, "%s"), _numbers(ahead.ravel()), len(ks)))
        return expected, forecast

    def _reasons(self, insights: Insights) -> list[str]:
        """`reasons` without its brackets: the features with the largest shares over 0."""
        n, width = insights.shares.shape
        out = [""] * n
        shares = np.nan_to_num(insights.shares, nan=-1.0)
        if not width:
            return out
        order = np.argsort(-insights.shares, axis=1, kind="stable")[:, :REASONS]
        top = np.take_along_axis(shares, order, axis=1)
        counts = (top > 0).sum(axis=1)
        for count in np.unique(counts[counts > 0]).tolist():
            rows = np.flatnonzero(counts == count)
            at = (rows[:, None], order[rows][:, :count])
            names = map(self._names.__getitem__, at[1].ravel().tolist())
            parts = [_numbers(a[at].ravel()) for a in (insights.shares, insights.observed, insights.low, insights.high)]
            each = list(map("[%s,%s,%s,%s,%s]".__mod__, zip(names, *parts, strict=True)))
            _place(out, rows, _fill(",".join(["%s"] * count), each, count))
        return out

    def _template(self, js: NDArray[np.int64], slot: str) -> str:
        return ",".join(self._names[j].replace("%", "%%") + ":" + slot for j in js.tolist())


def _quote(text: str) -> str:
    return orjson.dumps(text).decode()


def _numbers(array: NDArray[Any]) -> list[str]:
    """Each number of a flat array as JSON text; null for NaN and the infinite."""
    if not len(array):
        return []
    return orjson.dumps(np.ascontiguousarray(array), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].decode().split(",")


def _triples(array: NDArray[Any]) -> list[str]:
    """Each row of the last axis (3) as "a,b,c", in order."""
    if not array.size:
        return []
    flat = np.ascontiguousarray(array.reshape(-1, 3))
    return orjson.dumps(flat, option=orjson.OPT_SERIALIZE_NUMPY)[2:-2].decode().split("],[")


def _fill(template: str, texts: list[str], width: int) -> list[str]:
    """Texts, `width` a row, set into the template."""
    if not width:
        return []
    return list(map(template.__mod__, zip(*[iter(texts)] * width, strict=True)))


def _place(out: list[str], rows: NDArray[np.int64], texts: list[str]) -> None:
    if len(texts) == len(out):
        out[:] = texts
        return
    for row, text in zip(rows.tolist(), texts, strict=False):
        out[row] = text


def _alike(claims: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Groups of rows with the same claims."""
    if not len(claims):
        return []
    if (claims == claims[0]).all():
        return [np.arange(len(claims))]
    packed = np.ascontiguousarray(np.packbits(claims, axis=1))
    _, group = np.unique(packed.view([("", packed.dtype)] * packed.shape[1]).ravel(), return_inverse=True)
    order = np.argsort(group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1)

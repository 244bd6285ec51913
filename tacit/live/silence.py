"""Silence: features that a key had for long and has no more, though its own events go on.

For each key and feature: how often it came, at which of the key's events and when it came last. It is silent once it
has failed to come in LEAST events of its key, and in GAPS times as many as it lay apart on average. Counted over a
run; what came in earlier runs is taken from the model. For people alone: no score depends on it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.events import Feature
from tacit.contracts.insight import Insights
from tacit.heads.layout import COUNT
from tacit.live.kernel import SEEN
from tacit.live.model import LiveModel

OFTEN = 32  # times that it came before its absence says anything
LEAST = 256  # events of its key without it
GAPS = 20
CELLS = 1 << 20  # keys times features that are followed: 24 MiB
NAMED = 5  # features at most, with
KEYS = 3  # keys at most
CAME, LAST, WHEN = range(3)  # times; number of the key's event; ns of event time, 0 = before this run


class Silence:
    """rows: of each key, in the order in which they came, until CELLS are full."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.features: tuple[Feature, ...] = ()
        self.events = np.zeros(0, np.int64)  # [rows] of each key
        self.table = np.zeros((3, 0, 0), np.int64)  # [CAME …, rows, features]

    def go_on(self, model: LiveModel) -> None:
        """What came in earlier runs, as far as the model knows: how often, not when."""
        slots = model.keys.slots
        self._widen(model.features, slots)
        for key, row in self.rows.items():
            first = slots[key] * model.blocks
            self.events[row] = int(model.base[first, COUNT])
            self.table[CAME, row] = model.scales[first : first + model.blocks, SEEN].ravel()[: len(model.features)]
            self.table[LAST, row] = self.events[row]

    def see(self, insights: Insights) -> None:
        """The next events, as the model took them."""
        if not len(insights.keys):
            return
        self._widen(insights.features, insights.keys)
        rows = np.fromiter((self.rows.get(k, -1) for k in insights.keys), np.int64, len(insights.keys))
        order = np.argsort(rows, kind="stable")  # key by key, each in the order in which its events came
        order = order[rows[order] >= 0]
        own, starts, counts = np.unique(rows[order], return_index=True, return_counts=True)
        if not len(own):
            return
        width = len(insights.features)
        there = np.isfinite(insights.observed[order])  # [n, features]
        at = np.maximum.reduceat(np.where(there, np.arange(len(order))[:, None], -1), starts)  # [keys, features] in order; -1: did not come
        nth = self.events[own][:, None] + at - starts[:, None] + 1
        last, when = self.table[LAST, own, :width], self.table[WHEN, own, :width]
        self.table[CAME, own, :width] += np.add.reduceat(there, starts, dtype=np.int64)
        self.table[LAST, own, :width] = np.where(at >= 0, nth, last)
        self.table[WHEN, own, :width] = np.where(at >= 0, insights.times[order][at], when)
        self.events[own] += counts

    def said(self) -> list[str]:
        """A sentence for each column that is silent, five at most and how many more; safe from another thread."""
        names, features, events, table = list(self.rows), self.features, self.events, self.table
        R, F = min(len(names), len(events), table.shape[1]), min(len(features), table.shape[2])
        came, last, when = table[:, :R, :F]
        missed = events[:R, None] - last
        silent = (came >= OFTEN) & (missed >= LEAST) & (missed * came >= GAPS * last)
        found: dict[str, list[tuple[int, int]]] = {}
        for f in np.flatnonzero(silent.any(0)).tolist():
            name = features[f].name.partition("=")[0] if features[f].kind == "indicator" else features[f].name
            found.setdefault(name, []).extend((r, f) for r in np.flatnonzero(silent[:, f]).tolist())
        out = [_sentence(name, cells, names, missed, when) for name, cells in list(found.items())[:NAMED]]
        more = len(found) - len(out)
        return out + ([f"{more:,} more {'feature has' if more == 1 else 'features have'} not come for as long"] if more else [])

    def _widen(self, features: tuple[Feature, ...], keys: Iterable[str]) -> None:
        """Room for these keys and features; twice as much for keys as there was."""
        most = CELLS // max(len(features), 1)
        for key in dict.fromkeys(keys):
            if key not in self.rows and len(self.rows) < most:
                self.rows[key] = len(self.rows)
        _, R, F = self.table.shape
        if len(self.rows) > R or len(features) > F:
            size = R if len(self.rows) <= R else min(most, max(2 * R, len(self.rows)))
            table, events = np.zeros((3, size, max(F, len(features))), np.int64), np.zeros(size, np.int64)
            table[:, :R, :F], events[:R] = self.table, self.events
            self.table, self.events = table, events
        if len(features) > len(self.features):
            self.features = features


def _sentence(name: str, cells: list[tuple[int, int]], names: list[str], missed: NDArray[np.int64], when: NDArray[np.int64]) -> str:
    """cells: (row of the key, feature) that are silent."""
    r, f = max(cells, key=lambda cell: int(missed[cell]))  # where it has been silent longest
    keys = list(dict.fromkeys([names[r], *(names[row] for row, _ in cells)]))
    more = len(keys) - KEYS
    whose = ", ".join(keys[:KEYS]) + (f" and {more:,} more" if more > 0 else "")
    since = time.strftime("since %Y-%m-%d %H:%M:%S", time.gmtime(int(when[r, f]) // 10**9)) if when[r, f] else "in this run"
    return f"{name!r}{f' of {whose}' if whose else ''} has not come {since} ({'up to ' if len(keys) > 1 else ''}{int(missed[r, f]):,} events)"

"""Terminal: rows of the ledger for people who read them in a terminal: a block a protocol, contestants down, measurements across.

Shares are in points of 100. What is wider than the terminal goes on in a further block with the same contestants.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tacit.ledger.report import NAMES, called, interval, saving, told, wide
from tacit.ledger.result import GAIN, Result

GAP = "  "


def as_terminal(results: Sequence[Result], width: int = 100, sentences: bool = True) -> str:
    """sentences: with the verdicts and savings that are on record under each block."""
    blocks = []
    for dataset, protocol in dict.fromkeys((r.dataset, r.protocol) for r in results):
        rows = [r for r in results if (r.dataset, r.protocol) == (dataset, protocol)]
        blocks.append("\n".join([f"{NAMES.get(protocol, protocol)}: {dataset}", *_block(rows, width, sentences)]))
    return "\n\n".join(blocks) + "\n"


def _block(rows: list[Result], width: int, sentences: bool) -> list[str]:
    lines = [f"  not measured: {r.failed}" for r in rows if r.failed]
    numbers = [r for r in rows if not r.failed and r.metric != GAIN and not r.metric.endswith("_saved")]
    if numbers:
        lines += _tables(numbers, width) + [_about(numbers)]
    if sentences:
        lines += [f"  {saving(r)}" for r in rows if r.metric.endswith("_saved") and r.value >= 0.5]
        lines += [f"  It {r.extra['sentence']}" for r in rows if r.metric == GAIN and r.extra.get("sentence")]
    return lines


def _tables(rows: list[Result], width: int) -> list[str]:
    """Contestants down, the best first by the first column (by the most labels where they grow); as many columns as there is room for."""
    columns = list(dict.fromkeys(_head(r) for r in rows))
    by = columns[-1] if rows[0].labels else columns[0]
    corner = "  " + rows[0].metric.replace("_", " ") if rows[0].labels else ""
    cells: dict[str, dict[str, str]] = {}
    first: dict[str, float] = {}
    for r in rows:
        title = ("* " if r.contestant == "ours" else "  ") + (r.title or r.contestant)
        cells.setdefault(title, {})[_head(r)] = f"{told(r.value, r.metric)}{wide(r) if r.labels else GAP + interval(r)}".rstrip()
        if _head(r) == by and math.isfinite(r.value):
            first[title] = r.value
    titles = sorted(cells, key=lambda t: -first.get(t, -math.inf))
    name = max(len(t) for t in [*titles, corner])
    room = {c: max(len(c), *(len(cells[t].get(c, "")) for t in titles)) for c in columns}
    lines: list[str] = []
    while columns:
        taken = [columns.pop(0)]
        while columns and name + sum(room[c] + len(GAP) for c in (*taken, columns[0])) <= width:
            taken.append(columns.pop(0))
        lines += [GAP.join([corner.ljust(name), *(c.ljust(room[c]) for c in taken)]).rstrip()]
        lines += [GAP.join([t.ljust(name), *(cells[t].get(c, "").ljust(room[c]) for c in taken)]).rstrip() for t in titles]
    return lines


def _head(r: Result) -> str:
    metric = called(r.metric)
    if r.labels:
        return f"{r.labels} a class"
    return metric if not r.unit or metric.endswith(r.unit) else f"{metric}, {r.unit}"


def _about(rows: list[Result]) -> str:
    """What the numbers stand on."""
    tests = sorted({r.n for r in rows if r.n})
    parts = [f"{tests[-1]:,} test samples"] if tests else []
    parts += [f"split {r.split}" for r in rows[:1] if r.split] + [
        f"intervals: {how}" for how in dict.fromkeys(r.interval for r in rows if r.interval)
    ]
    return f"  ({'; '.join(['* the learned encoder' if any(r.contestant == 'ours' for r in rows) else '', *parts]).removeprefix('; ')})"

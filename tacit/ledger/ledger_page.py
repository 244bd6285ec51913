"""Ledger page: every row of a ledger as one HTML file that needs nothing else, model by model: what can be drawn of it, then all its numbers.

In the style of the report, light or dark as the reader's machine is. A report's own pictures (map, neighbours, puzzles) are no rows: it is linked to.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tacit.ledger import drawing
from tacit.ledger.page import bullets, page, paragraph, table
from tacit.ledger.report import NAMES, figure
from tacit.ledger.result import GAIN, Result
from tacit.ledger.store import newest
from tacit.ledger.tables import cell, used


@dataclass(frozen=True)
class Entry:
    """A model that rows are of, where its folder is at hand. report: the address of its report from the page, "" for none; curve: of its learning."""

    name: str
    report: str = ""
    curve: list[dict[str, float]] = field(default_factory=list)


def as_html(title: str, results: Sequence[Result], entries: Mapping[str, Entry], notes: Sequence[str] = ()) -> str:
    """The file's text. entries: by model, as rows name it; a model without rows that is there has its learning shown."""
    models = list(dict.fromkeys([*(r.model for r in results), *entries]))
    body = [paragraph("There are no rows.")] if not results else []
    for model in models:
        entry, rows = entries.get(model), [r for r in results if r.model == model]
        body.append(f"<h2>{html.escape(_named(model, entry))}</h2>")
        if entry is not None and entry.report:
            body.append(f'<p><a href="{html.escape(entry.report)}">Its report</a>, with pictures.</p>')
        body += _drawn(newest(rows))
        if entry is not None and (learned := drawing.learning(entry.curve)):
            body.append(f"<h3>While it learned</h3><figure>{learned}</figure>")
        body += _numbers(rows)
    if notes:
        body.append("<h2>To know</h2>" + bullets(notes))
    sets = len({r.dataset for r in results})
    return page(title, body, f"{len(results):,} {'row' if len(results) == 1 else 'rows'} of {sets:,} data {'set' if sets == 1 else 'sets'}")


def _named(model: str, entry: Entry | None) -> str:
    told = [f"model {entry.name}"] if entry is not None else []
    told += [model if entry is not None else f"model {model}"] if model else []
    return " · ".join(told) or "Of no single model"


def _drawn(rows: Sequence[Result]) -> list[str]:
    """A heading and a drawing for each data set, split and protocol that can be drawn; rows: each measurement once."""
    groups: dict[tuple[str, str, str], list[Result]] = {}
    for r in rows:
        if r.metric != GAIN and not r.failed:
            groups.setdefault((r.dataset, r.split, r.protocol), []).append(r)
    body = []
    for (dataset, split, protocol), part in groups.items():
        if figures := figure(protocol, part):
            body.append(f"<h3>{html.escape(' · '.join(t for t in (NAMES.get(protocol, protocol), dataset, split) if t))}</h3>")
            body += figures
    return body


def _numbers(rows: Sequence[Result]) -> list[str]:
    """All rows in their order, ours in bold; columns that say nothing are left out."""
    if not rows:
        return []
    columns = used(rows)
    return ["<h3>All numbers</h3>" + table(columns, [([cell(r, c) for c in columns], r.contestant == "ours") for r in rows])]

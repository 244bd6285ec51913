"""Sections: a page of plain lines with rows of the ledger under them, as Markdown and as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field

from tacit.ledger.page import bullets, page, paragraph
from tacit.ledger.report import grid, numbers
from tacit.ledger.result import Result
from tacit.ledger.tables import as_markdown


@dataclass
class Section:
    """lines: plain sentences; rows: of the ledger."""

    title: str
    lines: list[str] = field(default_factory=list)
    rows: list[Result] = field(default_factory=list)


def as_markdown_page(title: str, sections: Sequence[Section]) -> str:
    """One line stands as a paragraph, several as a list."""
    parts = [f"# {title}\n"]
    for s in sections:
        lines = s.lines[0] + "\n" if len(s.lines) == 1 else "".join(f"- {line}\n" for line in s.lines)
        parts.append(f"## {s.title}\n\n{lines}" + (f"\n{as_markdown(s.rows, ('dataset', 'protocol'))}" if s.rows else ""))
    return "\n".join(parts)


def as_html_page(title: str, sections: Sequence[Section]) -> str:
    """The first section is the answer and stands out: red where it does not help."""
    body = []
    for i, s in enumerate(sections):
        body.append(f"<h2>{html.escape(s.title)}</h2>")
        no = not s.lines or "not " in s.lines[0].split(": it ")[-1][:40].lower()
        kind = ("verdict no" if no else "verdict") if i == 0 else ""
        body.append(paragraph(s.lines[0], kind) if len(s.lines) == 1 else bullets(s.lines))
        if s.rows:
            body.append(grid(s.rows) if s.rows[0].protocol == "few_shot" else numbers(s.rows))
    return page(title, body)

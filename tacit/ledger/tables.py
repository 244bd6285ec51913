"""Tables: rows of the ledger as CSV and as Markdown."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence

from tacit.ledger.result import Result
from tacit.ledger.scale import ends

SHOWN = ("dataset", "protocol", "metric", "title", "labels", "unit", "value", "low", "high", "n", "seeds", "split", "failed")


def as_csv(results: Iterable[Result]) -> str:
    """Every column, one line a result; numbers in full."""
    file = io.StringIO()
    rows = [r.row() for r in results]
    columns = list(Result("", "", 0.0).row())
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def cell(result: Result, column: str) -> str:
    """One value for people: shares with four digits, what is not there left empty."""
    value = dict(zip(("low", "high"), ends(result), strict=True)).get(column, getattr(result, column))
    if column == "title":
        return result.title or result.contestant
    if column == "n" and not value:
        return ""
    if column == "labels":
        return "all" if not value else str(value)
    if isinstance(value, float):
        return f"{value:.4f}" if math.isfinite(value) else ""
    return str(value)


def used(results: Sequence[Result]) -> list[str]:
    """The columns that say something here."""
    return [c for c in SHOWN if c in ("title", "value") or any(cell(r, c) not in ("", "all") for r in results)]


def as_markdown(results: Sequence[Result], without: Sequence[str] = ()) -> str:
    """A table; the columns that say nothing are left out, and those that its surroundings say."""
    columns = [c for c in used(results) if c not in without]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(cell(r, c).replace("|", "\\|") for c in columns) + " |" for r in results]
    return "\n".join(lines) + "\n"

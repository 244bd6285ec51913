"""CSV: lines → rows of text. Delimiter and header are found; quoted fields may span lines."""

from __future__ import annotations

import codecs
import csv
from typing import Any

from tacit.connect.lines import LINE_LIMIT
from tacit.connect.records import Rows
from tacit.connect.text import is_missing, is_number
from tacit.connect.times import one
from tacit.contracts.errors import SourceError
from tacit.contracts.events import Refusals

DELIMITERS = ",;\t|"
QUOTED_LINES = 100  # a quoted field that spans more is a stray quote
_CONTROL = frozenset(range(32)) - {9, 12, 27}
csv.field_size_limit(LINE_LIMIT)  # the library's own 128 KiB would refuse long quoted texts


class Csv:
    """Reads lines of one CSV file. names: the columns, () until the header was read.

    delimiter: None = found. Notes on what was found go to `notes`.
    """

    name = "csv"

    def __init__(self, delimiter: str | None = None) -> None:
        self.delimiter = delimiter
        self.names: tuple[str, ...] = ()
        self.notes: list[str] = []
        self._before: tuple[str, ...] = ()  # the columns of the file before
        self._mark = "\n"  # how a header line begins, in case one comes again; no line begins so

    def parse(
        self, lines: list[bytes], first: int, refusals: Refusals, place: str, final: bool, ahead: list[bytes] | None = None
    ) -> tuple[Rows, int]:
        """Rows of these lines, and how many of the lines were used.

        first: the number of the first line, from 1. final: no more lines will come, so an open quote is an
        error. ahead: these and more lines, by which the header is told. Rows of another width are refused.
        """
        texts, bad = _decode(lines, first)
        skip = 0
        if not self.names:
            told = texts if ahead is None else _decode(ahead, first)[0]
            blank = next((i for i, t in enumerate(told) if t.strip()), len(told))
            if blank:
                return self._refuse(bad, min(blank, len(texts)), first, refusals, place)
            if not any(t.strip() for t in told[1:]) and not final:  # a header can only be told by what stands under it
                return Rows((), [], [], place), 0
            skip = self._begin(told, first, place)
        while (again := self._next_header(texts, skip)) == skip:
            self._adopt(texts[skip])
            skip += 1
        if again is not None:
            texts, final = texts[:again], True
        if any('"' in t for t in texts):
            rows, numbers, used = self._quoted(texts[skip:], first + skip, refusals, place, final)
            used += skip
        else:
            delimiter, used = self.delimiter or ",", len(texts)
            numbers = [first + i for i in range(skip, used) if texts[i]]
            rows = [t.split(delimiter) for t in texts[skip:] if t]
        self._refuse(bad, used, first, refusals, place)
        return self._fitting(rows, numbers, refusals, place), used

    def state(self) -> dict[str, Any]:
        """What decoding the next line needs."""
        return {"delimiter": self.delimiter, "names": list(self.names), "before": list(self._before), "mark": self._mark}

    def afresh(self) -> None:
        """Another file begins: its header is read, or the columns stay where it has none."""
        self._before, self.names, self._mark = self.names or self._before, (), "\n"

    def restore(self, state: dict[str, Any]) -> None:
        self.delimiter, self.names = state["delimiter"], tuple(state["names"])
        self._before, self._mark = tuple(state["before"]), state["mark"]

    def _refuse(self, bad: dict[int, bytes], used: int, first: int, refusals: Refusals, place: str) -> tuple[Rows, int]:
        """Count the binary ones among the lines that were used; the others will come again. No rows."""
        for i, line in bad.items():
            if i < used:
                refusals.add("binary, not text", f"{place}:{first + i}" if place else f"line {first + i}", repr(line[:80]))
        return Rows((), [], [], place), used

    def _begin(self, texts: list[str], first: int, place: str) -> int:
        """Find delimiter and header; returns how many lines the header takes."""
        filled = [i for i, t in enumerate(texts) if t.strip()]
        some = [texts[i] for i in filled[:50]]
        if self.delimiter is None:
            self.delimiter = _sniff(some)
        rows = list(csv.reader(some, delimiter=self.delimiter))
        head = [cell.strip() for cell in rows[0]]
        if _is_header(head, rows[1:]):
            self._adopt(texts[filled[0]])
            return filled[0] + 1
        if len(self._before) == len(head):
            self.names = self._before
            return filled[0]
        self.names = tuple(f"c{i + 1}" for i in range(len(head)))
        spot = f"{place}:{first + filled[0]}" if place else f"line {first + filled[0]}"
        self.notes.append(f"no header line ({spot} holds values): the columns are called c1 to c{len(head)}")
        return filled[0]

    def _adopt(self, header: str) -> None:
        """Take the columns from a header line."""
        delimiter = self.delimiter or ","
        self.names = _unique([cell.strip() for cell in next(csv.reader([header], delimiter=delimiter))])
        self._mark = header.partition(delimiter)[0] + delimiter if delimiter in header else header

    def _next_header(self, texts: list[str], start: int) -> int | None:
        return next((i for i in range(start, len(texts)) if texts[i].startswith(self._mark) and self._heads(texts[i])), None)

    def _heads(self, text: str) -> bool:
        """Whether a line is a header in midstream: it names columns, half of them known, and holds no value."""
        cells = [cell.strip() for cell in next(csv.reader([text], delimiter=self.delimiter or ","))]
        known = len(set(cells).intersection(self.names))
        return 2 * known >= len(cells) and (cells == list(self.names) or not any(is_number(c) for c in cells))

    def _quoted(self, texts: list[str], first: int, refusals: Refusals, place: str, final: bool) -> tuple[list[list[str]], list[int], int]:
        """Rows where quotes occur, the line of each, and the lines used: an open quote waits for more lines."""
        rows: list[list[str]] = []
        numbers: list[int] = []
        done = 0
        while done < len(texts):
            reader = csv.reader((t + "\n" for t in texts[done:]), delimiter=self.delimiter or ",", strict=True)
            start = done
            try:
                for row in reader:
                    rows.append([cell.rstrip("\n") if "\n" in cell else cell for cell in row])
                    numbers.append(first + done)
                    done = start + reader.line_num
            except csv.Error as error:
                reached = start + reader.line_num
                unended = reached >= len(texts) and "unexpected end" in str(error)
                if unended and not final and len(texts) - done <= QUOTED_LINES:
                    return rows, numbers, done
                refusals.add("broken quotes", f"{place}:{first + done}" if place else f"line {first + done}", texts[done])
                done += 1
        return rows, numbers, done

    def _fitting(self, rows: list[list[str]], numbers: list[int], refusals: Refusals, place: str) -> Rows:
        width = len(self.names)
        if set(map(len, rows)) <= {width}:
            return Rows(self.names, rows, numbers, place)
        kept: list[list[str]] = []
        lines: list[int] = []
        for row, number in zip(rows, numbers, strict=True):
            if len(row) == width:
                kept.append(row)
                lines.append(number)
            elif row and any(cell.strip() for cell in row):
                where = f"{place}:{number}" if place else f"line {number}"
                refusals.add("wrong number of columns", where, f"{len(row)} instead of {width}: {(self.delimiter or ',').join(row)}")
        return Rows(self.names, kept, lines, place)


def _decode(lines: list[bytes], first: int) -> tuple[list[str], dict[int, bytes]]:
    """Lines as text, UTF-8, else Latin-1; those with control characters are left empty: {index: line}."""
    if first == 1 and lines and lines[0].startswith(codecs.BOM_UTF8):
        lines = [lines[0][3:], *lines[1:]]
    joined = b"\n".join(lines)
    if b"\r" in joined:
        lines = [line.rstrip(b"\r") for line in lines]
        joined = b"\n".join(lines)
    if not joined.translate(None, bytes(range(32, 256)) + b"\t\n\f\x1b"):
        try:
            return (joined.decode().split("\n") if lines else []), {}
        except UnicodeDecodeError:
            pass  # some line is not UTF-8; each is looked at below
    out: list[str] = []
    bad: dict[int, bytes] = {}
    for i, line in enumerate(lines):
        if _CONTROL.intersection(line):
            bad[i] = line
            out.append("")
            continue
        try:
            out.append(line.decode())
        except UnicodeDecodeError:
            out.append(line.decode("latin-1"))
    return out, bad


def _sniff(some: list[str]) -> str:
    """The delimiter that splits the first lines into the same number of columns, the most of them."""
    best, widest = ",", 1
    for delimiter in DELIMITERS:
        widths = [len(row) for row in csv.reader(some, delimiter=delimiter)]
        common = max(set(widths), key=widths.count)
        if common > widest and widths.count(common) >= 0.8 * len(widths):
            best, widest = delimiter, common
    return best


def _is_header(head: list[str], rows: list[list[str]]) -> bool:
    """Whether the first row names the columns: words stand over values, or there are no values in it."""

    def is_value(cell: str) -> bool:
        return is_number(cell) or one(cell) is not None

    values = [is_value(cell) for cell in head]
    if not any(values):
        return any(cell for cell in head)
    for j, cell in enumerate(head):
        below = [row[j] for row in rows if j < len(row) and not is_missing(row[j])]
        if cell and not values[j] and below and all(map(is_value, below)):
            return True
    return False


def _unique(head: list[str]) -> tuple[str, ...]:
    """Column names, the nameless called by their place, the doubled numbered."""
    seen: dict[str, int] = {}
    out = []
    for j, cell in enumerate(head):
        name = cell or f"c{j + 1}"
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    if len(out) > 100_000:
        raise SourceError(f"the header line names {len(out):,} columns.", "Is this one JSON value, or lines without line ends?")
    return tuple(out)

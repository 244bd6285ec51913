"""Tables of results as Markdown, with what they were measured on."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("numpy", "numba", "river", "krcf", "scikit-learn", "tacit")


def cell(value: object) -> str:
    """A number with four figures at most; the rest as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if value != value:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def markdown(rows: Sequence[Mapping[str, object]]) -> str:
    """One table; columns in the order in which they first appear."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(cell(row.get(c, "")) for c in columns) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def processor() -> str:
    """The CPU's name as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def versions() -> str:
    found = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    return ", ".join(found)


def command() -> str:
    """How this run was started, without any path of this machine."""
    module = getattr(sys.modules["__main__"], "__spec__", None)
    name = module.name if module is not None else Path(sys.argv[0]).name
    return " ".join(["python -m", name, *(Path(a).name if a.startswith("/") else a for a in sys.argv[1:])])


def write(out: Path | None, title: str, method: str, tables: Sequence[tuple[str, Sequence[Mapping[str, object]]]]) -> None:
    """Prints the tables; with `out`, writes them as one Markdown page with command, processor and versions."""
    body = "\n".join(f"{note}\n\n{markdown(rows)}" for note, rows in tables)
    print(body)
    if out is None:
        return
    method = method.strip().split("\n\n", 1)[-1]
    head = f"# {title}\n\n    {command()}\n\n{datetime.now(UTC):%Y-%m-%d}; {processor()}; {versions()}.\n"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(f"{head}\n{body}\n## Method\n\n{method}\n")

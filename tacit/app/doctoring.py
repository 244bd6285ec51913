"""Doctor: what is installed, what is missing and what each missing thing would bring."""

from __future__ import annotations

import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version

LIVE = ("numpy", "numba", "orjson", "psutil", "rich", "starlette", "typer", "uvicorn")
EXTRAS = {
    "learn": (
        "learning, from streams and from samples",
        ("torch", "safetensors", "scikit-learn", "pillow", "tokenizers", "pyarrow", "matplotlib", "onnx", "onnxruntime"),
    ),
    "hf": ("public weights, --from hf:", ("transformers",)),
    "table": ("Parquet files, pyarrow tables", ("pyarrow",)),
    "bench": ("the peers of the benchmarks", ("river", "krcf")),
}


def list_parts() -> None:
    """Every part there is, by kind: what can be named in options and recipes."""
    from tacit.contracts.catalog import ROOMS, names

    for kind in ROOMS:
        print(f"{kind}: {', '.join(names(kind))}")


def examine() -> int:
    """Prints the report; returns 0 where tacit can watch, else 1."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(show_header=True, header_style="bold")
    for name in ("part", "installed", "what it brings or how to get it"):
        table.add_column(name)
    suits = "3.11 to 3.13 are meant to do; tested with 3.11" if sys.version_info >= (3, 11) else "needs 3.11 or newer"
    table.add_row("Python", platform.python_version(), suits)
    well = sys.version_info >= (3, 11)
    for name in LIVE:
        found = _version(name)
        well = well and found is not None
        table.add_row(name, found or "missing", "live set" if found else f"pip install {name}")
    for extra, (brings, names) in EXTRAS.items():
        for name in names:
            found = _version(name)
            table.add_row(name, found or "-", brings if found else f"{brings}: pip install 'tacit[{extra}]'")
    began = time.perf_counter()
    from tacit.live.warming import warm

    compiled = warm()
    took = time.perf_counter() - began
    table.add_row("compiled kernels", f"{took:.1f} s", "from the cache" if not compiled else "compiled now; the next start takes them from the cache")
    console.print(table)
    if not well:
        console.print("[red]tacit cannot watch until what is missing above is installed.[/red]")
    return 0 if well else 1


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None

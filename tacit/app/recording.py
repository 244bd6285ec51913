"""The recordings in the package: real telemetry with labelled faults."""

from __future__ import annotations

from pathlib import Path

from tacit.contracts.errors import UnknownName

HOME = Path(__file__).parent.parent / "demo"


def recording(name: str) -> Path:
    """The telemetry file of a recording; its labels lie beside it. Raises UnknownName."""
    known = sorted(p.name.removesuffix(".csv.gz") for p in HOME.glob("*.csv.gz"))
    if name not in known:
        raise UnknownName("recording", name, known)
    return HOME / f"{name}.csv.gz"

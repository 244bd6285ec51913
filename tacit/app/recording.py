"""The recordings in the package: real telemetry with labelled faults."""

from __future__ import annotations

from pathlib import Path

from tacit.contracts.errors import UnknownName

HOME = Path(__file__).parent.parent / "demo"


def recording(name: str) -> Path:
    """The folder of a recording: telemetry.csv.gz and labels.csv. Raises UnknownName."""
    known = sorted(p.parent.name for p in HOME.glob("*/telemetry.csv.gz"))
    if name not in known:
        raise UnknownName("recording", name, known)
    return HOME / name

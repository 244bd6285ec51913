"""Report: what the checks found, as lines, as facts for JSON, and as one HTML page with pictures of the samples it speaks of."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.checks.check import Finding
from tacit.contracts.errors import DataError
from tacit.contracts.modality import Modality
from tacit.contracts.pool import Pool, Refused

SHOWN = 24  # samples drawn a finding
SIDE = 96  # of a drawn sample, in pixels
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222;background:#fff}
h2{font-size:1.1em;margin:1.6em 0 .2em}.error{color:#a4001d}.warning{color:#8a5a00}.note{color:#335}
figure{display:inline-block;margin:.3em;width:100px;vertical-align:top;font-size:11px;overflow-wrap:anywhere}
figure img{width:96px;image-rendering:pixelated}.group{border-left:3px solid #ccc;margin:.4em 0;padding-left:.5em}pre{white-space:pre-wrap}"""


@dataclass(frozen=True)
class Report:
    """findings: the worst first; looked_at: samples that were read; refused: those of them that cannot be used."""

    pool: Pool
    modality: Modality
    findings: tuple[Finding, ...]
    looked_at: int
    refused: tuple[Refused, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity == "warning")

    def lines(self, notes: bool = True) -> list[str]:
        """One a finding: "warning: 3 of 20 samples repeat another to the bit …"."""
        return [f"{f.severity}: {f.sentence}" for f in self.findings if notes or f.severity != "note"]

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        refused = [{"name": r.name, "reason": r.reason} for r in self.refused[:100]]
        return {"looked_at": self.looked_at, "samples": len(self.pool), "refused": refused, "findings": [f.facts() for f in self.findings]}

    def stop(self) -> None:
        """Raises DataError where a finding is an error."""
        if self.errors:
            raise DataError(" ".join(f.sentence for f in self.errors), "Mend the data, or leave the checks out.")

    def draw(self, path: str | Path) -> None:
        """Writes one HTML page that needs nothing else. Raises DataError where there is no room for it."""
        parts = [f"<h1>{escape(self.pool.described)}</h1><p>{self.looked_at:,} of {len(self.pool):,} samples looked at.</p>"]
        parts += [f"<p>{escape(note)}</p>" for note in self.pool.notes]
        if not self.findings:
            parts.append("<p>Nothing stands out.</p>")
        places: dict[str, int] = {}
        wanted = {name for f in self.findings for name in f.names[:SHOWN]} | {n for f in self.findings for g in f.groups[:8] for n in g[:6]}
        for i, name in enumerate(self.pool.names):
            if name in wanted:
                places[name] = i
        for f in self.findings:
            parts.append(f'<h2 class="{f.severity}">{escape(f.severity)}: {escape(f.check)}</h2><p>{escape(f.sentence)}</p>')
            if f.groups:
                parts += [f'<div class="group">{"".join(self._figure(n, places) for n in group[:6])}</div>' for group in f.groups[:8]]
            else:
                parts.append("".join(self._figure(n, places) for n in f.names[:SHOWN]))
        page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Checks</title><style>{STYLE}</style>{"".join(parts)}</html>'
        place = Path(path)
        temporary = place.with_name(f"{place.name}.tmp")
        try:  # names may hold bytes that are no text
            temporary.write_text(page, "utf-8", errors="backslashreplace")
            temporary.rename(place)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise DataError(f"the report cannot be written to {path}: {error}.", "Choose another place.") from error

    def _figure(self, name: str, places: dict[str, int]) -> str:
        inside = self._drawn(name, places[name]) if name in places else ""
        return f"<figure>{inside}<figcaption>{escape(name)}</figcaption></figure>"

    def _drawn(self, name: str, place: int) -> str:
        raw = self.pool.read([place])
        samples, at, refused = self.modality.arrays(raw, [name])
        if not len(at):
            return f"<p>{escape(refused[0].reason if refused else 'nothing')}</p>"
        shown = self.modality.show(samples.values[0], None if samples.valid is None else samples.valid[0])
        if isinstance(shown, str):
            return f"<pre>{escape(str(raw[0])[:200])}</pre>"
        return _picture(shown) if self.modality.name == "image" else _curve(shown)


def _picture(pixels: NDArray[np.uint8]) -> str:
    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "PNG")
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(held.getvalue()).decode()}">'


def _curve(series: NDArray[np.float32], channels: int = 6) -> str:
    """Up to six channels as lines, each scaled to its own range."""
    lines = []
    for c in range(min(channels, series.shape[1])):
        y = series[:, c]
        real = np.isfinite(y)
        if not real.any():
            continue
        low, high = float(y[real].min()), float(y[real].max())
        scaled = (high - y) / (high - low) * (SIDE - 6) + 3 if high > low else np.full(len(y), SIDE / 2)
        x = np.linspace(2, SIDE - 2, len(y))
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[real], scaled[real], strict=True))
        lines.append(f'<polyline points="{points}" fill="none" stroke="hsl({c * 60} 60% 40%)"/>')
    return f'<svg width="{SIDE}" height="{SIDE}" viewBox="0 0 {SIDE} {SIDE}">{"".join(lines)}</svg>'

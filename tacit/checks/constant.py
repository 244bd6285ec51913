"""Constant: channels, and whole samples, that never change: nothing can be learned from them."""

from __future__ import annotations

import numpy as np

from tacit.checks.check import Finding, Severity, some
from tacit.checks.look import Look

STILL = 1e-6  # of a channel's own size
LEVELS = 0.5  # of 255: a picture that differs less is one colour
MANY = 0.01


def check(look: Look) -> list[Finding]:
    """Numbers only: a text has no channels."""
    if look.layout.modality == "text" or not len(look):
        return []
    found: list[Finding] = []
    still = LEVELS if look.layout.modality == "image" else np.maximum(STILL * np.abs(look.level).max(0), 1e-12)
    flat = look.spread <= still  # [n, C]
    between = look.level.std(0, dtype=np.float64) <= still  # the same in all samples, too
    dead = np.flatnonzero(flat.all(0) & between)
    if len(dead):
        channels = look.layout.channels
        which = ", ".join(map(str, dead[:8])) + (f" and {len(dead) - 8} more" if len(dead) > 8 else "")
        severity: Severity = "error" if len(dead) == channels else "warning"
        sentence = f"{len(dead)} of {channels} channels never change (counted from 0: {which}). They are kept, and say nothing."
        found.append(
            Finding(
                "constant channels", severity, sentence, figures={"channels": len(dead)} | {f"channel {c}": float(look.level[0, c]) for c in dead[:8]}
            )
        )
    live = np.setdiff1d(np.arange(flat.shape[1]), dead)
    blank = np.flatnonzero(flat[:, live].all(1)) if len(live) else np.zeros(0, np.int64)
    if len(blank):
        names = look.names(blank)
        share = len(blank) / len(look)
        what = "pictures are of one colour" if look.layout.modality == "image" else "series never change"
        sentence = f"{len(blank):,} of {look.of}: {what}, such as {some(names)}."
        found.append(
            Finding("constant samples", "warning" if share > MANY else "note", sentence, names, figures={"samples": len(blank), "share": share})
        )
    return found

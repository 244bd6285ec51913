"""Outliers: samples that differ far from the others in size, light, colour, length or words: faults of collecting, as a rule.

Far: more than ten deviations from the median, the deviation from the quartiles (of the logarithm where sizes are compared). Rousseeuw & Croux, 1993.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tacit.checks.check import Finding, some
from tacit.checks.look import Look

FAR = 10.0
FEWEST = 30
FLOOR = 0.02
AS_SIZES = frozenset({"pixels", "width : height", "steps", "characters", "largest jump", "largest value", "longest word"})
OFTEN = 0.05  # more than that are no outliers but another kind of sample


def check(look: Look) -> list[Finding]:
    """One finding a measure."""
    found: list[Finding] = []
    for name, values in look.measured.items() if len(look) >= FEWEST else ():
        far = distance(np.log(np.maximum(values, 1e-9)) if name in AS_SIZES else values)
        rows = np.argsort(-far)[: int((far > FAR).sum())]
        if not len(rows):
            continue
        names, usual = look.names(rows), float(np.median(values))
        worst = float(values[rows[0]])
        share = len(rows) / len(look)
        sentence = f"{len(rows):,} of {look.of} are far from the others in {name}: {some(names)} ({worst:.4g}, usually {usual:.4g})."
        figures = {"samples": len(rows), "share": share, "usual": usual, "worst": worst}
        found.append(Finding(f"outliers: {name}", "note" if share <= OFTEN else "warning", sentence, names, figures=figures))
    return found


def distance(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n] deviations from the median. Where more than half are equal, by the spread of the inner 98 %, at least a fiftieth."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    spread = (high - low) / 1.349
    if spread <= 1e-9 * max(1.0, abs(middle)):
        inner = values[(values >= np.quantile(values, 0.01)) & (values <= np.quantile(values, 0.99))]
        spread = max(float(inner.std()), FLOOR * max(1.0, abs(middle)))
    return np.asarray(np.abs(values - middle) / spread)

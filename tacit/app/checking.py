"""Checking before learning: what is wrong with the data, and which views would change their meaning."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tacit.app.showing import Screen
from tacit.checks.run_checks import run_checks
from tacit.checks.view_advice import LOOKED_AT, advise
from tacit.contracts.errors import DataError
from tacit.learning.recipe import Recipe

PAGE = "checks.html"


@contextmanager
def page_with_model(out: Path | None) -> Iterator[None]:
    """The page that is drawn here goes again where the run fails and leaves nothing to go on from."""
    from tacit.evaluation.trials import PLACE, RECORD
    from tacit.learning.loop import FILE

    before = out is not None and (out / PAGE).exists()
    try:
        yield
    except BaseException:
        if out is not None and not before and not any((out / name).exists() for name in ("model.json", FILE, RECORD, PLACE)):
            (out / PAGE).unlink(missing_ok=True)
        raise


def look(pool: Any, modality: Any, recipe: Recipe, strict: bool, out: Path | None, show: Screen) -> tuple[Recipe, dict[str, Any]]:
    """(the recipe without views that would destroy these data, facts for model.json)."""
    report = run_checks(pool, modality, np.random.default_rng([recipe.seed, 17]))
    for line in report.lines(notes=False):
        show.say(line)
    if strict and report.refused:
        name, reason = report.refused[0]
        raise DataError(
            f"{len(report.refused)} samples cannot be used, the first {name}: {reason}.",
            "Mend them, or leave --strict out: they are then left out and counted.",
        )
    if strict:
        report.stop()
    told: dict[str, Any] = {"checks": report.facts()["findings"]}
    if out is not None and report.findings:
        out.mkdir(parents=True, exist_ok=True)
        report.draw(out / PAGE)
        show.say(f"what was found in the data, with pictures: {out / PAGE}")
    if modality.name == "image":
        recipe, told["views"] = _views(pool, modality, recipe, show)
    return recipe, told


def _views(pool: Any, modality: Any, recipe: Recipe, show: Screen) -> tuple[Recipe, dict[str, Any]]:
    rng = np.random.default_rng([recipe.seed, 13])
    at = np.sort(rng.permutation(len(pool))[:LOOKED_AT])
    samples, _, _ = modality.read(pool, at)
    advice = advise(samples.values, rng)
    off = {name: why for name, why in advice.forbidden.items() if name not in recipe.allowed and name not in recipe.forbidden}
    for name, why in off.items():
        show.say(f"view {name!r} is switched off: {why} (--allow {name} keeps it)")
    options = {k: v for k, v in advice.options.items() if k not in recipe.view_options and k not in recipe.allowed}
    for name in options:
        show.say(f"views: {advice.reasons[name]}")
    facts = {"off": off, "options": options, "reasons": advice.reasons, "figures": advice.figures}
    return replace(recipe, forbidden=(*recipe.forbidden, *off), view_options={**options, **recipe.view_options}), facts

"""Checking before learning: what is wrong with the data, and which views would change their meaning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tacit.app.showing import Screen
from tacit.checks.view_advice import LOOKED_AT, advise
from tacit.learning.recipe import Recipe


def look(pool: Any, modality: Any, recipe: Recipe, strict: bool, out: Path | None, show: Screen) -> tuple[Recipe, dict[str, Any]]:
    """(the recipe without views that would destroy these data, facts for model.json)."""
    del strict, out
    told: dict[str, Any] = {}
    if modality.name == "image":
        recipe, told["views"] = _views(pool, modality, recipe, show)
    return recipe, told


def _views(pool: Any, modality: Any, recipe: Recipe, show: Screen) -> tuple[Recipe, dict[str, Any]]:
    rng = np.random.default_rng([recipe.seed, 13])
    at = np.sort(rng.permutation(len(pool))[:LOOKED_AT])
    samples, _, _ = modality.arrays(pool.read(at), [pool.names[int(i)] for i in at])
    advice = advise(samples.values, rng)
    off = {name: why for name, why in advice.forbidden.items() if name not in recipe.allowed and name not in recipe.forbidden}
    for name, why in off.items():
        show.say(f"view {name!r} is switched off: {why} (--allow {name} keeps it)")
    options = {k: v for k, v in advice.options.items() if k not in recipe.view_options and k not in recipe.allowed}
    for name in options:
        show.say(f"views: {advice.reasons[name]}")
    facts = {"off": off, "options": options, "reasons": advice.reasons, "figures": advice.figures}
    return replace(recipe, forbidden=(*recipe.forbidden, *off), view_options={**options, **recipe.view_options}), facts

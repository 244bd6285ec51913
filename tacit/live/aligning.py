"""Columns of a source onto columns of a model: by name; features that the model doesn't know are appended."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tacit.contracts.errors import ModelError
from tacit.contracts.events import Events, Feature


def align(events: Events, features: tuple[Feature, ...]) -> Events:
    """The events with the model's features first, in its order, then the source's others. The same object where nothing moves.

    Raises ModelError where the two have no feature in common.
    """
    if events.features[: len(features)] == features:
        return events
    known = {f.name: i for i, f in enumerate(features)}
    where = [known.get(f.name, -1) for f in events.features]
    if features and events.features and max(where) < 0:
        raise ModelError(
            f"This model was learned on {_some(features)}; the source has {_some(events.features)}, none of them.",
            "Is it the right model folder? Start anew in an empty one.",
        )
    added = [f for f, w in zip(events.features, where, strict=True) if w < 0]
    at = len(features)
    for i, w in enumerate(where):
        if w < 0:
            where[i], at = at, at + 1
    values = np.full((len(events), at), np.nan)
    values[:, where] = events.values
    return replace(events, values=values, features=(*features, *added))


def _some(features: tuple[Feature, ...]) -> str:
    names = [f.name for f in features[:5]]
    return ", ".join(names) + (f" and {len(features) - 5} more" if len(features) > 5 else "")

"""Which tasks `auto` may choose, by modality, the first being the first choice: (name, why).

A task is here only where it beat its own untrained encoder by more than two standard errors on a real set of that modality.
"""

from __future__ import annotations

AUTO: dict[str, tuple[tuple[str, str], ...]] = {
    "image": (("contrastive", "views that agree are the first choice for images; not measured yet"),),
    "series": (("contrastive", "views that agree are the first choice for series; not measured yet"),),
    "text": (("masked", "hidden words are the first choice for text; not measured yet"),),
}

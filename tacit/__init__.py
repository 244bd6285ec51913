"""tacit: self-supervised learning for live data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_WHERE = {
    "watch": "tacit.app.api",
    "learn": "tacit.app.api",
    "load": "tacit.app.loading",
    "inspect": "tacit.app.api",
    "evaluate": "tacit.app.proving",
    "compare": "tacit.app.proving",
    "tune": "tacit.app.sample_functions",
    "embed": "tacit.app.sample_functions",
    "predict": "tacit.app.sample_functions",
    "search": "tacit.app.sample_functions",
    "read_ledger": "tacit.app.records",  # `tacit.ledger` is the room
    "card": "tacit.app.records",
    "Model": "tacit.app.api",
    "LearnedEncoder": "tacit.app.learned",
    "TacitEncoder": "tacit.app.estimator",
    "Insight": "tacit.contracts.insight",
    "TacitError": "tacit.contracts.errors",
}
__all__ = [
    "Insight",
    "LearnedEncoder",
    "Model",
    "TacitEncoder",
    "TacitError",
    "__version__",
    "card",
    "compare",
    "embed",
    "evaluate",
    "inspect",
    "learn",
    "load",
    "predict",
    "read_ledger",
    "search",
    "tune",
    "watch",
]

if TYPE_CHECKING:
    from tacit.app.api import Model, inspect, learn, watch
    from tacit.app.estimator import TacitEncoder
    from tacit.app.learned import LearnedEncoder
    from tacit.app.loading import load
    from tacit.app.proving import compare, evaluate
    from tacit.app.records import card, read_ledger
    from tacit.app.sample_functions import embed, predict, search, tune
    from tacit.contracts.errors import TacitError
    from tacit.contracts.insight import Insight


def __getattr__(name: str) -> Any:
    """Public names load their module when first asked for, so that `import tacit` costs nothing."""
    if name not in _WHERE:
        raise AttributeError(f"tacit has no {name!r}; it has {', '.join(__all__)}")
    from importlib import import_module

    return getattr(import_module(_WHERE[name]), name)

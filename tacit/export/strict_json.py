"""Strict JSON: what every reader takes; a number that is not finite is written as null, since JSON has no word for it."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np


def finite(value: Any) -> Any:
    """The same with null where a number is NaN or infinite, and plain numbers for numpy's."""
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain


def dumps(value: Any, sort_keys: bool = False) -> str:
    """As text, indented by one."""
    return json.dumps(finite(value), indent=1, sort_keys=sort_keys, allow_nan=False)

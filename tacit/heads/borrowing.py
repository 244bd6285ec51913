"""Borrowed arrays: views inside a compiled loop without counting who holds them.

Every slice of an array that numba makes counts one holder more, atomically, and one less when it goes; at two hundred
slices an event that was a third of the time. A borrowed array names no owner, so its slices count nothing. The caller
holds the owner for the whole call, which is what makes this safe.
"""

from __future__ import annotations

from typing import Any

from numba.core import cgutils
from numba.extending import intrinsic

nobody: Any = cgutils.get_null_value


@intrinsic
def _borrowed(typing_context: Any, array: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        made = context.make_array(signature.args[0])(context, builder, args[0])
        made.meminfo = nobody(made.meminfo.type)
        return made._getvalue()

    return array(array), generate


borrowed: Any = _borrowed

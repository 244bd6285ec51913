"""Fetching ahead: asks the processor for a key's rows while the event before is still at work.

With many keys in turn each event finds its key's rows in the outer caches at best; the processor's own prefetcher knows
streams of addresses, not whose turn is next. We do. A prefetch changes nothing but time.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from tacit.heads.compiling import hot

LINE = 64  # bytes
declared: Any = cgutils.get_or_insert_function


@intrinsic
def _prefetch(typing_context: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        place = builder.gep(data, [args[1]])
        word = ir.IntType(32)
        told = ir.FunctionType(ir.VoidType(), [place.type, word, word, word])
        call = declared(builder.module, told, "llvm.prefetch.p0")
        builder.call(call, [place, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


prefetch: Any = _prefetch


@hot
def fetch(row: Any, start: int, stop: int) -> None:
    """row [n], contiguous: its elements from start to stop are wanted soon."""
    step = LINE // row.itemsize
    for k in range(start, stop, step):
        prefetch(row, k)
    prefetch(row, stop - 1)

"""Fetching ahead: asks the processor for a key's rows while the events before are still at work.

With many keys in turn each event finds its key's rows in the outer caches at best; the processor's own prefetcher knows
streams of addresses, not whose turn is next. We do. A prefetch changes nothing but time.
"""

from __future__ import annotations

from typing import Any

from numba.core import cgutils, types
from numba.extending import intrinsic

from tacit.heads.compiling import hot
from tacit.heads.layout import LINE

MOST = 160  # lines of one stretch: a longer one is a stream, which the processor follows by itself
made: Any = cgutils  # of numba's, which has no types


@intrinsic
def _prefetch(typing_context: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        place = builder.bitcast(builder.gep(data, [args[1]]), made.ir.IntType(8).as_pointer())
        word = made.ir.IntType(32)
        prefetch = made.get_or_insert_function(
            builder.module, made.ir.FunctionType(made.ir.VoidType(), [place.type, word, word, word]), "llvm.prefetch.p0"
        )
        builder.call(prefetch, [place, word(0), word(3), word(1)])  # to read, to keep, data
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


prefetch: Any = _prefetch


@hot
def asked(start: int, stop: int, step: int, k: int) -> int:
    """The k-th element that is asked for of those from start to stop, a line's worth of elements apart; the last is the last of all."""
    return min(start + k * step, stop - 1)


@hot
def fetch(row: Any, start: int, stop: int) -> None:
    """row [n], contiguous: its elements from start to stop are wanted soon."""
    step = LINE // row.itemsize
    for k in range(min((stop - start + step - 1) // step + 1, MOST)):
        prefetch(row, asked(start, stop, step, k))

"""Options of tasks, encoders and views: what a part takes is read off its constructor, and a value is held against what is asked for there.

The annotation says the kind (true or false, a whole number, a number, one of some names, a list), the default on which side of 0 a number lies:
counts that are above 0 by default must be, and what is not below 0 by default may not be. Temperatures divide: they lie above 0; shares end at 1.
"""

from __future__ import annotations

import inspect
import math
import tomllib
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from tacit.contracts.catalog import load, names
from tacit.contracts.errors import DataError, UnknownName

HEATS = ("heat", "warm", "cool")  # temperatures
SHARES = ("share", "swapped", "kept", "momentum", "centring", "dropout", "least")
GIVEN = ("seed", "layout", "patch", "forbidden", "encoder")  # by us, not by who writes a recipe
KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def known_options(kind: str, name: str, options: dict[str, Any]) -> None:
    """Raises UnknownName for a part that there is not and for an option that it does not take, DataError for a value that the option cannot have:
    also where the part is not learned with."""
    if name not in names(kind):
        raise UnknownName(kind, name, names(kind))
    if not options:
        return
    part = load(kind, name)
    known = options_of(part)
    try:
        hints = get_type_hints(part.__init__)
    except NameError:  # a part of another package that imports names for type checkers alone: its ranges are checked, its kinds not
        hints = {}
    for option, value in options.items():
        if option not in known:
            raise UnknownName(f"option of the {kind} {name!r}", option, known)
        asked, usual = hints.get(option, Any), known[option]
        if wanted := _bounds(option, value, asked, usual) if _is(value, asked) else _told(asked):
            usually = "" if usual is inspect.Parameter.empty or usual is None else f"Usual: {_written(usual)}."
            raise DataError(f"{option} = {_written(value)} of the {kind} {name!r} cannot be: it is {wanted}.", usually)


def known_wishes(modality: str, known: Mapping[str, Any], wishes: dict[str, Any]) -> None:
    """The same of what [data] says of samples; known: the kind of each value, of which every number is a count."""
    for wish, value in wishes.items():
        if wish not in known:
            raise UnknownName(f"option of [data] for {modality}", wish, known)
        counts = value if isinstance(value, list | tuple) else (value,)
        if not _is(value, known[wish]) or any(not isinstance(count, bool) and count < 1 for count in counts):
            above = " above 0" if int in (known[wish], *get_args(known[wish])) else ""
            raise DataError(f"[data] {wish} = {_written(value)} cannot be: for {modality} it is {_told(known[wish])}{above}.")


def options_of(part: type[Any]) -> dict[str, Any]:
    """Names and defaults of what a recipe may say of a part."""
    return {k: p.default for k, p in inspect.signature(part).parameters.items() if k not in GIVEN}


def as_value(text: str) -> Any:
    """What the command line gives, as TOML reads it; a text needs no quotes there."""
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def _is(value: Any, asked: Any) -> bool:
    """Whether a value is of this annotation; of an annotation that nothing is known of, every value is."""
    origin = get_origin(asked)
    if origin in (Union, types.UnionType):
        return any(_is(value, one) for one in get_args(asked))
    if origin is Literal:
        return any(value == one and type(value) is type(one) for one in get_args(asked))
    if origin is tuple:
        fits = isinstance(value, list | tuple) and (Ellipsis in get_args(asked) or len(value) == len(get_args(asked)))
        return fits and all(_is(one, get_args(asked)[0]) for one in value)
    if asked is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if asked is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return not isinstance(asked, type) or isinstance(value, asked)


def _told(asked: Any) -> str:
    """An annotation in words."""
    if get_origin(asked) in (Union, types.UnionType):
        return " or ".join(_told(one) for one in get_args(asked) if one is not types.NoneType)
    if get_origin(asked) is Literal:
        return f"one of {', '.join(map(_written, get_args(asked)))}"
    if get_origin(asked) is tuple:
        many = "" if Ellipsis in get_args(asked) else f" of {len(get_args(asked))}"
        return f"a list{many}, each of it {_told(get_args(asked)[0])}"
    return KINDS.get(asked, f"of the kind {getattr(asked, '__name__', asked)}")


def _bounds(option: str, value: Any, asked: Any, usual: Any) -> str:
    """What a number is to be where this one is not; "" where it may be."""
    if isinstance(value, list | tuple):
        one = next((v for v in value if _bounds(option, v, Any, usual[0] if usual else None)), None) if isinstance(usual, tuple) else None
        return "" if one is None else f"{_told(asked)} above 0"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if option in HEATS:
        return "" if value > 0 else "a number above 0"
    if option in SHARES:
        return "" if 0 <= value <= 1 else "a number from 0 to 1"
    if isinstance(usual, int) and usual > 0:
        return "" if value > 0 else "a whole number above 0"
    if isinstance(usual, int | float) and usual >= 0:
        return "" if value >= 0 else f"{'a whole number' if isinstance(usual, int) else 'a number'} from 0"
    return ""


def _written(value: Any) -> str:
    """As in a recipe."""
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(list(value) if isinstance(value, tuple) else value)

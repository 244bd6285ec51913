"""Public library: transformers as we use it. Its failings in our words, and still while it works where that is wished.

A damaged folder makes it raise errors of no common kind, so whatever it raises while it reads is told as one of ours.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from tacit.contracts.errors import MissingPart, ModelError, TacitError


@contextmanager
def plainly(what: str, try_: str = "") -> Iterator[None]:
    """What the library raises within becomes a ModelError (`what` cannot be read), or a MissingPart where it cannot be imported itself."""
    try:
        yield
    except TacitError:
        raise
    except Exception as e:  # its own, those of its packages and of safetensors: they have no common kind
        causes = [e, *_causes(e)]
        if isinstance(e, ModuleNotFoundError) and e.name in ("transformers", "huggingface_hub"):
            raise MissingPart("public weights need the package transformers.", "pip install 'tacit[hf]'.") from e
        if isinstance(e, ImportError) or any("torchvision" in str(c) for c in causes):
            raise MissingPart(
                f"transformers is installed and cannot be used: {first_line(causes[-1])}.",
                "A package beside it is missing or broken, often a torchvision made for another torch: install the one that fits, or remove it.",
            ) from e
        raise ModelError(f"{what} cannot be read: {first_line(e)}.", try_) from e


def first_line(error: BaseException) -> str:
    """The first line of what an error says, without its full stop; its kind where it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".:") if lines else type(error).__name__


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    while (cause := (found or [error])[-1].__cause__) is not None:
        found.append(cause)
    return found


@contextmanager
def still(quiet: bool = True) -> Iterator[None]:
    """Its log lines are held back within, since what matters of them is told as ours; quiet: bars and the hub's lines, too. Raises ImportError."""
    library: Any = import_module("transformers.utils.logging")
    hub: Any = import_module("huggingface_hub.utils")
    bars: list[tuple[Any, Any]] = []
    if quiet and library.is_progress_bar_enabled():
        bars.append((library.disable_progress_bar, library.enable_progress_bar))
    if quiet and not hub.are_progress_bars_disabled():
        bars.append((hub.disable_progress_bars, hub.enable_progress_bars))
    loggers = [logging.getLogger(name) for name in ("transformers", "huggingface_hub")[: 1 + quiet]]
    levels = [logger.level for logger in loggers]
    try:
        for off, _ in bars:
            off()
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        yield
    finally:
        for _, on in bars:
            on()
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

"""Amount: is there enough to learn from."""

from __future__ import annotations

from tacit.checks.check import Finding
from tacit.checks.look import Look

FEWEST = 2
TINY = 50
SMALL = 500


def check(look: Look) -> list[Finding]:
    """By the number of different samples that can be read."""
    total = len(look.pool) if look.tried < len(look.pool) else len(look)
    if not len(look):
        return []  # said by `unreadable`
    figures = {"samples": total}
    if total < FEWEST:
        return [Finding("amount", "error", "There is one sample: nothing can be told apart.", figures=figures)]
    if total < TINY:
        sentence = f"There are {total} samples: an encoder will hardly beat plain features. Some hundreds are a start, thousands are better."
        return [Finding("amount", "warning", sentence, figures=figures)]
    if total < SMALL:
        return [
            Finding(
                "amount",
                "note",
                f"There are {total} samples: few for learning without labels; trust only what `tacit evaluate` shows.",
                figures=figures,
            )
        ]
    return []

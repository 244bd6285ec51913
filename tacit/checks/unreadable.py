"""Unreadable: samples that were refused, with the reasons; an error where nothing or hardly anything is left."""

from __future__ import annotations

from collections import Counter

from tacit.checks.check import Finding, some
from tacit.checks.look import Look


def check(look: Look) -> list[Finding]:
    """One finding for all that were refused."""
    bad = len(look.refused)
    if not bad:
        return []
    reasons = Counter(r.reason.partition(":")[0][:60] for r in look.refused).most_common(3)
    names = tuple(r.name for r in look.refused)
    why = ", ".join(f"{n:,} {reason}" for reason, n in reasons)
    first = look.refused[0]
    sentence = f"{bad:,} of {look.of} cannot be used ({why}); the first: {first.name}: {first.reason}. {some(names)}."
    return [Finding("unreadable", "error" if not len(look) else "warning", sentence, names, figures={"refused": bad, "share": bad / look.tried})]

"""Run checks: everything that is looked at before learning, in one pass of a stated size, without torch."""

from __future__ import annotations

import numpy as np

from tacit.checks import amount, constant, duplicates, outliers, skew, unreadable
from tacit.checks.check import Finding
from tacit.checks.look import LIMIT, take_look
from tacit.checks.report import Report
from tacit.contracts.modality import Modality
from tacit.contracts.pool import Pool

ORDER = {"error": 0, "warning": 1, "note": 2}


def run_checks(pool: Pool, modality: Modality, rng: np.random.Generator, limit: int = LIMIT) -> Report:
    """All findings, the worst first. At most `limit` samples are looked at; the report says how many."""
    look = take_look(pool, modality, rng, limit)
    found: list[Finding] = [*unreadable.check(look), *amount.check(look)]
    if len(look):
        found += [*duplicates.check(look, rng), *constant.check(look), *outliers.check(look), *skew.check(look, rng)]
    return Report(pool, modality, tuple(sorted(found, key=lambda f: ORDER[f.severity])), look.tried, tuple(look.refused))

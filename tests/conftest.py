"""For all tests: under TACIT_REQUIRE_ALL=1 nothing is skipped in silence, and property tests are the same every time."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

REQUIRED = os.environ.get("TACIT_REQUIRE_ALL") == "1"
left_out: list[str] = []

settings.register_profile("tacit", deadline=None, derandomize=REQUIRED, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tacit")


def _fail(report: Any) -> Any:
    if REQUIRED and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome, report.longrepr = "failed", f"TACIT_REQUIRE_ALL=1, and this was skipped: {why}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    return _fail((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    return _fail((yield))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where everything is required but no folder of real recordings was named, their tests are left out, and that is said."""
    if not REQUIRED or os.environ.get("TACIT_DATA"):
        return
    out = [item for item in items if "data" in getattr(item, "fixturenames", ())]
    if out:
        left_out.extend(item.nodeid for item in out)
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if left_out:
        terminalreporter.write_line(f"left out, since TACIT_DATA names no folder of real recordings: {', '.join(left_out)}")

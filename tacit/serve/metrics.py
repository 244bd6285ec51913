"""Metrics: the status as Prometheus text (exposition format 0.0.4)."""

from __future__ import annotations

from typing import Any

NUMBERS = (  # name, kind, where in the status, help
    ("tacit_events_total", "counter", ("events",), "Events taken in."),
    ("tacit_events_per_second", "gauge", ("events_per_second",), "Events a second of late."),
    ("tacit_late_total", "counter", ("late",), "Events whose time lay before their key's newest."),
    ("tacit_keys", "gauge", ("keys",), "Keys with state."),
    ("tacit_alerts_open", "gauge", ("alerts", "open"), "Alerts open now."),
    ("tacit_alerts_today", "gauge", ("alerts", "today"), "Alerts opened today."),
    ("tacit_drift", "gauge", ("drift", "overall"), "How far the newest stretch lies from the long run, 0 to 1."),
    ("tacit_memory_megabytes", "gauge", ("memory_mb",), "Resident memory."),
    ("tacit_warm_ratio", "gauge", ("warm_share",), "Share of the warm-up that is done."),
)
ROWS = ("kept", "sampled_out", "queue_full", "write_failed")


def look(tree: dict[str, Any], path: tuple[str, ...]) -> Any:
    """The number at a path of a nested dictionary, None where any step is missing."""
    here: Any = tree
    for step in path:
        here = here.get(step) if isinstance(here, dict) else None
    return here


def escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def metrics(status: dict[str, Any], stats: dict[str, Any]) -> str:
    """The whole page; what the status lacks is left out."""
    lines: list[str] = []

    def put(name: str, kind: str, about: str, values: list[tuple[str, Any]]) -> None:
        known = [(label, v) for label, v in values if isinstance(v, int | float)]
        if known:
            lines.extend([f"# HELP {name} {about}", f"# TYPE {name} {kind}", *(f"{name}{label} {float(v):.10g}" for label, v in known)])

    for name, kind, path, about in NUMBERS:
        put(name, kind, about, [("", look(status, path))])
    refused = look(status, ("refused", "counts")) or {}
    values = [(f'{{reason="{escape(str(r))}"}}', n) for r, n in refused.items()]
    put("tacit_refused_total", "counter", "Records that could not be used, by reason.", values)
    quantiles = [('{quantile="0.5"}', look(status, ("latency_ms", "p50"))), ('{quantile="0.99"}', look(status, ("latency_ms", "p99")))]
    put("tacit_latency_milliseconds", "gauge", "Time from an event's arrival to its insight.", quantiles)
    rows = [(f'{{fate="{r}"}}', stats.get(r)) for r in ROWS]
    put("tacit_dashboard_rows_total", "counter", "Insights offered to the dashboard's history, by what became of them.", rows)
    return "\n".join(lines) + "\n"

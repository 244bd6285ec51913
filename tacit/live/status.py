"""Status: what the dashboard and the metrics show of a runner, as plain values; cheap, and safe from another thread."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import psutil

from tacit.heads.layout import GAP, HORIZONS
from tacit.live.model import LiveModel
from tacit.live.runner import Runner


def short(name: str) -> str:
    """A source's name without the folders."""
    kind, colon, path = name.partition(":")
    return f"{kind}:{path.rpartition('/')[2]}" if colon and "/" in path else name


def _age(runner: Runner, model: LiveModel, clock: float) -> dict[str, float | None]:
    """How long the encoder is in place, in the stream's own time, which a replay's is too; None where it is not known."""
    verdicts = runner.learning.verdicts if runner.learning else []
    promoted = [v for v in verdicts if v["decision"] == "promoted" and v["to"] == model.name]
    if not promoted:
        return {"age_events": None, "age_seconds": None}
    return {"age_events": model.seen - int(promoted[-1]["position"]), "age_seconds": max(clock - float(promoted[-1]["time"]), 0.0)}


def status(runner: Runner) -> dict[str, Any]:
    """A JSON-able dict; see the dashboard for its reader."""
    model, source = runner.model, runner.source
    rates = list(runner.rate)
    span = time.monotonic() - rates[0][0] if rates else 0.0
    delays = 1e3 * np.array(list(runner.delays) or [0.0])
    out: dict[str, Any] = {
        "source": short(source.name),
        "source_notes": list(source.notes) + (list(model.notes) if model else []) + runner.silence.said(),
        "events": runner.events,
        "events_per_second": sum(n for _, n in rates) / span if span > 0 else 0.0,
        "started": runner.started,
        "warming": model is None or model.seen < model.warm,
        "warm_share": min(1.0, model.seen / model.warm) if model else 0.0,
        "keys": len(model.keys.slots) if model else 0,
        "expired": model.keys.expired if model else 0,
        "late": runner.late,
        "refused": source.refusals.state(),
        "features": [{"name": f.name, "kind": f.kind, "unit": f.unit, "muted": f.muted} for f in source.features],
        "latency_ms": {"p50": float(np.percentile(delays, 50)), "p99": float(np.percentile(delays, 99))},
        "memory_mb": psutil.Process().memory_info().rss / 2**20,
        "ended": runner.ended,
    }
    if runner.learning:
        out.update(runner.learning.status())
    else:
        out["learning"] = {"mode": "off", "state": "off", "progress": 0.0, "curve": [], "message": "learning is off: heads learn, no encoder does"}
    if model:
        drift = model.drift()
        episodes = list(model.episodes.all.values())
        clock = float(model.pool.clock[0])
        out["model"] = {"champion": model.name, **_age(runner, model, clock)}
        out["drift"] = {"overall": float(np.mean(list(drift.values()))) if drift else 0.0, "features": drift}
        out["horizon_s"] = float(HORIZONS[1] * model.base[0, GAP])  # how far ahead the forecast is, at the first key's pace
        out["alerts"] = {
            "budget": f"{model.alerts:g}/day",
            "open": len(model.episodes.open),
            "today": sum(e.opened * 1e-9 > clock - 86_400 and not e.suppressed for e in episodes),
            "suppressed": sum(bool(e.suppressed) for e in episodes),
            "threshold": model.threshold,
        }
    return out

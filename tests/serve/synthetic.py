"""Synthetic: plausible insights for the dashboard's tests, and a stream to look at: python tests/serve/synthetic.py."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from tacit.contracts.episode import Episode
from tacit.contracts.events import Feature
from tacit.contracts.insight import Insights
from tacit.serve.history import History

HOST = [
    ("cpu.user", "%", 22, 9), ("cpu.system", "%", 6, 3), ("cpu.iowait", "%", 1.5, 1), ("memory.used", "B", 5.1e9, 8e7),
    ("memory.cached", "B", 2.4e9, 3e7), ("swap.used", "B", 1.2e8, 1e6), ("disk.read", "B/s", 3e5, 2e5), ("disk.write", "B/s", 1.4e6, 6e5),
    ("net.received", "B/s", 4.2e4, 2e4), ("net.sent", "B/s", 2.1e4, 1e4), ("load.1m", "", 0.8, 0.2), ("switches", "1/s", 4200, 700),
    ("processes", "", 212, 3), ("temperature.cpu", "°C", 51, 2), ("tacit.cpu", "%", 3, 1),
]  # fmt: skip


def features(n: int) -> tuple[Feature, ...]:
    named = [Feature(name, unit=unit, muted=name.startswith("tacit.")) for name, unit, _, _ in HOST[:n]]
    return (*named, *(Feature(f"sensor.{i:04d}") for i in range(n - len(named))))


class Machine:
    """Makes the insights of some keys, steps of `step` seconds; `fault(key, t)` adds spreads to a feature."""

    def __init__(self, keys: list[str], n: int = 15, step: float = 0.25, start: float = 0.0, seed: int = 0) -> None:
        self.keys, self.features, self.step, self.seed = keys, features(n), step, seed
        self.random = np.random.default_rng(seed)
        centre = [row[2] for row in HOST] + [10.0] * max(n - len(HOST), 0)
        spread = [row[3] for row in HOST] + [1.0] * max(n - len(HOST), 0)
        self.centre, self.spread = np.array(centre[:n]), np.array(spread[:n], float)
        self.wave = np.zeros((len(keys), n))
        self.now, self.position, self.warm = start, 0, 0
        self.faults: dict[str, tuple[int, float, int]] = {}  # key -> (feature, spreads, episode)

    def tick(self, rows: int | None = None) -> Insights:
        """One step of every key (or of `rows` keys chosen by chance)."""
        which = np.arange(len(self.keys)) if rows is None else self.random.integers(0, len(self.keys), rows)
        n, F = len(which), len(self.features)
        self.now += self.step
        slow = np.sin(self.now / 40 + np.arange(F)) + 0.5 * np.sin(self.now / 300 + 2 * np.arange(F))
        self.wave = 0.9 * self.wave + 0.2 * self.random.normal(size=self.wave.shape)
        middle = self.centre + self.spread * (slow + self.wave[which])
        observed = middle + 0.35 * self.spread * self.random.normal(size=(n, F))
        alert, shares = np.zeros(n, np.int64), np.full((n, F), 1.0 / F, np.float32)
        surprise = self.random.exponential(size=n)
        for i, k in enumerate(which):
            if fault := self.faults.get(self.keys[k]):
                feature, size, alert[i] = fault
                observed[i, feature] += size * self.spread[feature]
                surprise[i] = 9 + 3 * self.random.random()
                shares[i] *= 0.2
                shares[i, feature] += 0.8
        observed = np.maximum(observed, 0)
        band = (1.1 * self.spread).astype(np.float32)
        if self.warm < 40:
            surprise[:] = np.nan
        self.warm += 1
        first = self.position
        self.position += n
        mid = middle.astype(np.float32)
        return Insights(
            keys=[self.keys[k] for k in which], times=np.full(n, int(self.now * 1e9)), positions=np.arange(first, first + n),
            features=self.features, observed=observed, score=1 - np.exp(-surprise), surprise=surprise, alert=alert,
            low=np.maximum(mid - band, 0), middle=mid, high=mid + band,
            forecast=(self.centre + self.spread * (np.sin((self.now + 4) / 40 + np.arange(F)))).astype(np.float32)[None].repeat(n, 0),
            shares=shares, drift=np.full(n, 0.1, np.float32), late=np.zeros(n, np.bool_), model="simple", sentences={},
        )  # fmt: skip

    def break_it(self, number: int, key: str, feature: int, size: float = 6.0) -> Episode:
        """Start a fault; returns the episode that it opens."""
        self.faults[key] = (feature, size, number)
        f = self.features[feature]
        c, s = self.centre[feature], self.spread[feature]
        other = self.features[(feature + 3) % len(self.features)]
        reasons = [(f.name, 0.82, c + size * s, c - s, c + s), (other.name, 0.11, 1.0, 0.0, 1.2)]
        text = f"{f.name} is {c + size * s:.4g} {f.unit}, expected {c - s:.4g} to {c + s:.4g}; {other.name} moved with it."
        return Episode(number, key, int(self.now * 1e9), self.position, 11.0, text, reasons)

    def mend(self, episode: Episode) -> Episode:
        self.faults.pop(episode.key, None)
        episode.closed = int(self.now * 1e9)
        return episode


def status(**more: Any) -> dict[str, Any]:
    """A full status, as the live path gives it."""
    steps = np.arange(0, 1000, 25)
    return {
        "source": "host:", "source_notes": ["4 readings a second", "15 features, counters as rates"], "events": 48_213,
        "events_per_second": 4.02, "started": time.time() - 12_000, "warming": False, "warm_share": 1.0, "keys": 1, "late": 3,
        "refused": {"counts": {"not a number": 12, "invalid JSON": 2}, "samples": [["invalid JSON", "line 812", '{"cpu": 3, "mem'],
                    ["not a number", "line 90, column load", "n/a"]]},
        "features": [{"name": f.name, "unit": f.unit, "kind": f.kind, "muted": f.muted} for f in features(15)],
        "model": {"champion": "a41f09c2d70e51b8", "age_events": 21_500, "age_seconds": 5400.0},
        "learning": {"mode": "background", "state": "trial", "progress": 0.62, "message": "", "attempts": 3, "next_in": None,
                     "curve": [[int(s), float(0.3 + 0.8 * np.exp(-s / 200)), float(0.36 + 0.75 * np.exp(-s / 220))] for s in steps]},
        "ladder": [{"name": name, "loss": loss, "events": n, "earlier": n == 12_000} for name, loss, n in (("last value", 1.21, 8_000),
                   ("encoder a41f09c2", 0.87, 8_000), ("challenger 77be01d9", 0.85, 8_000), ("simple bank", 0.94, 12_000))],
        "promotions": [{"time": time.time() - 9000, "position": 14_000, "from": "simple", "to": "0c4d1e", "gain": -0.01, "low": -0.03, "high": 0.01,
                        "decision": "refused", "reason": "not better on the newest stretch", "attempt": 1, "tasks": "predictive=1"},
                       {"time": time.time() - 5400, "position": 26_700, "from": "simple", "to": "a41f09", "gain": 0.07, "low": 0.03, "high": 0.11,
                        "decision": "promoted", "reason": "lower forecast loss, interval above zero", "attempt": 2, "tasks": "predictive=1"}],
        "drift": {"overall": 0.18, "features": {"memory.used": 0.55, "disk.write": 0.22, "cpu.user": 0.1, "net.sent": 0.04}},
        "alerts": {"budget": "3/day", "open": 0, "today": 2, "suppressed": 1, "threshold": 12.5}, "horizon_s": 4.0, "expired": 0,
        "latency_ms": {"p50": 0.8, "p99": 4.6}, "memory_mb": 142.0, "ended": False,
        **more,
    }  # fmt: skip


def past(history: History, machine: Machine, seconds: float, number: int = 1) -> None:
    """Fill the history with a stretch that holds one closed episode in its middle."""
    ticks = int(seconds / machine.step)
    episode = None
    for i in range(ticks):
        if i == ticks // 2:
            episode = machine.break_it(number, machine.keys[0], 3)
            history.episode(episode)
        if i == ticks // 2 + max(ticks // 12, 1) and episode:
            history.episode(machine.mend(episode))
        history.push(machine.tick())
    history.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--keys", type=int, default=1)
    parser.add_argument("--features", type=int, default=15)
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--path", type=Path, default=None)
    parser.add_argument("--for", type=float, default=600, dest="seconds")
    args = parser.parse_args()
    from tacit.serve.dashboard import Dashboard

    history = History(args.path)
    history._sampler.rate = 1e9
    machine = Machine(["" if args.keys == 1 else f"pump-{i:03d}" for i in range(args.keys)], args.features, start=time.time() - 1800)
    past(history, machine, 1800)
    history._sampler.rate = 400
    dashboard = Dashboard(history, lambda: status(keys=args.keys), lambda n, v: {"id": n}, port=args.port)
    dashboard.start()
    print(dashboard.url, flush=True)
    until, number, episode = time.time() + args.seconds, 2, None
    while time.time() < until:
        tick = int(machine.now) % 60
        if tick == 20 and episode is None:
            episode = machine.break_it(number, machine.keys[-1], number % args.features)
            history.episode(episode)
            number += 1
        if tick == 45 and episode is not None:
            history.episode(machine.mend(episode))
            episode = None
        history.push(machine.tick())
        time.sleep(max(machine.now - time.time(), 0))


if __name__ == "__main__":
    main()

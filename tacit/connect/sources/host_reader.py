"""One reading of this machine's own telemetry, counters already turned into rates.

Portable parts come from psutil; what only Linux tells (forks, page faults, pressure, dirty pages)
is read from /proc where it exists. A reading costs about 0.4 ms.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil

MEBIBYTE = float(1 << 20)
_PRESSURES = ("cpu", "memory", "io")
_VMSTAT = {"pgfault": "memory.faults", "pgmajfault": "memory.major_faults"}
_MEMINFO = {"Dirty": "memory.dirty", "Writeback": "memory.writeback", "Slab": "memory.slab"}


class HostReader:
    """Reads the machine: `read()` returns {feature: value}; rates are since the reading before.

    Units: cpu.* and pressure.* per cent of the time; memory.*, swap.*, disk.used in MiB;
    disk.read, disk.write, net.* in MiB/s; the rest are counts or counts a second.
    `clock.offset` is wall clock minus steady clock since the start, in seconds: a stepped clock shows here.
    `tacit.cpu` is our own use, of all our processes, in per cent of one core.
    """

    def __init__(self, disk: str = "/") -> None:
        self.disk = disk
        self._own = psutil.Process()
        self._clock = time.time() - time.monotonic()
        self._before: dict[str, float] = {}
        self._then = time.monotonic()
        self._proc = Path("/proc/stat").exists()
        self._before = self._counters()

    def read(self) -> dict[str, float]:
        """One reading. Rates are per second of the steady clock, so a stepped clock cannot bend them."""
        now = time.monotonic()
        elapsed = max(now - self._then, 1e-3)
        counters = self._counters()
        values = {}
        for name, value in counters.items():
            rate = max(value - self._before.get(name, value), 0.0) / elapsed
            values[name] = rate
        self._before, self._then = counters, now
        values.update(self._gauges())
        return values

    def _counters(self) -> dict[str, float]:
        """Things that only ever grow; per-cent features count hundredths of a second."""
        out: dict[str, float] = {}
        cores = psutil.cpu_times(percpu=True)
        for i, core in enumerate(cores):
            idle = core.idle + getattr(core, "iowait", 0.0)
            out[f"cpu.{i}"] = 100.0 * (sum(core[:8]) - idle)
        for kind in ("user", "nice", "system", "iowait", "irq", "softirq", "steal"):
            if hasattr(cores[0], kind):
                out[f"cpu.{kind}"] = 100.0 * sum(getattr(c, kind) for c in cores) / len(cores)
        stats = psutil.cpu_stats()
        out["switches"] = float(stats.ctx_switches)
        out["interrupts"] = float(stats.interrupts)
        disk = psutil.disk_io_counters()
        if disk is not None:
            out["disk.read"] = disk.read_bytes / MEBIBYTE
            out["disk.write"] = disk.write_bytes / MEBIBYTE
            out["disk.reads"] = float(disk.read_count)
            out["disk.writes"] = float(disk.write_count)
        nics = psutil.net_io_counters(pernic=True)
        for room, mine in (("net.lo", True), ("net", False)):
            some = [n for name, n in nics.items() if name.startswith("lo") is mine]
            if some:
                out[f"{room}.received"] = sum(n.bytes_recv for n in some) / MEBIBYTE
                out[f"{room}.sent"] = sum(n.bytes_sent for n in some) / MEBIBYTE
                out[f"{room}.packets"] = float(sum(n.packets_recv + n.packets_sent for n in some))
        out["tacit.cpu"] = 100.0 * self._own_seconds()
        if self._proc:
            for line in _lines("/proc/stat"):
                if line.startswith("processes "):
                    out["processes.new"] = float(line.split()[1])
            for line in _lines("/proc/vmstat"):
                name, _, value = line.partition(" ")
                if name in _VMSTAT:
                    out[_VMSTAT[name]] = float(value)
            for kind in _PRESSURES:
                for line in _lines(f"/proc/pressure/{kind}"):
                    if line.startswith("some"):
                        out[f"pressure.{kind}"] = float(line.rpartition("=")[2]) / 1e4
        return out

    def _gauges(self) -> dict[str, float]:
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        out = {
            "memory.used": memory.used / MEBIBYTE,
            "memory.available": memory.available / MEBIBYTE,
            "memory.cached": getattr(memory, "cached", 0) / MEBIBYTE,
            "swap.used": swap.used / MEBIBYTE,
            "disk.used": psutil.disk_usage(self.disk).used / MEBIBYTE,
            "load.1": os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
            "processes": float(len(psutil.pids())),
            "clock.offset": time.time() - time.monotonic() - self._clock,
        }
        if self._proc:
            for line in _lines("/proc/stat"):
                if line.startswith(("procs_running ", "procs_blocked ")):
                    name, value = line.split()
                    out[name.replace("procs_", "processes.")] = float(value)
            for line in _lines("/proc/meminfo"):
                name, _, rest = line.partition(":")
                if name in _MEMINFO:
                    out[_MEMINFO[name]] = float(rest.split()[0]) / 1024.0
            for line in _lines("/proc/net/sockstat"):
                if line.startswith("sockets:"):
                    out["sockets"] = float(line.split()[2])
                elif line.startswith("TCP:"):
                    out["sockets.tcp"] = float(line.split()[2])
        for label, sensors in getattr(psutil, "sensors_temperatures", dict)().items():
            for i, sensor in enumerate(sensors):
                out[f"temperature.{sensor.label or label}.{i}"] = float(sensor.current)
        return out

    def _own_seconds(self) -> float:
        times = self._own.cpu_times()
        total = times.user + times.system + times.children_user + times.children_system
        for child in self._own.children():
            try:
                spent = child.cpu_times()
            except psutil.Error:  # it ended between the listing and the reading; children_user has it then
                continue
            total += spent.user + spent.system
        return float(total)


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().splitlines()
    except OSError:  # a kernel without this file has no such feature
        return []

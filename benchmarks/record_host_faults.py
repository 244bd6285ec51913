"""Records real telemetry of this machine while real faults are made on it, with labels.

    python -m benchmarks.record_host_faults --out FOLDER --minutes 80 --seed 1

Readings come from the same reader as `tacit watch host:`, `--rate` a second. A small service runs all
the time (a client asks a server over loopback at a rate that wanders; the server computes, answers and
writes a log), so that features are related to each other. Faults come in random order, each at three
magnitudes; benign bursts (a compile, a backup) come between them and are labelled normal. Writes
`telemetry.csv.gz` (time in epoch seconds of the steady clock, then features) and `labels.csv`
(start, end, name, magnitude, benign, detail). A fault that the machine forbids is listed with its reason.
Needs Linux; the clock step needs root.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import math
import multiprocessing as mp
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tacit.connect.sources.host_reader import HostReader

MIB = 1 << 20
_spawn = mp.get_context("fork")


# ---------------------------------------------------------------- the service that always runs
def serve(port: int, folder: str, work: mp.sharedctypes.Synchronized[float], log: mp.sharedctypes.Synchronized[int]) -> None:
    """Answers each request: about `work` milliseconds of computing, 16 KiB over loopback, 2 KiB of log."""
    listener = socket.create_server(("127.0.0.1", port))
    payload = os.urandom(16 * 1024)
    out = open(Path(folder) / "service.log", "wb", buffering=0)
    connection, _ = listener.accept()
    written = 0
    while connection.recv(64):
        end = time.thread_time() + work.value / 1e3
        while time.thread_time() < end:
            math.factorial(60)
        connection.sendall(payload)
        if log.value:
            out.write(payload[:2048])
            written += 1
            if written % 40 == 0:
                os.fsync(out.fileno())
            if written % 20_000 == 0:
                out.truncate(0)
                out.seek(0)


def ask(port: int, seed: int, share: mp.sharedctypes.Synchronized[float]) -> None:
    """Asks at a rate that wanders between 8 and 60 a second, period about 4 minutes; `share` scales it."""
    rng = random.Random(seed)
    connection = socket.create_connection(("127.0.0.1", port))
    wander, start = 0.0, time.monotonic()
    while True:
        wander = 0.98 * wander + 0.1 * rng.gauss(0, 1)
        phase = 2 * math.pi * (time.monotonic() - start) / 240
        rate = max(3.0, 34 + 22 * math.sin(phase) + 5 * wander) * share.value
        if rate < 0.5:
            time.sleep(0.2)
            continue
        connection.sendall(b"x")
        left = 16 * 1024
        while left:
            left -= len(connection.recv(left))
        time.sleep(rng.expovariate(1.0) * 0.5 / rate + 0.5 / rate)


class Service:
    """The workload: two processes, with knobs for the faults that need them."""

    def __init__(self, folder: str, seed: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.work, self.log, self.share = mp.Value("d", 3.0), mp.Value("i", 1), mp.Value("d", 1.0)
        self.server = _spawn.Process(target=serve, args=(port, folder, self.work, self.log), daemon=True)
        self.server.start()
        time.sleep(0.5)
        self.client = _spawn.Process(target=ask, args=(port, seed, self.share), daemon=True)
        self.client.start()


# ---------------------------------------------------------------- faults: f(magnitude 0..2, seconds, service, folder)
Stop = threading.Event


def _pool(target: Callable[..., None], n: int, args: tuple[object, ...], seconds: float) -> None:
    procs = [_spawn.Process(target=target, args=args, daemon=True) for _ in range(n)]
    for p in procs:
        p.start()
    time.sleep(seconds)
    for p in procs:
        p.terminate()
    for p in procs:
        p.join(5)
        if p.is_alive():
            p.kill()


def _burn(duty: float) -> None:
    while True:
        end = time.monotonic() + 0.05 * duty
        while time.monotonic() < end:
            pass
        if duty < 1:
            time.sleep(0.05 * (1 - duty))


def cpu_hog(m: int, seconds: float, service: Service, folder: str) -> str:
    duty, n = [(0.4, 1), (1.0, 1), (1.0, 4)][m]
    _pool(_burn, n, (duty,), seconds)
    return f"{n} process(es) at {duty:.0%}"


def _leak(rate: float) -> None:
    kept = []
    while True:
        kept.append(bytearray(os.urandom(4096)) * int(rate * 256 / 4))
        time.sleep(0.25)


def memory_leak(m: int, seconds: float, service: Service, folder: str) -> str:
    rate = [2.0, 10.0, 60.0][m]
    _pool(_leak, 1, (rate,), seconds)
    return f"{rate:g} MiB/s"


def _fill(path: str, rate: float) -> None:
    block = os.urandom(MIB // 4)
    with open(path, "wb") as out:
        while True:
            for _ in range(max(1, int(rate))):
                out.write(block)
            time.sleep(0.25)


def disk_filling(m: int, seconds: float, service: Service, folder: str) -> str:
    rate = [2.0, 10.0, 50.0][m]
    path = str(Path(folder) / "filling")
    _pool(_fill, 1, (path, rate), seconds)
    os.unlink(path)
    return f"{rate:g} MiB/s"


def _storm(path: str, pause: float) -> None:
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    os.ftruncate(fd, 256 * MIB)
    block = os.urandom(16 * 1024)
    rng = random.Random(0)
    while True:
        os.pwrite(fd, block, rng.randrange(16_000) * 16_384)
        os.fsync(fd)
        if pause:
            time.sleep(pause)


def disk_storm(m: int, seconds: float, service: Service, folder: str) -> str:
    pause, n = [(0.05, 1), (0.005, 1), (0.0, 4)][m]
    path = str(Path(folder) / "storm")
    _pool(_storm, n, (path, pause), seconds)
    os.unlink(path)
    return f"{n} writer(s), fsync after each 16 KiB, pause {pause:g} s"


def _flood(rate: float) -> None:
    left, right = socket.socketpair() if rate < 0 else _loopback()

    def drain() -> None:
        while right.recv(1 << 16):
            pass

    threading.Thread(target=drain, daemon=True).start()
    block = os.urandom(1 << 14)
    while True:
        for _ in range(max(1, int(rate * 64 * 0.02))):
            left.sendall(block)
        time.sleep(0.02)


def _loopback() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        left = socket.create_connection(listener.getsockname())
        right, _ = listener.accept()
    return left, right


def network_storm(m: int, seconds: float, service: Service, folder: str) -> str:
    rate = [2.0, 20.0, 200.0][m]
    _pool(_flood, 1, (rate,), seconds)
    return f"{rate:g} MiB/s over loopback"


def _forks(pause: float) -> None:
    while True:
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        if pause:
            time.sleep(pause)


def fork_storm(m: int, seconds: float, service: Service, folder: str) -> str:
    pause = [0.05, 0.005, 0.0][m]
    _pool(_forks, 1, (pause,), seconds)
    return f"pause {pause:g} s between forks"


def stopped_service(m: int, seconds: float, service: Service, folder: str) -> str:
    if m == 0:
        service.share.value = 0.3
        time.sleep(seconds)
        service.share.value = 1.0
        return "three requests in ten"
    victims = [service.client] if m == 1 else [service.client, service.server]
    for p in victims:
        os.kill(p.pid or 0, signal.SIGSTOP)
    time.sleep(seconds)
    for p in victims:
        os.kill(p.pid or 0, signal.SIGCONT)
    return "client stopped" if m == 1 else "client and server stopped"


def clock_step(m: int, seconds: float, service: Service, folder: str) -> str:
    step = [0.2, 2.0, 30.0][m]
    time.clock_settime(time.CLOCK_REALTIME, time.time() + step)
    time.sleep(seconds)
    time.clock_settime(time.CLOCK_REALTIME, time.time() - step)
    return f"+{step:g} s, then back"


def broken_relation(m: int, seconds: float, service: Service, folder: str) -> str:
    """Requests stay as they are; what each costs changes, and no log is written: each feature in its own band."""
    before = service.work.value
    service.work.value = [1.0, 6.0, 0.0][m] or 0.05
    service.log.value = 0 if m == 2 else 1
    time.sleep(seconds)
    service.work.value, service.log.value = before, 1
    return ["a third of the computing a request", "twice the computing a request", "no computing and no log a request"][m]


FAULTS: dict[str, Callable[[int, float, Service, str], str]] = {
    f.__name__: f for f in (cpu_hog, memory_leak, disk_filling, disk_storm, network_storm, fork_storm, stopped_service, clock_step, broken_relation)
}


# ---------------------------------------------------------------- benign bursts
def compile_burst(folder: str) -> str:
    target = Path(folder) / "compile"
    library = Path(os.__file__).parent
    target.mkdir(exist_ok=True)
    for package in ("email", "json", "asyncio", "unittest", "xml"):
        shutil.copytree(library / package, target / package, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for _ in range(15):
        subprocess.run([sys.executable, "-m", "compileall", "-q", "-f", str(target)], check=False)
    shutil.rmtree(target)
    return "byte-compiling five packages fifteen times"


def backup_burst(folder: str) -> str:
    out = Path(folder) / "backup.tar.gz"
    subprocess.run(["tar", "-czf", str(out), "-C", str(Path(os.__file__).parent), "asyncio", "email", "idlelib", "lib2to3", "test"], check=False)
    size = out.stat().st_size / MIB
    out.unlink()
    return f"{size:.1f} MiB of tar.gz"


BURSTS = {"compile": compile_burst, "backup": backup_burst}


# ---------------------------------------------------------------- schedule and recording
def plan(seconds: float, seed: int, quiet: float, long_fault: bool) -> list[tuple[float, float, str, int]]:
    """(start, length, name, magnitude; -1 benign), in order: bursts also inside the quiet start."""
    rng = random.Random(seed)
    events = [(name, m) for name in FAULTS for m in range(3)]
    rng.shuffle(events)
    rows: list[tuple[float, float, str, int]] = [
        (quiet * 0.3, 0, "compile", -1),
        (quiet * 0.55, 0, "backup", -1),
        (quiet * 0.8, 0, "compile", -1),
    ]
    long_at = len(events) // 2
    left = seconds - quiet - (640 if long_fault else 0) - 30
    slot = left / len(events)
    at = quiet
    for i, (name, m) in enumerate(events):
        if long_fault and i == long_at:
            rows.append((at, 600, "cpu_hog", 1))
            at += 640
        length = slot * rng.uniform(0.4, 0.5)
        rows.append((at, length, name, m))
        if i % 4 == 3:
            rows.append((at + length + 0.3 * (slot - length), 0, rng.choice(list(BURSTS)), -1))
        at += slot
    return sorted(rows)


def record(out: Path, seconds: float, rate: float, seed: int, quiet: float, long_fault: bool) -> None:
    out.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="faults-", dir=str(out))
    service = Service(folder, seed)
    labels: list[dict[str, object]] = []
    start, epoch = time.monotonic(), time.time()
    schedule = plan(seconds, seed, quiet, long_fault)
    (out / "plan.json").write_text(json.dumps(schedule))

    def conduct() -> None:
        for at, length, name, m in schedule:
            time.sleep(max(0.0, at - (time.monotonic() - start)))
            began, detail, refused = time.monotonic() - start, "", ""
            try:
                detail = BURSTS[name](folder) if m < 0 else FAULTS[name](m, length, service, folder)
            except OSError as e:
                refused = f"refused: {e}"
            ended = time.monotonic() - start
            labels.append(
                {
                    "start": f"{epoch + began:.3f}",
                    "end": f"{epoch + ended:.3f}",
                    "name": name,
                    "magnitude": m,
                    "benign": int(m < 0),
                    "detail": refused or detail,
                }
            )
            with open(out / "labels.csv", "w", newline="") as file:
                writer = csv.DictWriter(file, list(labels[0]))
                writer.writeheader()
                writer.writerows(labels)

    conductor = threading.Thread(target=conduct, daemon=True)
    conductor.start()
    reader = HostReader(str(out))
    names: list[str] = []
    n, target = 0, int(seconds * rate)
    with gzip.open(out / "telemetry.csv.gz", "wt", compresslevel=9) as file:
        while n < target or conductor.is_alive():
            n += 1
            time.sleep(max(0.0, start + n / rate - time.monotonic()))
            now, values = time.monotonic() - start, reader.read()
            if not names:
                names = list(values)
                file.write("time," + ",".join(names) + "\n")
            file.write(f"{epoch + now:.3f}," + ",".join(f"{values.get(k, math.nan):.5g}" for k in names) + "\n")
            if n % 240 == 0:
                file.flush()
    service.client.kill()
    service.server.kill()
    shutil.rmtree(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--quiet", type=float, default=12, help="minutes without faults at the start")
    parser.add_argument("--rate", type=float, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-long-fault", action="store_true", help="leave out the fault of ten minutes")
    given = parser.parse_args()
    record(given.out, 60 * given.minutes, given.rate, given.seed, 60 * given.quiet, not given.no_long_fault)

"""The whole command as a child process: throughput, latency under load, time to start."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

WATCH = ["watch", "-", "--key", "key", "--time", "time", "--out", "jsonl:-", "--no-dashboard", "--learn", "off", "--until-end"]


def tacit() -> list[str]:
    """How to start the command of this very environment."""
    own = Path(sys.executable).with_name("tacit")
    found = str(own) if own.exists() else shutil.which("tacit")
    if found is None:
        raise SystemExit("the command tacit is not installed here: pip install -e .")
    return [found]


def lines(n: int, keys: int = 1000, features: int = 8) -> list[bytes]:
    """Simulated JSON lines: key, time, eight numbers with four decimals."""
    rng = np.random.default_rng(0)
    values = np.round(rng.normal(50, 3, size=(n, features)), 4).tolist()
    out = []
    for i, row in enumerate(values):
        record: dict[str, object] = {"key": f"k{i % keys}", "time": 1_700_000_000 + i * 1e-4}
        out.append((json.dumps(record | {f"f{j}": v for j, v in enumerate(row)}) + "\n").encode())
    return out


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Children started inside stay on one core; this process goes back to where it was."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core % (os.cpu_count() or 1)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def command(quick: bool) -> list[dict[str, object]]:
    """1,000 keys through the command; a tenth run first, so that what starting costs can be taken off."""
    sizes = (2_000, 20_000) if quick else (40_000, 400_000)
    spent = []
    with tempfile.TemporaryDirectory() as folder:
        for n in sizes:
            given = Path(folder) / "in.jsonl"
            given.write_bytes(b"".join(lines(n)))
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            with open(given, "rb") as source, open(Path(folder) / "out.jsonl", "wb") as sink:
                began = time.monotonic()
                with on_core(0):
                    subprocess.run([*tacit(), *WATCH], stdin=source, stdout=sink, check=True)
                wall = time.monotonic() - began
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            told = (Path(folder) / "out.jsonl").read_bytes().count(b"\n")
            if told != n:
                raise SystemExit(f"{n:,} lines went in, {told:,} came out")
            spent.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall))
    more = sizes[1] - sizes[0]
    return [
        {
            "what": f"{sizes[1]:,} JSON lines in and out, 1,000 keys, learning off",
            "events/s of CPU": sizes[1] / spent[1][0],
            "without the start": more / (spent[1][0] - spent[0][0]),
            "events/s of wall time, one core": sizes[1] / spent[1][1],
            "start, CPU s": spent[0][0] - sizes[0] * (spent[1][0] - spent[0][0]) / more,
        }
    ]


def busy(core: int) -> subprocess.Popen[bytes]:
    """Stands for training: matrix products without pause on one core, at low priority as tacit's own."""
    code = "import os, numpy as np\nos.nice(10)\na = np.random.rand(400, 400)\nwhile True: a = a @ a; a /= abs(a).max()"
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with on_core(core):
        return subprocess.Popen([sys.executable, "-c", code], env=environment)


ECHO = [sys.executable, "-u", "-c", "import os\nwhile b := os.read(0, 65536): os.write(1, b)"]


def latency(quick: bool) -> list[dict[str, object]]:
    """tacit, and a child that only echoes: what the machine itself costs while others use it."""
    return [delayed("tacit", [*tacit(), *WATCH], quick), delayed("echo, the control", ECHO, quick)]


def delayed(name: str, started: list[str], quick: bool, offered: int = 10_000, tick: float = 0.01) -> dict[str, object]:
    """Milliseconds from due to readable, over all events after the first 3 s."""
    seconds, a_tick = (5 if quick else 30), int(offered * tick)
    feed = lines(offered * seconds)
    training = busy(1)
    with on_core(0):
        child = subprocess.Popen(started, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None and child.stdout is not None
    seen: list[tuple[int, float]] = []  # (insights so far, when)

    def listen() -> None:
        assert child.stdout is not None
        count = 0
        while block := os.read(child.stdout.fileno(), 1 << 20):
            count += block.count(b"\n")
            seen.append((count, time.monotonic()))

    ear = threading.Thread(target=listen)
    ear.start()
    try:
        child.stdin.write(b"".join(feed[:200]))  # the first lines find the columns and compile or load the kernels
        child.stdin.flush()
        while not seen:
            time.sleep(0.05)
        time.sleep(1.0)
        began = time.monotonic()
        due = []
        for at in range(200, len(feed) - a_tick + 1, a_tick):
            now = began + len(due) * tick
            time.sleep(max(0.0, now - time.monotonic()))
            due.append(now)
            child.stdin.write(b"".join(feed[at : at + a_tick]))
            child.stdin.flush()
        child.stdin.close()
        ear.join(60)
    finally:
        training.kill()
        child.kill()
    counts, when = np.array([c for c, _ in seen]), np.array([t for _, t in seen])
    last_of_tick = 200 + a_tick * np.arange(1, len(due) + 1)
    arrived = when[np.minimum(np.searchsorted(counts, last_of_tick), len(when) - 1)]
    late = 1e3 * (arrived - np.array(due))[int(3 / tick) :]
    p50, p99, p999 = np.quantile(late, [0.5, 0.99, 0.999])
    complete = "all" if counts[-1] >= last_of_tick[-1] else f"{counts[-1]:,} of {last_of_tick[-1]:,}"
    row: dict[str, object] = {"what": name, "offered events/s": offered, "answered": complete}
    return row | {"p50 ms": p50, "p99 ms": p99, "p99.9 ms": p999, "most ms": float(late.max())}


def start(quick: bool) -> list[dict[str, object]]:
    """Wall seconds, median of five (three): help; and from starting the command to its first insight."""
    tries, helped, first = (3 if quick else 5), [], []
    feed = b"".join(lines(200))
    for _ in range(tries):
        began = time.monotonic()
        subprocess.run([*tacit(), "--help"], stdout=subprocess.DEVNULL, check=True)
        helped.append(time.monotonic() - began)
        began = time.monotonic()
        with subprocess.Popen([*tacit(), *WATCH], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdin is not None and child.stdout is not None
            child.stdin.write(feed)
            child.stdin.flush()
            child.stdout.readline()
            first.append(time.monotonic() - began)
            child.stdin.close()
            child.stdout.read()
    return [{"tacit --help, s": float(np.median(helped)), "first insight after starting, s": float(np.median(first))}]

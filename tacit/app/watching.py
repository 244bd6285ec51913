"""What `tacit watch` does around the runner: dashboard, progress, alerts on the terminal, an orderly end."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tacit.app.assemble import Wish, assemble, seconds
from tacit.contracts.episode import Episode
from tacit.contracts.errors import SinkClosed, TacitError

NOTES = 100  # said in a run at most


@dataclass(slots=True)
class Show:
    """What is shown where, and when to stop."""

    dashboard: bool = True
    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = None
    for_: str | None = None
    until_end: bool = False


class Stopped(Exception):
    """Somebody asked us to end: Ctrl-C or SIGTERM."""


def run_watch(wish: Wish, show: Show) -> None:
    """Runs until the source ends, the time is up or somebody stops us. Raises TacitError."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    limit = seconds(show.for_) if show.for_ else None
    if not 0 <= show.port <= 65_535:
        raise TacitError(f"--port {show.port}: there is no such port.", "Choose one from 1 to 65535.")
    quieter = wish.source == "host:"
    if quieter:
        os.nice(5)
    history, dashboard = None, None
    runner: Any = None

    def stop(*_: Any) -> None:  # between two micro-batches if it can be; at once the second time, or while nothing runs yet
        if runner is None or runner.stopping:
            raise Stopped
        runner.stopping = True

    before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        if wish.model:
            make_folder(wish.model)
        if show.dashboard:
            from tacit.serve.history import History

            history = History(wish.model)
        runner = assemble(wish, history.push if history else None, lambda e: tell(e, console, history))
        noted = say(runner.source.notes, 0, console)
        if show.dashboard and history:
            from tacit.live.status import status
            from tacit.serve.dashboard import Dashboard

            dashboard = Dashboard(history, lambda: status(runner), runner.post, show.host, show.port, show.token)
            dashboard.start()
            console.print(f"dashboard at [bold]{dashboard.url}[/bold] (Ctrl-C ends)")
        drive(runner, console, limit, noted)
        if dashboard and not show.until_end and runner.ended and limit is None:
            runner.save(wait=True)
            console.print("the source has ended; the dashboard stays up (Ctrl-C ends; --until-end leaves at once)")
            while not runner.stopping:
                time.sleep(0.2)
    except Stopped:
        console.print("[dim]ending…[/dim]")
    except SinkClosed:
        pass  # the reader of our output went away: that is how a pipe ends
    finally:
        for s in before:
            signal.signal(s, signal.SIG_IGN)
        try:
            finish(runner, dashboard, history, console)
        finally:
            for s, handler in before.items():
                signal.signal(s, handler)


def make_folder(folder: Path) -> None:
    """Raises TacitError where it cannot be made or written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise TacitError(f"the model folder {folder} cannot be made: {e.strerror or e}.", "Choose another with --model.") from e
    if not os.access(folder, os.W_OK):
        raise TacitError(f"the model folder {folder} cannot be written.", "Choose another with --model.")


def say(notes: list[str], said: int, console: Any) -> int:
    """Prints the notes behind the first `said`, a hundred at most; returns how many there are now."""
    for note in notes[said:NOTES]:
        console.print(plain(note), style="dim", markup=False, soft_wrap=True)
    return len(notes)


def plain(text: str) -> str:
    """What came from a stream, safe for a terminal: nothing in it moves the cursor or sets colours."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def drive(runner: Any, console: Any, limit: float | None, noted: int = 0) -> None:
    """The loop, with a progress line where somebody looks and it takes long."""
    end = None if limit is None else time.monotonic() + limit
    shown = time.monotonic()
    live = sys.stderr.isatty()
    while not runner.stopping and (end is None or time.monotonic() < end):
        insights = runner.step(0.2 if end is None else min(0.2, max(0.0, end - time.monotonic())))
        if len(runner.source.notes) > noted:  # some columns and rotations show only on the way
            noted = say(runner.source.notes, noted, console)
        if insights is None:
            return
        now = time.monotonic()
        if live and now - shown > 2.0:
            shown = now
            rate = sum(n for _, n in runner.rate) / max(now - runner.rate[0][0], 1e-9) if runner.rate else 0.0
            keys = len(runner.model.keys.slots) if runner.model else 0
            console.print(f"[dim]{runner.events:,} events, {rate:,.0f}/s, {keys:,} keys[/dim]", end="\r")


def tell(episode: Episode, console: Any, history: Any) -> None:
    """One line when an alert opens and when it closes; the dashboard gets every change."""
    from rich.markup import escape

    if history:
        history.episode(episode)
    if episode.suppressed:
        return
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(episode.opened / 1e9))
    if episode.id not in _told:
        _told[episode.id] = False
        console.print(f"{when}  [bold red]alert {episode.id}[/bold red]  {escape(episode.sentence)}", soft_wrap=True)
    if episode.closed is not None and not _told[episode.id]:
        _told[episode.id] = True
        console.print(f"{when}  [dim]alert {episode.id} closed after {(episode.closed - episode.opened) / 1e9:,.0f} s[/dim]", soft_wrap=True)


_told: dict[int, bool] = {}  # alerts that were printed; whether their end was


def finish(runner: Any, dashboard: Any, history: Any, console: Any) -> None:
    """Everything safe and let go, then what was seen, refused and alerted in one line. Raises the first TacitError."""
    problem: TacitError | None = None
    if runner is not None:
        try:
            runner.close()
        except TacitError as e:
            problem = e
    if dashboard is not None:
        dashboard.close()
    if history is not None:
        history.close()
    if runner is not None:
        model, refusals = runner.model, runner.source.refusals
        alerts = sum(not e.suppressed for e in model.episodes.all.values()) if model else 0
        parts = [f"{runner.events:,} events", f"{len(model.keys.slots) if model else 0:,} keys", f"{alerts:,} alerts"]
        if refusals.total:
            parts.append(f"{refusals.total:,} refused ({', '.join(f'{reason}: {n:,}' for reason, n in refusals.counts.items())})")
        console.print(", ".join(parts), markup=False, soft_wrap=True)
        for reason, where, sample in refusals.samples[:5]:
            console.print(plain(f"  {reason} at {where}: {sample[:80]}"), style="dim", markup=False, soft_wrap=True)
    if problem is not None:
        raise problem


def show_inspection(source: str, key: str | None, when: str | None, columns: str) -> None:
    """Prints what is found in a source."""
    from rich.console import Console
    from rich.table import Table

    from tacit.app.api import inspect

    table = Table(show_header=False, box=None, pad_edge=False)
    for row in inspect(source, key=key, time=when, columns=columns):
        table.add_row(*(plain(str(cell)) for cell in row))
    Console(highlight=False, markup=False).print(table)


def run_demo(speed: str, port: int, dashboard: bool, until_end: bool, out: list[str]) -> None:
    """Replays the recording that is in the package."""
    from tacit.app.recording import recording

    wish = Wish(
        str(recording("host_faults") / "telemetry.csv.gz"),
        None,
        "time",
        speed=speed,
        out=out,
        alerts="1/hour",
        learn="background" if speed != "max" else "inline",
    )
    run_watch(wish, Show(dashboard, port=port, until_end=until_end))


def send_feedback(episode: int, verdict: str, url: str, token: str | None) -> None:
    """To a running tacit. Raises TacitError with what it answered."""
    import json
    import urllib.error
    import urllib.request

    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(f"{url.rstrip('/')}/api/feedback", json.dumps({"episode": episode, "verdict": verdict}).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()
    except urllib.error.HTTPError as e:
        body = e.read().decode(errors="replace")
        try:
            said = json.loads(body)
            wrong, hint = str(said["error"]), str(said.get("try", ""))
        except (ValueError, KeyError, TypeError):  # something else than tacit answers there
            wrong, hint = f"{url} answered {e.code}: {body[:200]}", "Is that the dashboard of a running tacit?"
        raise TacitError(wrong, hint) from e
    except OSError as e:
        raise TacitError(f"no tacit answers at {url}: {e}.", "Is `tacit watch` running with its dashboard? Give its address with --url.") from e
    sys.stdout.write(f"episode {episode}: {verdict}\n")

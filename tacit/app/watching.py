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
from tacit.app.telling import Terminal, count, plain
from tacit.contracts.episode import VERDICTS, Episode
from tacit.contracts.errors import SinkClosed, TacitError, UnknownName


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


def run_watch(wish: Wish, show: Show) -> Any:
    """Runs until the source ends, the time is up or somebody stops us; then the runner, closed, None where none began. Raises TacitError."""
    limit = seconds(show.for_) if show.for_ else None
    if not 0 <= show.port <= 65_535:
        raise TacitError(f"--port {show.port}: there is no such port.", "Choose one from 1 to 65535.")
    if wish.source == "host:":
        os.nice(5)
    terminal = Terminal()
    history: Any = None
    dashboard: Any = None
    runner: Any = None
    gone, before, alerts = False, 0, 0

    def stop(*_: Any) -> None:  # between two micro-batches if it can be; at once the second time, or while nothing runs yet
        if runner is None or runner.stopping:
            raise Stopped
        runner.stopping = True

    def tell(episode: Episode) -> None:
        if history:
            history.episode(episode)
        if runner is not None:
            terminal.notes(runner.source.notes)
        terminal.episode(episode)

    def post(episode: int, verdict: str) -> dict[str, Any]:
        answer: dict[str, Any] = runner.post(episode, verdict)
        return answer

    def asked(path: str) -> None:
        runner.own.asked(path)

    handlers = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        from tacit.heads.compiling import is_compiled
        from tacit.live.status import short, status

        if wish.model:
            make_folder(wish.model)
        if show.dashboard:
            from tacit.serve.dashboard import Dashboard
            from tacit.serve.history import History

            history = History(wish.model)
            dashboard = Dashboard(history, lambda: status(runner), post, show.host, show.port, show.token, asked)
        runner = assemble(wish, history.push if history else None, tell)
        before = runner.events
        terminal.notes(runner.source.notes)
        if runner.model is not None:
            alerts = runner.model.episodes.newest
            how = f"goes on behind event {before:,}" if before else f"is read {'from its beginning' if runner.source.replayable else 'as it comes'}"
            behind = f"{short(runner.source.name)} {how}"
            terminal.say(f"{wish.model}: learned from {count(runner.model.seen, 'event')} so far; {behind}")
        if dashboard:
            dashboard.start()
            terminal.console.print(f"dashboard at [bold]{dashboard.url}[/bold] (Ctrl-C ends)")
        if not is_compiled():
            terminal.say("compiling the loop, once: about half a minute until the first score")
        drive(runner, terminal, limit)
        if dashboard and not show.until_end and runner.ended and limit is None:
            runner.save(wait=True)
            terminal.console.print("the source has ended; the dashboard stays up (Ctrl-C ends; --until-end leaves at once)")
            while not runner.stopping:
                runner.read_mail()
                time.sleep(0.2)
    except Stopped:
        terminal.say("ending…")
    except SinkClosed:  # the reader of our output went away: that is how a pipe ends
        gone = True
    finally:
        failed = sys.exc_info()[0] is not None
        for s in handlers:
            signal.signal(s, signal.SIG_IGN)
        try:
            finish(runner, dashboard, history)
        finally:
            if runner is not None and not gone and (runner.events > before or not failed):
                terminal.sum_up(runner, before, alerts)
            for s, handler in handlers.items():
                signal.signal(s, handler)
    return runner


def make_folder(folder: Path) -> None:
    """Raises TacitError where it cannot be made or written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise TacitError(f"the model folder {folder} cannot be made: {e.strerror or e}.", "Choose another with --model.") from e
    if not os.access(folder, os.W_OK):
        raise TacitError(f"the model folder {folder} cannot be written.", "Choose another with --model.")


def drive(runner: Any, terminal: Terminal, limit: float | None) -> None:
    """The loop."""
    end = None if limit is None else time.monotonic() + limit
    while not runner.stopping and (end is None or time.monotonic() < end):
        insights = runner.step(0.2 if end is None else min(0.2, max(0.0, end - time.monotonic())))
        terminal.notes(runner.source.notes)  # some columns and rotations show only on the way
        if insights is None:
            return
        terminal.progress(runner)


def finish(runner: Any, dashboard: Any, history: Any) -> None:
    """Everything safe and let go; the dashboard first, so that what it acknowledged last is read. Raises TacitError."""
    try:
        if dashboard is not None:
            dashboard.close()
    finally:
        try:
            if runner is not None:
                runner.close()
        finally:
            if history is not None:
                history.close()


def show_inspection(source: str, key: str | None, when: str | None, columns: str) -> None:
    """Prints what is found in a source."""
    from rich.console import Console
    from rich.table import Table

    from tacit.app.api import inspect

    table = Table(show_header=False, box=None, pad_edge=False)
    for row in inspect(source, key=key, time=when, columns=columns):
        table.add_row(*(plain(str(cell)) for cell in row))
    Console(highlight=False, markup=False).print(table)


def run_demo(speed: str, port: int, dashboard: bool, until_end: bool, out: list[str], learn: Any = None) -> None:
    """Replays the recording that is in the package, and says at the end which of its faults were told."""
    from tacit.app.recording import recording, told_of
    from tacit.app.showing import Screen, table

    name = "host_faults"
    wish = Wish(
        str(recording(name) / "telemetry.csv.gz"),
        None,
        "time",
        speed=speed,
        out=out,
        alerts="1/hour",
        learn=learn or ("background" if speed != "max" else "inline"),
    )
    runner = run_watch(wish, Show(dashboard, port=port, until_end=until_end))
    if runner is None or runner.model is None:
        return
    opened = [e.opened / 1e9 for e in runner.model.episodes.all.values() if not e.suppressed]
    rows, told = told_of(name, opened, float(runner.model.pool.clock[0]))
    Screen().say(f"{table(rows)}\n{told}" if rows else f"no fault of the recording was over yet; alerts: {len(opened)}")


def send_feedback(episode: int, verdict: str, url: str, token: str | None) -> None:
    """To a running tacit. Raises TacitError with what it answered."""
    import json
    import urllib.error
    import urllib.request

    if verdict not in VERDICTS:
        raise UnknownName("verdict", verdict, VERDICTS)
    url = url if "://" in url else f"http://{url}"
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
    except (OSError, ValueError) as e:
        why = getattr(e, "reason", e)
        wrong = f"no tacit answers at {url}: {getattr(why, 'strerror', None) or why}."
        raise TacitError(wrong, "Is `tacit watch` running with its dashboard? Give its address with --url.") from e
    sys.stdout.write(f"episode {episode}: {verdict}\n")

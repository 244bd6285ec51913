"""`tacit watch` as a process: killed, interrupted, piped, refused; what it says and what it leaves behind."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tacit.app.main import run as main
from tacit.contracts.errors import TacitError
from tacit.live.folder import load

COMMAND = [sys.executable, "-m", "tacit.app.main"]
HEAD = ("time", "key", "a", "b", "c")


def make_file(path: Path, n: int, keys: int = 3, seed: int = 0) -> Path:
    """n events of related features, one a second a key, with two shifts; some cells empty."""
    rng = np.random.default_rng(seed)
    base = np.cumsum(rng.standard_normal(n)) * 0.05
    values = base[:, None] + rng.standard_normal((n, 3)) * [0.3, 0.3, 1.0]
    values[n // 2 : n // 2 + n // 20, 0] += 6
    values[3 * n // 4 : 3 * n // 4 + n // 20, 2] += 9
    missing = rng.random((n, 3)) < 0.02
    lines = [",".join(HEAD)]
    for i in range(n):
        cells = ["" if missing[i, j] else f"{values[i, j]:.4f}" for j in range(3)]
        lines.append(f"{1_700_000_000 + i // keys},m{i % keys},{','.join(cells)}")
    path.write_text("\n".join(lines) + "\n")
    return path


def insights_in(path: Path) -> list[tuple[Any, ...]]:
    """Every row and column of the table, by source and position."""
    with contextlib.closing(sqlite3.connect(path)) as base:
        return base.execute("select * from insights order by source, position").fetchall()


def tacit(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """A run of the command to its end."""
    return subprocess.run([*COMMAND, *arguments], capture_output=True, check=False, timeout=240, **options)


def watch(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*COMMAND, "watch", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def rows_so_far(path: Path) -> int:
    """How many insights are committed; 0 before there is a table."""
    if not path.exists():
        return 0
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as base:
        try:
            return int(base.execute("select count(*) from insights").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def until(true: Any, process: subprocess.Popen[bytes], seconds: float = 120.0) -> bool:
    """Waits for it; False where the process ended first."""
    deadline = time.monotonic() + seconds
    while not true():
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
    return True


# ------------------------------------------------------------------ killed
DRIVER = """
import sys
from pathlib import Path
from tacit.app.assemble import Wish, assemble
source, out, model, learn = sys.argv[1:]
runner = assemble(Wish(source, out=[f"sqlite:{out}"], model=Path(model), learn=learn, alerts="50/day"))
runner.every = 0.05
while runner.step() is not None:
    pass
runner.close()
"""


def kill_now_and_then(tmp_path: Path, learn: str, events: int, kills: int, rng: random.Random) -> int:
    """Runs it with kills after random numbers of new rows, resumed each time; returns how often it was killed. Checks the table."""
    path = make_file(tmp_path / "events.csv", events)
    whole = [sys.executable, "-c", DRIVER, str(path), str(tmp_path / "whole.db"), str(tmp_path / "whole"), learn]
    subprocess.run(whole, check=True, timeout=240)
    cut = [sys.executable, "-c", DRIVER, str(path), str(tmp_path / "cut.db"), str(tmp_path / "cut"), learn]
    killed = 0
    for _ in range(kills):
        process = subprocess.Popen(cut)
        goal = rows_so_far(tmp_path / "cut.db") + rng.randint(1, max(2, events // kills))
        if until(lambda goal=goal: rows_so_far(tmp_path / "cut.db") >= goal, process):
            time.sleep(rng.random() * 0.1)
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
        process.wait()
    subprocess.run(cut, check=True, timeout=240)
    found, expected = insights_in(tmp_path / "cut.db"), insights_in(tmp_path / "whole.db")
    assert len(expected) == events
    assert found == expected
    return killed


def test_a_killed_run_leaves_the_same_table(tmp_path: Path) -> None:
    """kill -9 at random moments, with checkpoints twenty times a second."""
    assert kill_now_and_then(tmp_path, "off", 60_000, 5, random.Random(1)) >= 3


def test_a_killed_command_leaves_the_same_table(tmp_path: Path) -> None:
    """The real command, killed twice, once before its first checkpoint and once in the middle."""
    path = make_file(tmp_path / "events.csv", 150_000)
    common = [str(path), "--no-dashboard", "--learn", "off", "--until-end"]
    whole = tacit("watch", *common, "--out", f"sqlite:{tmp_path / 'whole.db'}", "--model", str(tmp_path / "whole"))
    assert whole.returncode == 0, whole.stderr
    cut = [*common, "--out", f"sqlite:{tmp_path / 'cut.db'}", "--model", str(tmp_path / "cut")]
    for goal in (5_000, 60_000):
        process = watch(*cut)
        assert until(lambda goal=goal: rows_so_far(tmp_path / "cut.db") >= goal, process)
        process.kill()
        process.communicate()
    again = tacit("watch", *cut)
    assert again.returncode == 0, again.stderr
    assert insights_in(tmp_path / "cut.db") == insights_in(tmp_path / "whole.db")
    assert len(insights_in(tmp_path / "cut.db")) == 150_000


def test_a_killed_run_that_learns_leaves_the_same_table(tmp_path: Path) -> None:
    """Inline: attempts at fixed counts, in another process; killed in the middle of them too."""
    assert kill_now_and_then(tmp_path, "inline", 9_000, 3, random.Random(2)) >= 2
    assert json.loads((tmp_path / "cut" / "about.json").read_bytes())["attempts"] >= 1


# ------------------------------------------------------------------ ended
def test_ctrl_c_ends_cleanly_and_everything_is_saved(tmp_path: Path) -> None:
    path = make_file(tmp_path / "events.csv", 3000)
    out = tmp_path / "out.db"
    process = watch(f"tail:{path}", "--no-dashboard", "--out", f"sqlite:{out}", "--model", str(tmp_path / "m"), "--learn", "off")
    assert until(lambda: rows_so_far(out) >= 3000, process)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 0 and said == b"", errors
    assert b"3,000 events, 3 keys" in errors and b"Traceback" not in errors
    assert len(insights_in(out)) == 3000 and load(tmp_path / "m").seen == 3000


def test_sigterm_too(tmp_path: Path) -> None:
    process = watch("host:", "--no-dashboard", "--model", str(tmp_path / "m"), "--learn", "off")
    assert until((tmp_path / "m" / "state" / "state.json").exists, process)
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0 and b"Traceback" not in errors, errors
    assert load(tmp_path / "m").seen > 0


def test_for_so_long(tmp_path: Path) -> None:
    done = tacit("watch", "host:", "--no-dashboard", "--learn", "off", "--for", "2s", "--out", "jsonl:-")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["position"] for line in done.stdout.splitlines()] == list(range(len(done.stdout.splitlines())))
    assert done.stdout.splitlines()  # how many come in two seconds is the machine's affair


# ------------------------------------------------------------------ standard output
def test_standard_output_is_json_and_nothing_else(tmp_path: Path) -> None:
    path = make_file(tmp_path / "events.csv", 4000)
    done = tacit("watch", str(path), "--no-dashboard", "--learn", "off", "--out", "jsonl:-", "--alerts", "1000/day")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 4000
    found = [json.loads(line) for line in lines]
    assert [f["position"] for f in found] == list(range(4000)) and {f["key"] for f in found} == {"m0", "m1", "m2"}
    assert any(f["alert"] for f in found) and b"alert" in done.stderr


def test_standard_input(tmp_path: Path) -> None:
    text = make_file(tmp_path / "events.csv", 300).read_bytes()
    done = tacit("watch", "-", "--no-dashboard", "--learn", "off", "--out", "jsonl:-", input=text)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 300, done.stderr


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    path = make_file(tmp_path / "events.csv", 50_000)
    process = watch(str(path), "--no-dashboard", "--learn", "off", "--out", "jsonl:-")
    assert process.stdout is not None and process.stderr is not None
    first = [json.loads(process.stdout.readline()) for _ in range(3)]
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 0, errors
    assert [f["position"] for f in first] == [0, 1, 2] and b"Traceback" not in errors and b"BrokenPipe" not in errors


# ------------------------------------------------------------------ refused
def test_a_full_disk_is_said_and_what_was_written_is_whole(tmp_path: Path) -> None:
    path = make_file(tmp_path / "events.csv", 3000)
    done = tacit("watch", str(path), "--no-dashboard", "--learn", "off", "--out", "jsonl:/dev/full")
    assert done.returncode == 2 and b"No space left on device" in done.stderr and b"Traceback" not in done.stderr


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))


def test_a_disk_that_fills_up_keeps_whole_lines(tmp_path: Path) -> None:
    """A file may grow to 40,000 bytes: the run stops with what to do, and leaves whole lines."""
    path = make_file(tmp_path / "events.csv", 3000)
    out = tmp_path / "out.jsonl"
    done = tacit("watch", str(path), "--no-dashboard", "--learn", "off", "--out", f"jsonl:{out}", preexec_fn=limited)
    assert done.returncode == 2 and b"File too large" in done.stderr and b"Traceback" not in done.stderr
    assert out.read_bytes() == b"" or out.read_bytes().endswith(b"\n")
    assert all(json.loads(line) for line in out.read_bytes().splitlines())


def test_a_state_that_cannot_be_saved_leaves_the_one_before(tmp_path: Path) -> None:
    path = make_file(tmp_path / "events.csv", 200)
    arguments = ["--no-dashboard", "--learn", "off", "--model", str(tmp_path / "m")]
    assert tacit("watch", f"{path}", *arguments).returncode == 0
    seen = load(tmp_path / "m").seen
    make_file(path, 3000)
    done = tacit("watch", str(path), *arguments, preexec_fn=limited)
    assert done.returncode == 2 and b"Traceback" not in done.stderr, done.stderr
    assert load(tmp_path / "m").seen == seen == 200


def test_a_sink_that_refuses(tmp_path: Path) -> None:
    path = make_file(tmp_path / "events.csv", 100)
    (tmp_path / "text.db").write_text("this is no database, whatever its name says " * 50)
    done = tacit("watch", str(path), "--no-dashboard", "--out", f"sqlite:{tmp_path / 'text.db'}")
    assert done.returncode == 2 and b"not a database" in done.stderr and b"Choose another file" in done.stderr


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield held.getsockname()[1]


def test_a_port_in_use_is_named(tmp_path: Path, taken: int) -> None:
    path = make_file(tmp_path / "events.csv", 100)
    done = tacit("watch", str(path), "--port", str(taken), "--until-end")
    assert done.returncode == 2 and str(taken).encode() in done.stderr and b"--port" in done.stderr and b"Traceback" not in done.stderr


# ------------------------------------------------------------------ feedback
def answer(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as got:
        return json.loads(got.read())


def test_feedback_by_command_takes_hold(tmp_path: Path) -> None:
    """Said to a running tacit whose file has ended: told by the dashboard, on the disk before it takes hold, and kept by the model."""
    path, model = make_file(tmp_path / "events.csv", 6000), tmp_path / "m"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    run = watch(str(path), "--port", str(port), "--learn", "off", "--alerts", "1000/day", "--model", str(model))

    def ended() -> bool:
        with contextlib.suppress(OSError):  # the page is not up yet
            return bool(answer(port, "/api/status")["ended"] and answer(port, "/api/episodes")["episodes"])
        return False

    def kept() -> bool:
        return (model / "journal.jsonl").exists() and (model / "journal.jsonl").read_bytes().endswith(b"\n")

    try:
        assert until(ended, run)
        number = answer(port, "/api/episodes")["episodes"][-1]["id"]
        done = tacit("feedback", str(number), "expected", "--url", f"http://127.0.0.1:{port}")
        assert done.returncode == 0 and done.stdout.decode() == f"episode {number}: expected\n", done.stderr
        assert until(lambda: answer(port, f"/api/episodes/{number}")["feedback"] == "expected" and kept(), run)
        (entry,) = [json.loads(line) for line in (model / "journal.jsonl").read_text().splitlines()]
        assert (entry["what"], entry["episode"], entry["verdict"]) == ("feedback", number, "expected")
    finally:
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=60)
    assert load(model).episodes.all[number].feedback == "expected"


# ------------------------------------------------------------------ messages
def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """The system refuses each read (rights alone would not stop root): one line that names the file."""
    path = tmp_path / "events.csv"
    path.symlink_to("/proc/self/mem")
    done = tacit("watch", str(path), "--no-dashboard", "--until-end")
    assert done.returncode == 2 and b"events.csv" in done.stderr and b"Traceback" not in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


WRONG = {
    "a file that is not there": (["watch", "nowhere.csv"], "nowhere.csv"),
    "a scheme that nobody knows": (["watch", "kafka:topic"], "Known here|host:"),
    "a column that is not there": (["watch", "FILE", "--columns", "aa"], "a, b, c|Did you mean"),
    "a key that is not there": (["watch", "FILE", "--key", "machine"], "machine"),
    "a time that is not there": (["watch", "FILE", "--time", "when"], "when"),
    "no budget": (["watch", "FILE", "--alerts", "many"], "3/day"),
    "no way to learn": (["watch", "FILE", "--learn", "fast"], "background, inline or off"),
    "no length of time": (["watch", "FILE", "--for", "long"], "90s"),
    "no speed": (["watch", "FILE", "--speed", "fast"], "60x|max"),
    "no sink": (["watch", "FILE", "--out", "postgres:x"], "jsonl"),
    "no source at all": (["watch", ""], "the source is empty"),
    "nothing to follow": (["watch", "tail:"], "tail:FILE"),
    "the same place twice": (["watch", "FILE", "--out", "jsonl:o", "--out", "sqlite:./o"], "the same place"),
    "a database on standard output": (["watch", "FILE", "--out", "sqlite:-"], "jsonl:- for standard output"),
    "a verdict that nobody knows": (["feedback", "1", "expcted"], "Did you mean 'expected'"),
    "an address without http": (["feedback", "1", "expected", "--url", "127.0.0.1:9"], "http://127.0.0.1:9: Connection refused"),
    "a sink without a file": (["watch", "FILE", "--out", "sqlite:"], "sqlite:FILE"),
    "nothing to reorder by": (["watch", "FILE", "--reorder", "soon"], "5s"),
    "an open address": (["watch", "FILE", "--host", "0.0.0.0", "--port", "0"], "token"),
    "nobody at the other end": (["feedback", "1", "expected", "--url", "http://127.0.0.1:9"], "tacit watch"),
    "a folder that is a file": (["watch", "FILE", "--model", "FILE"], "--model"),
    "a folder of another kind of model": (["watch", "FILE", "--model", "SAMPLES"], "encoder of samples"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_message_says_what_and_what_to_do(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = make_file(tmp_path / "events.csv", 50)
    (tmp_path / "SAMPLES").mkdir()
    (tmp_path / "SAMPLES" / "model.json").write_text("{}")
    arguments, expected = WRONG[case]
    with pytest.raises(SystemExit) as left:
        main([str(path) if a == "FILE" else a for a in arguments])
    said = capsys.readouterr()
    assert left.value.code == 2 and said.out == ""
    assert any(word in said.err for word in expected.split("|")), said.err
    last = said.err.strip().splitlines()[-1]
    assert last.startswith("tacit: ") and len(last) > 30, said.err


def test_a_bug_shows_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what we raise on purpose becomes a line of text."""
    from tacit.app import watching

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(watching, "show_inspection", broken)
    with pytest.raises(ZeroDivisionError):
        main(["inspect", "x"])
    assert not issubclass(ZeroDivisionError, TacitError)


def test_what_was_refused_is_counted_and_shown(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    good = [json.dumps({"time": 1_700_000_000 + i, "x": i % 7}) for i in range(200)]
    path.write_text("\n".join([*good[:100], "{broken", '{"time": 1, "x": "tall"}', *good[100:]]) + "\n")
    done = tacit("watch", str(path), "--no-dashboard", "--learn", "off", "--out", "jsonl:-")
    assert done.returncode == 0
    assert b"refused" in done.stderr and b"invalid JSON: 1" in done.stderr and b"101" in done.stderr and b"{broken" in done.stderr
    strict = tacit("watch", str(path), "--no-dashboard", "--learn", "off", "--strict")
    assert strict.returncode == 2 and b"101" in strict.stderr and b"Traceback" not in strict.stderr


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    done = tacit("watch", str(tmp_path / "empty.csv"), "--no-dashboard", "--out", "jsonl:-")
    assert done.returncode == 0 and done.stdout == b"" and b"0 events" in done.stderr, done.stderr


def test_inspect_tells_what_it_found(tmp_path: Path) -> None:
    path = make_file(tmp_path / "events.csv", 100)
    done = tacit("inspect", str(path), env={**os.environ, "COLUMNS": "200"})
    assert done.returncode == 0
    for word in (b"csv", b"time", b"key", b"'m0', 'm1', 'm2'", b"number", b"missing"):
        assert word in done.stdout, word


def test_help_and_version() -> None:
    assert b"watch" in tacit("--help").stdout and b"--until-end" in tacit("watch", "--help", env={**os.environ, "COLUMNS": "200"}).stdout
    assert tacit("--version").stdout.startswith(b"tacit 0.")


def test_nothing_that_a_stream_holds_is_taken_for_colours_or_breaks_the_end(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    file.write_text('{"time":1,"a":2,"[/x]":"u"}\n{"time":2,"a":2}\n[/a] oops \x1b[31m\n{"time":3,"a":4}\n')
    done = tacit("watch", str(file), "--no-dashboard", "--learn", "off")
    assert done.returncode == 0, done.stderr
    assert b"'[/x]'" in done.stderr and b"[/a] oops" in done.stderr and b"\x1b" not in done.stderr
    shown = tacit("inspect", str(file))
    assert shown.returncode == 0 and b"[/x]" in shown.stdout, shown.stderr


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--seed", "-1"], b"--seed -1"),
        (["--port", "70000"], b"--port 70000"),
        (["--alerts", "nan/day"], b"alert budget"),
        (["--key", "time", "--time", "time"], b"--key time"),
        (["--columns", "a:bogus"], b"no kind 'bogus'"),
    ],
)
def test_values_out_of_range_are_refused_in_one_line(tmp_path: Path, option: list[str], said: bytes) -> None:
    done = tacit("watch", str(make_file(tmp_path / "s.csv", 50)), "--until-end", *option)
    assert done.returncode == 2 and said in done.stderr and done.stderr.count(b"\n") == 1, done.stderr


def test_standard_input_counts_on_in_a_model_folder_and_says_what_it_found(tmp_path: Path) -> None:
    data = make_file(tmp_path / "s.csv", 200).read_bytes()
    wishes = ("--no-dashboard", "--learn", "off", "--model", str(tmp_path / "m"), "--out", f"sqlite:{tmp_path / 'i.db'}")
    for runs in (1, 2):
        done = tacit("watch", "-", *wishes, input=data)
        assert done.returncode == 0, done.stderr
        assert [row[3] for row in insights_in(tmp_path / "i.db")] == list(range(200 * runs))
        assert runs == 2 or b"time: 'time'" in done.stderr


def test_a_position_taken_with_other_options_is_refused_in_words(tmp_path: Path) -> None:
    wishes = ("watch", str(make_file(tmp_path / "s.csv", 200)), "--no-dashboard", "--learn", "off", "--model", str(tmp_path / "m"))
    assert tacit(*wishes).returncode == 0
    done = tacit(*wishes, "--reorder", "5s")
    assert done.returncode == 2 and b"without --reorder" in done.stderr and b"Leave out --reorder" in done.stderr, done.stderr
    other = (*wishes[:-1], str(tmp_path / "other"))
    assert tacit(*other, "--reorder", "5s").returncode == 0
    done = tacit(*other, "--speed", "1000000x")
    assert done.returncode == 2 and b"with --reorder" in done.stderr and b"Give --reorder as before" in done.stderr, done.stderr
    assert b"KeyError" not in done.stderr and b"Traceback" not in done.stderr


def test_a_source_left_before_its_end_says_how_far_it_was_read(tmp_path: Path) -> None:
    """A history whose minutes are over, and what is missing once it is learned to its end: nothing."""
    wishes = ("learn", str(make_file(tmp_path / "s.csv", 3500)), "--out", str(tmp_path / "m"))
    done = tacit(*wishes, "--minutes", "0.00001")
    assert done.returncode == 0 and b"2,047 events" in done.stderr, done.stderr
    found = re.search(r"not read to its end: line 2,048 of about (\d,\d\d\d) of s.csv was reached; the next run", done.stderr.decode())
    assert found and abs(int(found[1].replace(",", "")) - 3501) < 400, done.stderr
    done = tacit(*wishes)
    assert done.returncode == 0 and b"not read to its end" not in done.stderr, done.stderr
    assert b"3,500 events (1,453 new)" in done.stderr and load(tmp_path / "m").seen == 3500

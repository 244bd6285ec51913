"""Runs that were broken off, verdicts that came last, and what the stream does not wait for."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import orjson
import pytest
from streams import differences, noise, rows, stream

from tacit.app.assemble import Wish, assemble
from tacit.app.watching import finish as end
from tacit.connect.sinks.jsonl import Jsonl
from tacit.connect.sources.table import Table
from tacit.contracts.errors import BadRecord, ModelError
from tacit.live.checkpoint import Checkpoints
from tacit.live.folder import load
from tacit.live.model import LiveModel
from tacit.live.runner import Runner
from tests.live.test_state import Kept, files, finish, runner, table


# ------------------------------------------------------------------ broken off
def test_the_wrong_source_leaves_the_state_as_it_is(tmp_path: Path) -> None:
    rows_ = table(6000)
    first = runner(rows_, Kept(), tmp_path)
    for _ in range(2):
        first.step()
    first.close()
    before = [f.read_bytes() for f in files(tmp_path)]
    wrong = Runner(Table([{"time": i, "pressure": float(i % 7)} for i in range(300)], name="another"), LiveModel, [], tmp_path)
    with pytest.raises(ModelError, match="none of them"):
        wrong.step()
    wrong.close()
    assert [f.read_bytes() for f in files(tmp_path)] == before
    again = runner(rows_, Kept(), tmp_path)
    assert again.events == 4096
    finish(again)
    assert again.model is not None and again.model.seen == 6000
    again.close()


def test_what_strict_stopped_at_is_scored_once_it_is_mended(tmp_path: Path) -> None:
    """What came before it in its batch is scored, written and saved: the next run begins at the mended record."""
    path, out, whole = tmp_path / "s.csv", tmp_path / "i.jsonl", tmp_path / "whole.jsonl"
    lines = [f"{1_700_000_000 + i},{i * 37 % 101}.25" for i in range(6000)]
    path.write_text("\n".join(["time,x", *lines[:5000], "1700005000,oops", *lines[5001:]]) + "\n")
    wish = Wish(str(path), None, "time", strict=True, learn="off", model=tmp_path / "m", out=[f"jsonl:{out}"])
    stopped = assemble(wish)
    with pytest.raises(BadRecord, match="oops"):
        finish(stopped)
    stopped.close()
    assert [orjson.loads(line)["position"] for line in out.read_bytes().splitlines()] == list(range(5000)) and load(tmp_path / "m").seen == 5000
    path.write_text(path.read_text().replace("oops", "2.25"))
    again = assemble(wish)
    assert again.events == 5000
    finish(again)
    again.close()
    assert again.events == 6000
    unbroken = assemble(Wish(str(path), None, "time", learn="off", out=[f"jsonl:{whole}"]))
    finish(unbroken)
    unbroken.close()
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(("first", "then"), [("max", "100000000x"), ("100000000x", "max"), ("100000000x", "100000000x")])
def test_a_replay_goes_on_at_another_speed(tmp_path: Path, first: str, then: str) -> None:
    """Left in the midst of what was read ahead: the same insights, each once."""
    path, out, whole = tmp_path / "s.csv", tmp_path / "i.jsonl", tmp_path / "whole.jsonl"
    path.write_text("\n".join(["time,x", *(f"{1_700_000_000 + i},{i * 37 % 101}.25" for i in range(6000))]) + "\n")

    def run(speed: str, place: Path, model: Path | None, until: int) -> None:
        one = assemble(Wish(str(path), None, "time", speed=speed, learn="off", model=model, out=[f"jsonl:{place}"]))
        while one.events < until and one.step() is not None:
            pass
        assert one.events >= until
        one.close()

    run("max", whole, None, 6000)
    run(first, out, tmp_path / "m", 1000)
    assert load(tmp_path / "m").seen < 4000
    run(then, out, tmp_path / "m", 6000)
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("where", ["model", "sink", "journal", "state"])
def test_a_second_ctrl_c_leaves_no_hole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """In the midst of a batch, between two sinks, of a verdict, of a checkpoint: the next run gives what one never stopped gives."""
    rows_, whole, cut = table(12_000), Kept(), Kept()

    def play(sink: Kept, folder: Path, stopped: bool) -> None:
        run = runner(rows_, sink, folder)
        for _ in range(4):
            run.step()
        for _ in range(2):
            run.save(wait=True)
        assert run.model is not None and run.checkpoints is not None and run.events == 8192
        assert not run.checkpoints.wants_full(), "what follows is what changed"
        if where == "journal":
            run.post(min(run.model.episodes.all), "expected")
        if stopped:
            run.every = -1.0 if where == "state" else 1e9
            process = run.model.process

            def interrupted(*given: Any, **_: Any) -> None:
                if where == "model":
                    process(rows(given[0], 0, 1000))
                raise KeyboardInterrupt

            places = {
                "model": (run.model, "process"),
                "sink": (sink, "write"),
                "journal": (run.model, "feedback"),
                "state": (run.checkpoints, "save"),
            }
            with monkeypatch.context() as patch:
                patch.setattr(*places[where], interrupted)
                with pytest.raises(KeyboardInterrupt):
                    run.step()
            run.close()
            run = runner(rows_, sink, folder)
            assert run.events < 12_000
        finish(run)
        run.close()

    play(whole, tmp_path / "whole", False)
    play(cut, tmp_path / "cut", True)
    assert cut.rows == whole.rows and len(whole.rows) == 12_000
    one, other = load(tmp_path / "cut"), load(tmp_path / "whole")
    more = stream(noise(300, 2, 3), start=12_000, features=one.features)
    assert one.seen == other.seen == 12_000 and differences(one.process(more), other.process(more)) == []
    assert one.episodes.state() == other.episodes.state()


def test_a_verdict_posted_last_is_kept(tmp_path: Path) -> None:
    """After the source has ended, and while the dashboard is being closed: acknowledged, so it is read and saved."""
    run = runner(table(12_000), Kept(), tmp_path)
    finish(run)
    assert run.model is not None and len(run.model.episodes.all) >= 2
    one, other = sorted(run.model.episodes.all)[:2]
    run.post(one, "expected")

    class Closing:
        def close(self) -> None:
            run.post(other, "problem")

    end(run, Closing(), None)
    model = load(tmp_path)
    assert (model.episodes.all[one].feedback, model.episodes.all[other].feedback) == ("expected", "problem")
    assert [orjson.loads(line)["episode"] for line in (tmp_path / "journal.jsonl").read_bytes().splitlines()] == [one, other]


# ------------------------------------------------------------------ off the hot path
def test_the_stream_does_not_wait_for_a_state_that_is_being_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, gate = runner(table(12_000), Kept(), tmp_path), threading.Event()
    run.step()
    write = Checkpoints._write

    def slow(self: Checkpoints, *given: Any) -> None:
        gate.wait(20)
        write(self, *given)

    monkeypatch.setattr(Checkpoints, "_write", slow)
    run.every = -1.0
    for _ in range(3):
        run.step()
    assert run.checkpoints is not None and run.checkpoints.writing() and run.checkpoints._number == 2
    assert run.events == 8192
    gate.set()
    finish(run)
    run.close()
    assert load(tmp_path).seen == 12_000


def test_nothing_but_the_writer_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited = list[str]()
    monkeypatch.setattr("os.fsync", lambda _: waited.append(threading.current_thread().name))
    run = Runner(Table(table(3000)), LiveModel, [Kept()], tmp_path, about={"recipe": {"seed": 0}})
    finish(run)
    run.close()
    assert set(waited) == {"tacit-checkpoint"}
    assert orjson.loads((tmp_path / "about.json").read_bytes())["events"] == 3000


class Asked(Table):
    """Counts how often it is asked where it stands: each time copies every key's clock."""

    asked = 0

    def position(self) -> Any:
        self.asked += 1
        return super().position()


@pytest.mark.parametrize(("sink", "batches"), [(None, 0), (Jsonl, 0), (Kept, 5)])
def test_a_position_is_taken_where_a_sink_uses_it(tmp_path: Path, sink: Any, batches: int) -> None:
    source = Asked(table(12_000))
    sinks = [] if sink is None else [Kept()] if sink is Kept else [Jsonl(str(tmp_path / "o.jsonl"))]
    run = Runner(source, LiveModel, sinks, every=1e9)
    run.step()
    before = source.asked
    finish(run)
    assert source.asked == before + batches
    run.close()

"""What is saved comes back to the bit, what is damaged is refused, and loading executes nothing."""

from __future__ import annotations

import ast
import hashlib
import io
import pickle
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import differences, noise, rows, score, stream

import tacit
from tacit.connect.sources.table import Table
from tacit.contracts.errors import ModelError, TacitError
from tacit.contracts.events import Feature
from tacit.contracts.sink import Sink
from tacit.live.checkpoint import CHAIN, Checkpoints
from tacit.live.folder import load, save
from tacit.live.journal import Journal
from tacit.live.model import LiveModel, join
from tacit.live.runner import Runner
from tacit.live.storing import collect, features_of, put_back


def restored(folder: Path) -> LiveModel:
    """The model as another process would find it."""
    loaded = Checkpoints(folder).load()
    assert loaded is not None
    parts, meta = loaded
    model = LiveModel(features_of(meta), float(meta["alerts"]), float(meta["idle"]))
    put_back(model, parts, meta, folder)
    return model


def troubled(n: int, seed: int = 0) -> Any:
    """Three keys, a counter, missing values and a shift."""
    values = noise(n, 3, seed)
    values[:, 1] = np.cumsum(np.abs(values[:, 1]))
    values[n // 2 : n // 2 + 300, 0] += 10
    values[np.random.default_rng(seed).random(values.shape) < 0.05] = np.nan
    return stream(values, [f"k{i % 3}" for i in range(n)], features=(Feature("a"), Feature("b", "counter"), Feature("c")))


# ------------------------------------------------------------------ to the bit
@settings(max_examples=10)
@given(st.lists(st.integers(1, 2999), min_size=1, max_size=5, unique=True))
def test_going_on_equals_never_having_stopped(tmp_path_factory: pytest.TempPathFactory, stops: list[int]) -> None:
    """Saved in parts at these events and loaded again after each."""
    folder = tmp_path_factory.mktemp("model")
    events = troubled(3000)
    expected = score(LiveModel(events.features, alerts=20.0), events)
    model, checkpoints = LiveModel(events.features, alerts=20.0), Checkpoints(folder)
    parts, at = [], 0
    for stop in [*sorted(stops), 3000]:
        parts.append(model.process(rows(events, at, stop)))
        checkpoints.save(*collect(model, checkpoints.wants_full()), checkpoints.wants_full())
        checkpoints.wait()
        at, model, checkpoints = stop, restored(folder), Checkpoints(folder)
        checkpoints.load()
    assert differences(join(parts, events), expected) == []
    assert np.isfinite(expected.score).sum() > 2800


def test_parts_hold_only_what_changed(tmp_path: Path) -> None:
    model, checkpoints = LiveModel((Feature("f0"),)), Checkpoints(tmp_path)
    model.process(stream(noise(600, 1), [f"k{i}" for i in range(600)]))
    sizes = []
    for k in range(CHAIN + 2):
        full = checkpoints.wants_full()
        checkpoints.save(*collect(model, full), full)
        checkpoints.wait()
        sizes.append((full, checkpoints.parts[-1]["bytes"]))
        model.process(stream(noise(2, 1, k), ["k3", "k4"], start=600 + 2 * k))
    assert sizes[0][0] and not sizes[1][0] and sizes[1][1] < sizes[0][1] / 5
    assert sum(full for full, _ in sizes) >= 2, "the chain is cut now and then"
    assert sorted(p.name for p in (tmp_path / "state").glob("*.npz")) == sorted(p["file"] for p in checkpoints.parts)
    model = restored(tmp_path)
    assert model.seen == 600 + 2 * (CHAIN + 1) and len(model.keys.slots) == 600


def test_a_model_folder_from_python(tmp_path: Path) -> None:
    events = troubled(2000)
    model = LiveModel(events.features)
    score(model, events)
    save(model, tmp_path / "m")
    again = load(tmp_path / "m")
    more = troubled(500, 9)
    assert differences(score(again, more), score(model, more)) == []
    save(again, tmp_path / "m")
    assert load(tmp_path / "m").seen == 2500
    about = orjson.loads((tmp_path / "m" / "about.json").read_bytes())
    assert about["events"] == 2500 and about["encoder"] == "simple" and [f["name"] for f in about["features"]] == ["a", "b", "c"]


# ------------------------------------------------------------------ damage
@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model, checkpoints = LiveModel((Feature("f0"), Feature("f1"))), Checkpoints(tmp_path)
    for k in range(3):
        model.process(stream(noise(300, 2, k), start=300 * k))
        checkpoints.save(*collect(model, k == 0), k == 0)
        checkpoints.wait()
    return tmp_path


def files(folder: Path) -> list[Path]:
    return sorted((folder / "state").iterdir())


def test_what_lies_in_a_folder(folder: Path) -> None:
    assert [f.name for f in files(folder)] == ["00000001.npz", "00000002.npz", "00000003.npz", "state.json"]
    assert restored(folder).seen == 900


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("where", [0.01, 0.5, 0.99])
def test_a_single_altered_bit_is_refused(folder: Path, which: int, where: float) -> None:
    path = files(folder)[which]
    data = bytearray(path.read_bytes())
    data[int(where * (len(data) - 2))] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match=rf"{path.name}.*(altered|damaged).*(Restore|start anew)"):
        Checkpoints(folder).load()


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_half_written_file_is_refused(folder: Path, which: int, keep: float) -> None:
    path = files(folder)[which]
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(ModelError, match=path.name):
        Checkpoints(folder).load()


@pytest.mark.parametrize("which", range(3))
def test_a_missing_part_is_refused(folder: Path, which: int) -> None:
    files(folder)[which].unlink()
    with pytest.raises(ModelError, match="is missing"):
        Checkpoints(folder).load()


def test_what_a_kill_leaves_behind_does_no_harm(folder: Path) -> None:
    """Parts that state.json does not name, temporary files: the state before is what counts, and the next save goes on."""
    (folder / "state" / "00000004.npz").write_bytes(b"half of a part")
    (folder / "state" / "state.json.tmp").write_bytes(b"{")
    model = restored(folder)
    assert model.seen == 900
    checkpoints = Checkpoints(folder)
    checkpoints.load()
    model.process(stream(noise(100, 2, 8), start=900))
    checkpoints.save(*collect(model, False), False)
    checkpoints.wait()
    assert restored(folder).seen == 1000


def test_what_the_state_does_not_name_goes_with_the_next_one(folder: Path) -> None:
    """Old parts that a kill left beside a full one, and halves of new ones; nothing that is not ours."""
    for name in ("00000000.npz", "00000009.npz", "00000009.npz.tmp", "notes.npz", "123.npz"):
        (folder / "state" / name).write_bytes(b"left")
    checkpoints = Checkpoints(folder)
    checkpoints.load()
    assert len(files(folder)) == 9, "reading alone removes nothing: it may be another's"
    checkpoints.save(*collect(restored(folder), False), False)
    checkpoints.wait()
    assert [f.name for f in files(folder)] == [f"0000000{i}.npz" for i in (1, 2, 3, 4)] + ["123.npz", "notes.npz", "state.json"]


def test_whatever_a_write_fails_of_is_said_and_the_next_state_is_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that were handed over count as saved: the state after such a failure holds them all the same, and old parts go."""
    model, checkpoints = restored(folder), Checkpoints(folder)
    checkpoints.load()
    model.process(stream(noise(100, 2, 8), start=900))

    def full(*_: Any, **__: Any) -> None:
        raise MemoryError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        checkpoints.save(*collect(model, False), False)
        with pytest.raises(ModelError, match=r"could not be saved: MemoryError.*the last complete state is kept"):
            checkpoints.wait()
    assert restored(folder).seen == 900 and len(files(folder)) == 4
    model.process(stream(noise(100, 2, 9), start=1000))
    assert checkpoints.wants_full()
    checkpoints.save(*collect(model, True), True)
    checkpoints.wait()
    assert [f.suffix for f in files(folder)] == [".npz", ".json"]
    again, more = restored(folder), stream(noise(50, 2, 10), start=1100)
    assert differences(again.process(more), model.process(more)) == []


def test_a_part_is_written_without_a_copy_of_it(tmp_path: Path) -> None:
    arrays = {f"a{i}": np.zeros((1 << 21,)) for i in range(4)}  # 64 MiB
    checkpoints = Checkpoints(tmp_path)
    tracemalloc.start()
    try:
        checkpoints.save(arrays, {"x": 1}, True)
        checkpoints.wait()
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 48 << 20
    (loaded,), _ = Checkpoints(tmp_path).load() or ((), {})
    assert loaded.keys() == arrays.keys() and all((loaded[name] == 0).all() for name in arrays)


def reseal(folder: Path, change: Any) -> None:
    """state.json with `change` made to it, sealed as an attacker who knows the format would."""
    path = folder / "state" / "state.json"
    state = orjson.loads(path.read_bytes().split(b"\n")[0])
    change(state)
    text = orjson.dumps(state)
    path.write_bytes(text + b"\n" + hashlib.sha256(text).hexdigest().encode() + b"\n")


def test_another_version_is_refused(folder: Path) -> None:
    reseal(folder, lambda state: state.update(version=99))
    with pytest.raises(ModelError, match="of version 99, this tacit reads version"):
        Checkpoints(folder).load()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something lies in nested JSON; of a list its first entry stands for all."""
    for k, v in value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ():
        yield (*path, k)
        yield from places(v, (*path, k))


GONE = object()


@pytest.mark.parametrize("put", [GONE, None, "text", -7, [], {}, [[1]]], ids=str)
def test_a_sealed_state_of_another_shape_is_refused_or_read(folder: Path, put: Any) -> None:
    """Whatever is left out of it or put in: ModelError or a model, and no traceback."""
    path = folder / "state" / "state.json"
    written, parts = path.read_bytes(), {f: f.read_bytes() for f in files(folder) if f.suffix == ".npz"}
    refused = 0
    for place in list(places(orjson.loads(written.split(b"\n")[0]))):

        def change(state: Any, place: tuple[Any, ...] = place) -> None:
            for step in place[:-1]:
                state = state[step]
            if put is GONE:
                del state[place[-1]]
            else:
                state[place[-1]] = put

        for read in (load, lambda f: Runner(Table(table(10)), LiveModel, [], f).close()):
            for part in (folder / "state").glob("*.npz"):
                part.unlink()
            for part, data in parts.items():
                part.write_bytes(data)
            path.write_bytes(written)
            reseal(folder, change)
            try:
                read(folder)
            except TacitError:
                refused += 1
    assert refused > 20


class Harm:
    """What a pickle could do."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("harm-was-done"),))


def test_loading_executes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part with a pickled object, checksums and seal made right: refused, not run."""
    monkeypatch.chdir(folder)
    buffer = io.BytesIO()
    np.savez(buffer, slots=np.array([Harm()], dtype=object))
    assert pickle.dumps(Harm())
    (folder / "state" / "00000003.npz").write_bytes(buffer.getvalue())
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    reseal(folder, lambda state: state["parts"][2].update(sha256=digest))
    with pytest.raises(ModelError, match=r"00000003\.npz"):
        Checkpoints(folder).load()
    assert not (folder / "harm-was-done").exists()


def test_a_part_may_not_lie_elsewhere(folder: Path) -> None:
    reseal(folder, lambda state: state["parts"][0].update(file="../../other/00000001.npz"))
    with pytest.raises(ModelError):
        Checkpoints(folder).load()


def test_nothing_in_the_sources_can_execute_what_it_reads() -> None:
    wrong = []
    for path in Path(tacit.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in ("eval", "exec", "compile", "torch.load", "yaml.load") or called.split(".")[0] in (
                    "pickle",
                    "marshal",
                    "dill",
                    "joblib",
                ):
                    wrong.append(f"{path}:{node.lineno} {called}")
                allowed = [k.value for k in node.keywords if k.arg == "allow_pickle"]
                if called in ("np.load", "numpy.load") and [ast.unparse(a) for a in allowed] != ["False"]:
                    wrong.append(f"{path}:{node.lineno} np.load without allow_pickle=False")
    assert not wrong


# ------------------------------------------------------------------ the runner and its journal
def table(n: int, seed: int = 0) -> list[dict[str, Any]]:
    values = noise(n, 2, seed)
    values[n // 2 : n // 2 + 300, 0] += 10
    values[3 * n // 4 : 3 * n // 4 + 300, 0] += 10
    return [{"time": 1_700_000_000 + i, "x": float(values[i, 0]), "y": float(values[i, 1])} for i in range(n)]


class Kept(Sink):
    """A sink that keeps rows by position, as a table with a unique index would."""

    def __init__(self) -> None:
        self.rows: dict[int, tuple[Any, ...]] = {}

    def write(self, source: str, insights: Any, after: Any) -> None:
        self.rows.update({i.position: (i.score, i.alert, i.time, i.expected, i.sentence) for i in insights})

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def runner(rows: list[dict[str, Any]], sink: Kept, folder: Path | None, every: float = 1e9) -> Runner:
    return Runner(Table(rows), lambda features: LiveModel(features, alerts=20.0), [sink], folder, every=every)


def finish(run: Runner) -> None:
    while run.step() is not None:
        pass


def test_a_run_that_stopped_goes_on_at_its_event(tmp_path: Path) -> None:
    rows_, whole, cut = table(12_000), Kept(), Kept()
    finish(runner(rows_, whole, None))
    first = runner(rows_, cut, tmp_path)
    for _ in range(2):
        first.step()
    first.close()
    second = runner(rows_, cut, tmp_path)
    assert second.events == 4096
    finish(second)
    second.close()
    assert cut.rows == whole.rows and len(whole.rows) == 12_000


def test_feedback_is_replayed_at_its_event(tmp_path: Path) -> None:
    """Said after the last checkpoint; then the process dies. The next one applies it again at the same event."""
    rows_, killed, whole = table(12_000), Kept(), Kept()

    def play(sink: Kept, folder: Path | None, dies: bool) -> None:
        run = runner(rows_, sink, folder)
        said = False
        while run.step() is not None:
            assert run.model is not None
            open_ = [e for e in run.model.episodes.all.values() if e.position >= 6000 and e.closed]
            if open_ and not said:
                run.post(open_[0].id, "expected")
                said = True
            if dies and run.events > 9000:
                assert run.checkpoints is not None
                run.checkpoints.release()
                return
        run.close()

    play(whole, tmp_path / "whole", False)
    first = runner(rows_, killed, tmp_path / "killed")
    first.step()
    first.save(wait=True)
    assert first.checkpoints is not None
    first.checkpoints.release()  # as the system does when a process is killed
    del first
    play(killed, tmp_path / "killed", True)
    entries = [orjson.loads(line) for line in (tmp_path / "killed" / "journal.jsonl").read_bytes().splitlines()]
    assert [e["what"] for e in entries] == ["feedback"] and entries[0]["at"] > 6000
    last = runner(rows_, killed, tmp_path / "killed")
    assert last.events == 2048, "the state is from before the feedback"
    finish(last)
    last.close()
    assert last.model is not None and [e for e in last.model.episodes.all.values() if e.suppressed]
    assert killed.rows == whole.rows


def test_what_is_said_before_what_is_due_again_stands_before_it(tmp_path: Path) -> None:
    """Run 1 notes a at 6000 and is killed, run 2 notes b at 5000, saves and is killed: run 3 has b behind it and a to come."""
    path, seen = tmp_path / "journal.jsonl", list[Any]()
    Journal(path).note({"at": 6000, "what": "feedback", "episode": 1})
    second = Journal(path)
    second.rewind(0)
    second.note({"at": 5000, "what": "feedback", "episode": 2})
    assert second.applied == 1
    third = Journal(path)
    third.rewind(1)
    assert third.until_next(5500) == 500
    third.apply_due(6000, seen.append)
    assert [e["episode"] for e in seen] == [1] and [e["episode"] for e in third.entries] == [2, 1]


def test_a_torn_journal_line_had_not_taken_hold(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.note({"at": 5, "what": "feedback", "episode": 1, "verdict": "expected"})
    with path.open("ab") as file:
        file.write(b'{"at": 9, "wh')
    again = Journal(path)
    assert len(again.entries) == 1 and path.read_bytes().count(b"\n") == 1
    seen: list[Any] = []
    again.rewind(0)
    assert again.until_next(2) == 3
    again.apply_due(4, seen.append)
    assert seen == []
    again.apply_due(5, seen.append)
    assert [e["episode"] for e in seen] == [1] and again.until_next(5) is None


def test_a_model_of_other_features_is_refused_with_both_named(tmp_path: Path) -> None:
    run = runner(table(300), Kept(), tmp_path)
    finish(run)
    run.close()
    other = Runner(Table([{"time": i, "pressure": float(i % 7)} for i in range(300)], name="another"), LiveModel, [], tmp_path)
    with pytest.raises(ModelError, match=r"learned on x, y; the source has pressure"):
        other.step()


def test_another_source_may_go_on_with_the_model(tmp_path: Path) -> None:
    run = runner(table(2000), Kept(), tmp_path)
    finish(run)
    run.close()
    sink = Kept()
    other = Runner(Table(table(500, 5), name="another"), LiveModel, [sink], tmp_path)  # type: ignore[list-item]
    finish(other)
    other.close()
    assert len(sink.rows) == 500 and sink.rows[0][0] is not None, "no warm-up again"


@pytest.mark.parametrize("text", [b"garbage\n", b"[]\n", b'{"at": 1}\n'])
def test_a_damaged_journal_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "journal.jsonl").write_bytes(text)
    with pytest.raises(ModelError, match="journal"):
        Journal(tmp_path / "journal.jsonl")

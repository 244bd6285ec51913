"""Every part there is, found through the catalog, held to what its kind promises. A new part is covered by being there."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import os
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from tacit.contracts.catalog import ROOMS, load, names
from tacit.contracts.errors import SinkError, UnknownName
from tacit.contracts.events import Events, Feature, Refusals
from tacit.contracts.insight import Insights
from tacit.contracts.sink import Sink
from tacit.contracts.source import Source

LEAST = {
    "source": 6,
    "format": 3,
    "sink": 2,
    "stream task": 3,
    "pretext task": 15,
    "encoder": 8,
    "views": 3,
    "simple features": 2,
    "modality": 3,
    "pool": 10,
    "protocol": 3,
    "rung": 8,
}
PARTS = [(kind, name) for kind in ROOMS for name in names(kind)]
ELSEWHERE = {  # constructor arguments that are not kept under their own name, and why
    ("source", "host", "disk"): "kept by the reader of the machine, which is all that uses it",
    ("source", "rows", "rows"): "an iterable is taken once: kept as the iterator over it",
    ("source", "stdin", "descriptor"): "the pipe itself, not a setting: a copy of it would be read twice",
}
CSV = "time,key,x,state\n" + "".join(f"2024-01-01T00:00:{i:02d}Z,{'ab'[i % 2]},{i * 1.5},{'on' if i % 3 else 'off'}\n" for i in range(12))
ROWS = [{"time": 1_700_000_000 + i, "key": "ab"[i % 2], "x": i * 1.5} for i in range(12)]


@pytest.mark.parametrize("kind", ROOMS)
def test_the_folder_is_the_list(kind: str) -> None:
    folder = Path(next(iter(importlib.import_module(ROOMS[kind]).__path__)))
    assert set(names(kind)) >= {p.stem for p in folder.glob("*.py") if "_" not in p.stem}
    assert len(names(kind)) >= LEAST[kind]


@pytest.mark.parametrize("kind", ROOMS)
def test_an_unknown_name_is_told_its_neighbour(kind: str) -> None:
    name = names(kind)[0]
    with pytest.raises(UnknownName, match=f"Did you mean '{name}'"):
        load(kind, name + "x")


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_a_part_imports_and_says_what_it_is(kind: str, name: str) -> None:
    part = load(kind, name)
    assert not inspect.isabstract(part)
    assert (part.__doc__ or "").strip().splitlines()[0].strip(), f"{part.__name__} has no docstring"
    module = inspect.getmodule(part)
    assert module is not None and (module.__doc__ or "").strip()
    public = [n for n, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__ and not n.startswith("_")]
    assert public == [part.__name__]


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_constructor_arguments_are_kept_under_their_own_names(kind: str, name: str) -> None:
    """As self.NAME = NAME in the constructor (or a parent's), so that a part prints and clones itself."""
    part = load(kind, name)
    kept: set[str] = set()
    for parent in part.__mro__:
        if parent.__module__.startswith("tacit.") and "__init__" in vars(parent):
            tree = ast.parse(textwrap.dedent(inspect.getsource(vars(parent)["__init__"])))
            kept |= {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
    taught = kind == "pretext task"  # its first argument is the encoder to be taught, which is the learner's to keep
    own = [p for p in inspect.signature(part).parameters if (kind, name, p) not in ELSEWHERE and not (taught and p == "encoder")]
    assert set(own) <= kept, f"{part.__name__} forgets {sorted(set(own) - kept)}"


def test_no_exception_outlives_its_reason() -> None:
    for kind, name, argument in ELSEWHERE:
        assert argument in inspect.signature(load(kind, name)).parameters


# ------------------------------------------------------------------ sources
@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[[str], Source]]:
    """made(name) → a source of that name over twelve small real rows; a second one over the same."""
    opened: list[Source] = []
    pipes: list[int] = []
    path = tmp_path / "rows.csv"
    path.write_text(CSV)

    def make(name: str) -> Source:
        part = load("source", name)
        if name == "host":
            source = part(interval=0.02)
        elif name == "stdin":
            read, write = os.pipe()
            pipes.append(read)
            os.write(write, CSV.encode())
            os.close(write)
            source = part(descriptor=read)
        elif name in ("rows", "table"):
            source = part(iter(ROWS) if name == "rows" else ROWS)
        else:
            source = part(str(path))
        opened.append(source)
        return source

    yield make
    for source in opened:
        source.close()
    for pipe in pipes:
        os.close(pipe)


def read(source: Source, limit: int, most: int) -> list[Events]:
    """Batches until `most` events came or the source ended."""
    batches: list[Events] = []
    while sum(map(len, batches)) < most and (events := source.poll(min(limit, most - sum(map(len, batches))), 1.0)) is not None:
        batches.append(events)
    return batches


def flat(batches: list[Events]) -> list[tuple[Any, ...]]:
    """One tuple an event."""
    return [
        (b.keys[i], int(b.times[i]), int(b.positions[i]), bool(b.late[i]), tuple(np.nan_to_num(b.values[i], nan=-1e9).tolist()))
        for b in batches
        for i in range(len(b))
    ]


@pytest.mark.parametrize("name", names("source"))
def test_a_source_keeps_the_contract(made: Callable[[str], Source], name: str) -> None:
    source = made(name)
    assert isinstance(source, Source) and source.name and isinstance(source.refusals, Refusals)
    assert isinstance(source.replayable, bool) and isinstance(source.ends, bool)
    batches = read(source, 5, 12 if name != "host" else 3)
    n = sum(map(len, batches))
    assert n == (12 if name != "host" else 3)
    assert all(len(b) <= 5 for b in batches)
    for b in batches:
        assert len(b.keys) == len(b.times) == len(b.positions) == len(b.late) == len(b.values)
        assert b.times.dtype == np.int64 and b.positions.dtype == np.int64 and b.values.dtype == np.float64 and b.late.dtype == np.bool_
        assert b.values.shape[1] == len(b.features) and all(isinstance(f, Feature) for f in b.features)
        assert b.features == source.features[: len(b.features)]
        assert not np.isinf(b.values).any()
    assert [p for b in batches for p in b.positions.tolist()] == list(range(n))
    assert all(isinstance(note, str) for note in source.notes) and source.notes
    if source.ends:
        assert source.poll(5, 0.1) is None


@pytest.mark.parametrize("name", names("source"))
def test_a_source_goes_on_where_its_position_says(made: Callable[[str], Source], name: str) -> None:
    source = made(name)
    read(source, 4, 4)
    position = orjson.loads(orjson.dumps(source.position()))
    assert position["next"] == 4
    again = made(name)
    again.seek(position)
    rest = read(again, 3, 8 if again.replayable else 2)
    assert rest[0].positions[0] == 4
    if again.replayable:
        assert flat(rest) == flat(read(source, 8, 8))


@pytest.mark.parametrize("name", names("source"))
def test_a_source_may_be_closed_twice(made: Callable[[str], Source], name: str) -> None:
    source = made(name)
    source.close()
    source.close()


# ------------------------------------------------------------------ formats
@pytest.mark.parametrize("name", names("format"))
def test_a_format_reads_what_its_name_says(tmp_path: Path, name: str) -> None:
    """Through the door that users take: a file of that format gives twelve events with their values."""
    path = tmp_path / f"rows.{name}"
    if name == "csv":
        path.write_text(CSV)
    elif name == "jsonl":
        path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in ROWS))
    elif name == "parquet":
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)
    else:
        pytest.fail(f"say here how a file of format {name!r} is written")
    source = load("source", "file")(str(path))
    events = [row for b in read(source, 5, 12) for row in flat([b])]
    source.close()
    assert source.format == name == load("format", name).name
    assert [e[-1][0] for e in events] == [i * 1.5 for i in range(12)]
    assert [e[0] for e in events] == ["a", "b"] * 6


# ------------------------------------------------------------------ sinks
def insights(start: int, n: int = 6) -> Insights:
    """n plausible insights from position `start`."""
    F = 2
    wide = np.linspace(0, 1, n * F, dtype=np.float32).reshape(n, F)
    return Insights(
        keys=["ab"[i % 2] for i in range(n)],
        times=np.arange(start, start + n) * 10**9,
        positions=np.arange(start, start + n),
        features=(Feature("x"), Feature("y")),
        observed=wide.astype(np.float64),
        score=np.where(np.arange(n) > 2, 0.5, np.nan),
        surprise=np.zeros(n),
        alert=np.array([0, 0, 0, 7, 7, 0], np.int64)[:n],
        low=wide - 1,
        middle=wide,
        high=wide + 1,
        forecast=wide,
        shares=np.full((n, F), 0.5, np.float32),
        drift=np.zeros(n, np.float32),
        late=np.zeros(n, np.bool_),
        model="simple",
        sentences={3: "x is 1."},
    )


def count(target: Path) -> int:
    """Rows in what a sink wrote, whatever it is."""
    if target.read_bytes()[:6] == b"SQLite":
        import sqlite3

        base = sqlite3.connect(target)
        try:
            return int(base.execute("select count(*) from insights").fetchone()[0])
        finally:
            base.close()
    return len(target.read_bytes().splitlines())


@pytest.mark.parametrize("name", names("sink"))
def test_a_sink_keeps_the_contract(tmp_path: Path, name: str) -> None:
    """What flush returned from is there; a run that resumes leaves one row a position; closing twice is fine."""
    target = tmp_path / "out"
    sink: Sink = load("sink", name)(str(target))
    assert isinstance(sink, Sink)
    sink.write("s", insights(0), {"next": 6})
    sink.flush()
    assert count(target) == 6
    sink.write("s", insights(6), {"next": 12})
    sink.close()
    sink.close()
    assert count(target) == 12
    again: Sink = load("sink", name)(str(target))
    again.resume("s", {"next": 6})
    again.write("s", insights(6), {"next": 12})
    again.write("s", insights(12), {"next": 18})
    again.close()
    assert count(target) == 18


@pytest.mark.parametrize("name", names("sink"))
def test_a_sink_refuses_a_place_that_is_not_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(SinkError, match=r"\w+\. .*(Choose|Check|Is|Make)"):
        load("sink", name)(str(tmp_path / "nowhere" / "out"))


# ------------------------------------------------------------------ pretext tasks
@pytest.fixture(scope="module")
def encoder_and_windows() -> tuple[Any, Any]:
    import torch

    from tacit.nets.recurrent import RecurrentEncoder
    from tacit.pretext.streams.stream_task import Windows

    rng = np.random.default_rng(0)
    z = torch.from_numpy(np.cumsum(rng.standard_normal((8, 64, 3)), axis=1).astype(np.float32) / 4)
    valid = torch.from_numpy(rng.random((8, 64, 3)) > 0.1)
    windows = Windows(z * valid, valid, torch.ones(8, 64))
    return RecurrentEncoder(3, (3.0, 30.0), seed=0), windows


@pytest.mark.parametrize("name", names("stream task"))
def test_a_pretext_task_poses_the_same_puzzle_from_the_same_generator(encoder_and_windows: tuple[Any, Any], name: str) -> None:
    import torch

    encoder, windows = encoder_and_windows
    before = [part.clone() for part in windows]
    task = load("stream task", name)(3, encoder.units * len(encoder.layers), 0)
    one, two, other = (task.pose(windows, np.random.default_rng(s)) for s in (5, 5, 6))

    def flat_puzzle(puzzle: Any) -> list[Any]:
        return [t for view in puzzle.views for t in view] + [*puzzle.hidden, *puzzle.answer]

    assert all(torch.equal(a, b) for a, b in zip(flat_puzzle(one), flat_puzzle(two), strict=True))
    pairs = list(zip(flat_puzzle(one), flat_puzzle(other), strict=True))
    assert any(a.shape != b.shape or not torch.equal(a, b) for a, b in pairs)
    assert all(torch.equal(a, b) for a, b in zip(before, windows, strict=True)), "posing changed the windows"
    assert len(one.views) == len(one.hidden) >= 1
    for view, hidden in zip(one.views, one.hidden, strict=True):
        assert hidden.dtype == torch.bool and hidden.shape == view.z.shape and torch.isfinite(view.z).all()


@pytest.mark.parametrize("name", names("stream task"))
def test_a_pretext_task_is_solved_by_learning(encoder_and_windows: tuple[Any, Any], name: str) -> None:
    """Its loss is finite, reaches the encoder, falls when minimised, and its errors are one a window."""
    import torch

    encoder, windows = copy.deepcopy(encoder_and_windows[0]), encoder_and_windows[1]
    task = load("stream task", name)(3, encoder.units * len(encoder.layers), 0)
    rng = np.random.default_rng(1)
    puzzle = task.pose(windows, rng)
    weights = [*encoder.parameters(), *task.parameters()]
    optimizer = torch.optim.Adam(weights, lr=1e-2)
    losses = []
    for _ in range(12):
        outcome = task.solve(encoder, puzzle)
        assert torch.isfinite(outcome.loss)
        optimizer.zero_grad()
        outcome.loss.backward()
        if not losses:
            assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in encoder.parameters())
            assert outcome.errors is None or outcome.errors.shape == (8,)
            assert all(isinstance(v, float) for v in outcome.metrics.values())
        optimizer.step()
        losses.append(float(outcome.loss.detach()))
    assert losses[-1] < losses[0]


# ------------------------------------------------------------------ pools
@pytest.fixture
def pooled(tmp_path: Path) -> Callable[[str], tuple[Any, str]]:
    """pooled(name) → (a source of that form with four samples, its modality)."""
    import io
    import json
    import struct
    import zipfile

    import pyarrow
    from PIL import Image as Pillow

    pictures = np.random.default_rng(0).integers(0, 256, (4, 8, 9), np.uint8)
    texts = [f"this is sentence {i}" for i in range(4)]
    files = {}
    for i, p in enumerate(pictures):
        held = io.BytesIO()
        Pillow.fromarray(p).save(held, "PNG")
        files[f"{i}.png"] = held.getvalue()

    def make(name: str) -> tuple[Any, str]:
        path = tmp_path / name
        if name == "folder":
            path.mkdir()
            for n, raw in files.items():
                (path / n).write_bytes(raw)
        elif name == "archive":
            with zipfile.ZipFile(path, "w") as file:
                for n, raw in files.items():
                    file.writestr(n, raw)
        elif name == "npz":
            np.savez(path := tmp_path / "a.npz", pictures)
        elif name == "idx":
            path.write_bytes(struct.pack(">HBB3I", 0, 8, 3, *pictures.shape) + pictures.tobytes())
        elif name == "lines":
            (path := tmp_path / "a.txt").write_text("\n".join(texts))
            return path, "text"
        elif name == "table":
            (path := tmp_path / "a.csv").write_text("id,text\n" + "".join(f"{i},{t}\n" for i, t in enumerate(texts)))
            return path, "text"
        elif name == "arrays":
            return [np.arange(12.0).reshape(6, 2) * k for k in range(1, 5)], "series"
        elif name == "frames":
            return {"text": texts}, "text"
        elif name == "recordings":
            path.mkdir()
            for i in range(4):
                (path / f"{i}.csv").write_text("time,x\n" + "".join(f"{t},{t * i}\n" for t in range(9)))
            return path, "series"
        elif name == "hub":
            path.mkdir()
            table = pyarrow.table({"text": texts})
            with pyarrow.OSFile(str(path / "data.arrow"), "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as writer:
                writer.write_table(table)
            (path / "dataset_info.json").write_text(json.dumps({}))
            return path, "text"
        else:
            pytest.fail(f"say here what a source for the pool {name!r} looks like")
        return path, "image"

    return make


@pytest.mark.parametrize("name", names("pool"))
def test_a_pool_keeps_the_contract(pooled: Callable[[str], tuple[Any, str]], name: str) -> None:
    """It alone knows its source; names are unique; reading is by position, the same every time, any order, also in another process."""
    import pickle

    from tacit.connect.open_pool import open_pool
    from tacit.contracts.pool import Pool

    source, modality = pooled(name)
    assert [other for other in names("pool") if load("pool", other).accepts(source)] == [name]
    assert not load("pool", name).accepts(7) and not load("pool", name).accepts("no such thing")
    pool = open_pool(source)
    assert isinstance(pool, Pool) and type(pool) is load("pool", name)
    assert pool.modality == modality and modality in pool.kinds and len(pool) == len(pool.names) == len(set(pool.names)) == 4
    assert pool.described and all(isinstance(note, str) for note in pool.notes)
    assert all(len(values) == 4 for values in pool.columns.values())
    one, again = pool.read([2, 0, 2]), pickle.loads(pickle.dumps(pool)).read(np.array([0, 2]))
    for a, b in ((one[0], one[2]), (one[0], again[1]), (one[1], again[0])):
        assert np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b
    assert not np.array_equal(one[0], one[1])
    kind = {"image": (bytes, np.ndarray), "series": np.ndarray, "text": str}[modality]
    assert all(isinstance(sample, kind) for sample in one)
    assert pool.read([]) == []


@pytest.mark.parametrize("name", names("modality"))
def test_a_modality_keeps_the_contract(name: str) -> None:
    """Fitted from a pool alone; a bad sample is refused by name and stops nothing; facts and files bring it back whole."""
    from tacit.connect.open_pool import open_pool
    from tacit.contracts.layout import Layout, Samples
    from tacit.contracts.pool import Refused

    rng = np.random.default_rng(0)
    good: dict[str, list[Any]] = {
        "image": list(rng.integers(0, 256, (6, 9, 9, 3), np.uint8)),
        "series": list(rng.normal(size=(6, 20, 2)).astype(np.float32)),
        "text": [f"the {w} goes round and round number {i}" for i, w in enumerate(["wheel", "mill", "sun", "day", "wind", "road"])],
    }
    pool = open_pool(good[name])
    part = load("modality", name)
    made = part.fit(pool, np.random.default_rng(1))
    assert made.name == name == made.layout.modality and part.fit(pool, np.random.default_rng(1)).layout == made.layout
    raw = [good[name][0], OSError("gone"), good[name][1], None]
    samples, at, refused = made.arrays(raw, list("abcd"))
    assert isinstance(samples, Samples) and at.tolist() == [0, 2] and at.dtype == np.int64 and len(samples.values) == 2
    assert [r.name for r in refused] == ["b", "d"] and all(isinstance(r, Refused) and r.reason for r in refused) and "gone" in refused[0].reason
    shape = {"image": (made.layout.channels, *made.layout.size), "series": (*made.layout.size, made.layout.channels), "text": made.layout.size}[name]
    assert samples.values.shape[1:] == shape and (samples.valid is None or samples.valid.shape == samples.values.shape)
    again = part.restore(Layout.of(orjson.loads(orjson.dumps(made.layout.facts()))), made.files())
    same, _, _ = again.arrays(raw, list("abcd"))
    assert again.layout == made.layout and np.array_equal(same.values, samples.values)
    none, empty, _ = made.arrays([], [])
    assert len(none.values) == len(empty) == 0 and none.values.shape[1:] == shape
    assert made.show(samples.values[0], None if samples.valid is None else samples.valid[0]) is not None
    assert made.where(0) and isinstance(made.where(0), str)


# ------------------------------------------------------------------ encoders, views
def samples_of(modality: str) -> tuple[Any, Any]:
    """(layout, batch of 6 random samples, some with parts that are not real)."""
    import torch

    from tacit.contracts.layout import Layout
    from tacit.nets.encoder import Batch

    rng = torch.Generator().manual_seed(0)
    if modality == "image":
        layout = Layout("image", "number", (32, 32), 3, mean=(120.0,) * 3, deviation=(60.0,) * 3)
        return layout, Batch(torch.randint(0, 256, (6, 3, 32, 32), generator=rng, dtype=torch.uint8))
    if modality == "series":
        valid = torch.rand(6, 40, 2, generator=rng) < 0.9
        valid[0, 30:] = False
        layout = Layout("series", "number", (40,), 2, mean=(1.0, 0.0), deviation=(2.0, 1.0))
        return layout, Batch(torch.randn(6, 40, 2, generator=rng) * valid, valid)
    valid = torch.arange(20) < torch.tensor([20, 20, 12, 7, 2, 20]).unsqueeze(1)
    special = {"pad": 0, "unk": 1, "mask": 2, "cls": 3, "sep": 4, "inside": 45}
    layout = Layout("text", "category", (20,), 1, vocabulary=50, special=special)
    return layout, Batch(torch.randint(5, 50, (6, 20), generator=rng).masked_fill(~valid, 0), valid)


CONFIGURED = {"public": "reads the configuration of somebody else's model; tests/export holds it to the contract"}
ENCODERS = [(n, m) for n in names("encoder") if n not in CONFIGURED for m in sorted(load("encoder", n).modalities)]


@pytest.mark.parametrize(("name", "modality"), ENCODERS)
def test_an_encoder_keeps_the_contract(name: str, modality: str) -> None:
    """Its seed alone makes its weights; tokens lie on its grid; what is hidden counts; samples do not see each other; other data are refused."""
    import torch

    from tacit.contracts.errors import TacitError
    from tacit.nets.encoder import Batch

    part, (layout, batch) = load("encoder", name), samples_of(modality)
    chance = torch.get_rng_state()
    one, two, other = (part(layout, seed=seed).eval() for seed in (1, 1, 2))
    assert torch.equal(chance, torch.get_rng_state()), "the global generator was used"
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    many = int(np.prod(one.grid))
    hidden = torch.zeros(6, many, dtype=torch.bool)
    hidden[:, : max(1, many // 2)] = True
    with torch.no_grad():
        said, without, alone = one(batch), one(batch, hidden), one(batch.take(torch.tensor([3])))
    assert said.tokens.shape == (6, many, one.width) and said.pooled.shape == (6, one.width)
    assert said.valid is None or said.valid.shape == (6, many)
    assert torch.isfinite(said.tokens).all() and torch.isfinite(said.pooled).all()
    assert not torch.equal(said.pooled, without.pooled)
    assert torch.allclose(said.pooled[3], alone.pooled[0], atol=1e-4)
    nothing = Batch(batch.values, None if batch.valid is None else torch.zeros_like(batch.valid))
    with torch.no_grad():
        assert torch.isfinite(one(nothing).pooled).all(), "of a sample in which nothing is real"
    with pytest.raises(TacitError):
        part(samples_of(next(m for m in ("image", "series", "text") if m not in part.modalities))[0])


@pytest.mark.parametrize("name", names("views"))
def test_views_keep_the_contract(name: str) -> None:
    """Same shapes, the same again from the same generator, samples untouched; every kind can be forbidden; what a power promises is there."""
    import torch

    layout, batch = samples_of(name)
    part = load("views", name)
    patch = (8, 8) if name == "image" else (4,) if name == "series" else (1,)
    views, before = part(layout, patch), [t.clone() for t in batch if t is not None]
    n = int(np.prod(views.grid))

    def rng(seed: int = 0) -> Any:
        return torch.Generator().manual_seed(seed)

    chance = torch.get_rng_state()
    makers = {"weak": views.weak, "strong": views.strong, **({"corrupted": views.corrupted} if "corrupt" in views.powers else {})}
    makers |= {k: (lambda b, g, k=k: views.nuisance(k, 3, b, g)) for k in views.nuisances}
    for kind, make in makers.items():
        made, again = make(batch, rng(1)), make(batch, rng(1))
        assert made.values.shape == batch.values.shape and torch.equal(made.values, again.values), kind
        assert torch.isfinite(made.values.float()).all() and (made.valid is None or made.valid.shape == made.values.shape), kind
    content, real = views.content(batch)
    assert content.shape[:2] == (6, n) and (content.ndim == 2) == (layout.kind == "category") and (real is None or real.shape == content.shape)
    for blocks in (False, True):
        hidden = views.hidden(batch, 0.5, rng(), blocks)
        assert hidden.shape == (6, n) and hidden.dtype == torch.bool and torch.equal(hidden, views.hidden(batch, 0.5, rng(), blocks))
    assert torch.equal(chance, torch.get_rng_state()), "the global generator was used"
    assert all(torch.equal(a, b) for a, b in zip(before, [t for t in batch if t is not None], strict=True)), "the samples were changed"
    assert (views.turns > 1) == ("rotate" in views.powers) and (views.orders > 1) == ("order" in views.powers)
    assert views.why_not("telepathy") and all(views.why_not(power) is None for power in views.powers)
    for forbidden in [{kind} for kind in views.kinds] + [set(views.kinds)]:
        still = part(layout, patch, frozenset(forbidden))
        assert still.strong(batch, rng()).values.shape == batch.values.shape
    everything = part(layout, patch, frozenset(views.kinds))
    assert torch.equal(everything.weak(batch, rng()).values.float(), batch.values.float()), "all kinds are forbidden, and weak changes something"

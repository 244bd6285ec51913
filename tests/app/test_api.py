"""The Python interface: watch, learn, score, save, load, inspect."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow
import pytest

import tacit
from tacit.connect.sources.table import Table


def rows(n: int, start: int = 0, seed: int = 0) -> list[dict[str, Any]]:
    """n readings of two machines, one a second."""
    values = np.random.default_rng(seed).standard_normal((n, 2))
    return [
        {"time": 1_700_000_000 + start + i, "machine": "ab"[i % 2], "x": float(v[0]), "y": float(v[1] + v[0])} for i, v in enumerate(values.tolist())
    ]


def test_every_kind_of_table_gives_the_same_insights() -> None:
    plain = rows(400)
    columns = {name: [row[name] for row in plain] for name in plain[0]}
    kinds: list[Any] = [plain, iter(plain), columns, pandas.DataFrame(plain), polars.DataFrame(plain), pyarrow.table(columns)]
    found = [list(tacit.watch(table, key="machine", time="time", learn="off")) for table in kinds]
    assert all(other == found[0] for other in found[1:]) and len(found[0]) == 400
    assert found[0][0].score is None and found[0][-1].score is not None and {i.key for i in found[0]} == {"a", "b"}


def test_watch_is_lazy_and_may_be_left() -> None:
    taken = []

    def endless() -> Any:
        for i in itertools.count():
            taken.append(i)
            yield {"time": i, "x": i % 7}

    first = next(iter(tacit.watch(endless(), learn="off")))
    assert first.position == 0 and len(taken) < 10_000


def test_watch_saves_into_the_model_folder_when_it_is_closed(tmp_path: Path) -> None:
    insights = tacit.watch(rows(5000), key="machine", learn="off", model=tmp_path / "m", out=f"jsonl:{tmp_path / 'out.jsonl'}")
    seen = [next(insights) for _ in range(10)]
    insights.close()  # type: ignore[attr-defined]
    assert [i.position for i in seen] == list(range(10))
    written = [json.loads(line)["position"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    rest = list(tacit.watch(rows(5000), key="machine", learn="off", model=tmp_path / "m"))
    assert [i.position for i in rest] == list(range(len(written), 5000))


def test_seconds_is_an_end() -> None:
    assert len(list(tacit.watch("host:", seconds=1.0))) >= 1


def test_a_model_scores_saves_and_loads(tmp_path: Path) -> None:
    model = tacit.learn(rows(3000), key="machine", learn="off")
    assert model.features == ["x", "y"]
    model.save(tmp_path / "m")
    again = tacit.load(tmp_path / "m")
    odd = rows(200, 3000, 1)
    odd[100]["y"] += 30
    one, other = model.score(odd), again.score(odd)
    assert one.score.tobytes() == other.score.tobytes() and len(one) == 200
    assert one.surprise.argmax() == 100 and one.shares[100].argmax() == 1
    assert np.isfinite(one.score).all(), "no warm-up again"


def test_scoring_goes_on_where_learning_ended() -> None:
    """learn on the first part and score the second equals watching both."""
    both = rows(3000)
    whole = [i.score for i in tacit.watch(both, key="machine", learn="off")]
    model = tacit.learn(both[:2000], key="machine", learn="off")
    assert model.score(both[2000:]).score.tolist() == whole[2000:]


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    with pytest.raises(tacit.TacitError, match="no rows"):
        tacit.learn([], learn="off")
    with pytest.raises(tacit.TacitError, match="there is no model folder"):
        tacit.load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(tacit.TacitError, match="holds no model"):
        tacit.load(tmp_path / "empty")
    with pytest.raises(tacit.TacitError, match="a int is no source"):
        next(tacit.watch(7))
    model = tacit.learn(rows(300), key="machine", learn="off")
    with pytest.raises(tacit.TacitError, match="learned on x, y; the source has z"):
        model.score([{"time": i, "machine": "a", "z": i % 3} for i in range(50)])


def test_a_score_that_fails_leaves_nothing_open_and_the_model_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    model, again = (tacit.learn(rows(300), key="machine", learn="off") for _ in range(2))
    closed = []
    monkeypatch.setattr(Table, "close", lambda table: closed.append(id(table)))
    with pytest.raises(tacit.TacitError, match="no rows"):
        model.score([])
    with pytest.raises(tacit.TacitError, match="learned on x, y; the source has z"):
        model.score([{"time": i, "machine": "a", "z": i % 3} for i in range(50)])
    assert len(closed) == 2
    assert model.score(rows(50, 300)).score.tolist() == again.score(rows(50, 300)).score.tolist()


def test_inspect_says_what_was_found() -> None:
    found = tacit.inspect(rows(100), key="machine")
    assert ("feature", "x") in {(section, name) for section, name, _ in found}
    assert any(section == "key" and "'a', 'b'" in text for section, _, text in found)


def test_importing_tacit_costs_nothing() -> None:
    script = "import sys, tacit; print(sorted(m for m in ('numpy', 'numba', 'torch', 'starlette', 'typer') if m in sys.modules), tacit.__all__)"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.startswith("[] ") and "watch" in said


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(AttributeError, match=r"it has .*watch"):
        tacit.wach  # noqa: B018
    assert all(getattr(tacit, name) for name in tacit.__all__)

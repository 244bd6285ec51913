"""One writer a model folder, and a state from before the first row on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tacit.app.assemble import Wish, assemble
from tacit.contracts.errors import ModelError
from tests.live.test_command import make_file


def test_a_second_writer_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    path, folder = make_file(tmp_path / "events.csv", 300), tmp_path / "m"
    first = assemble(Wish(str(path), model=folder, learn="off"))
    first.step()
    with pytest.raises(ModelError, match="being written by another tacit"):
        assemble(Wish(str(path), model=folder, learn="off"))
    first.close()
    second = assemble(Wish(str(path), model=folder, learn="off"))
    while second.step() is not None:
        pass
    assert second.events == 300
    second.close()


def test_killed_before_the_first_checkpoint_no_line_comes_twice(tmp_path: Path) -> None:
    """The runner is let go without its close, as a kill does."""
    path, folder, out = make_file(tmp_path / "events.csv", 3000), tmp_path / "m", tmp_path / "out.jsonl"
    killed = assemble(Wish(str(path), model=folder, learn="off", out=[f"jsonl:{out}"]))
    killed.step()
    assert killed.checkpoints is not None
    killed.checkpoints.release()
    killed.source.close()
    again = assemble(Wish(str(path), model=folder, learn="off", out=[f"jsonl:{out}"]))
    while again.step() is not None:
        pass
    again.close()
    lines = out.read_text().splitlines()
    assert len(lines) == 3000 and len(set(lines)) == 3000

"""Characters of one text: the benchmark's whole way, in seconds, on a text of our own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks import shakespeare


def test_it_learns_and_judges_one_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text_tinyshakespeare").mkdir()
    (tmp_path / "text_tinyshakespeare" / "input.txt").write_text("to be or not to be, that is the question. " * 400)
    monkeypatch.setenv("TACIT_DATA", str(tmp_path))
    threads = torch.get_num_threads()
    shakespeare.main(["--minutes", "0.1", "--width", "32", "--depth", "1", "--heads", "2", "--length", "16"])
    torch.set_num_threads(threads)
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert facts["steps"] > 10 and facts["validation_loss"] < 2.5, "letters alone, by their frequency, are 2.5 nats"

"""Two processes under torchrun learn one encoder: the same weights in both, other samples in each, one folder."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tacit.export.model_folder import load


@pytest.mark.parametrize("budget", ["steps=6", "minutes=0.03"])
def test_two_processes_learn_one_encoder(tmp_path: Path, budget: str) -> None:
    """In minutes each has a clock of its own: by two clocks one would stop first, and the other wait for it."""
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import hashlib, os, sys
            from pathlib import Path
            import torch
            sys.path.insert(0, {str(Path(__file__).parent)!r})
            torch.set_num_threads(1)
            from wave_pool import waves
            from tacit.export.model_folder import weights_of
            from tacit.learning.recipe import Recipe
            from tacit.learning.teaching import teach
            options = dict(encoder="dilated", encoder_options=dict(width=16, hidden=16, depth=3))
            model = teach(Recipe(pretext=dict(contrastive=1.0), {budget}, batch=8, **options), waves()[0], Path(sys.argv[1]))
            print("weights", os.environ["RANK"], hashlib.sha256(weights_of(model.encoder)).hexdigest(), flush=True)
            torch.distributed.destroy_process_group()
            """
        )
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(script), str(tmp_path / "model")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-3000:]
    told = dict(line.split()[1:] for line in done.stdout.splitlines() if line.startswith("weights"))
    assert set(told) == {"0", "1"} and told["0"] == told["1"]
    steps = load(tmp_path / "model").about["learning"]["steps"]
    assert steps == 6 if budget == "steps=6" else steps > 8

"""The loop: budgets, resumption to the bit, collapse as an error, what is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from wave_pool import fitted, waves

from tacit.connect.open_pool import open_pool
from tacit.contracts.errors import CollapseError, DataError, ModelError
from tacit.contracts.layout import Samples
from tacit.export.model_folder import load, weights_of
from tacit.learning import checkpoint
from tacit.learning.feeding import Feeder
from tacit.learning.health import Health, alignment, effective_rank, spread, uniformity
from tacit.learning.loop import FILE, Loop
from tacit.learning.recipe import Recipe, parse_encoder, parse_pretext, read_recipe
from tacit.learning.sampling import Sampler, split
from tacit.learning.settings import pace, settle
from tacit.learning.teaching import fit_modality, teach

SMALL = {"encoder": "dilated", "encoder_options": {"width": 16, "hidden": 16, "depth": 3}}


def recipe(**changes: object) -> Recipe:
    return Recipe(**{"pretext": {"contrastive": 1.0}, "steps": 24, "batch": 16, "seed": 3, **SMALL, **changes})  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_learning_lowers_the_loss_and_is_a_function_of_the_seed() -> None:
    pool, _ = waves()
    models = [teach(recipe(seed=seed), pool) for seed in (3, 3, 4)]
    curve = models[0].about["learning"]["curve"]
    assert curve[-1]["loss"] < curve[0]["loss"] and curve[-1]["step"] == 24
    assert all(line["gap"] == line["held_out"] - line["loss"] for line in curve)
    same, again, other = (weights_of(m.encoder) for m in models)
    assert same == again and same != other


def test_a_run_that_was_stopped_goes_on_to_the_bit(tmp_path: Path) -> None:
    pool, _ = waves()
    whole = teach(recipe(), pool, tmp_path / "whole")
    stopped: list[Loop] = []

    def stop_soon(line: dict[str, float], share: float) -> None:
        stopped[0].stop = line["step"] >= 8

    half = teach(recipe(), pool, tmp_path / "half", report=stop_soon, begun=stopped.append)
    assert not half.about["learning"]["finished"] and (tmp_path / "half" / FILE).exists()
    assert load(tmp_path / "half").encoder.width == whole.encoder.width  # what was learned so far is there, too
    rest = teach(recipe(), pool, tmp_path / "half")
    assert weights_of(rest.encoder) == weights_of(whole.encoder)
    assert [line["step"] for line in rest.about["learning"]["curve"]] == [8.0, 12.0, 16.0, 20.0, 24.0] or rest.about["learning"]["steps"] == 24
    assert not (tmp_path / "half" / FILE).exists()


def test_a_killed_run_goes_on_to_the_bit(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import sys, torch
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        torch.set_num_threads(1)
        from wave_pool import waves
        from test_loop import recipe
        from tacit.learning import loop
        from tacit.learning.teaching import teach
        from pathlib import Path
        loop.SAVE_EVERY = 0.0
        def report(line, share):
            print(int(line["step"]), flush=True)
            if {{}} and line["step"] == 12: import os, signal; os.kill(os.getpid(), signal.SIGKILL)
        teach(recipe(), waves()[0], Path(sys.argv[1]), report=report)
        """
    )
    outs = [tmp_path / "killed", tmp_path / "whole"]
    ends = [_run(script.replace("{}", "True"), outs[0]), _run(script.replace("{}", "False"), outs[0]), _run(script.replace("{}", "False"), outs[1])]
    assert ends == [-signal.SIGKILL, 0, 0]
    assert weights_of(load(outs[0]).encoder) == weights_of(load(outs[1]).encoder)


def _run(script: str, out: Path) -> int:
    return subprocess.run(
        [sys.executable, "-c", script, str(out)], env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False, capture_output=True
    ).returncode


def test_a_run_with_other_settings_is_not_gone_on_from(tmp_path: Path) -> None:
    pool, _ = waves()
    loops: list[Loop] = []
    teach(recipe(), pool, tmp_path, begun=loops.append, report=lambda line, share: setattr(loops[0], "stop", True))
    with pytest.raises(ModelError, match=r"other settings: rate None \(now 0\.1\)|other settings: rate"):
        teach(recipe(rate=0.1), pool, tmp_path)


def test_a_finished_model_is_not_written_over(tmp_path: Path) -> None:
    pool, _ = waves()
    teach(recipe(steps=4), pool, tmp_path)
    with pytest.raises(ModelError, match="already holds a model"):
        teach(recipe(steps=4), pool, tmp_path)


def test_seconds_are_kept_to() -> None:
    pool, _ = waves()
    model = teach(recipe(steps=None, minutes=1 / 60), pool)
    assert model.about["learning"]["steps"] > 8 and model.about["learning"]["finished"]


def test_pieces_add_up_to_the_batch() -> None:
    """Masked losses are means over samples, so that gradients of pieces add to nearly that of the whole."""
    pool, _ = waves()
    one, two = (teach(recipe(pretext={"autoencoding": 1.0}, pieces=p, steps=6), pool).about["learning"]["curve"][-1]["loss"] for p in (1, 2))
    assert one == pytest.approx(two, rel=0.2)


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(DataError, match="at least 4 are needed"):
        teach(recipe(), waves(3)[0])


def test_settings_follow_the_size() -> None:
    small, large = settle(100), settle(100_000)
    assert small.batch < large.batch == 256 and small.rate < large.rate and small.held == 8
    assert settle(100, batch=500).batch == 92 and settle(100, rate=1.0).rate == 1.0
    rates = [pace(step, 100, 0.05) for step in range(100)]
    assert rates[0] == 0.2 and max(rates) == 1.0 and rates[-1] < 0.01


def test_sampler_shows_every_sample_once_an_epoch_and_resumes() -> None:
    rows = np.arange(50, 73)
    sampler = Sampler(rows, 5, seed=1)
    seen = np.concatenate([sampler.next() for _ in range(23)])
    assert all(sorted(seen[k : k + 23]) == rows.tolist() for k in range(0, 115, 23))
    other = Sampler(rows, 5, seed=1)
    for _ in range(7):
        other.next()
    third = Sampler(rows, 5, seed=1)
    third.restore(other.state())
    assert np.array_equal(other.next(), third.next())
    parts = [set(Sampler(rows, 11, 1, rank, 2).next().tolist()) for rank in (0, 1)]
    assert not parts[0] & parts[1] and len(parts[0] | parts[1]) == 22
    at, held = split(100, 10, 0)
    assert len(at) == 90 and not set(at) & set(held)


def test_large_pools_are_decoded_on_the_way_to_the_same_batches() -> None:
    pool, _ = waves()
    modality = fitted(pool)
    feeders = [Feeder(pool, modality), Feeder(pool, modality, limit=0)]
    for feeder in feeders:
        feeder.begin(Sampler(feeder.rows, 16, 5))
    for _ in range(6):
        one, two = (feeder.next() for feeder in feeders)
        assert np.array_equal(one.values, two.values)
        assert feeders[0].state() == feeders[1].state()
    for feeder in feeders:
        feeder.close()


def test_checkpoints_hold_trees_and_refuse_damage(tmp_path: Path) -> None:
    tree = {"a": [1, (2.5, None)], 3: {"t": torch.arange(4), "e": torch.zeros(0)}, "s": "text", "b": True}
    checkpoint.write(tmp_path / "x", tree)
    back = checkpoint.read(tmp_path / "x")
    assert back["a"] == [1, (2.5, None)] and torch.equal(back[3]["t"], torch.arange(4)) and back["b"] is True
    data = (tmp_path / "x").read_bytes()
    for damaged in (data[: len(data) // 2], b"", b"\0" * 100):
        (tmp_path / "x").write_bytes(damaged)
        with pytest.raises(ModelError, match=r"cannot be read|damaged|version"):
            checkpoint.read(tmp_path / "x")


def test_figures_of_health() -> None:
    rng = torch.Generator().manual_seed(0)
    full, line = torch.randn(400, 16, generator=rng), torch.randn(400, 1, generator=rng) * torch.randn(1, 16, generator=rng)
    assert effective_rank(full) > 14 and effective_rank(line) == pytest.approx(1, abs=0.01) and effective_rank(torch.ones(40, 4)) == 1
    assert spread(full) > 0.9 and spread(torch.ones(40, 4)) == pytest.approx(0, abs=1e-6)
    assert alignment(full, full) == 0 and alignment(full, -full) == pytest.approx(4)
    assert uniformity(full) < -2 and uniformity(torch.ones(40, 4)) == pytest.approx(0, abs=1e-5)


def test_collapse_is_an_error_with_advice() -> None:
    rng = torch.Generator().manual_seed(0)
    health = Health()
    health.see(torch.randn(128, 16, generator=rng), None)
    health.look(1.0, 1.0)
    health = Health(64)
    health.see(torch.randn(128, 16, generator=rng), None)
    health.look(1.0, 1.0)
    health.see(torch.ones(128, 16) + 1e-5 * torch.randn(128, 16, generator=rng), None)
    health.look(1.0, 1.0)
    with pytest.raises(CollapseError, match=r"nearly the same embedding.*Lower the rate"):
        health.look(1.0, 1.0)
    with pytest.raises(CollapseError, match="loss is nan"):
        Health().look(float("nan"), 1.0)


def test_recipes_are_read_and_typing_errors_told(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(
        '[learn]\npretext = "simclr"\nminutes = 2\n[task.contrastive]\nheat = 0.3\n[views]\nforbidden = ["crop"]\n[goal]\nmetric = "f1"\n'
    )
    made, goal = read_recipe(path)
    assert made.pretext == {"contrastive": 1.0} and made.minutes == 2 and made.forbidden == ("crop",) and goal == {"metric": "f1"}
    assert made.task_options == {"contrastive": {"heat": 0.3}}
    assert parse_pretext("masked=2,contrastive") == {"masked": 2.0, "contrastive": 1.0}
    assert parse_encoder("dilated:width=8") == ("dilated", {"width": 8})
    for text, told in (("[lern]\n", "Did you mean 'learn'"), ("[learn]\nminuts = 2\n", "Did you mean 'minutes'"), ("[learn\n", "cannot be read")):
        path.write_text(text)
        with pytest.raises((DataError, Exception), match=told):
            read_recipe(path)


class Counting(Feeder):
    """Knows how many samples were read at once."""

    def read(self, rows: NDArray[np.int64]) -> Samples:
        self.sizes = [*getattr(self, "sizes", []), len(rows)]
        return super().read(rows)


@pytest.mark.parametrize(("modality", "encoder", "looks"), [("text", "bagged", 1), ("series", "dilated", 2)])
def test_samples_are_read_for_a_last_look_only_where_the_encoder_settles(modality: str, encoder: str, looks: int) -> None:
    pool = open_pool([f"{a} and {b} go out" for a in ("dogs", "cats", "men", "cows") for b in "abcdefgh"]) if modality == "text" else waves(32)[0]
    wish = Recipe(pretext={"contrastive": 1.0}, encoder=encoder, steps=2, batch=4)
    feeder = Counting(pool, fit_modality(pool, wish))
    teach(wish, pool, modality=feeder.modality, feeder=feeder)
    feeder.close()
    assert sum(size > 4 for size in feeder.sizes) == looks  # batches, and what is held out for the loss, are of four

"""Views of series: what they pose is what they say; what isn't real stays so; the same generator draws the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from tacit.contracts.errors import UnknownName
from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch
from tacit.nets.views.series import SeriesViews

LENGTH, CHANNELS = 48, 4
LAYOUT = Layout("series", "number", (LENGTH,), CHANNELS, mean=(0.0, 50.0, -1.0, 0.0), deviation=(1.0, 10.0, 0.1, 1.0))
VIEWS = SeriesViews(LAYOUT, (4,))


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(valid: bool = False, n: int = 64) -> Batch:
    values = torch.randn(n, LENGTH, CHANNELS, generator=rng(9)).cumsum(1) * 0.3
    values = values * torch.tensor(LAYOUT.deviation) + torch.tensor(LAYOUT.mean)
    if not valid:
        return Batch(values)
    real = torch.rand(values.shape, generator=rng(8)) > 0.1
    real[::3, 37:] = False
    real[1::3, :9] = False
    return Batch(values * real, real)


CHANGES: dict[str, Callable[[Batch, torch.Generator], Batch]] = {
    "weak": VIEWS.weak,
    "strong": VIEWS.strong,
    "corrupted": VIEWS.corrupted,
    **{f"{name}-{k}": (lambda b, g, name=name, k=k: VIEWS.nuisance(name, k, b, g)) for name in VIEWS.nuisances for k in (1, 5)},
}


@pytest.mark.parametrize("valid", [False, True])
@pytest.mark.parametrize("name", CHANGES)
def test_changes_keep_shapes_and_what_is_not_real(name: str, valid: bool) -> None:
    b = batch(valid)
    before = (b.values.clone(), None if b.valid is None else b.valid.clone())
    one, two, other = (CHANGES[name](b, rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(b.values, before[0]) and (before[1] is None or torch.equal(before[1], b.valid))  # not in place
    assert one.values.shape == b.values.shape and torch.isfinite(one.values).all()
    assert torch.equal(one.values, two.values) and not torch.equal(one.values, other.values)
    if one.valid is not None:
        assert (one.values[~one.valid] == 0).all()
        assert one.valid.flatten(1).any(1).all()
    if b.valid is not None:
        assert one.valid is not None
        steps = one.valid.any(-1)
        assert not steps[::3, 38:].any() and not steps[1::3, :8].any()  # padding is never filled


def test_weak_hardly_changes_and_strong_does() -> None:
    b = batch()

    def off(view: Batch) -> float:
        seen = torch.ones_like(b.values) if view.valid is None else view.valid
        z = ((view.values - b.values) / torch.tensor(LAYOUT.deviation)) * seen
        return float(z.square().sum().div(seen.sum()).sqrt())

    assert 0.01 < off(VIEWS.weak(b, rng())) < off(VIEWS.strong(b, rng())) / 1.5


def test_forbidden_views_are_not_used() -> None:
    nothing = SeriesViews(LAYOUT, (4,), frozenset(SeriesViews.kinds))
    for change in (nothing.weak, nothing.strong):
        view = change(batch(), rng())
        assert torch.equal(view.values, batch().values) and view.valid is None
    keeps = SeriesViews(LAYOUT, (4,), frozenset({"window", "sensors", "gap"})).strong(batch(), rng())
    assert keeps.valid is None
    with pytest.raises(UnknownName, match="jitter"):
        SeriesViews(LAYOUT, (4,), frozenset({"jiter"}))


@pytest.mark.parametrize("kind", SeriesViews.kinds)
def test_each_kind_changes_something(kind: str) -> None:
    views = SeriesViews(LAYOUT, (4,), frozenset(SeriesViews.kinds) - {kind})
    change = views.weak if kind == "shift" else views.strong
    assert not torch.equal(change(batch(), rng()).values, batch().values)


def test_windows_of_a_sample_overlap_in_place() -> None:
    views = SeriesViews(LAYOUT, (1,), frozenset(SeriesViews.kinds) - {"window"})
    b, g = batch(), rng()
    one, two = views.strong(b, g), views.strong(b, g)
    assert one.valid is not None and two.valid is not None
    both = one.valid & two.valid
    assert both.any(-1).any(-1).all()
    assert torch.equal(one.values[both], two.values[both])
    share = one.valid.any(-1).float().mean(1)
    assert share.min() >= 0.5 and share.max() <= 1


@pytest.mark.parametrize("valid", [False, True])
@pytest.mark.parametrize("patch", [1, 4, 5])
@pytest.mark.parametrize("blocks", [False, True])
def test_hidden_is_the_share_of_what_is_real(valid: bool, patch: int, blocks: bool) -> None:
    views, b = SeriesViews(LAYOUT, (patch,)), batch(valid)
    hidden = views.hidden(b, 0.4, rng(), blocks)
    assert hidden.shape == (64, *views.grid)
    answer, asked = views.content(b)
    assert answer.shape == (64, views.grid[0], patch * CHANNELS)
    real = torch.ones_like(hidden) if asked is None else asked.any(-1)
    assert not (hidden & ~real).any()
    assert torch.equal(hidden.sum(1), (real.sum(1) * 0.4).round().long())
    runs = (hidden[:, 1:] != hidden[:, :-1]).sum() / 2
    if blocks and patch == 1:
        assert hidden.sum() / runs > 3  # steps a piece, about
    spread = hidden.float().mean(0)
    assert not blocks or valid or spread.min() > 0.1  # every place is hidden now and then


def test_hidden_never_takes_all_or_nothing() -> None:
    b = batch()
    for share in (0.0001, 0.9999):
        some = VIEWS.hidden(b, share, rng()).sum(1)
        assert ((some >= 1) & (some < VIEWS.grid[0])).all()


def test_content_is_normalised_and_clipped() -> None:
    b = batch()
    b.values[0, 0, 1] = 1e9
    answer, asked = SeriesViews(LAYOUT, (1,)).content(b)
    assert asked is None and answer.max() == 10
    z = (b.values - torch.tensor(LAYOUT.mean)) / torch.tensor(LAYOUT.deviation)
    assert torch.allclose(answer, z.clamp(-10, 10))
    padded, real = SeriesViews(LAYOUT, (5,)).content(b)  # 48 steps in ten pieces of five
    assert real is not None and not real[:, -1, -2 * CHANNELS :].any() and real[:, :-1].all()
    assert torch.allclose(padded.reshape(64, 50, CHANNELS)[:, :LENGTH], answer)


@pytest.mark.parametrize("valid", [False, True])
def test_orders(valid: bool) -> None:
    b = batch(valid)
    for k in range(VIEWS.orders):
        view = VIEWS.ordered(b, torch.full((64,), k), rng())
        for row in range(64):
            steps = slice(None) if b.valid is None else b.valid[row].any(-1)
            was, now = b.values[row][steps], view.values[row][steps]
            if k == 0:
                assert torch.equal(now, was)
            elif k == VIEWS.orders - 1 and not valid:
                assert torch.equal(now, was.flip(0))
            else:
                assert not torch.equal(now, was)
            assert torch.equal(was.sort(0).values, now.sort(0).values)  # nothing lost, nothing new


def test_the_order_of_the_segments_is_the_class() -> None:
    """Steps numbered through: three rising runs, in the order of the class."""
    numbers = Batch(torch.arange(LENGTH, dtype=torch.float32).view(1, -1, 1).repeat(8, 1, CHANNELS))
    view = VIEWS.ordered(numbers, torch.full((8,), 3), rng())  # (1, 2, 0)
    for row in view.values[..., 0]:
        breaks = (row.diff() != 1).nonzero()
        assert len(breaks) == 1 and row[-1] < row[0] and row[breaks[0] + 1] == 0


def test_severities_rise() -> None:
    b = batch()
    for name in VIEWS.nuisances:
        off = []
        for severity in range(1, 6):
            view = VIEWS.nuisance(name, severity, b, rng())
            lost = 0 if view.valid is None else float((~view.valid).float().mean())
            seen = torch.ones_like(b.values) if view.valid is None else view.valid
            z = (view.values - b.values) / torch.tensor(LAYOUT.deviation) * seen
            off.append(lost + float(z.square().mean().sqrt()))
        assert (np.diff(off) >= 0).all() and off[-1] > 1.5 * off[0], (name, off)


def test_small_series_say_what_they_lack() -> None:
    short = SeriesViews(Layout("series", "number", (6,), 1), (6,))
    assert "too short" in (short.why_not("order") or "") and "one piece" in (short.why_not("hide") or "")
    assert short.why_not("views") is None and "rotate" in (short.why_not("rotate") or "")
    assert "missing" not in short.nuisances
    with pytest.raises(UnknownName):
        short.nuisance("missing", 1, Batch(torch.zeros(2, 6, 1)), rng())
    for name in short.nuisances:
        assert torch.isfinite(short.nuisance(name, 5, Batch(torch.zeros(2, 6, 1)), rng()).values).all()
    assert short.strong(Batch(torch.zeros(2, 6, 1)), rng()).values.shape == (2, 6, 1)


def test_a_batch_of_one() -> None:
    b = batch(n=1)
    assert VIEWS.strong(b, rng()).values.shape == b.values.shape and VIEWS.hidden(b, 0.5, rng()).sum() == 6

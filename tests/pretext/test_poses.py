"""What tasks pose: how much is hidden, how answers are spread, that no answer can be read off what is shown, the same from the same generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from tacit.contracts.catalog import load, names
from tacit.nets.encoder import Batch
from tacit.pretext.colourisation import Colourisation
from tacit.pretext.isotropic import Isotropic
from tacit.pretext.masked import Masked, patch_normalised
from tacit.pretext.order import Order
from tacit.pretext.predictive import Predictive
from tacit.pretext.pretext_task import Puzzle

ONE_EACH = ["convnet", "patches", "causal", "transformer", "gpt"]
HIDING = ["masked", "inpainting", "jepa"]


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def parts(puzzle: Puzzle) -> list[Tensor]:
    views = [t for v in puzzle.views for t in (v.values, v.valid) if t is not None]
    return views + [t for t in (*puzzle.hidden, *puzzle.answer) if t is not None]


@pytest.mark.parametrize("name", names("pretext task"))
@pytest.mark.parametrize("encoder_name", ONE_EACH)
def test_the_same_generator_poses_the_same_puzzle(made: Callable[..., Any], encoder_name: str, name: str) -> None:
    encoder, views, batch = made(encoder_name)
    part = load("pretext task", name)
    if part.refuses(encoder, views):
        return
    task, before = part(encoder, seed=1), [t.clone() for t in batch if t is not None]
    chance = torch.get_rng_state()
    one, two, other = (task.pose(batch, views, rng(seed)) for seed in (5, 5, 6))
    assert torch.equal(chance, torch.get_rng_state()), "the global generator was used"
    assert all(torch.equal(a, b) for a, b in zip(parts(one), parts(two), strict=True))
    if name != "nexttoken":  # every token is a question: nothing is drawn
        assert any(a.shape != b.shape or not torch.equal(a, b) for a, b in zip(parts(one), parts(other), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(before, [t for t in batch if t is not None], strict=True)), "posing changed the batch"
    assert len(one.views) == len(one.hidden)


@pytest.mark.parametrize("name", HIDING)
@pytest.mark.parametrize("encoder_name", ["convnet", "patches", "dilated", "transformer"])
@pytest.mark.parametrize("share", [0.25, 0.5])
def test_as_much_is_hidden_as_asked(made: Callable[..., Any], encoder_name: str, name: str, share: float) -> None:
    encoder, views, batch = made(encoder_name, 200)
    task = load("pretext task", name)(encoder, seed=1, share=share)
    puzzle = task.pose(batch, views, rng())
    asked = puzzle.answer[0] if name == "jepa" else puzzle.answer[1]
    assert asked is not None and asked.dtype == torch.bool
    shown = puzzle.views[0]
    real = torch.ones_like(asked)
    if shown.valid is not None:
        flat = shown.valid if shown.valid.ndim == 2 else shown.valid.any(-1)
        real = flat.unflatten(1, (asked.shape[1], -1)).any(-1)
    assert not bool((asked & ~real).any()), "what isn't real is asked for"
    got = asked.sum(1) / real.sum(1)
    assert float((got - share).abs().mean()) < 0.5 / float(real.sum(1).float().mean()) + 0.08
    assert float(got.max()) < 1
    everywhere = asked[real.all(1)].float().mean(0)  # each place is hidden about as often; blocks are cut off at the ends
    error = (share * (1 - share) / int(real.all(1).sum())) ** 0.5
    assert float((everywhere - share).abs().max()) < (4.5 * error if name == "masked" and encoder_name != "transformer" else 0.35)


@pytest.mark.parametrize("name", HIDING)
@pytest.mark.parametrize("encoder_name", ["convnet", "vit", "patches", "dilated", "causal", "transformer", "gpt"])
def test_what_is_hidden_does_not_reach_the_guess(made: Callable[..., Any], encoder_name: str, name: str) -> None:
    """Hidden content is changed wholly: the encoder says the same, and so would every head."""
    encoder, views, batch = made(encoder_name)
    options = {"swapped": 0.0, "kept": 0.0} if name == "masked" else {}
    task = load("pretext task", name)(encoder, seed=1, **options)
    puzzle = task.pose(batch, views, rng())
    view, hidden = puzzle.views[0], puzzle.hidden[0]
    assert hidden is not None and bool(hidden.any())
    where = places(hidden, view.values, encoder.layout.modality, encoder)
    if encoder.layout.modality == "text":
        other = torch.where(where, (view.values + 7) % 55 + 5, view.values)
    else:
        other = torch.where(where, 250 - view.values.float(), view.values.float())
    encoder.eval()
    with torch.no_grad():
        said, again = encoder(view, hidden), encoder(Batch(other, view.valid), hidden)
    assert not torch.equal(view.values.float(), other.float())
    assert torch.equal(said.tokens, again.tokens) and torch.equal(said.pooled, again.pooled)


@pytest.mark.parametrize("name", HIDING)
@pytest.mark.parametrize("encoder_name", ["convnet", "vit", "patches", "dilated", "causal"])
def test_no_gradient_of_the_loss_reaches_hidden_content(made: Callable[..., Any], encoder_name: str, name: str) -> None:
    encoder, views, batch = made(encoder_name)
    task = load("pretext task", name)(encoder, seed=1)
    puzzle = task.pose(batch, views, rng())
    values = puzzle.views[0].values.float().requires_grad_()
    shown = Batch(values, puzzle.views[0].valid)
    task.solve(encoder, puzzle._replace(views=(shown, *puzzle.views[1:]))).loss.backward()
    assert values.grad is not None and puzzle.hidden[0] is not None
    where = places(puzzle.hidden[0], values, encoder.layout.modality, encoder)
    assert float(values.grad[where].abs().max()) == 0
    assert float(values.grad[~where].abs().max()) > 0


def places(hidden: Tensor, values: Tensor, modality: str, encoder: Any) -> Tensor:
    """hidden on the grid → in the shape of the values."""
    if modality == "text":
        return hidden
    if modality == "series":
        return hidden.repeat_interleave(encoder.patch[0], 1)[:, : values.shape[1]].unsqueeze(-1).expand(values.shape)
    whole = hidden.view(-1, 1, *encoder.grid).repeat_interleave(encoder.patch[0], 2).repeat_interleave(encoder.patch[1], 3)
    return whole[..., : values.shape[2], : values.shape[3]].expand(values.shape)


# ------------------------------------------------------------------ classes
@pytest.mark.parametrize(("name", "encoder_name"), [("rotation", "convnet"), ("order", "patches"), ("order", "transformer")])
def test_all_classes_are_equally_likely(made: Callable[..., Any], name: str, encoder_name: str) -> None:
    encoder, views, batch = made(encoder_name, 400)
    answers = load("pretext task", name)(encoder, seed=1).pose(batch, views, rng()).answer[0]
    assert answers is not None
    many = views.turns if name == "rotation" else views.orders
    counts = torch.bincount(answers, minlength=many).float()
    assert len(counts) == many
    assert float((counts - 400 / many).abs().max()) < 4 * (400 / many) ** 0.5
    halves = [torch.bincount(h, minlength=many).float() for h in answers.chunk(2)]  # no pattern along the batch
    assert float((halves[0] - halves[1]).abs().max()) < 5 * (200 / many) ** 0.5


def test_class_zero_is_the_sample_itself(made: Callable[..., Any]) -> None:
    encoder, views, batch = made("convnet", 64)
    puzzle = load("pretext task", "rotation")(encoder, weak=False).pose(batch, views, rng())
    (answer,), shown = puzzle.answer, puzzle.views[0].values
    assert answer is not None
    assert torch.equal(shown[answer == 0], batch.values[answer == 0])
    assert torch.equal(shown[answer == 1], torch.rot90(batch.values[answer == 1], 1, (2, 3)))


@pytest.mark.parametrize("encoder_name", ["patches", "transformer"])
def test_an_order_is_not_in_the_padding_and_moves_values_only(made: Callable[..., Any], encoder_name: str) -> None:
    encoder, views, batch = made(encoder_name, 64)
    puzzle = Order(encoder, weak=False).pose(batch, views, rng())
    shown = puzzle.views[0]
    assert shown.valid is not None and batch.valid is not None
    assert torch.equal(shown.valid, batch.valid), "which places are real tells the order"
    assert torch.equal(shown.values.sort(1).values, batch.values.sort(1).values), "the same values in another order"
    answer = puzzle.answer[0]
    assert answer is not None and torch.equal(shown.values[answer == 0], batch.values[answer == 0])


def test_a_series_without_an_order_gives_none_away(made: Callable[..., Any]) -> None:
    """A constant series is the same in every order: no seam, no border tells it."""
    encoder, views, batch = made("patches", 32)
    flat = Batch(torch.full_like(batch.values, 0.7) * batch.valid, batch.valid)
    assert torch.equal(Order(encoder, weak=False).pose(flat, views, rng()).views[0].values, flat.values)


# ------------------------------------------------------------------ colours, words
def test_colourisation_shows_no_colour_and_asks_for_nothing_else(made: Callable[..., Any]) -> None:
    encoder, views, batch = made("convnet")
    task = Colourisation(encoder, weak=False)
    puzzle = task.pose(batch, views, rng())
    shown = puzzle.views[0].values.float()
    assert float((shown - shown[:, :1]).abs().max()) == 0, "the channels differ"
    gray = Batch(shown)
    colours = task.pose(gray, views, rng()).answer[0]
    assert colours is not None and float(colours.abs().max()) < 0.02, "of a gray picture nothing is asked"


def test_words_are_hidden_swapped_and_kept_eight_to_one_to_one(made: Callable[..., Any]) -> None:
    encoder, views, batch = made("transformer", 400)
    puzzle = Masked(encoder, share=0.25).pose(batch, views, rng())
    content, asked, real = puzzle.answer
    hidden, shown = puzzle.hidden[0], puzzle.views[0].values
    assert content is not None and asked is not None and hidden is not None and real is not None
    assert torch.equal(content, batch.values)
    many = int(asked.sum())
    changed = shown != batch.values
    assert not bool((hidden & ~asked).any()) and not bool((changed & ~asked).any()), "only what is asked for is touched"
    error = (0.1 * 0.9 / many) ** 0.5
    assert abs(float(hidden.sum()) / many - 0.8) < 5 * error
    assert abs(float((changed & ~hidden).sum()) / many - 0.1) < 5 * error  # a random word is seldom the same
    assert abs(float((asked & ~hidden & ~changed).sum()) / many - 0.1) < 5 * error
    drawn = shown[changed & ~hidden]
    assert not set(drawn.tolist()) & set(encoder.layout.special.values()), "a special token was put in"
    assert len(drawn.unique()) > 40


def test_all_words_can_be_hidden(made: Callable[..., Any]) -> None:
    encoder, views, batch = made("transformer")
    puzzle = Masked(encoder, swapped=0.0, kept=0.0).pose(batch, views, rng())
    assert puzzle.hidden[0] is not None and puzzle.answer[1] is not None
    assert torch.equal(puzzle.hidden[0], puzzle.answer[1]) and torch.equal(puzzle.views[0].values, batch.values)


def test_a_normalised_patch_has_mean_0_and_deviation_1_over_what_is_real() -> None:
    content = 5 + 3 * torch.randn(4, 6, 8, generator=rng())
    real = torch.rand(4, 6, 8, generator=rng(1)) < 0.8
    real[0, 0] = False
    content[1, 1] = 2.0
    z = patch_normalised(content, real)
    assert float(z[~real].abs().max()) == 0
    assert float(z[1, 1].abs().max()) == 0, "a flat patch is 0"
    for b, n in ((2, 3), (3, 5)):
        kept = z[b, n][real[b, n]]
        assert abs(float(kept.mean())) < 1e-5 and abs(float(kept.square().mean()) - 1) < 1e-3


# ------------------------------------------------------------------ forward
@pytest.mark.parametrize("encoder_name", ["causal", "gpt"])
def test_what_is_to_come_does_not_reach_the_anchor(made: Callable[..., Any], encoder_name: str) -> None:
    encoder, views, batch = made(encoder_name)
    task = Predictive(encoder, seed=1)
    puzzle = task.pose(batch, views, rng())
    content, known, anchors = puzzle.answer
    assert content is not None and known is not None and anchors is not None
    rows = torch.arange(len(anchors)).unsqueeze(1).expand_as(anchors)
    fit = anchors >= 0
    assert bool(known[rows[fit], anchors[fit]].all()) and bool(known[rows[fit], anchors[fit] + task.span].all())
    first = int(anchors[0].max())
    other = batch.values.clone()
    other[0, (first + 1) * encoder.patch[0] :] = other[1, (first + 1) * encoder.patch[0] :]
    encoder.eval()
    with torch.no_grad():
        said, again = encoder(batch).tokens[0, : first + 1], encoder(Batch(other, batch.valid)).tokens[0, : first + 1]
    assert float((said - again).abs().max()) < 1e-5


def test_isotropic_directions_have_length_1(made: Callable[..., Any]) -> None:
    encoder, views, batch = made("convnet")
    directions = Isotropic(encoder, outputs=8, slices=16).pose(batch, views, rng()).answer[0]
    assert directions is not None and directions.shape == (8, 16)
    assert torch.allclose(directions.norm(dim=0), torch.ones(16))

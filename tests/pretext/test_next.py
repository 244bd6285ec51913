"""Next token and next sentence: what is asked, that the answer does not leak, that a pattern is learned."""

from __future__ import annotations

import pytest
import torch

from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch, Encoder
from tacit.nets.encoders.gpt import GPT
from tacit.nets.encoders.transformer import Transformer
from tacit.nets.views.text import TextViews
from tacit.pretext.nextsentence import NextSentence
from tacit.pretext.nexttoken import NextToken
from tacit.pretext.pretext_task import PretextTask

SPECIAL = {"pad": 0, "mask": 1, "cls": 2, "sep": 3, "unk": 4, "inside": 60}
LAYOUT = Layout("text", "category", (16,), vocabulary=60, special=SPECIAL)
VIEWS = TextViews(LAYOUT, (1,))


def counting(n: int = 64, seed: int = 0) -> Batch:
    """Texts that count up from a random number: what comes next is certain."""
    generator = torch.Generator().manual_seed(seed)
    start = torch.randint(5, 40, (n, 1), generator=generator)
    valid = torch.arange(16) < torch.randint(2, 17, (n, 1), generator=generator)
    return Batch((start + torch.arange(16)) * valid, valid)


def topics(n: int = 64, seed: int = 0) -> Batch:
    """Texts about one of two topics, each with its own words."""
    generator = torch.Generator().manual_seed(seed)
    topic = torch.randint(0, 2, (n, 1), generator=generator)
    ids = torch.randint(5, 30, (n, 16), generator=generator) + 25 * topic
    valid = (torch.arange(16) < 14).expand(n, 16)
    return Batch(ids * valid, valid)


def learn(encoder: Encoder, task: PretextTask, make: object, steps: int) -> float:
    """Loss on new samples after some steps."""
    optimizer = torch.optim.AdamW([*encoder.parameters(), *task.parameters()], lr=5e-3)
    rng = torch.Generator().manual_seed(0)
    for step in range(steps):
        outcome = task.solve(encoder, task.pose(make(64, step), VIEWS, rng))  # type: ignore[operator]
        optimizer.zero_grad()
        outcome.loss.backward()
        optimizer.step()
    return float(task.solve(encoder, task.pose(make(256, 999), VIEWS, rng)).loss.detach())  # type: ignore[operator]


def test_next_token_asks_for_every_token_but_the_first() -> None:
    b = counting()
    encoder = GPT(LAYOUT, width=16, depth=1, heads=2)
    task = NextToken(encoder)
    answer, asked, _ = task.pose(b, VIEWS, torch.Generator()).answer
    assert answer is not None and asked is not None and b.valid is not None
    assert torch.equal(asked.sum(1), b.valid.sum(1) - 1)
    assert (answer[asked] == b.values[:, :-1][asked] + 1).all()
    outcome = task.solve(encoder, task.pose(b, VIEWS, torch.Generator()))
    assert outcome.errors is not None and outcome.errors.shape == (64,) and outcome.embeddings is not None


def test_next_token_learns_what_is_certain_and_does_not_see_what_is_not() -> None:
    encoder = GPT(LAYOUT, width=32, depth=1, heads=2)
    assert learn(encoder, NextToken(encoder), counting, 120) < 0.3

    def chance(n: int, seed: int) -> Batch:
        return Batch(torch.randint(5, 60, (n, 16), generator=torch.Generator().manual_seed(seed)))

    encoder = GPT(LAYOUT, width=32, depth=1, heads=2)
    assert learn(encoder, NextToken(encoder), chance, 120) > 3.9, "log 55 = 4.007: less would be a leak"


def test_next_token_refuses_an_encoder_that_sees_both_ways() -> None:
    reason = NextToken.refuses(Transformer(LAYOUT, width=16, heads=2), VIEWS)
    assert reason is not None and "came before" in reason
    assert NextToken.refuses(GPT(LAYOUT, width=16, heads=2), VIEWS) is None


@pytest.mark.parametrize("part", [Transformer, GPT])
def test_next_sentence_is_learned_where_texts_have_topics(part: type[Encoder]) -> None:
    """Other texts are of the same topic half of the time, where nobody can tell: chance is 0.693, all that can be known 0.48."""
    encoder = part(LAYOUT, width=32, depth=2, heads=2)
    assert learn(encoder, NextSentence(encoder), topics, 150) < 0.6


def test_next_sentence_has_halves_of_both_kinds() -> None:
    task = NextSentence(Transformer(LAYOUT, width=16, heads=2))
    puzzle = task.pose(topics(400), VIEWS, torch.Generator().manual_seed(1))
    own = puzzle.answer[0]
    assert own is not None and 0.4 < own.float().mean() < 0.6
    again = task.pose(topics(400), VIEWS, torch.Generator().manual_seed(1))
    assert torch.equal(puzzle.views[0].values, again.views[0].values)

"""Views of text: what is hidden, dropped, moved and paired, at the rates it is said to be."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from tacit.contracts.errors import DataError
from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch
from tacit.nets.views.text import TextViews

SPECIAL = {"pad": 0, "mask": 1, "cls": 2, "sep": 3, "unk": 4, "inside": 700}
LAYOUT = Layout("text", "category", (40,), vocabulary=1000, special=SPECIAL)
VIEWS = TextViews(LAYOUT, (1,))


@pytest.mark.parametrize(
    ("ask", "power"), [(lambda v, b: v.turned(b, torch.zeros(3)), "rotate"), (lambda v, b: v.drained(b), "colour")]
)  # fmt: skip
def test_a_power_that_texts_lack_is_refused_in_words(ask: Callable[[TextViews, Batch], object], power: str) -> None:
    with pytest.raises(DataError, match=f"text has no view called '{power}'") as refused:
        ask(VIEWS, batch(3))
    assert "Powers here: " in refused.value.try_ and "hide" in refused.value.try_ and "--parts" in refused.value.try_


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(n: int = 300, least: int = 1, inside: bool = True) -> Batch:
    lengths = torch.randint(least, 41, (n, 1), generator=generator(5))
    valid = torch.arange(40) < lengths
    return Batch(torch.randint(5, 1000 if inside else 700, (n, 40), generator=generator(6)) * valid, valid)


def lengths(b: Batch) -> torch.Tensor:
    assert b.valid is not None
    assert ((b.values != 0) == b.valid).all(), "padding and valid disagree"
    many = b.valid.sum(1)
    assert (b.valid == (torch.arange(b.valid.shape[1]) < many.unsqueeze(1))).all(), "padding is not at the end"
    return many


@pytest.mark.parametrize("blocks", [False, True])
@pytest.mark.parametrize("share", [0.15, 0.5, 1.0])
def test_hidden_is_the_share_asked_for_of_what_is_real(share: float, blocks: bool) -> None:
    b = batch()
    hidden, many = VIEWS.hidden(b, share, generator(), blocks), lengths(b)
    assert b.valid is not None and not (hidden & ~b.valid).any()
    wanted = torch.minimum((many * share).round().clamp_min(1), many - 1)
    assert torch.equal(hidden.sum(1), wanted.long())


def test_every_place_is_hidden_as_often_and_words_are_hidden_whole() -> None:
    b = Batch(batch(1, 40).values.repeat(4000, 1), torch.ones(4000, 40, dtype=torch.bool))
    rate = VIEWS.hidden(b, 0.2, generator()).float().mean(0)
    assert (rate - 0.2).abs().max() < 0.05
    b = batch(500, 30)
    hidden = VIEWS.hidden(b, 0.3, generator())
    goes_on = (b.values >= 700) & (torch.arange(40) > 0) & b.valid
    torn = (goes_on[:, 1:] & (hidden[:, 1:] != hidden[:, :-1])).sum(1)
    assert torn.max() <= 1, "only the last word drawn may be cut, to meet the share"


def test_blocks_are_longer_than_single_tokens() -> None:
    b = batch(300, 40, inside=False)
    runs = [int((h[:, 1:] & ~h[:, :-1]).sum()) for h in (VIEWS.hidden(b, 0.3, generator()), VIEWS.hidden(b, 0.3, generator(), blocks=True))]
    assert runs[1] < 0.5 * runs[0]


def test_strong_and_weak_keep_the_words_of_the_text() -> None:
    b = batch()
    for view, least, most in ((VIEWS.weak(b, generator()), 0.9, 1.0), (VIEWS.strong(b, generator()), 0.5, 0.75)):
        assert least < (lengths(view).sum() / lengths(b).sum()) < most and (lengths(view) >= 1).all()
        for row in range(0, 300, 10):
            have = b.values[row][b.values[row] > 0].tolist()
            assert set(view.values[row][view.values[row] > 0].tolist()) <= set(have)
    assert torch.equal(VIEWS.strong(b, generator(3)).values, VIEWS.strong(b, generator(3)).values)
    assert not torch.equal(VIEWS.strong(b, generator(3)).values, VIEWS.strong(b, generator(4)).values)


def test_forbidden_views_are_not_used() -> None:
    b = batch(50, 20)
    none = TextViews(LAYOUT, (1,), frozenset(TextViews.kinds))
    assert torch.equal(none.strong(b, generator()).values, b.values) and torch.equal(none.weak(b, generator()).values, b.values)
    shuffled = TextViews(LAYOUT, (1,), frozenset({"drop", "crop"})).strong(b, generator())
    assert torch.equal(shuffled.values.sort(1).values, b.values.sort(1).values) and not torch.equal(shuffled.values, b.values)
    cropped = TextViews(LAYOUT, (1,), frozenset({"drop", "shuffle"})).strong(b, generator())
    for row in range(50):
        text, piece = (x.values[row][x.values[row] > 0].tolist() for x in (b, cropped))
        assert any(text[i : i + len(piece)] == piece for i in range(len(text))) and len(piece) >= len(text) / 2


def test_corruption_rate_and_marginals() -> None:
    b = batch(2000, inside=False)
    noisy = VIEWS.corrupted(b, generator())
    assert b.valid is not None and torch.equal(noisy.values != 0, b.valid)
    changed = (noisy.values != b.values)[b.valid].float().mean()
    assert 0.14 < changed < 0.16
    new = noisy.values[noisy.values != b.values].float()
    assert abs(new.mean() - b.values[b.valid].float().mean()) < 10, "replacements follow the words of the batch"


def test_orders() -> None:
    many = torch.full((200, 1), 30)
    b = Batch((torch.arange(40) + 10) * (torch.arange(40) < many), torch.arange(40) < many)
    classes = torch.arange(200) % 3
    moved = VIEWS.ordered(b, classes, generator())
    assert torch.equal(moved.values[classes == 0], b.values[classes == 0])
    assert torch.equal(moved.values.sort(1).values, b.values.sort(1).values)
    breaks = ((moved.values[:, 1:30] - moved.values[:, :29]) != 1).sum(1)
    assert breaks[classes == 1].tolist() == [1] * 67 and set(breaks[classes == 2].tolist()) == {2}


def test_pairs() -> None:
    b = batch(400, 12)
    pairs, own = VIEWS.paired(b, generator())
    lengths(pairs)
    assert pairs.values.shape == b.values.shape and 0.4 < own.float().mean() < 0.6
    for row in range(400):
        text, pair = (x.values[row][x.values[row] > 0].tolist() for x in (b, pairs))
        cut = pair.index(3)
        assert pair[:cut] == text[:cut] and len(text) / 3 - 1 <= cut <= 2 * len(text) / 3 + 1
        second = pair[cut + 1 :]
        assert len(second) >= 3 and (second == text[cut : cut + len(second)]) == bool(own[row])
    _, alone = VIEWS.paired(batch(1, 12), generator())
    assert alone.tolist() == [True]


@pytest.mark.parametrize("name", VIEWS.nuisances)
def test_nuisances_grow(name: str) -> None:
    b = batch(300, 10)
    touched = []
    for severity in range(1, 6):
        other = VIEWS.nuisance(name, severity, b, generator())
        lengths(other)
        touched.append(float((other.values != b.values)[b.valid].float().mean()))
        assert other.values.max() < 1000
    assert touched == sorted(touched) and touched[0] > 0.01 and touched[-1] > 1.3 * touched[0]
    with pytest.raises(ValueError, match="no nuisance of text"):
        VIEWS.nuisance("fog", 1, b, generator())


def test_powers_are_what_the_contract_names() -> None:
    assert VIEWS.why_not("hide") is None and VIEWS.why_not("rotate") == "text has no view called 'rotate'"
    content, there = VIEWS.content(batch())
    assert torch.equal(content, batch().values) and there is not None


@pytest.mark.parametrize("least", [40, 12], ids=["all full", "of many lengths"])
def test_lengths_do_not_tell_whether_the_second_part_is_its_own(least: int) -> None:
    """Where all texts fill the layout, padding once meant another's for certain. A tree sees the lengths of both parts, and no words."""
    from sklearn.tree import DecisionTreeClassifier

    pairs, own = VIEWS.paired(batch(4000, least), generator())
    first = (pairs.values == LAYOUT.special["sep"]).long().argmax(1)
    sizes = torch.stack([first, lengths(pairs), lengths(pairs) - first], 1).numpy()
    tree = DecisionTreeClassifier(max_depth=4, random_state=0).fit(sizes[:2000], own[:2000].numpy())
    assert tree.score(sizes[2000:], own[2000:].numpy()) < 0.54

"""Documents of many megabytes: what is looked at of them is bounded and from all over, and parts give the tokens of the whole."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.connect.open_pool import open_pool
from tacit.modalities import text
from tacit.modalities.text import Text

WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "while",
    "rain",
    "falls",
    "on",
    "old",
    "stones",
    "near",
    "some",
    "river",
]


def long_text(words: int, seed: int) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS, words).tolist())


def test_parts_give_the_tokens_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = [long_text(3000, 0), "short", "x" * 900 + " end"]
    modality = Text.fit(open_pool(raw), np.random.default_rng(0), windows=True, length=64)
    whole, rows, _ = modality.arrays(raw, ["a", "b", "c"])
    monkeypatch.setattr(text, "PART", 250)
    parts, places, _ = modality.arrays(raw[:2], ["a", "b"])
    of_two = rows < 2
    np.testing.assert_array_equal(parts.values, whole.values[of_two])
    np.testing.assert_array_equal(places, rows[of_two])
    assert all(len(part) <= 250 for part in text._cut(raw[0])) and "".join(text._cut(raw[2])) == raw[2]


def test_a_bounded_look_from_all_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "LETTERS", 3200)
    long = "a" * 5000 + "b" * 5000
    seen = text._looked_at(open_pool([long, long[::-1]]), np.random.default_rng(0))
    assert sum(map(len, seen)) <= 3200 + 2 * text.PLACES and all({"a", "b"} <= set(s) for s in seen)


def test_of_many_documents_some_are_drawn_when_they_are_too_long_to_look_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "LETTERS", 1000)
    documents = [f"document {i:03d} " * 10 for i in range(100)]
    seen = text._looked_at(open_pool(documents), np.random.default_rng(0))
    numbers = [int(s[9:12]) for s in seen if len(s) == len(documents[0])]  # the last may be cut
    assert sum(map(len, seen)) <= 1000 + text.PLACES and numbers == sorted(numbers) and max(numbers) > 50  # not those that are first by name
    assert text._looked_at(open_pool(documents[:5]), np.random.default_rng(0)) == documents[:5]

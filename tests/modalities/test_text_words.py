"""Words looked up are the words cut anew."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from tacit.modalities import text_words
from tacit.modalities.text_pieces import learn_characters, learn_pieces
from tacit.modalities.text_words import Words

DOCUMENTS = [
    "The pump's pressure fell, again: 3.5 bar.",
    "Überdruck im Kessel, naïve Ärzte; ΟΔΟΣ 中文 字",
    "error [MASK] at 0x1F\tunit-7\nrestart",
] * 8
TOKENIZERS = [learn_pieces(DOCUMENTS, None, lower) for lower in (True, False)]


def anew(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    return [list(encoded.ids) for encoded in tokenizer.encode_batch(texts, add_special_tokens=False)]


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_known_texts(tokenizer: Tokenizer) -> None:
    texts = [
        *DOCUMENTS[:3],
        "",
        " ",
        "  two  blanks ",
        "\n",
        "a\u2028b \u00a0c",
        "x\x0by \x85z\x00 \ufffd",
        "[CLS]fell[SEP] [MASK]",
        "ὈΔΥΣΣΕΎΣ ΣΑΣ",
        "e\u0301 \u0301e",
        "y" * 300,
    ]
    words = Words(tokenizer)
    for _ in range(2):  # learned, and remembered
        assert [part.tolist() for part in words.ids(texts)] == anew(tokenizer, texts)
    assert words.ids([]) == []


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=6))
def test_any_text(texts: list[str]) -> None:
    for tokenizer in TOKENIZERS:
        assert [part.tolist() for part in Words(tokenizer).ids(texts)] == anew(tokenizer, texts)


def test_what_is_remembered_is_bounded_and_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_words, "MOST", 50)
    words = Words(TOKENIZERS[0])
    texts = [" ".join(f"{prefix}{k}" for prefix in ("pump", "unit", "x")) for k in range(200)]
    expected = anew(TOKENIZERS[0], texts)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda k: words.ids(texts[k : k + 10]), [*range(0, 200, 10)] * 3))
    assert [part.tolist() for parts in found for part in parts] == expected * 3
    assert len(words.place) <= 50 + 30
    for other in (copy.deepcopy(words), pickle.loads(pickle.dumps(words))):
        np.testing.assert_array_equal(other.ids(texts[:1])[0], expected[0])


def test_only_tokenizers_that_look_at_words_alone() -> None:
    assert all(map(Words.fits, TOKENIZERS)) and not Words.fits(learn_characters(DOCUMENTS))

"""Text: what is learned on the pool, what is refused, the way there and back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tacit.contracts.errors import DataError, ModelError
from tacit.contracts.pool import Pool
from tacit.modalities.text import Text

VERSE = "the cat sat on a mat while rain fell over quiet hills and unbelievably tired walkers were walking home"
WORDS = VERSE.split()


class Documents(Pool):
    """A list of documents as a pool."""

    def __init__(self, documents: list[Any]) -> None:
        self.documents, self.modality, self.columns, self.described = documents, "text", {}, "a list"
        self.names = [f"d{i}" for i in range(len(documents))]

    @classmethod
    def accepts(cls, source: Any) -> bool:
        return isinstance(source, list)

    def read(self, at: Sequence[int] | np.ndarray) -> list[Any]:
        return [self.documents[int(i)] for i in at]


def sentences(n: int = 200, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, rng.integers(4, 20))) for _ in range(n)]


def fitted(documents: list[Any], **wishes: Any) -> Text:
    return Text.fit(Documents(documents), np.random.default_rng(0), **wishes)


def test_there_and_back() -> None:
    documents = sentences()
    text = fitted(documents)
    samples, positions, refused = text.arrays(documents, [f"d{i}" for i in range(200)])
    assert refused == [] and positions.tolist() == list(range(200)) and samples.valid is not None
    assert samples.values.dtype == np.int32 and samples.values.shape == (200, *text.layout.size) == samples.valid.shape
    full = samples.valid.sum(1) < text.layout.size[0]
    assert full.mean() > 0.9
    for i in np.flatnonzero(full)[:20]:
        assert text.show(samples.values[i], samples.valid[i]) == documents[i]
    assert (samples.values[~samples.valid] == text.layout.special["pad"]).all()


def test_the_same_pool_gives_the_same_tokenizer_and_it_travels() -> None:
    one, two = fitted(sentences()), fitted(sentences())
    assert one.files() == two.files() and one.layout == two.layout
    again = Text.restore(one.layout, one.files())
    assert np.array_equal(again.arrays(["a cat walking"], ["x"])[0].values, one.arrays(["a cat walking"], ["x"])[0].values)
    with pytest.raises(ModelError, match=r"lacks 'text.json'"):
        Text.restore(one.layout, {"tokenizer.json": one.files()["tokenizer.json"]})
    with pytest.raises(ModelError, match="cannot be read"):
        Text.restore(one.layout, {**one.files(), "tokenizer.json": b"{"})
    other = fitted(sentences(), vocabulary=40)
    with pytest.raises(ModelError, match="tokens, the model"):
        Text.restore(one.layout, other.files())


def test_ids_say_which_pieces_go_on_inside_a_word() -> None:
    text = fitted(sentences(), vocabulary=60)
    pieces = {i: p for p, i in text._tokenizer.get_vocab().items()}
    inside = text.layout.special["inside"]
    assert 5 < inside < len(pieces) == text.layout.vocabulary
    assert all(pieces[i].startswith("##") == (i >= inside) for i in pieces)


def test_what_cannot_be_used_is_refused_by_name() -> None:
    text = fitted(sentences())
    raw = ["a cat", "", "  \n ", b"\xff\xfe", b"a mat", 3, "a\x00b", "\ud800 cat", "\ufffd" * 9]
    samples, positions, refused = text.arrays(raw, [f"d{i}" for i in range(9)])
    assert positions.tolist() == [0, 4] and len(samples.values) == 2
    assert [r.name for r in refused] == ["d1", "d2", "d3", "d5", "d6", "d7", "d8"]
    assert [r.reason.split()[0] for r in refused] == ["empty", "empty", "not", "not", "not", "holds", "not"]
    with pytest.raises(DataError, match="no text can be read from a list"):
        fitted(["", " "])
    with pytest.raises(DataError, match="it is empty"):
        fitted([])


def test_long_documents_are_cut_or_read_in_windows() -> None:
    long = "\n".join(sentences(400))
    cut = fitted([*sentences(), long], windows=False)
    samples, positions, _ = cut.arrays([long * 200], ["long"])
    assert positions.tolist() == [0] and samples.valid is not None and samples.valid.all()
    assert any("cut" in note for note in cut.notes)
    windows = fitted([long], characters=True)
    assert windows.windows, "one long document is read in windows unasked"
    samples, positions, _ = windows.arrays([long, "cat"], ["long", "short"])
    assert set(positions.tolist()) == {0, 1} and samples.valid is not None
    rows = [windows.show(v, ok) for v, ok in zip(samples.values[:-1], samples.valid[:-1], strict=True)]
    assert long.startswith("".join(rows)) and len(long) - len("".join(rows)) < 8


def test_characters_keep_case_and_space() -> None:
    text = fitted(["Ab  c\nD"] * 3, characters=True)
    samples, _, _ = text.arrays(["D\nc  bA?"], ["x"])
    assert samples.valid is not None
    assert text.show(samples.values[0], samples.valid[0]) == "D\nc  bA?" and samples.values[0, 7] == text.layout.special["unk"]
    assert text.where(3) == "character 4" and fitted(sentences()).where(3) == "token 4"


def test_hidden_tokens_are_shown_as_such() -> None:
    text = fitted(sentences())
    values = text.arrays(["the cat sat"], ["x"])[0].values[0]
    values[1] = text.layout.special["mask"]
    assert text.show(values, values != 0) == "the ___ sat"


@pytest.fixture
def data() -> Path:
    """By this name such tests are left out where no folder was named and nothing may be skipped."""
    if not os.environ.get("TACIT_DATA"):
        pytest.skip("TACIT_DATA names no folder of real data")
    return Path(os.environ["TACIT_DATA"])


def test_real_reviews(data: Path) -> None:
    lines = (data / "text_sst2" / "train.txt").read_text("utf-8").splitlines()
    text = fitted(lines)
    samples, positions, refused = text.arrays(lines, [str(i) for i in range(len(lines))])
    assert not refused and len(positions) == len(lines) and 2000 < text.layout.vocabulary < 8000
    assert (samples.values == text.layout.special["unk"]).mean() < 1e-3

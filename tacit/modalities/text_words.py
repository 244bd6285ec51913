"""Words: token ids of texts, for which each different word is tokenised once.

A tokenizer that cuts at blanks before all else, and whose rules look at letters one by one, says the same of a word wherever it stands; so the ids
of a text are those of its words in turn. Looking a known word up takes a seventh of the time of cutting it anew.
"""

from __future__ import annotations

from itertools import repeat
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

ROOM = 4096  # words, at first
TOGETHER = 256  # new words that are tokenised as one text: on its own each takes twice as long
MOST, LETTERS = 200_000, 4_000_000  # words that are remembered, and letters of them; then all are forgotten


class Words:
    """place: of a word among those known; begin, many: where each one's ids begin in `known`, and how many they are."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer, self.lock = tokenizer, Lock()
        self.place: dict[str, int] = {}
        self.many_words = self.many_ids = self.letters = 0
        self.begin, self.many, self.known = np.zeros(ROOM, np.int64), np.zeros(ROOM, np.int64), np.zeros(ROOM, np.int32)

    def __reduce__(self) -> tuple[Any, ...]:
        return Words, (self.tokenizer,)

    @classmethod
    def fits(cls, tokenizer: Tokenizer) -> bool:
        """Whether a word's ids do not depend on what stands beside it, by rules that are known."""
        return (
            isinstance(tokenizer.model, models.WordPiece)
            and isinstance(tokenizer.normalizer, normalizers.BertNormalizer)
            and isinstance(tokenizer.pre_tokenizer, pre_tokenizers.BertPreTokenizer)
            and tokenizer.truncation is None
            and tokenizer.padding is None
            and not any(" " in t.content or t.lstrip or t.rstrip for t in tokenizer.get_added_tokens_decoder().values())
        )

    def ids(self, texts: list[str]) -> list[NDArray[np.int32]]:
        """The ids of each text, without special ones around it."""
        words = [word for text in texts for word in text.split(" ")]
        with self.lock:
            if len(self.place) > MOST or self.letters > LETTERS:
                self._forget()
            at = np.fromiter(map(self.place.get, words, repeat(-1)), np.int64, len(words))
            if len(unknown := np.flatnonzero(at < 0)):
                self._learn(list(dict.fromkeys(words[i] for i in unknown)))
                at[unknown] = [self.place[words[i]] for i in unknown]
            begin, many, known = self.begin[at], self.many[at], self.known
        ends = np.cumsum(many)
        found = known[np.arange(ends[-1] if len(ends) else 0) + np.repeat(begin - (ends - many), many)]
        stops = ends[np.cumsum([text.count(" ") + 1 for text in texts], dtype=np.int64) - 1].tolist()
        return [found[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]

    def _learn(self, new: list[str]) -> None:
        rows = [new[start : start + TOGETHER] for start in range(0, len(new), TOGETHER)]
        many, ids = list[NDArray[np.int64]](), list[NDArray[np.int32]]()
        for row, encoded in zip(rows, self.tokenizer.encode_batch([" ".join(row) for row in rows], add_special_tokens=False), strict=True):
            behind = np.cumsum([len(word) + 1 for word in row])  # where the next word begins
            starts = np.array([start for start, _ in encoded.offsets], np.int64)
            many.append(np.bincount(np.searchsorted(behind, starts, side="right"), minlength=len(row)))
            ids.append(np.array(encoded.ids, np.int32))
        each, found = np.concatenate(many), np.concatenate(ids)
        words, last = self.many_words, self.many_words + len(new)
        self.begin, self.many, self.known = _grown(self.begin, last), _grown(self.many, last), _grown(self.known, self.many_ids + len(found))
        self.begin[words:last], self.many[words:last] = self.many_ids + np.cumsum(each) - each, each
        self.known[self.many_ids : self.many_ids + len(found)] = found
        self.letters += sum(map(len, new))
        self.many_words, self.many_ids = last, self.many_ids + len(found)  # an interrupt before the next line leaves room unused, and nothing wrong
        self.place.update(zip(new, range(words, last), strict=True))

    def _forget(self) -> None:
        self.place.clear()
        self.many_words = self.many_ids = self.letters = 0
        self.begin, self.many, self.known = np.zeros(ROOM, np.int64), np.zeros(ROOM, np.int64), np.zeros(ROOM, np.int32)


def _grown(array: NDArray[Any], least: int) -> NDArray[Any]:
    """The same with room for so many, where it has it not: twice as long. Whoever reads the old one may go on."""
    if len(array) >= least:
        return array
    longer = np.zeros(max(least, 2 * len(array)), array.dtype)
    longer[: len(array)] = array
    return longer

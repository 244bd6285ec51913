"""Text: documents as rows of token ids, by a tokenizer that is learned on the pool itself.

Words are cut into pieces, or into characters (text_pieces). Ids are ordered: special ones, pieces that begin a word, then pieces that go on inside
one, from id `special["inside"]` on; so whole words can be hidden without asking the tokenizer. A document longer than the layout is cut, or read
in windows; both are said in `notes`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from tacit.contracts.errors import DataError, ModelError
from tacit.contracts.layout import Layout, Samples
from tacit.contracts.modality import Modality
from tacit.contracts.pool import Pool, Refused
from tacit.modalities.text_pieces import SPECIAL, learn_characters, learn_pieces
from tacit.modalities.text_words import Words

LOOKED_AT = 50_000  # documents that the tokenizer is learned from
LETTERS = 16_000_000  # characters of them at most: three million words, three times what the largest vocabulary asks for
FEW, SHARE, PLACES = 32, 200_000, 16  # of so many documents or more, each is looked at for at most so many characters; of fewer, at so many places
PART = 200_000  # characters tokenised at once
LONGEST = 256  # tokens, where nothing else is wished
LETTERS_A_TOKEN = 24  # a document is cut to so many characters a token before it is tokenised: a line of 10 MB costs nothing


class Text(Modality):
    """tokenizer: the fitted one, as JSON; windows: long documents become several samples instead of being cut; wrapped: the tokenizer
    puts its own special tokens around a document (public weights were learned so)."""

    name: ClassVar[str] = "text"
    wishes: ClassVar[Mapping[str, Any]] = {"length": int, "vocabulary": int, "characters": bool, "lower": bool, "windows": bool}

    def __init__(self, layout: Layout, tokenizer: str, windows: bool = False, wrapped: bool = False) -> None:
        self.layout, self.tokenizer, self.windows, self.wrapped = layout, tokenizer, windows, wrapped
        self.notes: tuple[str, ...] = ()
        self._tokenizer = Tokenizer.from_str(tokenizer)
        self._words = Words(self._tokenizer) if not wrapped and Words.fits(self._tokenizer) else None

    @classmethod
    def fit(cls, pool: Pool, rng: np.random.Generator, **wishes: Any) -> Text:
        """Tokenizer, vocabulary and length from a look at 50,000 documents.

        wishes: length, vocabulary, characters (one token a character), lower (case is dropped; default: unless characters), windows.
        """
        documents = _looked_at(pool, rng)
        characters = bool(wishes.get("characters", False))
        learned = learn_characters(documents) if characters else learn_pieces(documents, wishes.get("vocabulary"), bool(wishes.get("lower", True)))
        starts = [document[: 8 * LONGEST * LETTERS_A_TOKEN] for document in documents[:2000]]  # enough to tell which are longer than a sample
        lengths = np.array([len(e.ids) for e in learned.encode_batch(starts, add_special_tokens=False)])
        few_and_long = len(pool) < 32 and bool(lengths.max() > 4 * LONGEST)
        windows = bool(wishes.get("windows", few_and_long))
        length = int(wishes.get("length") or (LONGEST if windows else min(LONGEST, max(8, int(np.ceil(np.quantile(lengths, 0.99)))))))
        vocabulary = learned.get_vocab()
        special = {name.strip("[]").lower(): vocabulary[name] for name in SPECIAL}
        inside = [i for piece, i in vocabulary.items() if piece.startswith("##")] if not characters else []
        special["inside"] = min(inside, default=len(vocabulary))
        layout = Layout("text", "category", (length,), vocabulary=len(vocabulary), special=special)
        modality = cls(layout, learned.to_str(), windows)
        longer = float((lengths > length).mean())
        modality.notes = (f"vocabulary of {len(vocabulary)} {'characters' if characters else 'pieces of words'}, {length} tokens a sample",)
        if longer:
            modality.notes += (f"{longer:.1%} of the documents are longer and are {'read in windows' if windows else 'cut'}",)
        return modality

    def arrays(self, raw: Sequence[Any], names: Sequence[str]) -> tuple[Samples, NDArray[np.int64], list[Refused]]:
        """ids int32 [B, N] and valid. With `windows` a document gives several rows, all with its position."""
        refused: list[Refused] = []
        texts: list[tuple[int, str]] = []
        for position, (document, name) in enumerate(zip(raw, names, strict=True)):
            text, reason = _readable(document)
            if reason:
                refused.append(Refused(name, reason))
            else:
                texts.append((position, text if self.windows else text[: self.layout.size[0] * LETTERS_A_TOKEN]))
        length, rows, positions = self.layout.size[0], list[NDArray[np.int32]](), list[int]()
        for (position, _), ids in zip(texts, self._ids([t for _, t in texts]), strict=True):
            if not len(ids):
                refused.append(Refused(names[position], "no token is left of it"))
            for start in range(0, len(ids) if self.windows else min(1, len(ids)), length):
                if start == 0 or len(ids) - start >= min(8, length):  # a window of a few left-over tokens says nothing
                    rows.append(ids[start : start + length])
                    positions.append(position)
        values = np.full((len(rows), length), self.layout.special["pad"], np.int32)
        valid = np.zeros((len(rows), length), np.bool_)
        for row, ids in enumerate(rows):
            values[row, : len(ids)], valid[row, : len(ids)] = ids, True
        return Samples(values, valid), np.array(positions, np.int64), refused

    def _ids(self, texts: list[str]) -> Iterator[NDArray[np.int32]]:
        """The token ids of each text. A long one goes in parts cut at blanks: what a tokenizer says of a text takes a hundred times its room."""
        short = max(map(len, texts), default=0) <= PART
        if self._words is not None and short:
            yield from self._words.ids(texts)
            return
        if self.wrapped or short:
            for encoded in self._tokenizer.encode_batch(texts, add_special_tokens=self.wrapped):
                yield np.array(encoded.ids, np.int32)
            return
        for text in texts:
            ids = [np.array(self._tokenizer.encode(part, add_special_tokens=False).ids, np.int32) for part in _cut(text)]
            yield np.concatenate(ids) if ids else np.zeros(0, np.int32)

    def files(self) -> dict[str, bytes]:
        return {"tokenizer.json": self.tokenizer.encode(), "text.json": json.dumps({"windows": self.windows, "wrapped": self.wrapped}).encode()}

    @classmethod
    def restore(cls, layout: Layout, files: dict[str, bytes]) -> Text:
        """Raises ModelError where a file is missing, damaged or of another vocabulary."""
        try:
            facts = json.loads(files["text.json"])
            modality = cls(layout, files["tokenizer.json"].decode(), bool(facts["windows"]), bool(facts.get("wrapped", False)))
        except KeyError as missing:
            raise ModelError(f"the model folder lacks {missing} of its tokenizer.", "Copy the whole folder.") from missing
        except Exception as damage:  # tokenizers raises bare Exception
            raise ModelError(f"the tokenizer of the model folder cannot be read ({damage}).", "Copy the folder again.") from damage
        if (known := modality._tokenizer.get_vocab_size()) != layout.vocabulary:
            raise ModelError(f"the tokenizer knows {known} tokens, the model {layout.vocabulary}.", "Take both from one model folder.")
        return modality

    def show(self, values: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> str:
        """The text of one sample; hidden tokens as "___", unknown ones as "?"."""
        ids = [int(i) for i in (values if valid is None else values[valid])]
        special = self.layout.special
        shown = {special["mask"]: "___", special["unk"]: "?", special["sep"]: "|", special["cls"]: "", special["pad"]: ""}
        runs: list[str] = []
        run: list[int] = []
        for i in [*ids, special["pad"]]:
            if i in shown:
                runs += [self._tokenizer.decode(run)] * bool(run) + [shown[i]] * bool(shown[i])
                run = []
            else:
                run.append(i)
        return ("" if self._tokenizer.get_vocab_size() == special["inside"] else " ").join(runs)

    def where(self, place: int, patch: tuple[int, ...] = ()) -> str:
        step = patch[0] if patch else 1
        what = "character" if self.layout.special["inside"] == self.layout.vocabulary else "token"
        return f"{what} {place + 1}" if step == 1 else f"{what}s {place * step + 1} to {(place + 1) * step}"


def _looked_at(pool: Pool, rng: np.random.Generator) -> list[str]:
    """Readable documents in their order, at most LOOKED_AT of LETTERS characters in all, drawn by chance. Raises DataError where there is none."""
    at = rng.permutation(len(pool))[:LOOKED_AT] if len(pool) > LOOKED_AT else np.arange(len(pool))
    share = LETTERS // max(1, len(pool)) if len(pool) < FEW else SHARE  # one line of 10 MB among short ones would cost seconds and say little
    if len(pool) * share > LETTERS:
        at = rng.permutation(at)  # it may have to end before the last: then not with those that are first by name
    documents: dict[int, str] = {}
    reasons: list[str] = []
    left = LETTERS
    for positions, raw in pool.pieces(at, most=1000):
        for position, document in zip(positions, raw, strict=True):
            text, reason = _readable(document)
            if reason:
                reasons.append(reason)
            elif left > 0:
                documents[int(position)] = _spread(text, min(share, left))
                left -= len(documents[int(position)])
        if left <= 0:
            break
    if not documents:
        why = f"the first: {reasons[0]}" if reasons else "it is empty"
        raise DataError(f"no text can be read from {pool.described} ({why}).", "Name files of UTF-8 text, or a table with a column of texts.")
    return [documents[i] for i in sorted(documents)]


def _spread(text: str, letters: int) -> str:
    """At most so many characters of it, from places all over: a book is not what its first chapter is."""
    if len(text) <= letters:
        return text
    each = letters // PLACES
    return " ".join(text[k * len(text) // PLACES :][:each] for k in range(PLACES))


def _readable(document: Any) -> tuple[str, str]:
    """(text, reason why it cannot be used or "")."""
    if isinstance(document, bytes):
        try:
            document = document.decode("utf-8-sig")
        except UnicodeDecodeError as wrong:
            return "", f"not UTF-8: {wrong.reason} at byte {wrong.start}"
    if isinstance(document, OSError):  # in the place of a sample that could not be read
        return "", str(document)
    if not isinstance(document, str):
        return "", f"not a text but {type(document).__name__}"
    if not document.strip():
        return "", "empty"
    head = document[:10_000]
    if "\x00" in head or head.count("\ufffd") > 0.05 * len(head) + 1:
        return "", "not text, or of another encoding than UTF-8"
    if not _encodable(document):
        return "", "holds lone surrogates: it was decoded from another encoding"
    return document, ""


def _encodable(document: str) -> bool:
    try:
        document.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _cut(text: str) -> Iterator[str]:
    """Parts of about PART characters that each end with a blank, where there is one: no word is cut."""
    start = 0
    while start < len(text):
        end = min(len(text), start + PART)
        found = max(text.rfind(" ", start, end), text.rfind("\n", start, end)) if end < len(text) else -1
        end = found + 1 if found > start else end
        yield text[start:end]
        start = end

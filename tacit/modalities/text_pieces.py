"""Text pieces: the tokenizer is learned on the documents themselves, into pieces of words or into characters.

Words are cut into the pieces that occur often enough to be learned (WordPiece: Schuster & Nakajima, "Japanese and Korean voice search", 2012).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

SPECIAL = ("[PAD]", "[MASK]", "[CLS]", "[SEP]", "[UNK]")
MOST_LETTERS = 512  # a text of more different ones (Chinese, emoji) has its rarest as unknown
MARK = "\u2581"  # of a word's beginning, while learning


def learn_pieces(documents: list[str], vocabulary: int | None, lower: bool) -> Tokenizer:
    """WordPiece; the vocabulary grows with the text: a piece for every 32 words, 256 to 30,000.

    The library's own trainer for it breaks ties by chance. Its byte-pair trainer doesn't, so that one learns, on words that begin with a mark.
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words: Counter[str] = Counter()
    for part in _parts(documents):
        words.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(part)))
    letters: Counter[str] = Counter()
    for word, many in words.items():
        letters.update({letter: many * k for letter, k in Counter(word).items()})
    alphabet = sorted(sorted(letters), key=lambda letter: -letters[letter])[:MOST_LETTERS]
    size = vocabulary or int(np.clip(words.total() // 32, 256, 30_000))
    kept = {letter: letter for letter in alphabet}
    usable = {w: n for w, n in sorted(words.items()) if all(c in kept for c in w) and len(w) <= 100 and MARK not in w}
    pairs = Tokenizer(models.BPE())
    pairs.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(vocab_size=max(1, size - len(SPECIAL) - len(alphabet)), min_frequency=2, show_progress=False)
    pairs.train_from_iterator((" ".join([MARK + w] * n) for w, n in usable.items()), trainer)
    found = sorted(pairs.get_vocab().items(), key=lambda known: known[1])
    begins = [p[1:] for p, _ in found if p.startswith(MARK) and len(p) > 1]
    goes_on = ["##" + p for p, _ in found if not p.startswith(MARK)]
    ordered = dict.fromkeys([*SPECIAL, *alphabet, *begins, *goes_on])  # single letters may begin a word, too: none is unknown for its place
    ordered |= dict.fromkeys("##" + letter for letter in alphabet)
    tokenizer.model = models.WordPiece({piece: i for i, piece in enumerate(ordered)}, unk_token="[UNK]", max_input_chars_per_word=100)
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def learn_characters(documents: list[str]) -> Tokenizer:
    """One token a character that occurs at all."""
    known = sorted({c for document in documents for c in document})
    ids = {piece: i for i, piece in enumerate([*SPECIAL, *known])}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


def _parts(documents: list[str], letters: int = 100_000) -> Iterator[str]:
    """Long documents in parts, so that the trainer holds little at a time."""
    for document in documents:
        for start in range(0, len(document), letters):
            yield document[start : start + letters]

"""TF-IDF: words weighted by how rare they are; with a linear read-out the yardstick of text.

(1 + log tf) log((1 + n) / (1 + df)) + 1, rows of length 1. Spärck Jones, "A statistical interpretation of term specificity", 1972;
Salton and Buckley, 1988. The document frequencies are those of the training pool, labelled or not.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, ClassVar

from sklearn.feature_extraction.text import TfidfVectorizer

from tacit.evaluation.contestant import Contestant, Frozen, Variant
from tacit.evaluation.flat import words
from tacit.evaluation.labelled import Labelled
from tacit.evaluation.rung import Rung
from tacit.evaluation.setting import Setting

MOST_TERMS = 50_000


class Tfidf(Rung):
    """Words; words and pairs; runs of two to four letters, where the raw text is at hand."""

    title: ClassVar[str] = "TF-IDF"
    modalities: ClassVar[tuple[str, ...]] = ("text",)

    def contestant(self, setting: Setting) -> Contestant:
        sides = setting.everywhere(_texts)
        letters = setting.train.texts is not None
        split: dict[str, Any] = {} if letters else {"analyzer": _pairs}
        makers = {
            "words": {"ngram_range": (1, 1), **({} if letters else {"analyzer": list})},
            "words and pairs": {"ngram_range": (1, 2), **split},
        } | ({"letters": {"ngram_range": (2, 4), "analyzer": "char_wb"}} if letters else {})
        variants = {}
        for key, options in makers.items():
            weigh = TfidfVectorizer(sublinear_tf=True, min_df=1 if len(setting.seen) < 500 else 2, max_features=MOST_TERMS, **options)
            weigh.fit(sides[2])
            variants[key] = Variant.of((weigh.transform(side) for side in sides), False)
        return Frozen("tfidf", self.title, variants)


def _texts(data: Labelled) -> Sequence[Any]:
    return data.texts if data.texts is not None else words(data.samples, data.layout)


def _pairs(tokens: list[str]) -> list[str]:
    return [*tokens, *(f"{a} {b}" for a, b in itertools.pairwise(tokens))]

"""Ranking: words of a text as the search index sees them, and BM25 over a handful of texts."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

_UNSPACED = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")
"""Scripts written without spaces between words (kana and Han): each character is taken as a word."""


@lru_cache(maxsize=1)
def _analyzer() -> TextAnalyzer:
    # The stemmer's time grows with the square of a word's length: a page may hold a word of a million letters.
    builder = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.remove_long(200))
    return builder.filter(Filter.lowercase()).filter(Filter.ascii_fold()).filter(Filter.stemmer("english")).build()


def words(text: str) -> list[str]:
    """The words of a text in order: case and accents folded, English endings stemmed, punctuation dropped."""
    if not text.isascii():
        text = _UNSPACED.sub(r" \1 ", text)
    return list(_analyzer().analyze(text))


class Bm25:
    """Okapi BM25 over a few texts (Robertson and Zaragoza 2009; the idf is Lucene's, which is never negative)."""

    def __init__(self, texts: Sequence[str], *, k1: float = 1.2, b: float = 0.75) -> None:
        tokens = [words(text) for text in texts]
        self._count = len(tokens)
        mean = sum(map(len, tokens)) / self._count if self._count else 0.0
        frequencies: dict[str, list[tuple[int, int]]] = {}
        for place, text in enumerate(tokens):
            for word, times in Counter(text).items():
                frequencies.setdefault(word, []).append((place, times))
        norms = [k1 * (1 - b + b * (len(text) / mean if mean else 1.0)) for text in tokens]
        self._weights = {
            word: [(place, self._idf(len(found)) * times * (k1 + 1) / (times + norms[place])) for place, times in found]
            for word, found in frequencies.items()
        }

    def _idf(self, holding: int) -> float:
        return math.log(1 + (self._count - holding + 0.5) / (holding + 0.5))

    def scores(self, query: str) -> list[float]:
        """One score a text, in the order given; 0.0 where no word of the query stands. A repeated word counts once."""
        totals = [0.0] * self._count
        for word in dict.fromkeys(words(query)):
            for place, weight in self._weights.get(word, ()):
                totals[place] += weight
        return totals

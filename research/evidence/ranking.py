"""Ranking: words of a text as the search index sees them, and BM25 over a handful of texts."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

K1: Final = 1.2
B: Final = 0.75
"""BM25's usual parameters."""

MAX_WORD: Final = 200
"""Bytes of a word. Longer ones are keys and encoded pictures, which are not searched."""

KANA_AND_HAN: Final = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Scripts written without spaces between words: each character is taken as a word."""
_UNSPACED: Final = re.compile(f"([{KANA_AND_HAN}])")


@lru_cache(maxsize=2)
def analyzer(*, stemmed: bool) -> TextAnalyzer:
    """Divides a text into words: case and accents folded, and English endings stemmed if asked."""
    # Long first: the stemmer's time grows with the square of a word's length, and a page may hold a word of a million letters.
    builder = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.remove_long(MAX_WORD))
    builder = builder.filter(Filter.lowercase()).filter(Filter.ascii_fold())
    return (builder.filter(Filter.stemmer("english")) if stemmed else builder).build()


def words(text: str) -> list[str]:
    """The words of a text in order: case and accents folded, English endings stemmed, punctuation dropped."""
    return list(analyzer(stemmed=True).analyze(text if text.isascii() else _UNSPACED.sub(r" \1 ", text)))


def rarity(texts: int, holding: int) -> float:
    """How much a word tells that some of the texts hold: Lucene's inverse document frequency, which is never negative."""
    return math.log(1 + (texts - holding + 0.5) / (holding + 0.5))


def term_score(rare: float, times: int, length: float) -> float:
    """What a word adds to a text's BM25 score (Okapi; Robertson and Zaragoza 2009).

    Args:
        rare: the word's `rarity`.
        times: how often it stands in the text.
        length: the text's length over the mean length.
    """
    return rare * times * (K1 + 1) / (times + K1 * (1 - B + B * length))


class Bm25:
    """BM25 over a few texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        tokens = [words(text) for text in texts]
        self._count = len(tokens)
        mean = sum(map(len, tokens)) / self._count if self._count else 0.0
        frequencies: dict[str, list[tuple[int, int]]] = {}
        for place, text in enumerate(tokens):
            for word, times in Counter(text).items():
                frequencies.setdefault(word, []).append((place, times))
        lengths = [len(text) / mean if mean else 1.0 for text in tokens]
        self._weights: dict[str, list[tuple[int, float]]] = {}
        for word, found in frequencies.items():
            rare = rarity(self._count, len(found))
            self._weights[word] = [(place, term_score(rare, times, lengths[place])) for place, times in found]

    def scores(self, query: str) -> list[float]:
        """One score a text, in the order given; 0.0 where no word of the query stands. A repeated word counts once."""
        totals = [0.0] * self._count
        for word in dict.fromkeys(words(query)):
            for place, weight in self._weights.get(word, ()):
                totals[place] += weight
        return totals

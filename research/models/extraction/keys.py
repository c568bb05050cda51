"""Keys: how well the key of a fact fits what a question asks."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from rapidfuzz.distance import JaroWinkler

from research.models.extraction.facts import Fact
from research.models.extraction.questions import Question
from research.models.extraction.vocabulary import CONTAINERS, concepts, weight


def affinity(question: Question, fact: Fact) -> float:
    """From 0 (another matter) to 1 (the same words, or words that mean the same)."""
    return _affinity(question, fact.words, fact.context, fact.depth, fact.origin == "data")


@lru_cache(maxsize=65536)
def _affinity(question: Question, key: frozenset[str], context: frozenset[str], depth: int, is_data: bool) -> float:
    plain = _likeness(question.name_words, key)
    best = plain
    above = context - CONTAINERS
    if above and plain < 0.95:
        # `Launch` > `Date`, `nutrition.calories`: what stands above the key is a part of what it says.
        best = max(best, 0.95 * _likeness(question.name_words, key | above))
    if question.about and best < 0.8:
        best = max(best, _described(question, key))
    return best * 0.75**depth if is_data and not (above & question.name_words) else best


def _likeness(asked: frozenset[str], key: frozenset[str]) -> float:
    """Dice's coefficient of two sets of words, by meaning and by the weight of each word."""
    one, other = concepts(asked), concepts(key)
    if one == other:
        return 1.0
    common = one & other
    shared = sum(map(weight, common))
    fuzzy = _near(one - common, other - common)
    total = sum(map(weight, one)) + sum(map(weight, other))
    return 2 * (shared + fuzzy) / total if total else 0.0


def _near(left: Iterable[str], right: Iterable[str]) -> float:
    """The weight of words that are spelled almost alike (`organisation`, `organization`; `crewed`, `crew`)."""
    return sum(
        0.85 * min(weight(a), weight(b))
        for a in left
        for b in right
        if min(len(a), len(b)) >= 5 and a[0] == b[0] and JaroWinkler.similarity(a, b) >= 0.93
    )


def _described(question: Question, key: frozenset[str]) -> float:
    """A key whose every telling word stands in the field's description: it may be what is meant."""
    known = question.about | question.name_words
    telling = [word for word in key if weight(word) >= 1]
    if not telling:
        return 0.0
    if all(word in known for word in telling):
        return 0.72 if len(telling) > 1 or any(w in question.name_words for w in telling) else 0.66
    meant = concepts(question.about) & concepts(key)
    return 0.62 if meant and all(c.startswith("=") for c in concepts(key)) else 0.0

"""Spoken: how a page may speak of a field, and how surely a sentence does."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from research.evidence.ranking import words
from research.models.keyless.questions import Question
from research.models.keyless.reading import Reading, Sentence, stem
from research.models.keyless.vocabulary import STOP, concepts, in_order, sequences, weight

_GLUED: Final = 7
"""Letters of a word that may be two (`publicnetwork`) if the page does not know it."""


class Spoken(NamedTuple):
    """How a page may speak of a field."""

    cues: frozenset[str]
    """Words that do: its name's, and those of names that mean the same."""
    names: frozenset[str]
    """Words of its own name."""
    phrases: tuple[tuple[str, ...], ...]
    """Names of several words, as stems in order."""


@lru_cache(maxsize=64)
def spoken_of(question: Question, reading: Reading) -> Spoken:
    """The words and phrases that speak of a field. A word that the page does not know may be two that it has side by side."""
    index, divided = reading.sentences_with, dict[str, frozenset[str]]()
    for word in question.surface:
        if len(word) >= _GLUED and stem(word) not in index:
            pairs = [(stem(word[:at]), stem(word[at:])) for at in range(3, len(word) - 2)]
            both = {pair: len({*index[pair[0]]} & {*index[pair[1]]}) for pair in pairs if pair[0] in index and pair[1] in index}
            if both and max(both.values()):
                divided[stem(word)] = frozenset(max(both.items(), key=lambda pair: pair[1])[0])
    names = frozenset(part for name in question.name_words for part in divided.get(name, (name,)))
    cues = question.cues | names | (question.negative if question.kind == "boolean" else frozenset())
    ordered = tuple(w for w in words(question.label) if w not in STOP)
    return Spoken(cues, names, (*((ordered,) if len(ordered) > 1 else ()), *sequences(question.name_words)))


def strength(question: Question, spoken: Spoken, sentence: Sentence) -> tuple[float, tuple[str, ...]]:
    """How surely a sentence speaks of a field (0.5 and more where it does), and how."""
    said = frozenset(sentence.words)
    wanted = question.concepts
    best = sum(map(weight, concepts(said & question.cues) & wanted)) / (sum(map(weight, wanted)) or 1.0)
    best = max(best, 0.8 * sum(map(weight, said & spoken.names)) / (sum(map(weight, spoken.names)) or 1.0))
    described = len(said & question.about_cues) / max(len(question.about_cues), 1)
    marks = [f"described:{'yes' if described >= 0.5 else 'no'}"]
    if any(phrase[0] in said and in_order(phrase, sentence.words) for phrase in spoken.phrases):
        best = max(best, 0.9)
        marks.append("phrase")
    if (question.kind == "boolean" and question.negative & said) or described >= 0.5:
        best = max(best, 0.8 if question.kind == "boolean" else 0.5)
    return best, tuple(marks)

"""Prose: the sentences of a page that may state a field of the entity, and the values that they state."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from research.evidence.ranking import words
from research.models.keyless.candidates import MIN_ABOUT, Asked, Candidate, is_label
from research.models.keyless.entities import Entity
from research.models.keyless.reading import Reading, Sentence
from research.models.keyless.spoken import Spoken, spoken_of, strength
from research.models.keyless.stated import DEFINED, values_in
from research.models.keyless.statements import speaks_of_another
from research.models.keyless.vocabulary import STOP, weight

MAX_SENTENCES: Final = 40
"""Sentences that are looked at for one field of one page, the most promising first."""
MAX_SILENT: Final = 8
"""Of these, such as name the entity, or begin the page, but say nothing of the field."""
EARLY: Final = 8
"""Sentences that begin a page."""
LATE: Final = 30
"""Sentences from here on are late on a page."""
_MAX_WORDS: Final = 220
"""Words of a sentence that is looked at. What is longer is a list of things."""
SPOKEN: Final = 0.5
"""How surely a sentence that is not silent about a field speaks of it."""
_OPENING: Final = re.compile(
    r"[*_\s]*(?:(?:It|He|She|They|We|This)(?=\s(?:is|was|has|had|\w+ed|\w+s)\b)|"
    r"(?:The|This|An?|Its|His|Her|Their)\s(?P<noun>[a-z][\w-]*(?:\s[a-z][\w-]*){0,2}?)(?=\s(?:is|was|are|were|has|had|of|for|in|shall|will|\w+ed|\w+s)\b))"
)
"""A pronoun, or a thing without a name, that a sentence begins with."""
_GATES: Final = {"here": 0.75, "part": 0.6, "before": 0.6, "passage": 0.6}
"""How surely a sentence speaks of the entity by where the entity is named, as seen from it."""


class _Promising(NamedTuple):
    """A sentence that may state the field of the entity."""

    fit: float
    """How surely it speaks of the field."""
    gate: float
    marks: tuple[str, ...]
    sentence: Sentence


def of_sentences(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """What sentences state near the words that speak of the field and the name that stands for the entity."""
    question, spoken = asked.question, spoken_of(asked.question, reading)
    for fit, gate, marks, sentence in _promising(asked, reading, spoken):
        for one, shape, around in values_in(question, asked.entity, spoken, reading, sentence):
            silent = (f"silent:{question.expects}/{shape}",) if fit < SPOKEN else ()
            told = (*marks, *around, *silent)
            narrowed = is_label(question, reading, sentence)
            yield Candidate(one.value, (sentence.place,), "a sentence", "sentence", fit, gate, one, told, narrowed)


def _promising(asked: Asked, reading: Reading, spoken: Spoken) -> list[_Promising]:
    """Sentences that may speak of the field and of the entity, the best first."""
    question, entity = asked.question, asked.entity
    cues = spoken.cues | question.about_cues
    index = reading.sentences_with
    touched = {at for cue in cues if weight(cue) >= 0.6 or len(cues) == 1 for at in index.get(cue, ())}
    for phrase in spoken.phrases:
        touched |= set(index.get(phrase[0], ())).intersection(*(index.get(word, ()) for word in phrase[1:]))
    named, partly = _naming(entity, reading)
    is_another = asked.about < MIN_ABOUT and entity.named
    found: list[_Promising] = []
    silent = set(named if is_another else range(min(EARLY, len(reading.sentences))))
    if question.expects in ("person", "organisation") and not is_another:
        silent |= {at for at, said in enumerate(reading.sentences[:LATE]) if DEFINED.search(said.text)}
    for at in sorted(touched | silent):
        sentence = reading.sentences[at]
        where = _where(at, named, partly, reading)
        if len(sentence.words) > _MAX_WORDS or (where == "page" and is_another and asked.gate(reading, sentence.place) <= 0):
            continue
        fit, marks = strength(question, spoken, sentence)
        if fit < SPOKEN and at not in silent:
            continue
        gate = max(asked.gate(reading, sentence.place), _GATES.get(where, 0.0))
        if gate <= 0 or (where != "here" and asked.about >= MIN_ABOUT and asked.is_beside(reading, sentence.place)):
            continue
        if where != "here" and entity.named and speaks_of_another(sentence.text, entity.words | reading.subject_words):
            continue
        order = "early" if at < EARLY else "middle" if at < LATE else "late"
        opening = _opening(asked, spoken, reading, sentence)
        if opening == "thing" and question.expects == "person" and not spoken.names & {*sentence.words}:
            continue  # `The catalogue was written by …` says whose work the catalogue is
        place = (f"entity:{where}", f"entity:{where}, opens:{opening}", order)
        found.append(_Promising(fit, gate, (*place, *marks), sentence))
    found.sort(
        key=lambda one: (
            *(one.fit < SPOKEN, one.marks[0] != "entity:here", -one.fit),
            not reading.is_stressed(one.sentence.place, one.sentence.start + 4),
        )
    )
    telling = sum(one.fit >= SPOKEN for one in found)
    return found[: min(telling + MAX_SILENT, MAX_SENTENCES)]


def _opening(asked: Asked, spoken: Spoken, reading: Reading, sentence: Sentence) -> str:
    """What a sentence begins with: `It`, the entity, `The museum`, a word for the field, or another thing: `The catalogue`."""
    match = _OPENING.match(sentence.text)
    if match is None:
        return "other"
    said = frozenset(words(match[0])) - STOP
    if not match["noun"]:
        return "pronoun"
    is_first = sentence is reading.sentences[0]  # what a page speaks of from the start is its subject
    if said & (asked.entity.words | reading.subject_words) or (is_first and asked.about >= MIN_ABOUT):
        return "subject"
    return "field" if said & (spoken.cues | asked.question.about_cues) else "thing"


def _where(at: int, named: frozenset[int], partly: frozenset[int], reading: Reading) -> str:
    """Where the entity is named, as seen from a sentence."""
    if at in named or at in partly:
        return "here" if at in named else "part"
    if at - 1 in named:
        return "before"
    place = reading.sentences[at].place
    before = at - 1
    while before >= 0 and reading.sentences[before].place == place:
        if before in named:
            return "passage"
        before -= 1
    return "page"


@lru_cache(maxsize=64)
def _naming(entity: Entity, reading: Reading) -> tuple[frozenset[int], frozenset[int]]:
    """Places of the sentences that name the entity, and of those that name it by a word which the page has mostly in its name."""
    if not entity.named:
        return frozenset(), frozenset()
    index = reading.sentences_with
    found: set[int] = set()
    for spelled in (entity.words, *entity.others):
        lists = sorted((index.get(word, []) for word in spelled), key=len)
        if lists:
            found.update(set(lists[0]).intersection(*lists[1:]))
    telling = [index[w] for w in entity.words if len(w) > 3 and w in index and 3 * len(found) >= len(index[w]) > len(found)]
    return frozenset(found), frozenset(at for places in telling for at in places) - found

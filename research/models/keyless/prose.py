"""Prose: the sentences of a page that may state a field of the entity, and the values that they state, each with what stands
around it."""

from __future__ import annotations

import re
from calendar import month_name
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import takewhile
from typing import Final, NamedTuple

from research.evidence.ranking import words
from research.models.keyless.candidates import MIN_ABOUT, Asked, Candidate, is_label
from research.models.keyless.casting import Cast, cast, cast_list
from research.models.keyless.entities import Entity, stands_in
from research.models.keyless.questions import Question
from research.models.keyless.reading import Reading, Sentence, stem
from research.models.keyless.shapes import BIG, NAME, shapes
from research.models.keyless.surroundings import Spoken, Surroundings
from research.models.keyless.vocabulary import STOP, concepts, in_order, sequences, weight
from research.values.belonging import is_of_other_years

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
ALL_OF_IT: Final = 0.8
"""How surely a sentence speaks of a field that lacks but a light word of its name: what lacks more may be of another kind."""
_COUNTED: Final = ("number", "integer")
_FIGURES: Final = (*_COUNTED, "year")
_OPENING: Final = re.compile(
    r"[*_\s]*(?:(?:It|He|She|They|We|This)(?=\s(?:is|was|has|had|\w+ed|\w+s)\b)|"
    r"(?:The|This|An?|Its|His|Her|Their)\s(?P<noun>[a-z][\w-]*(?:\s[a-z][\w-]*){0,2}?)(?=\s(?:is|was|are|were|has|had|of|for|in|shall|will|\w+ed|\w+s)\b))"
)
"""A pronoun, or a thing without a name, that a sentence begins with."""
_OPENING_NAME: Final = re.compile(
    rf"(?:(?P<of>(?:The|A|An)\s+(?:[a-z-]+\s+){{1,3}}(?:of|called|named)\s+)|(?:The|Its|His|Her|Their)\s+(?:[a-z-]+\s+){{0,2}}[a-z-]+,?\s+|{BIG}[\w'’&-]+\s+){NAME}"
    r"(?=(?:\s+(?!(?:it|he|she|they|we|the|an?|its|his|her|their)\s)[a-z-]+){0,2}?,?\s+(?:[a-z][^,.;]{0,60},\s+)?(?:is|was|has|had|were|are)\b)"
)
"""The name, of two words or more, that a sentence begins with, or `The village of` such a thing."""
_CALLED: Final = re.compile(r"[^()]{0,60}\((?:[^()]{0,40}\s)?[“\"‘']")
"""A name, and what it is called from here on: `Acme, Inc. (the “Company”)`."""
_GATES: Final = {"here": 0.75, "part": 0.6, "before": 0.6, "passage": 0.6}
"""How surely a sentence speaks of the entity by where the entity is named, as seen from it."""
_GLUED: Final = 7
"""Letters of a word that may be two (`publicnetwork`) if the page does not know it."""
_NEAR: Final = 5
"""Words within which the next word of a phrase follows."""
_NO_PERSON: Final = frozenset(("date", "month", "year", "number", "measure", "measured number", "figures", "duration", "code"))
"""What is no answer to who did something."""
_LISTED: Final = frozenset(("name", "company", "list of names"))
"""What may be a list, if only of one."""
_NAMES_ONLY: Final = re.compile(rf"(?:{BIG}[\w'’.-]*+|(?:of|the|and|for|de)\b|[\s,·|/&–—-]|\d+)++")
"""A line of names that says nothing of any: `Department of Physics, University of Basel`."""
_MONTHS: Final = frozenset(name.casefold() for name in month_name if name)
_ONE_MORE: Final = re.compile(rf",?\s+and\s+(?:the|an?|his|her)\s+(?:[a-z-]+\s+){{0,2}}(?={BIG})")
"""Between two names, of which the later has a word before it: `Ole Lund and the gardener Jan Fog`."""


@lru_cache(maxsize=64)
def _spoken_of(question: Question, reading: Reading) -> Spoken:
    """The words and phrases that speak of a field. A word that the page does not know may be two that it has side by side."""
    index, divided = reading.sentences_with, dict[str, frozenset[str]]()
    for word in question.surface:
        if len(word) >= _GLUED and stem(word) not in index:
            pairs = [(stem(word[:at]), stem(word[at:])) for at in range(2, len(word) - 2)]
            both = {pair: len({*index[pair[0]]} & {*index[pair[1]]}) for pair in pairs if pair[0] in index and pair[1] in index}
            if both and max(both.values()):
                divided[stem(word)] = frozenset(max(both.items(), key=lambda pair: pair[1])[0])
    names = frozenset(part for name in question.name_words for part in divided.get(name, (name,)))
    cues = question.cues | names | (question.negative if question.kind == "boolean" else frozenset())
    ordered = tuple(w for w in words(question.label) if w not in STOP)
    joined = tuple(words(question.label.replace(" ", "")))  # `InChIKey`, for `inchi_key`
    own = (ordered, joined) if len(ordered) > 1 else ()
    return Spoken(cues.union(*own[1:]), names, (*own, *sequences(question.name_words)))


def _strength(question: Question, spoken: Spoken, sentence: Sentence) -> tuple[float, bool]:
    """How surely a sentence speaks of a field (0.5 and more where it does), and whether by a phrase of several words."""
    said = frozenset(sentence.words)
    wanted = question.concepts
    best = sum(map(weight, concepts(said & question.cues) & wanted)) / (sum(map(weight, wanted)) or 1.0)
    best = max(best, 0.8 * sum(map(weight, said & spoken.names)) / (sum(map(weight, spoken.names)) or 1.0))
    described = len(said & question.about_cues) / max(len(question.about_cues), 1)
    has_phrase = any(phrase[0] in said and in_order(phrase, sentence.words) for phrase in spoken.phrases)
    if has_phrase:
        best = max(best, 0.9)
    elif any(phrase[0] in said and _in_turn(phrase, sentence.words) for phrase in spoken.phrases):
        best = max(best, 0.6)
    if (question.kind == "boolean" and question.negative & said) or described >= 0.5:
        best = max(best, 0.8 if question.kind == "boolean" else 0.5)
    return best, has_phrase


def _in_turn(phrase: Sequence[str], said: Sequence[str]) -> bool:
    """Whether the words of a phrase follow each other closely, with others between: `founded in 1921 by`."""
    at = said.index(phrase[0])
    for word in phrase[1:]:
        near = said[at + 1 : at + 1 + _NEAR]
        if word not in near:
            return False
        at += 1 + near.index(word)
    return True


class _Promising(NamedTuple):
    """A sentence that may state the field of the entity."""

    fit: float
    """How surely it speaks of the field."""
    gate: float
    marks: tuple[str, ...]
    sentence: Sentence
    of_a_thing: bool
    """It begins with another thing than the page's subject or the field: `The frame weighs`, for a weight."""


def of_sentences(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """What sentences state near the words that speak of the field and the name that stands for the entity."""
    question, spoken = asked.question, _spoken_of(asked.question, reading)
    for fit, gate, marks, sentence, of_a_thing in _promising(asked, reading, spoken):
        for one, shape, around in _values_in(question, asked.entity, spoken, reading, sentence):
            if fit < SPOKEN and (shape == "formed" or (shape in _FIGURES and marks[0] != "entity:here")):
                continue  # a length of time, or a figure of a sentence that does not name the thing, is of what is spoken of
            told = (*marks, *around, *([f"silent:{question.expects}/{shape}"] if fit < SPOKEN else ()))
            narrowed = is_label(question, reading, sentence)
            narrowed = narrowed or (question.kind in _COUNTED and (of_a_thing or fit < ALL_OF_IT))
            narrowed = narrowed or (question.kind == "text" and _NAMES_ONLY.fullmatch(sentence.text) is not None)
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
    if question.expects in ("person", "agent", "organisation") and not is_another:
        silent |= {at for at, said in enumerate(reading.sentences[:LATE]) if _CALLED.search(said.text)}
    for at in sorted(touched | silent):
        sentence = reading.sentences[at]
        where = _where(at, named, partly, reading)
        if len(sentence.words) > _MAX_WORDS or (where == "page" and is_another and asked.gate(reading, sentence.place) <= 0):
            continue
        fit, has_phrase = _strength(question, spoken, sentence)
        if fit < SPOKEN and at not in silent:
            continue
        gate = max(asked.gate(reading, sentence.place), _GATES.get(where, 0.0))
        if gate <= 0 or (where != "here" and asked.about >= MIN_ABOUT and asked.is_beside(reading, sentence.place)):
            continue
        another = _OPENING_NAME.match(sentence.text) if where != "here" and entity.named else None
        known = entity.words | reading.subject_words | (frozenset() if another and another["of"] else spoken.cues)
        asks_who = question.expects == "person" and fit >= SPOKEN
        is_answer = another and asks_who and not _names_more(sentence.text[another.end() :], spoken)
        if another and known.isdisjoint(words(another[0])) and not is_answer:
            continue
        order = "early" if at < EARLY else "middle" if at < LATE else "late"
        opening = _opening(asked, spoken, reading, sentence)
        if is_another and where != "here" and opening != "pronoun" and asked.gate(reading, sentence.place) <= 0:
            continue  # the page, which is about another thing, names it in passing
        if opening == "thing" and question.expects in ("person", "agent") and not spoken.names & {*sentence.words}:
            continue  # `The catalogue was written by …` says whose work the catalogue is
        place = (f"entity:{where}", f"entity:{where}, opens:{opening}", order)
        found.append(_Promising(fit, gate, (*place, "phrase") if has_phrase else place, sentence, opening == "thing"))
    found.sort(key=lambda one: (one.fit < SPOKEN, one.marks[0] != "entity:here", -one.fit))
    telling = sum(one.fit >= SPOKEN for one in found)
    return found[: min(telling + MAX_SILENT, MAX_SENTENCES)]


def _names_more(text: str, spoken: Spoken) -> bool:
    """Whether a text has a name: a capital that begins no month and no word for the field (`CEO`)."""
    capitals = (word for word in re.findall(r"[^\W\d_]+", text) if word[0].isupper())
    return any(word.casefold() not in _MONTHS and stem(word) not in spoken.cues for word in capitals)


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
    passage = takewhile(lambda before: reading.sentences[before].place == place, range(at - 1, -1, -1))
    return "page" if named.isdisjoint(passage) else "passage"


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
            said = set(lists[0]).intersection(*lists[1:])
            found.update(at for at in said if stands_in(entity, spelled, reading.sentences[at].words))
    telling = [index[w] for w in entity.words if len(w) > 3 and w in index and 3 * len(found) >= len(index[w]) > len(found)]
    return frozenset(found), frozenset(at for places in telling for at in places) - found


def _values_in(
    question: Question, entity: Entity, spoken: Spoken, reading: Reading, sentence: Sentence
) -> Iterator[tuple[Cast, str, tuple[str, ...]]]:
    """The values of a sentence that are of the kind asked for, each with its shape and what is true of it among the sentence's
    other words."""
    above = (reading.text(sentence.place)[: sentence.start], reading.heading(sentence.place), *reading.titles)
    if is_of_other_years(spoken.names, sentence.text, *above):
        return
    around = Surroundings(question, entity, spoken, sentence.text)
    found: list[tuple[int, Cast, str, list[str]]] = []
    for one, shape in _pieces(question, around, sentence.text):
        if (placed := around.marks(one, shape)) is not None:
            distance, marks = placed
            found.append((distance, one, shape, marks))
    nearest = min((distance for distance, *_ in found), default=0)
    is_alone = len({repr(one.value) for _, one, *_ in found}) == 1
    for distance, one, shape, marks in found:
        yield one, shape, (*marks, "rank:alone" if is_alone else "rank:nearest" if distance == nearest else "rank:farther")


def _pieces(question: Question, around: Surroundings, text: str) -> Iterator[tuple[Cast, str]]:
    """The values of a sentence that are of the kind asked for, each with its shape."""
    if question.kind == "list":
        parted = {place for match in _ONE_MORE.finditer(text) for place in match.span()}
        for start, end, shape in shapes(text):
            whole = shape in _LISTED and not {start, end} & parted  # part of the names would be no answer
            if whole and (items := cast_list(question, [text[start:end]])[0]):
                yield Cast(items, start, end, 0.9), shape
        return
    if question.kind != "text":
        most = 1 if question.kind == "boolean" else 12
        values = cast(question, text)[:most]
        belonging = around.belonging(values) if question.kind in (*_COUNTED, "date") else values
        yield from ((one, question.kind) for one in belonging)
        return
    particular = [one for one in cast(question, text) if one.end - one.start < 0.6 * len(text)]
    if particular:  # the field asks for a kind of text that is known by its form: a duration, an address
        yield from ((one, "formed") for one in particular[:12])
        return
    for start, end, shape in shapes(text):
        if question.expects != "person" or shape not in _NO_PERSON:
            for one in cast(question, text[start:end])[:1]:
                yield replace(one, start=start, end=end), shape

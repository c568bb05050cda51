"""Candidates: possible values of a field, each with what speaks for it, found in a page's facts and sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from rapidfuzz.fuzz import ratio

from research.evidence.ranking import words
from research.models.keyless.casting import Setting, cast, cast_list
from research.models.keyless.entities import Entity, aboutness, mentions
from research.models.keyless.facts import Fact
from research.models.keyless.keys import affinity
from research.models.keyless.questions import Question
from research.models.keyless.reading import Reading, Sentence, tokens
from research.models.keyless.statements import FULL_NAME, speaks_of_another
from research.models.keyless.vocabulary import STOP, concepts, weight
from research.values.dates import dates
from research.values.values import fold

MIN_AFFINITY: Final = 0.6
MIN_ABOUT: Final = 0.5
MAX_JOINED: Final = 8
SHORT: Final = 60
_ORIGIN: Final = {"data": 1.0, "facts": 0.97, "table": 0.95, "list": 0.9, "prose": 0.8}
_WHERE: Final = {"data": "the page data", "facts": "the facts", "table": "a table", "list": "a list", "prose": "a sentence"}
MIN_SPOKEN: Final = 0.7
"""How surely a page must be about the entity for its sentences to be read as facts."""
_ABOUT_THE_PAGE: Final = {
    **dict.fromkeys(("og", "product", "meta"), 0.9),
    **dict.fromkeys(("twitter", ""), 0.85),
    **dict.fromkeys(("webpage", "itempage", "article", "newsarticle", "blogposting", "imageobject", "collectionpage"), 0.87),
    **dict.fromkeys(("website", "breadcrumblist", "comment", "review", "videoobject"), 0.75),
}
"""Things in page data that describe the page rather than what it is about, and how much less they count."""
_BY_NAME: Final = re.compile(r"\bby\s+(?:the\s+)?[A-ZÀ-ÞА-Я]")
_WHERE_IN: Final = re.compile(r"\b(?:in|into|at|on|to|from)\s+(?:the\s+)?$")
_GENERIC: Final = frozenset(
    words("company firm group organisation organization institution society business work site place event")
)
"""What anything may be called after its name was said."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that a page may state."""

    value: Any
    score: float
    """0 to 1: how well the key fits × how surely the page is about the entity × how surely the value is of its type."""
    places: tuple[int, ...]
    """Places of the passages that say it, among the page's passages."""
    how: str
    """Where it was found, for people: "`Launch date` in the facts"."""
    structured: bool
    affinity: float
    gate: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about an entity, asked of a page that is about it to some degree."""

    question: Question
    entity: Entity
    about: float

    def gate(self, reading: Reading, place: int) -> float:
        """How surely what stands at a place speaks of the entity."""
        if self.about >= MIN_ABOUT:
            return self.about
        heading = reading.heading(place)
        under = aboutness(self.entity, tuple(heading.split(" > "))) if heading and self.entity.named else 0.0
        if under >= 0.6:
            return 0.95 * under
        return 0.0 if self.entity.named else 0.6


def candidates(asked: Asked, reading: Reading) -> list[Candidate]:
    """All candidates of one page, best first."""
    found = list(_from_facts(asked, reading))
    if asked.question.kind not in ("list", "object"):
        found.extend(_from_sentences(asked, reading))
    if asked.question.kind == "text" and asked.about >= MIN_SPOKEN:
        found.extend(_of_its_kind(asked, reading))
    return sorted(found, key=lambda c: -c.score)


def _from_facts(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    question = asked.question
    spoken = reading.statements if asked.about >= MIN_SPOKEN else ()
    for order, fact in enumerate((*reading.facts, *spoken)):
        if fact.origin == "list" and question.kind != "list":
            continue
        fit = affinity(question, fact)
        if fit < MIN_AFFINITY:
            continue
        gate = _fact_gate(asked, reading, fact)
        if gate <= 0:
            continue
        score = fit * gate * _ORIGIN[fact.origin] * (1 - 0.0005 * min(order, 100))
        how = f"`{fact.key}` in {_WHERE[fact.origin]}"
        structured = fact.origin != "prose"
        if question.kind == "list":
            items, origins = cast_list(question, fact.values)
            if items:
                places = tuple(dict.fromkeys(fact.places[o] for o in origins))
                richness = 1.0 if len(items) > 1 or fact.origin == "data" else 0.85
                yield Candidate(items, score * richness, places, how, structured, fit, gate)
            continue
        if question.kind == "text":
            yield from _text(asked, fact, score, how, fit, gate)
            continue
        for value, place in list(zip(fact.values, fact.places, strict=True))[:3]:
            found = cast(question, value, setting_of(fact))[:2]
            for one in found:
                yield Candidate(one.value, score * one.quality, (place,), how, structured, fit, gate)
            if not found and structured and question.kind == "boolean" and fit >= 0.85:
                # `Wi-Fi: in all rooms`: there is some.
                yield Candidate(True, 0.7 * score, (place,), how, True, fit, gate)


def _text(asked: Asked, fact: Fact, score: float, how: str, fit: float, gate: float) -> Iterator[Candidate]:
    """A fact's text; a few short values of one key are one text. A name is the better the nearer it is to the one asked for."""
    values, places = fact.values, fact.places
    if asked.question.label.endswith(" by") and all(map(_is_date, values)):
        return  # `Opened: 1855` does not say who opened it.
    if 1 < len(values) <= MAX_JOINED and all(len(value) <= SHORT for value in values):
        values, places = (", ".join(dict.fromkeys(values)),), (places[0],)
    for value, place in list(zip(values, places, strict=False))[:3]:
        for one in cast(asked.question, value, setting_of(fact))[:1]:
            quality = one.quality
            if "=title" in asked.question.concepts and asked.entity.named:
                quality *= 0.8 + 0.2 * ratio(fold(asked.entity.name), fold(one.value)) / 100
            yield Candidate(one.value, score * quality, (place,), how, fact.origin != "prose", fit, gate)


def setting_of(fact: Fact) -> Setting:
    """What the values of a fact stand in."""
    return Setting(f"{fact.key}\n{fact.label}", fact.origin == "data", fact.thing)


def _is_date(value: str) -> bool:
    return any(date.end - date.start >= 0.8 * len(value) for date in dates(value))


def _fact_gate(asked: Asked, reading: Reading, fact: Fact) -> float:
    if fact.origin == "prose":
        return asked.about if not fact.subjects or _stands_for(asked.entity, reading, fact.subjects[0]) else 0.0
    if fact.subjects:
        if fact.origin != "table":
            return 0.75 if asked.about >= MIN_ABOUT or mentions(asked.entity, {*words(fact.subjects[0])}) else 0.0
        about = aboutness(asked.entity, fact.subjects) if asked.entity.named else 0.0
        return about if about >= 0.75 else 0.0
    return asked.gate(reading, fact.places[0]) * (
        _thing_weight(asked.entity, reading, fact.thing) if fact.origin == "data" else 1.0
    )


def _stands_for(entity: Entity, reading: Reading, subject: str) -> bool:
    """Whether a sentence's subject is the entity: it has its name, or is `the` and a word for what it is."""
    said = frozenset(words(subject))
    if FULL_NAME.search(subject, 1) is None and (said & {"the", "this"}):
        return bool(said & (reading.subject_words | entity.objective)) or (len(said) == 2 and bool(said & _GENERIC))
    return bool(said & entity.words)


def _thing_weight(entity: Entity, reading: Reading, thing: str) -> float:
    """How far a thing in the page's data is the entity, and not the page, its site or something beside it."""
    weight = _ABOUT_THE_PAGE.get(thing.partition("#")[0].casefold(), 1.0)
    name = reading.thing_names.get(thing)
    if not name or not entity.named:
        return weight if weight < 1 or name else 0.95
    about = aboutness(entity, (name,))
    return weight if about >= 0.5 else 0.85 * weight if about >= 0.25 else 0.6 * weight


def _from_sentences(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    question = asked.question
    wanted = question.concepts
    total = sum(map(weight, wanted))
    index = reading.sentences_with
    cues = question.cues | question.negative if question.kind == "boolean" else question.cues
    touched = sorted({place for cue in cues if weight(cue) >= 1 for place in index.get(cue, ())})
    for at in touched[:60]:
        sentence = reading.sentences[at]
        said = frozenset(sentence.words)
        strength = sum(map(weight, concepts(said & question.cues) & wanted)) / total if total else 0.0
        if question.kind == "boolean" and question.negative & said:
            strength = max(strength, 0.8)
        if strength < 0.5:
            continue
        gate = asked.gate(reading, sentence.place)
        if asked.entity.named and mentions(asked.entity, said):
            gate = max(gate, 0.75)
        if gate <= 0 or (asked.entity.named and speaks_of_another(sentence.text, asked.entity.words | reading.subject_words)):
            continue
        for value, quality, near in _stated(question, asked.entity, sentence):
            score = 0.72 * strength * gate * quality * (0.55 + 0.45 * near)
            yield Candidate(value, score, (sentence.place,), "a sentence", False, strength, gate)


def _of_its_kind(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """The one name on a page that says itself that it is what is asked for: `Court of Appeal`, for a `court`."""
    question = asked.question
    if weight(question.head) < 1 or question.head not in question.concepts:
        return
    found: dict[str, int] = {}
    for at in reading.sentences_with.get(question.head, ()):
        sentence = reading.sentences[at]
        for match in FULL_NAME.finditer(sentence.text):
            name = re.sub(r"['’]s$|[.,]+$", "", match[0])
            spelled = frozenset(words(name)) - STOP
            if question.name_words < spelled and not spelled & asked.entity.words:
                found.setdefault(name, sentence.place)
    if len(found) == 1:
        [(name, place)] = found.items()
        yield Candidate(name, 0.44 * asked.about, (place,), "the only name of its kind", False, 0.6, asked.about)


def _stated(question: Question, entity: Entity, sentence: Sentence) -> Iterator[tuple[Any, float, float]]:
    """Values that a sentence states near the words that speak of the field: `(value, quality, nearness)`."""
    marks = tokens(sentence.text)
    cue_at = [place for place, (stem, _, _) in enumerate(marks) if stem in question.cues and weight(stem) >= 1]
    if question.kind == "text":
        yield from _names(entity, sentence, marks, cue_at)
        return
    if question.kind == "boolean":
        yield from ((one.value, one.quality, 0.8) for one in cast(question, sentence.text)[:1])
        return
    for one in cast(question, sentence.text):
        at = next((place for place, (_, _, end) in enumerate(marks) if end > one.start), len(marks))
        distance = min((abs(at - place) - (1 if at > place else 0) for place in cue_at), default=20)
        if question.kind in ("number", "integer") and question.unit is None and distance > 4:
            continue
        yield one.value, one.quality, 1 / (1 + max(distance, 0) / 5)


def _names(
    entity: Entity, sentence: Sentence, marks: list[tuple[str, int, int]], cue_at: list[int]
) -> Iterator[tuple[Any, float, float]]:
    """Names that stand just after a cue (`operated by X`), or a little before it (`X operated`)."""
    dated = [(d.start, d.end) for d in dates(sentence.text)]
    named_by = _BY_NAME.search(sentence.text)
    for match in FULL_NAME.finditer(sentence.text):
        if named_by and _WHERE_IN.search(sentence.text, 0, match.start()):
            continue  # `translated into French by X`: whoever did it follows `by`.
        if any(start < match.end() and match.start() < end for start, end in dated):
            continue
        name = re.sub(r"['’]s$|[.,]+$", "", match[0])
        found = {stem for stem, start, end in marks if match.start() <= start and end <= match.end()}
        if not found or found <= entity.words or len(name) > 80 or (match.start() == 0 and len(found) == 1):
            continue
        first = next((place for place, (_, start, _) in enumerate(marks) if start >= match.start()), 0)
        after = min((first - place for place in cue_at if place < first), default=99)
        before = min((place - first - len(found) + 1 for place in cue_at if place > first), default=99)
        distance, quality = (after - 1, 0.75) if after <= before else (before, 0.45)
        if distance <= 4 and not any(first <= place < first + len(found) for place in cue_at):
            yield name, quality, 1 / (1 + max(distance, 0) / 3)

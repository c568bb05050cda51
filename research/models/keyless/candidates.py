"""Candidates: possible values of a field, each with what speaks for it, found in a page's facts, sentences and shown values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from research.evidence.ranking import words
from research.models.keyless.casting import Cast, Setting, cast, cast_list
from research.models.keyless.entities import Entity, aboutness, mentions, names_another
from research.models.keyless.facts import HEADING, Fact
from research.models.keyless.keys import OF_ITS_KIND, affinity_with_value, narrows
from research.models.keyless.questions import Question
from research.models.keyless.reading import Reading, Sentence
from research.models.keyless.vocabulary import BESIDE, OF_OTHERS, OF_THE_PAGE, STOP, THINGS
from research.values.answers import is_given, is_over, says_over
from research.values.belonging import YEAR
from research.values.dates import dates
from research.values.labels import series_of
from research.values.names import things_named

Source = Literal["data", "facts", "under", "table", "list", "sentence", "naming", "shown"]
"""The kind of structure that a candidate was found in."""

MIN_AFFINITY: Final = 0.6
MIN_ABOUT: Final = 0.5
MIN_OWN: Final = 0.9
"""How well a key of the entity's own data must fit for what they say of the page, its site or another thing to be no rival."""
FIRST: Final = "order:first"
"""The first that fits of its kind of structure."""
ITSELF: Final = "own:itself"
OF_ANOTHER: Final = "own:another"
"""What the page's data say of the entity itself, and of another thing where they also say it of the entity."""
MAX_JOINED: Final = 8
SHORT: Final = 60
_WHERE: Final = {"data": "the page data", "facts": "the facts", "under": "a heading", "table": "a table", "list": "a list"}
_ENTITY: Final = "thing:entity"
KEY: Final = "key:"
"""How the mark begins that names a key of page data."""
_RECOMMENDED: Final = re.compile(rf" > (?:{'|'.join(OF_OTHERS)})", re.IGNORECASE)
"""Headings, below a page's title, of things that it is not about."""
_END_OF_RANGE: Final = re.compile(r"\b([Mm]in|[Mm]ax)(?:imum)?(?![a-z])[\w ]*$")
"""Of page data, a key whose value is an end of what is possible: `numberOfEmployees.minValue`."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that a page may state, and what speaks for it: `scoring.features` says how each part counts."""

    value: Any
    places: tuple[int, ...]
    """Places of the passages that say it, among the page's passages."""
    how: str
    """Where it was found, for people: "`Launch date` in the facts"."""
    source: Source
    fit: float
    """How well the key, or the words of the sentence, fit the field: 0 to 1."""
    gate: float
    """How surely what stands there speaks of the entity: 0 to 1."""
    cast: Cast | None = None
    """The value as it was read from its text; None for a list."""
    marks: tuple[str, ...] = ()
    """What else is true of it."""
    narrowed: bool = False
    """Its key says more than the field asks: `Screen weight`, for a weight; or it may be said of something else."""


_PAGE_LANGUAGE: Final = "html.lang"
_OF_PAGES: Final = frozenset(words("page site website document code locale tag"))
"""Words of a description that ask for the language of the page, and not of what it is about."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about an entity, asked of a page that is about it to some degree."""

    question: Question
    entity: Entity
    about: float

    def asks_name(self, reading: Reading) -> bool:
        """Whether the thing's own name is asked for: `title`, `product name`, `ship name` of what the page calls a ship."""
        question = self.question
        return "=title" in question.concepts and question.name_words <= THINGS | reading.subject_words

    def gate(self, reading: Reading, place: int) -> float:
        """How surely what stands at a place speaks of the entity."""
        if self.about >= MIN_ABOUT:
            return 0.0 if self.is_beside(reading, place) else self.about
        heading = reading.heading(place)
        under = aboutness(self.entity, tuple(heading.split(" > "))) if heading and self.entity.named else 0.0
        if under >= 0.6:
            return 0.95 * under
        return 0.0 if self.entity.named else 0.6

    def is_beside(self, reading: Reading, place: int) -> bool:
        """Whether what stands at a place of a page about the entity is about something else by its heading: things that are
        only recommended; or another of several things, which the page's title names beside the entity (`Alpha One and Beta
        Two`) where the entity has a part of its own."""
        own, heading = self.entity.words, reading.heading(place)
        parts = [frozenset(words(part)) - STOP for part in heading.split(" > ")]
        if not own or len(parts) < 2 or any(own <= part for part in parts[1:]):
            return False
        told = list(self._told(heading))
        if any(names_another(self.entity, part) == "like" for part in told) or _RECOMMENDED.search(" > ".join(["", *told])):
            return True
        beside = reading.title_words - own
        return any(part and part <= beside for part in parts[1:]) and own in reading.heading_words

    def is_of_a_part(self, reading: Reading, place: int) -> bool:
        """Whether a heading above a place is a name of its own: of a part of the entity, or of another thing."""
        return any(names_another(self.entity, part) for part in self._told(reading.heading(place)))

    def _told(self, heading: str) -> Iterator[str]:
        """The headings below the page's title that do not speak of the field."""
        return (part for part in heading.split(" > ")[1:] if self.question.name_words.isdisjoint(words(part)))


def of_facts(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """What stands under a key that fits."""
    question = asked.question
    seen: set[Source] = set()
    fitting = _newest(question, [(fit, f) for f in reading.facts if (fit := affinity_with_value(question, f)) >= MIN_AFFINITY])
    best = max((fit for fit, fact in fitting if fact.origin in ("facts", "data", "table")), default=0.0)
    own = max(
        (fit for fit, fact in fitting if fact.origin == "data" and _thing(asked.entity, reading, fact.thing) == _ENTITY),
        default=0.0,
    )
    is_told = any(fit > OF_ITS_KIND and cast(question, fact.values[0], setting_of(fact, reading)) for fit, fact in fitting)
    for fit, fact in fitting:
        if is_told and fit == OF_ITS_KIND and fact.origin != "data":
            continue  # `Date`, beside `Registration deadline`
        if (fact.origin == "list" and question.kind != "list") or (is_over(fact.key) and not says_over(question.label)):
            continue
        if fact.key == HEADING and not asked.asks_name(reading):
            continue
        gate, thing = gate_of(asked, reading, fact)
        if gate <= 0:
            continue
        if fact.origin == "data" and own >= MIN_OWN:
            thing = (*thing, ITSELF if _ENTITY in thing else OF_ANOTHER)
        source: Source = fact.origin
        marks = (*thing, "order:later" if source in seen else FIRST, "fit:best" if fit >= best else "fit:outdone")
        seen.add(source)
        how = f"`{fact.key}` in {_WHERE[source]}"
        if question.kind == "list":
            items, origins = cast_list(question, fact.values)
            if items:
                places = tuple(dict.fromkeys(fact.places[o] for o in origins))
                yield Candidate(items, places, how, source, fit, gate, None, (*marks, f"items:{min(len(items), 3)}"))
            continue
        is_narrowed = bool(
            narrows(question, fact, asked.entity.words)
            or _is_end_of_range(question, fact)
            or (fact.key == _PAGE_LANGUAGE and _OF_PAGES.isdisjoint(words(question.description)))
            or (fact.origin not in ("data", "table") and asked.is_of_a_part(reading, fact.places[0]))
            or (fact.origin == "data" and _called_otherwise(asked.entity, reading, fact.thing))
            or (fact.origin != "table" and fact.subjects and _names_another(asked.entity, fact))
        )
        setting = setting_of(fact, reading)
        for value, place, joined in _texts(question, fact):
            found = cast(question, value, setting)[: 1 if question.kind == "text" else 2]
            for one in found:
                told = (*marks, *joined, *_of_text(asked, one, value))
                yield Candidate(one.value, (place,), how, source, fit, gate, one, told, is_narrowed)
            if not found and question.kind == "boolean" and fit >= 0.85 and is_given(value):
                # `Wi-Fi: in all rooms`: there is some.
                yield Candidate(True, (place,), how, source, fit, gate, None, (*marks, "there is some"))


def _newest(question: Question, fitting: list[tuple[float, Fact]]) -> list[tuple[float, Fact]]:
    """Facts without those that are outdated, or only foreseen: where keys (or headings above them) differ by a year alone,
    the last one counts, or the one that the field's name asks for."""
    asked = YEAR.search(question.label)
    if YEAR.search(question.description):
        return fitting
    dated = [(one, *series_of(one[1].key, one[1].label.rpartition("\n")[2])) for one in fitting]
    last: dict[tuple[str, str], int] = {}
    for (_, fact), series, year in dated:
        last[fact.origin, series] = max(last.get((fact.origin, series), year), year)
    return [one for one, series, year in dated if year in (0, int(asked[0]) if asked else last[one[1].origin, series])]


def _is_end_of_range(question: Question, fact: Fact) -> bool:
    """Whether a key of page data says that its value is one end of a range, and the field does not ask for that end."""
    end = _END_OF_RANGE.search(fact.key) if fact.origin == "data" else None
    return end is not None and question.end != end[1].casefold()


def setting_of(fact: Fact, reading: Reading) -> Setting:
    """What the values of a fact stand in."""
    mark = "." if fact.origin == "data" else reading.decimal_mark
    return Setting(f"{fact.key}\n{fact.label}", mark, reading.month_first, fact.thing)


def is_label(question: Question, reading: Reading, sentence: Sentence) -> bool:
    """Whether a line only names the field, and is no item of a list: what stands below it may say otherwise."""
    return question.kind == "boolean" and reading.kind(sentence.place) != "list" and {*sentence.words} <= question.cues


def _texts(question: Question, fact: Fact) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """A fact's first texts; a few short ones of one key are one text."""
    values, places = fact.values, fact.places
    joined: tuple[str, ...] = ()
    if question.kind == "text":
        if question.label.endswith(" by") and all(any(d.end - d.start >= 0.8 * len(v) for d in dates(v)) for v in values):
            return  # `Opened: 1855` does not say who opened it.
        if 1 < len(values) <= MAX_JOINED and all(len(value) <= SHORT for value in values):
            yield ", ".join(dict.fromkeys(values)), places[0], ("joined",)
            values, places, joined = values[:1], places[:1], ("of several",)
    for value, place in list(zip(values, places, strict=False))[:3]:
        yield value, place, joined


def _of_text(asked: Asked, one: Cast, text: str) -> Iterator[str]:
    """How much of its text a value is; and, where a name is asked for, how it relates to the entity's."""
    if one.end - one.start < 0.6 * len(text):
        yield "part of its text"
    if isinstance(one.value, str) and "=title" in asked.question.concepts and asked.entity.named:
        said, name = frozenset(words(one.value)), asked.entity.words
        yield "named:same" if said == name else "named:more" if name < said else "named:less" if said < name else "named:other"


def gate_of(asked: Asked, reading: Reading, fact: Fact) -> tuple[float, tuple[str, ...]]:
    """How surely a fact speaks of the entity, and of what thing in the page's data it is."""
    if fact.subjects:
        if fact.origin != "table":
            is_named = mentions(asked.entity, words(" ".join(fact.subjects))) and not _names_another(asked.entity, fact)
            return 0.75 if asked.about >= MIN_ABOUT or is_named else 0.0, ()
        about = aboutness(asked.entity, fact.subjects) if asked.entity.named else 0.0
        if asked.about >= MIN_ABOUT and any(_is_its_code(asked.entity, subject) for subject in fact.subjects):
            about = asked.about  # `M5`, on a page about Motor M5
        return about if about >= 0.75 else 0.0, ()
    if fact.origin == "data" and _called_otherwise(asked.entity, reading, fact.thing) == "beside it":
        return 0.0, ()
    gate = asked.gate(reading, fact.places[0])
    if fact.origin != "data":
        return gate, ()
    told = f"depth:{min(fact.depth, 2)}", f"{KEY}{fact.key.rpartition('.')[2].casefold()}"
    return gate, (_thing(asked.entity, reading, fact.thing), *told)


def _is_its_code(entity: Entity, subject: str) -> bool:
    """Whether a cell is nothing but the code in the entity's name."""
    return bool(re.search(r"[^\W\d_]\d|\d[^\W\d_]", subject)) and frozenset(words(subject)) <= entity.words


def _names_another(entity: Entity, fact: Fact) -> bool:
    """Whether the sentences before a fact name another thing than the entity, too."""
    names = (frozenset(words(name)) - STOP for said in fact.subjects for name in things_named(said))
    return any(name and not (name <= entity.words or entity.words <= name) for name in names)


def _called_otherwise(entity: Entity, reading: Reading, thing: str) -> Literal["", "alone", "beside it"]:
    """Whether a thing in the page's data has another name than the entity: `beside` one of its type that has the entity's, or
    `alone` on a page that calls itself by that."""
    name, kind = reading.thing_names.get(thing), thing.partition("#")[0]
    if not name or not entity.named or aboutness(entity, (name,)) >= 0.5:
        return ""
    if any(aboutness(entity, (one,)) >= 0.9 for other, one in reading.thing_names.items() if other.partition("#")[0] == kind):
        return "beside it"
    is_its_own = kind == "Product" or kind.casefold() not in OF_THE_PAGE
    return "alone" if is_its_own and aboutness(entity, tuple(title for title, _ in reading.title_texts[:1])) >= 0.9 else ""


def _thing(entity: Entity, reading: Reading, thing: str) -> str:
    """What a thing in the page's data is: the entity, the page, its site or something beside it."""
    kind = thing.partition("#")[0].casefold()
    name = reading.thing_names.get(thing)
    about = aboutness(entity, (name,)) if name and entity.named else None
    if kind in OF_THE_PAGE:
        return f"thing:page {kind}" if kind in ("og", "meta", "twitter", "") else "thing:page"
    if about is not None and about >= 0.5:
        return _ENTITY
    if kind in BESIDE:
        return "thing:beside"
    return "thing:unnamed" if about is None else "thing:near" if about >= 0.25 else "thing:another"

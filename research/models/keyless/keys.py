"""Keys: how well the key of a fact fits what a question asks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from rapidfuzz.distance import JaroWinkler

from research.evidence.ranking import words
from research.models.keyless.facts import Fact, letters
from research.models.keyless.questions import ENDS, Question
from research.models.keyless.shapes import BIG
from research.models.keyless.vocabulary import (
    APART,
    CONTAINERS,
    IN_CITIES,
    STOP,
    THERE_IS,
    VARIANTS,
    city_and_country,
    concepts,
    held_by,
    is_country,
    weight,
)
from research.values.durations import durations
from research.values.kinds import address_in, email_in, phone_in
from research.values.neighbours import is_range

_OTHERS: Final = frozenset(
    words(
        "author creator publisher about mentions seller brand manufacturer contributor editor employee member parent work "
        "affiliation alumni organization performer sponsor funder subsidiary owner founder department"
    )
)
"""In page data, those that a thing has to do with: `publisher.foundingDate` is not the article's."""
_DATES: Final = frozenset(words("date when"))
_SHARES: Final = frozenset(words("rate ratio percentage share"))
_JUST_A_SHARE: Final = re.compile(r"[~≈<>≥≤]?\s?\d+(?:[.,]\d+)?\s?%(?:\s*\([^()]{0,40}\))?")
_PER: Final = re.compile(r"\b(?:per|each|an?|every|pro|par)\b|/", re.IGNORECASE)
_NOT: Final = frozenset(words("no not never without"))
_IDENTIFIERS: Final = frozenset(words("code id"))
_DATED: Final = frozenset(("=date published", "=effective date"))
"""Properties that a bare `Date` most often tells."""
_FORMS: Final[Mapping[str, Callable[[str], object]]] = {
    **dict.fromkeys(("url", "link"), address_in),
    "email": email_in,
    "phone": phone_in,
    "version": re.compile(r"(?!\d\d?\.\d\d?\.\d{4})v?\d{1,6}(?:\.\w{1,10}){1,5}(?:[-+][\w.]{1,20})?", re.IGNORECASE).fullmatch,
    **dict.fromkeys(("duration", "period"), durations),
}
"""The last word of a name, and what is so by its form."""
_ONE_NAME: Final = re.compile(rf"{BIG}[\w'’.-]+(?:\s(?:[a-z]{{2,4}}\s){{0,2}}{BIG}[\w'’.-]*){{0,3}}")
"""`Hull`, `Frankfurt am Main`"""
UNLIKE: Final = 0.5
"""The most that two keys of different heads are alike: a launch site is no launch date."""
SYNONYM: Final = 0.98
"""How much a key that means the same counts beside one that says the same."""
OF_ITS_KIND: Final = 0.64
"""A key that says only of what kind its value is, and is of the kind asked for: `Date`, for a launch date."""


def affinity(question: Question, fact: Fact) -> float:
    """From 0 (another matter) to 1 (the same words, or words that mean the same)."""
    if not fact.depth and letters(fact.key) == question.letters:
        return 1.0
    return _affinity(question, fact.words, fact.head, fact.context, fact.depth, fact.origin == "data")


def affinity_with_value(question: Question, fact: Fact) -> float:
    """The same, where the fact's value may say a part of what the field asks: the rest of a yes or no (`Pets: not allowed`, for
    `pets_allowed`), in what a number is counted (`Noise: 45 dB`, for `noise_db`), that there are two ends (`Ages: 18 to 65`, for
    `minimum_age`), that it is of a form (`Firmware: 3.2.0`, for `firmware_version`), or a city and its country."""
    fit = affinity(question, fact)
    if fact.origin == "data" or concepts(fact.words).isdisjoint(question.concepts):
        return fit
    said = _said_by_value(question, fact.values[0]) - fact.words
    head = question.head if question.head in said else fact.head
    return max(fit, _affinity(question, fact.words | said, head, fact.context, 0, False)) if said else fit


def _said_by_value(question: Question, text: str) -> frozenset[str]:
    """Words of a field that stand in a value instead of its key."""
    if question.kind == "boolean":
        said = frozenset(words(text)) - STOP - _NOT
        return question.cues & said if said <= question.cues else frozenset()
    if question.kind == "text":
        is_place = question.expects in ("city", "country") and not question.is_of_a_person and _is_place(question.expects, text)
        form = _FORMS.get(question.label.rpartition(" ")[2])
        return frozenset((question.head,)) if is_place or (form and form(text)) else frozenset()
    if question.kind not in ("number", "integer"):
        return frozenset()
    said = question.name_words & ENDS[question.end] if question.end and is_range(text) else frozenset[str]()
    if _JUST_A_SHARE.fullmatch(text):
        said |= question.name_words & _SHARES
    if question.counting and any(question.counting.match(text, number.end()) for number in re.finditer(r"\d(?!\d)", text)):
        said |= frozenset(words(question.label.rpartition(" ")[2]))
    return said


def _is_place(expects: str, text: str) -> bool:
    """Whether a value tells a city, or a country: one of both (`Reykjavík, Iceland`), a country's name, or another name alone."""
    if city_and_country(text):
        return True
    if is_country(text) or expects == "country":
        return is_country(text) and expects == "country"
    said = words(text)
    return _ONE_NAME.fullmatch(text) is not None and IN_CITIES.isdisjoint((*said[:1], *said[-1:]))


def narrows(question: Question, fact: Fact, known: frozenset[str]) -> bool:
    """Whether a key says more than a field asks, and so may speak of a part of it or of something beside it: `Screen weight` for
    a weight, `Area code` for an area; or only when something is. Words of the field's description, or known ones, are no such
    words."""
    one, other = question.concepts, concepts(fact.words)
    if question.kind == "date" and fact.words <= _DATES:  # `When` is no deadline
        return not (question.name_words <= _DATES or one & _DATED)
    if "per" in question.surface and not _PER.search(f"{fact.key} {fact.values[0]}"):
        return True  # a `Price`, for one per kg
    if fact.origin == "data" and fact.context & _OTHERS:
        return not fact.context & _OTHERS & (question.name_words | question.about)
    if fact.origin not in ("facts", "table", "under") or not one < other:
        return False
    said = question.name_words | question.about | question.surface | known
    return any((weight(word) >= 1 or word in _IDENTIFIERS) and word not in said for word in other - one)


@lru_cache(maxsize=65536)
def _affinity(question: Question, key: frozenset[str], head: str, context: frozenset[str], depth: int, is_data: bool) -> float:
    if question.kind == "boolean" and not key <= THERE_IS:  # `Parking available`, for `has_parking`
        key, head = key - THERE_IS, "" if head in THERE_IS else head
    best = _likeness(question, key, head)
    above = context - CONTAINERS
    if above and best < 0.95:
        # `Launch` > `Date`, `nutrition.calories`: what stands above the key is a part of what it says.
        best = max(best, 0.95 * _likeness(question, key | above, head))
    if question.about and best < 0.8:
        best = max(best, _described(question, key, head))
    if (not head and key <= question.name_words) or _says_kind(question, key):
        best = max(best, OF_ITS_KIND)
    return best * 0.75**depth if is_data and not (above & question.name_words) else best


def _says_kind(question: Question, key: frozenset[str]) -> bool:
    """Whether a key says no more than where or when: a city and a country stand in a `Location`, a first day in `Dates`, a
    latitude in `Coordinates`."""
    return (
        (question.kind == "date" and key <= _DATES)
        or (question.expects in ("city", "country") and concepts(key) == {"=location"})
        or (question.axis is not None and concepts(key) - question.concepts == {"=coordinates"})
    )


def _likeness(question: Question, key: frozenset[str], head: str) -> float:
    """Dice's coefficient of a name and a key, by meaning and by the weight of each word; bounded if their heads differ."""
    one, other = question.concepts, concepts(key)
    if one == other or (question.kind == "date" and key - _DATES == question.name_words - _DATES):
        return 1.0 if key == question.name_words else SYNONYM
    common = one & other
    near = [(a, b) for a in one - common for b in other - common if _is_near(a, b)]
    shared = sum(map(weight, common)) + sum(0.85 * min(weight(a), weight(b)) for a, b in near)
    total = sum(map(weight, one)) + sum(map(weight, other))
    likeness = 2 * shared / total if total else 0.0
    met = common | {word for pair in near for word in pair}
    heads_meet = _meets(question.head, one, met) and _meets(head, other, met) and not APART & (one - met)
    return likeness if heads_meet else min(likeness, UNLIKE)


def _meets(head: str, among: frozenset[str], met: frozenset[str] | set[str]) -> bool:
    return not head or bool(held_by(head, among) & met)


def _is_near(left: str, right: str) -> bool:
    """Words spelled almost alike, or forms of one: `organisation`, `organization`; `crewed`, `crew`; `decided`, `decision`."""
    if left in VARIANTS.get(right, ()):
        return True
    if min(len(left), len(right)) < 5 or left[0] != right[0] or left[0] == "=":
        return False
    return JaroWinkler.similarity(left, right) >= 0.93


def _described(question: Question, key: frozenset[str], head: str) -> float:
    """A key whose every telling word stands in the field's description, its head too: it may be what is meant."""
    telling = {word for word in key if weight(word) >= 1}
    if not telling or head not in question.about or not telling <= question.about | question.name_words:
        return 0.0
    return 0.72 if len(telling) > 1 else 0.66

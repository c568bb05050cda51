"""Vocabulary: words that name the same property, and words that say little, as `vocabulary.toml` lists them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from babel import Locale

from research.evidence.ranking import words
from research.records import read_table
from research.values.names import FORM_WORDS
from research.values.units import UNITS
from research.values.values import fold

Concept = str

_TABLE: Final = read_table("research.models.keyless", "vocabulary.toml")

VARIANTS: Final = {form: frozenset(stems) for forms in _TABLE["forms"] for stems in [words(" ".join(forms))] for form in stems}
"""Forms of a verb that stemming does not bring together."""

LIGHT: Final[dict[str, float]] = {
    **dict.fromkeys(words(" ".join(spelling for spelling in UNITS if " " not in spelling)), 0.2),
    **{word: entry["weight"] for entry in _TABLE["light"] for word in words(entry["words"])},
}
"""Words of a key that say of what kind its value is rather than what it is about; all others weigh 1."""

STOP: Final = frozenset(words(_TABLE["stop"]))
"""Words that carry no meaning of their own in a description or a question."""

LEGAL_FORMS: Final = frozenset(words(" ".join(FORM_WORDS)))
"""Words of firms' names that tell none from another."""

CONTAINERS: Final = frozenset(words(_TABLE["containers"]))
"""Parts of a path that only hold what comes below them."""

OF_OTHERS: Final[tuple[str, ...]] = tuple(_TABLE["of_others"])
"""How headings of things begin that a page is not about; patterns."""

OF_THE_PAGE: Final = frozenset(_TABLE["of_the_page"])
"""Things in page data that describe the page itself."""

BESIDE: Final = frozenset(_TABLE["beside"])
"""Things in page data that are beside what the page is about, unless they have its name."""

NAMING: Final[frozenset[str]] = frozenset(_TABLE["naming"])
"""Columns of a table that hold the name of what a row is about."""


THINGS: Final = frozenset((*CONTAINERS, *words(" ".join(NAMING)), *words(_TABLE["named"])))
"""Kinds of things of which a field may ask the name: `product name`, not `brand name`."""

SECTIONS: Final = frozenset(words(_TABLE["sections"]))
"""Words of headings that divide what is said of one thing."""

THERE_IS: Final = frozenset(words(_TABLE["there_is"]))
"""Words that say of a yes or no only that it is one: `paid_flag`, `Parking available`."""

IN_CITIES: Final = frozenset(words(_TABLE["in_cities"]))
"""Words at an end of a name that are of no city: `Oak Building`."""

APART: Final = frozenset(words(_TABLE["apart"]))
"""Words of a name without which a key asks for something else: `average attendance`, `next inspection`."""

BEGINNING, ENDING, _HAPPENING = (frozenset(_TABLE["times"][end].split()) for end in ("beginning", "ending", "happening"))
"""Words of a name that ask for the time of day at which something begins, or ends."""
TIMES: Final = BEGINNING | ENDING | _HAPPENING
"""Words of a name that ends with `time` which ask for a time of day, and not for a length of time."""

EXPECTED: Final = {kind: frozenset(words(listed)) for kind, listed in _TABLE["expected"].items()}
"""Words of a field's name that tell what a text holds."""


_PLACE: Final = re.compile(r"(?P<city>[^,;\d]{2,40}),\s(?:[^,;]{2,40},\s)?(?P<country>[^,;\d]{2,40})")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_E_MAIL: Final = re.compile(r"\be[- ](?=mail\b)", re.IGNORECASE)
_REWORDED: Final[dict[str, str]] = {**_TABLE["translated"], **_TABLE["short"]}


def key_words(text: str) -> list[str]:
    """The words of a key or of a field's name, in order, as `words` gives them; those that English stemming would take for others
    are put into English (a `Fabricant` is no fabric), those in short are written in full."""
    return words(_LETTERS.sub(lambda word: _REWORDED.get(word[0].casefold(), word[0]), _E_MAIL.sub("e", text)))


@lru_cache(maxsize=1)
def _concepts() -> tuple[tuple[frozenset[str], Concept], ...]:
    phrases: dict[frozenset[str], Concept] = {}
    for spelled in _TABLE["properties"]:
        for phrase in spelled:
            key = frozenset(words(phrase)) - {"of"}
            phrases.setdefault(key or frozenset(words(phrase)), f"={spelled[0]}")
    return tuple(sorted(phrases.items(), key=lambda item: -len(item[0])))


@lru_cache(maxsize=1)
def _by_word() -> dict[str, tuple[tuple[frozenset[str], Concept], ...]]:
    table: dict[str, list[tuple[frozenset[str], Concept]]] = {}
    for phrase, concept in _concepts():
        for word in phrase:
            table.setdefault(word, []).append((phrase, concept))
    return {word: tuple(found) for word, found in table.items()}


@lru_cache(maxsize=16384)
def concepts(stems: frozenset[str]) -> frozenset[str]:
    """A set of words with each phrase that names a common property replaced by that property, longest phrases first."""
    left, found = set(stems), set()
    options = {item for word in stems for item in _by_word().get(word, ())}
    for phrase, concept in sorted(options, key=lambda item: (-len(item[0]), item[1])):
        if phrase <= left:
            left -= phrase
            found.add(concept)
    return frozenset(left | found)


def names_property(stems: frozenset[str]) -> bool:
    """Whether some words are, all together, one of the phrases that name a property."""
    return any(stems == phrase for word in stems for phrase, _ in _by_word().get(word, ()))


@lru_cache(maxsize=4096)
def spellings(stems: frozenset[str]) -> frozenset[str]:
    """All words by which the properties named by some words may be called: what to look for in a sentence."""
    held = concepts(stems)
    return stems | {
        word for phrase, concept in _concepts() if concept in held for word in phrase if word not in LIGHT and word not in STOP
    }


@lru_cache(maxsize=4096)
def sequences(stems: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    """The phrases of several words by which the properties named by some words may be called, each as its stems in order."""
    held = concepts(stems)
    phrases = (tuple(words(spelled)) for line in _TABLE["properties"] if f"={line[0]}" in held for spelled in line)
    return tuple(dict.fromkeys(phrase for phrase in phrases if len(phrase) > 1))


def held_by(word: str, among: frozenset[str]) -> frozenset[str]:
    """What became of a word of a key among its concepts: the word itself, or the properties of whose names it was a part."""
    if word in among:
        return frozenset((word,))
    return frozenset(concept for phrase, concept in _by_word().get(word, ()) if concept in among)


def tells_a_property(word: str) -> bool:
    """Whether a stem says of what kind something is: it stands in the name of a property, or of a part of a page."""
    return word in SECTIONS or word in STOP or word in LIGHT or word in _by_word()


def in_order(phrase: Sequence[str], said: Sequence[str]) -> bool:
    """Whether some words stand side by side in a text."""
    size = len(phrase)
    return size > 0 and any(said[at : at + size] == phrase for at in range(len(said) - size + 1))


def weight(word: str) -> float:
    """How much a word of a key says about what the key means."""
    return 0.2 if word.isdigit() else LIGHT.get(word, 1.0)


@lru_cache(maxsize=1)
def _countries() -> frozenset[str]:
    territories = Locale.parse("en").territories
    return frozenset(
        fold(name) for name in (*(name for code, name in territories.items() if len(code) == 2), *_TABLE["countries"])
    )


def is_country(name: str) -> bool:
    """Whether a name is a country's, in English."""
    return fold(name.strip().removeprefix("the ")) in _countries()


def city_and_country(text: str) -> re.Match[str] | None:
    """The `city` and the `country` of a text that is nothing else: `Reykjavík, Iceland`."""
    parts = _PLACE.fullmatch(text)
    return parts if parts and is_country(parts["country"]) else None

"""Unkeyed values: what a page about one thing says without a key, since people know it when they see it: a price, "in stock", a
choice or a yes that its type or its first sentences name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from price_parser import Price

from research.evidence.ranking import words
from research.models.keyless.candidates import Asked, Candidate
from research.models.keyless.casting import cast
from research.models.keyless.choices import availability
from research.models.keyless.reading import Reading

MIN_ABOUT: Final = 0.75
"""Only a page that is surely about the entity is read so."""
_TYPES: Final = frozenset(words("type kind category class classification genre"))
_FIRST: Final = 4
"""Sentences of a page that say what its subject is."""
_SHORT: Final = 80
"""Characters of a passage or a line that may be nothing but such a value."""
_SIGN: Final = re.compile(
    r"[$€£¥₽₹₺₴₩฿₫₪]|zł|Kč|\b(?:kr|Rs|Ft|lei|R\$)\b|\b(?:USD|EUR|GBP|PLN|CZK|SEK|NOK|DKK|CHF|CAD|AUD|INR|JPY)\b"
)
_FREE: Final = re.compile(
    r"shipping|delivery|livraison|versand|envío|spedizione|save|saving|off\b|discount|installment|month|/\s?mo\b|from \d+ for",
    re.I,
)


def unkeyed(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """Weak candidates of a page that is surely about the entity."""
    if asked.about >= MIN_ABOUT:
        yield from _shown(asked, reading)
        if asked.question.kind in ("enum", "boolean"):
            yield from _leading(asked, reading)


def _leading(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """What the page says that its subject is: facts whose key is a type or a kind, then its first sentences. In a sentence, a
    choice counts only if it is the only one there."""
    for fact in reading.facts:
        if fact.origin == "facts" and fact.words & _TYPES:
            for one in cast(asked.question, fact.values[0])[:1]:
                yield Candidate(
                    one.value, 0.55 * asked.about, fact.places[:1], f"`{fact.key}` in the facts", True, 0.6, asked.about
                )
                return
    for sentence in reading.sentences[:_FIRST]:
        found = {str(one.value): one for one in cast(asked.question, sentence.text) if one.quality > 0.75}
        if len(found) == 1:
            one = next(iter(found.values()))
            yield Candidate(
                one.value, 0.42 * asked.about, (sentence.place,), "one of the first sentences", False, 0.5, asked.about
            )
            return


def _shown(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """The first price after the page's own heading; the first word on whether a thing is to be had."""
    question = asked.question
    lines = _short_lines(reading)
    if "=price" in question.concepts and question.kind in ("number", "integer", "text"):
        for line, place in lines:
            if _SIGN.search(line) and not _FREE.search(line):
                for one in cast(question, line)[:1]:
                    yield Candidate(one.value, 0.5 * asked.about, (place,), "the first price shown", False, 0.5, asked.about)
                    return
    if question.wants_sign:
        for line, place in lines:
            price = Price.fromstring(line) if _SIGN.search(line) else None
            if price and price.currency and price.amount is not None:
                yield Candidate(price.currency, 0.97 * asked.about, (place,), "the first price shown", False, 0.8, asked.about)
                return
    if "=availability" in question.concepts and question.kind in ("boolean", "enum"):
        for line, place in lines:
            available = availability(line)
            if available is None:
                continue
            for one in cast(question, "in stock" if available else "out of stock")[:1]:
                yield Candidate(one.value, 0.5 * asked.about, (place,), "a short notice", False, 0.5, asked.about)
                return


@lru_cache(maxsize=256)
def _short_lines(reading: Reading) -> list[tuple[str, int]]:
    """Short lines after the page's own heading, in order, with the places of their passages."""
    found: list[tuple[str, int]] = []
    begun = not any(reading.kind(place) == "heading" and reading.text(place).startswith("# ") for place in range(len(reading)))
    for place in range(len(reading)):
        kind, text = reading.kind(place), reading.text(place)
        if kind == "heading":
            begun = begun or text.startswith("# ")
        elif begun and kind in ("paragraph", "list", "facts"):
            found.extend((line, place) for line in text.split("\n") if len(line) <= _SHORT)
    return found[:120]

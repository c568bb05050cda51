"""Shown values: what a page about one thing says without a key, since people know it when they see it: its name, a price, "in
stock", a telephone number, who it is by, a choice or a yes that its type or its first sentences name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import Final

from price_parser import Price

from research.evidence.ranking import words
from research.models.keyless.candidates import Asked, Candidate, is_label
from research.models.keyless.casting import cast
from research.models.keyless.entities import SEPARATOR
from research.models.keyless.reading import Reading
from research.models.keyless.shapes import NAMES
from research.values.answers import availability
from research.values.dates import dates
from research.values.values import fold

MIN_ABOUT: Final = 0.6
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
_FORMED: Final = frozenset(("=telephone", "=email", "=website"))
"""Properties whose values are known by their form."""
_BY: Final = re.compile(
    rf"(?:(?:written|posted|created|reported|made|von|par|por|door)\s+)?(?:by|von|par|por|door)\s*:?\s+({NAMES.pattern})\W*", re.I
)
_MADE: Final = frozenset(("=author", "=manufacturer", "=brand", "=director"))


def of_shown(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """Candidates without a key, of a page that is surely about the entity."""
    if asked.question.kind == "text":
        yield from _naming(asked, reading)
    if asked.about < MIN_ABOUT and asked.entity.named:
        return
    leading = _leading(asked, reading) if asked.question.kind in ("enum", "boolean") else ()
    for found in chain(_forms(asked, reading), _prices(asked, reading), _days(asked, reading), leading):
        if not asked.is_beside(reading, found.places[0]):
            yield found


def _naming(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """The name of what the page is about: the entity's own as the page spells it, and the parts of the page's titles."""
    question, entity = asked.question, asked.entity
    own = entity.named and asked.about >= MIN_ABOUT and question.label == entity.column.replace("_", " ").casefold()
    if not own and "=title" not in question.concepts:
        return
    shown = {fold(text.lstrip("# ").strip()) for text, _ in _headings(reading)}
    for text, place in reading.title_texts:
        if entity.named and (at := fold(text).find(fold(entity.name))) >= 0:
            for one in cast(question, text[at : at + len(entity.name)])[:1]:
                alone = "whole" if len(text) == len(entity.name) else "begins" if at == 0 else "inside"
                column = "own column" if own else "title"
                yield Candidate(
                    one.value, (place,), "the page's title", "naming", 1.0, asked.about, one, (f"own:{alone}", column)
                )
        if own and "=title" not in question.concepts:
            continue
        for order, piece in enumerate(dict.fromkeys(SEPARATOR.split(text)) if SEPARATOR.search(text) else ()):
            for one in cast(question, piece.strip())[:1]:
                heading = "heading too" if fold(piece.strip()) in shown else "title only"
                yield Candidate(
                    one.value,
                    (place,),
                    "a part of the page's title",
                    "naming",
                    0.9,
                    asked.about,
                    one,
                    (f"part:{min(order, 2)}", heading),
                )


@lru_cache(maxsize=256)
def _headings(reading: Reading) -> tuple[tuple[str, int], ...]:
    return tuple((reading.text(place), place) for place in range(len(reading)) if reading.kind(place) == "heading")


def _forms(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """Values that are known by their form, and lines that say who made the thing: `by Ines Kovar`."""
    question = asked.question
    if question.kind != "text":
        return
    if question.concepts & _FORMED:
        found = ((one, line, place) for line, place in _short_lines(reading) for one in cast(question, line)[:1])
        for order, (one, line, place) in zip(range(3), found, strict=False):
            marks = ("formed", f"order:{order}", "whole line" if one.end - one.start == len(line) else "in a line")
            yield Candidate(one.value, (place,), "a short line", "shown", 0.8, asked.about, one, marks)
    if question.concepts & _MADE:
        order = 0
        for line, place in (*_headings(reading), *_short_lines(reading)):
            if (match := _BY.fullmatch(line.lstrip("# "))) and order < 3 and (match[1][0].isupper()):
                for one in cast(question, match[1])[:1]:
                    yield Candidate(
                        one.value, (place,), "a line", "shown", 0.8, asked.about, one, ("by", f"order:{min(order, 2)}")
                    )
                    order += 1


def _days(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """Lines that are nothing but a day: a letter's or an article's date."""
    if asked.question.kind != "date":
        return
    found = [(place, one) for place, line in _dated_lines(reading) for one in cast(asked.question, line)[:1]]
    for order, (place, one) in enumerate(found[:3]):
        marks = ("day alone", f"order:{order}", "of one" if len(found) == 1 else "of several")
        yield Candidate(one.value, (place,), "a line with a date", "shown", 0.5, asked.about, one, marks)


@lru_cache(maxsize=64)
def _dated_lines(reading: Reading) -> tuple[tuple[int, str], ...]:
    lines = ((p, line) for p in range(len(reading)) if reading.kind(p) != "data" for line in reading.text(p).split("\n"))
    short = ((p, line) for p, line in lines if 6 <= len(line) <= 40 and re.search(r"\d", line))
    return tuple((p, line) for p, line in short if any(d.end - d.start >= len(line.strip(" .,;:")) - 1 for d in dates(line)))


def _leading(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """What the page says that its subject is: facts whose key is a type or a kind, then its first sentences. In a sentence, a
    choice counts only if it is the only one there."""
    for fact in reading.facts:
        if fact.origin == "facts" and fact.words & _TYPES:
            for one in cast(asked.question, fact.values[0])[:1]:
                yield Candidate(
                    one.value, fact.places[:1], f"`{fact.key}` in the facts", "shown", 0.6, asked.about, one, ("leading fact",)
                )
                return
    for sentence in reading.sentences[:_FIRST]:
        found = {str(one.value): one for one in cast(asked.question, sentence.text) if one.quality > 0.75}
        if len(found) == 1:
            one = next(iter(found.values()))
            yield Candidate(
                one.value, (sentence.place,), "one of the first sentences", "shown", 0.5, asked.about, one, ("leading sentence",),
                is_label(asked.question, reading, sentence),
            )  # fmt: skip
            return


def _prices(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """The first price after the page's own heading; the first word on whether a thing is to be had."""
    question = asked.question
    lines = _short_lines(reading)
    if "=price" in question.concepts and question.kind in ("number", "integer", "text"):
        priced = ((line, place) for line, place in lines if _SIGN.search(line) and not _FREE.search(line))
        for order, (line, place) in enumerate(priced):
            for one in cast(question, line)[:1]:
                yield Candidate(one.value, (place,), "a price shown", "shown", 0.5, asked.about, one, ("price", f"order:{order}"))
            if order == 1:
                break
    if question.wants_sign:
        for line, place in lines:
            price = Price.fromstring(line) if _SIGN.search(line) else None
            if price and price.currency and price.amount is not None:
                yield Candidate(price.currency, (place,), "the first price shown", "shown", 0.8, asked.about, None, ("sign",))
                return
    if "=availability" in question.concepts and question.kind in ("boolean", "enum"):
        for line, place in lines:
            available = availability(line)
            if available is None:
                continue
            for one in cast(question, "in stock" if available[0] else "out of stock")[:1]:
                yield Candidate(one.value, (place,), "a short notice", "shown", 0.5, asked.about, one, ("notice",))
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

"""Shown values: what a page about one thing says without a key, since people know it when they see it: its name, a price, "in
stock", a telephone number, who it is by, a choice or a yes that its type or its first sentences name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain, islice
from typing import Final

from price_parser import Price

from research.evidence.ranking import words
from research.models.keyless.candidates import Asked, Candidate, is_label
from research.models.keyless.casting import cast
from research.models.keyless.entities import SEPARATOR
from research.models.keyless.reading import FIRST_SENTENCES, Reading
from research.models.keyless.shapes import NAMES
from research.values.answers import availability, yes_or_no
from research.values.dates import dates
from research.values.neighbours import not_yet
from research.values.values import fold

MIN_ABOUT: Final = 0.6
"""Only a page that is surely about the entity is read so."""
_TYPES: Final = frozenset(words("type kind category class classification genre"))
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
_NO_LINE: Final = re.compile(r":\s*\d+\W*\Z|\A\W*(?:tele)?fax", re.I)
"""What tells no telephone number: a line that ends in a bare number, or says that it is a fax."""
_BY: Final = re.compile(
    rf"(?:(?:written|posted|created|reported|made|von|par|por|door)\s+)?(?:by|von|par|por|door)\s*:?\s+({NAMES.pattern})\W*", re.I
)
_MADE: Final = frozenset(("=author", "=manufacturer", "=brand", "=director"))


def of_shown(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """Candidates without a key, of a page that is surely about the entity."""
    if asked.question.kind == "text":
        yield from _naming(asked, reading)
    if asked.about >= MIN_ABOUT or not asked.entity.named:
        found = chain(_lines(asked, reading), _signs(asked, reading), _leading(asked, reading))
        elsewhere = (asked.is_beside, asked.is_of_a_part)
        yield from (one for one in found if not any(is_so(reading, one.places[0]) for is_so in elsewhere))


def _naming(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """The name of what the page is about: the entity's own as the page spells it, and the parts of the page's titles."""
    question, entity = asked.question, asked.entity
    own = entity.named and asked.about >= MIN_ABOUT and question.label == entity.column.replace("_", " ").casefold()
    is_title = asked.asks_name(reading)
    shown = {fold(line.lstrip("# ").strip()) for line, _ in _headings(reading)}
    for text, place in reading.title_texts if own or is_title else ():
        if entity.named and (at := fold(text).find(fold(entity.name))) >= 0:
            alone = "whole" if len(text) == len(entity.name) else "begins" if at == 0 else "inside"
            marks = (f"own:{alone}", "own column" if own else "title")
            for one in cast(question, text[at : at + len(entity.name)])[:1]:
                yield Candidate(one.value, (place,), "the page's title", "naming", 1.0, asked.about, one, marks)
        pieces = dict.fromkeys(SEPARATOR.split(text)) if is_title and SEPARATOR.search(text) else ()
        for order, piece in enumerate(pieces):
            marks = (f"part:{min(order, 2)}", "heading too" if fold(piece.strip()) in shown else "title only")
            for one in cast(question, piece.strip())[:1]:
                yield Candidate(one.value, (place,), "a part of the page's title", "naming", 0.9, asked.about, one, marks)


def _lines(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """The first lines and short sentences that are known by their form; lines that say who made the thing (`by Ines Kovar`), or
    are nothing but a day (of a letter, an article); the first prices; the first word on whether a thing is to be had."""
    question, lines = asked.question, _short_lines(reading)
    shown: list[tuple[str, str, float, int, Iterable[tuple[str, int]]]] = []
    if question.kind == "text" and question.concepts & _FORMED:
        said = ((sentence.text, sentence.place) for sentence in reading.sentences if len(sentence.text) <= _SHORT)
        shown.append(("formed", "a short line", 0.8, 3, (at for at in chain(lines, said) if not _NO_LINE.search(at[0]))))
    if question.kind == "text" and question.concepts & _MADE:
        by = ((_BY.fullmatch(line.lstrip("# ")), place) for line, place in (*_headings(reading), *lines))
        shown.append(("by", "a line", 0.8, 3, ((match[1], place) for match, place in by if match and match[1][0].isupper())))
    if question.kind == "date":
        shown.append(("day alone", "a line with a date", 0.5, 3, _dated_lines(reading)))
    if question.kind in ("boolean", "enum") and "=availability" in question.concepts:
        notices = ((availability(line), place) for line, place in lines)
        said = (("in stock" if notice[0] else "out of stock", place) for notice, place in notices if notice)
        shown.append(("notice", "a short notice", 0.5, 1, said))
    if question.kind in ("number", "integer", "text") and "=price" in question.concepts and "per" not in question.surface:
        asked_for = _charge(question.label)
        priced = ((line, place) for line, place in lines if _SIGN.search(line) and _charge(line) == asked_for)
        shown.append(("price", "a price shown", 0.5, 2, islice(priced, 2)))
    for name, how, fit, most, where in shown:
        read = ((one, *at) for at in where for one in cast(question, at[0])[:1])
        found = list(islice(read, most))
        for order, (one, line, place) in enumerate(found):
            marks = [name, f"order:{order}"] if most > 1 else [name]
            if name == "formed":
                marks.append("whole line" if one.end - one.start == len(line) else "in a line")
            if name == "day alone":
                marks.append("of one" if len(found) == 1 else "of several")
            yield Candidate(one.value, (place,), how, "shown", fit, asked.about, one, tuple(marks))


def _charge(text: str) -> str:
    """The word that says what else than the price of the thing is meant: `delivery`, `month`; "" if none does."""
    found = _FREE.search(text)
    return found[0].casefold() if found else ""


def _signs(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """The sign of the first price."""
    for line, place in _short_lines(reading) if asked.question.wants_sign else ():
        price = Price.fromstring(line) if _SIGN.search(line) else None
        if price and price.currency and price.amount is not None:
            yield Candidate(price.currency, (place,), "the first price shown", "shown", 0.8, asked.about, None, ("sign",))
            return


def _leading(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """The choice or yes that a page names in saying what its subject is: a fact whose key is a type or a kind, or the first
    sentence of the first ones that names only one."""
    question = asked.question
    if question.kind not in ("enum", "boolean"):
        return
    for fact in reading.facts:
        is_of_its_own = question.kind == "boolean" and yes_or_no(fact.values[0])  # `Class action: No` says it of nothing else
        if fact.origin == "facts" and fact.words & _TYPES and not is_of_its_own and (found := cast(question, fact.values[0])):
            how, marks = f"`{fact.key}` in the facts", ("leading fact",)
            yield Candidate(found[0].value, fact.places[:1], how, "shown", 0.6, asked.about, found[0], marks)
            return
    for sentence in reading.sentences[:FIRST_SENTENCES]:
        named = {str(one.value): one for one in cast(question, sentence.text) if one.quality > 0.75}
        if len(named) == 1:
            [one] = named.values()
            how, marks, label = "one of the first sentences", ("leading sentence",), is_label(question, reading, sentence)
            yield Candidate(one.value, (sentence.place,), how, "shown", 0.5, asked.about, one, marks, label)
            return


@lru_cache(maxsize=256)
def _headings(reading: Reading) -> tuple[tuple[str, int], ...]:
    return tuple((reading.text(place), place) for place in range(len(reading)) if reading.kind(place) == "heading")


@lru_cache(maxsize=64)
def _dated_lines(reading: Reading) -> tuple[tuple[str, int], ...]:
    lines = ((line, p) for p in range(len(reading)) if reading.kind(p) != "data" for line in reading.text(p).split("\n"))
    short = ((line, p) for line, p in lines if 6 <= len(line) <= 40 and re.search(r"\d", line))
    return tuple((line, p) for line, p in short if any(d.end - d.start >= len(line.strip(" .,;:")) - 1 for d in dates(line)))


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
            found.extend((line, place) for line in text.split("\n") if len(line) <= _SHORT and not not_yet(line))
    return found[:120]

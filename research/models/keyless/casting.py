"""Casting: from a piece of text to a JSON value of the type that a question asks for."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from price_parser import Price

from research.evidence.ranking import words
from research.models.keyless.questions import Question, item_of
from research.values.dates import StatedDate, dates
from research.values.doubts import NONE, Doubt
from research.values.numerals import Number, durations, numbers
from research.values.units import Unit, currency_at, unit_after
from research.values.values import places

MAX_TEXT: Final = 1_200
_YES: Final = re.compile(r"\s*(?:yes|true|y|available|oui|ja|sí|si|sì|да|✓|✔)\b.*|[✓✔].*", re.I | re.S)
_NO: Final = re.compile(r"\s*(?:no|none|false|n|not|never|unavailable|non|nein|нет)\b.*|[✗✘].*", re.I | re.S)
_IN_STOCK: Final = re.compile(
    r"\b(?:in[\s_-]?stock|available|pre[\s_-]?order|limited[\s_-]?availability|ready to ship|add to (?:cart|basket|bag))\b", re.I
)
_OUT_OF_STOCK: Final = re.compile(
    r"\b(?:out[\s_-]?of[\s_-]?stock|sold[\s_-]?out|unavailable|not available|discontinued|back[\s_-]?order)\b", re.I
)
_CLOCK: Final = re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})?\b")
_NEGATION: Final = re.compile(r"\b(?:not|no|non|never|without|neither|nor|n't|lacks?|free of)\b", re.I)
_TOKEN: Final = re.compile(r"[^\W_]+")
_UN: Final = ("un", "non", "in", "im")
_BOUNDS_OF_TIME: Final = frozenset(("=start date", "=end date"))
_UNTIL: Final = re.compile(r"\s*(?:[-–—]|to|until|till|through|and|bis|au|al|a|hasta)\s*(?:the\s+)?")
_EXPONENT: Final = re.compile(r"[^\W\d_]\^?[-−–+⁻]?$|\d\s?\^[-−–+]?$")
"""Before a number that is a power: `mol−1`, `m^2`."""
YEARLIKE: Final = 0.8
"""How sure it is that a bare number between 1000 and 2100 counts something, and is not a year."""
LATER: Final = 0.85
"""How much less a text's second number is likely to be what its key announces than the first."""
_NOTE: Final = re.compile(r"\s*\[(?:\d+|[a-z]|note \d+|citation needed)\]", re.I)
_BOUNDS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "minimum": operator.ge,
    "maximum": operator.le,
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;)]")
_SCHEMA_ORG: Final = re.compile(r"^https?://schema\.org/(?=\w+$)")
"""Before a member of one of schema.org's enumerations, which is written as a web address."""
_REMARK: Final = re.compile(
    r"\s*\((?:(?:since|until|till|from|as of|as at|in|appointed|elected|acting|interim|seit|depuis|desde|c\.|ca\.)\s*)*"
    r"(?:[^\W\d_]{3,9}\.? )?(?:\d{1,2}[ .]\s?)?(?:[^\W\d_]{3,9}\.?,? )?[12]\d{3}"
    r"(?:\s?[-–—]\s?(?:[12]\d{3}|present|today|now)?)?\)$",
    re.IGNORECASE,
)
"""Behind a value, since when it holds: `Ingrid Bakke (since 2019)`."""
_NAMES_WORKS: Final = frozenset(("=title", "=description", "=ingredients", "=instructions"))
"""Whose parentheses are their own: `Up (2009)`."""
_DIVIDER: Final = re.compile(r"\s*(?:;|•|·|\||¦|\n)\s*")
_COMMA: Final = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+")


@dataclass(frozen=True, slots=True)
class Cast:
    """A value read from a text, where it stood, and how surely it is of the type asked (0 to 1)."""

    value: Any
    start: int
    end: int
    quality: float
    doubts: frozenset[Doubt] = NONE
    """What leaves it open whether it is the value meant."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a text that is cast stands in."""

    label: str = ""
    """The words that announce it and may name its unit or scale: key, head cell, caption. `Revenue (Millions of USD)`"""
    machine: bool = False
    """It is a page's data, written for machines: a point is decimal."""
    thing: str = ""
    """The kind of thing in the page's data that it belongs to: `Organization`, `Product`."""


PLAIN: Final = Setting()


@lru_cache(maxsize=32768)
def _cast(question: Question, text: str, setting: Setting) -> tuple[Cast, ...]:
    found = _CASTERS[question.kind](question, text)
    return tuple(sorted((c for c in found if _fits(c.value, question.schema)), key=lambda c: -c.quality))


def cast(question: Question, text: str, setting: Setting = PLAIN) -> tuple[Cast, ...]:
    """Every value of the asked type in `text`, the surest first; none if there is none. Lists come from `cast_list`."""
    return _cast(question, text, setting) if len(text) <= 4 * MAX_TEXT else ()


def cast_list(question: Question, values: Iterable[str]) -> tuple[list[Any], list[int]]:
    """Items of the asked type from a list's values, and for each the place of the value it came from. One value that holds
    several (`a; b`, `a, b and c`) is divided."""
    item = item_of(question)
    given = list(values)
    pieces = [(piece, place) for place, value in enumerate(given) for piece in (_divided(value) if len(given) == 1 else [value])]
    items: list[Any] = []
    origins: list[int] = []
    for piece, place in pieces:
        best = cast(item, piece)
        if best and best[0].value not in items:
            items.append(best[0].value)
            origins.append(place)
    return items, origins


def _divided(value: str) -> list[str]:
    for divider in (_DIVIDER, _COMMA):
        parts = [part for part in divider.split(value) if part]
        if len(parts) > 1 and all(len(part.split()) <= 8 for part in parts):
            return parts
    return [value]


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """The schema's cheap bounds; the whole schema is checked at the end, where the draft is."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return all(holds(value, schema[name]) for name, holds in _BOUNDS.items() if isinstance(schema.get(name), (int, float)))
    if isinstance(value, str):
        if len(value) > schema.get("maxLength", len(value)) or len(value) < schema.get("minLength", 0):
            return False
        pattern = schema.get("pattern")
        return not isinstance(pattern, str) or _matches(pattern, value)
    return True


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:  # ECMA 262 and Python differ in corners; the schema's own check decides at the end.
        return True


def _dates(question: Question, text: str) -> list[Cast]:
    wants_time = question.schema.get("format") == "date-time"
    found = []
    for date in _bounding(question, text):
        if date.day is None:
            if "format" not in question.schema:  # A text may be less exact than a day.
                found.append(Cast(text[date.start : date.end], date.start, date.end, 0.7 if date.month is None else 0.8))
            continue
        if wants_time:
            clock = date.time or "00:00:00"
            zoned = clock if re.search(r"(?:Z|[+-]\d{2}:?\d{2})$", clock) else f"{clock}Z"
            found.append(Cast(f"{date.iso()}T{zoned}", date.start, date.end, 1.0 if date.time else 0.8))
        else:
            doubts: frozenset[Doubt] = frozenset(("ambiguous_order",)) if date.swapped else NONE
            found.append(Cast(date.iso(), date.start, date.end, 0.8 if date.swapped else 1.0, doubts))
    return found


def _years(question: Question, text: str) -> list[Cast]:
    is_text = question.schema.get("type") == "string"
    return [Cast(str(d.year) if is_text else d.year, d.start, d.end, 1.0) for d in _bounding(question, text)]


def _bounding(question: Question, text: str) -> tuple[StatedDate, ...]:
    """The dates of a text; of a span of time (`from 16 to 19 June 2025`), those that begin or end it, as is asked."""
    found = dates(text)
    if len(found) > 1 and (bounds := frozenset(question.concepts & _BOUNDS_OF_TIME)):
        spans = [pair for pair in pairwise(found) if _UNTIL.fullmatch(text, pair[0].end, pair[1].start)]
        if spans:
            return tuple(pair["=end date" in bounds] for pair in spans)
    return found


def _numbers(question: Question, text: str) -> list[Cast]:
    found = []
    if (question.unit and question.unit.kind == "time") or _is_timed(question):
        per = question.unit.factor if question.unit else Decimal(60)
        found += [Cast(_json(d.seconds / per, question), d.start, d.end, 1.0) for d in durations(text)]
        if found:
            return [c for c in found if c.value is not None]
    if "=price" in question.concepts and len(text) <= 80:
        price = Price.fromstring(text)
        if price.amount is not None and (spans := places(float(price.amount), {}, text)):
            return [Cast(_json(price.amount, question), *spans[0], 1.0)]
    stated = dates(text)
    dated = [(d.start, d.end) for d in stated if d.month is not None] + [m.span() for m in _CLOCK.finditer(text)]
    years = {(d.start, d.end) for d in stated if d.month is None}
    place = 0
    for number in numbers(text):
        if any(start <= number.start and number.end <= end for start, end in dated) or _EXPONENT.search(text, 0, number.start):
            continue
        unit = unit_after(text, number.end) or currency_at(text, number.start, number.end)
        value, quality = _counted(number, unit, question.unit)
        is_year = unit is None and (number.start, number.end) in years
        as_json = _json(value, question)
        if as_json is not None:
            found.append(
                Cast(as_json, number.start, number.end, quality * (YEARLIKE if is_year else 1) * (LATER if place else 1))
            )
            place += not is_year
    return found


def _is_timed(question: Question) -> bool:
    return question.unit is None and bool(question.concepts & {"=total time", "=prep time", "=cook time"})


def _counted(number: Number, unit: Unit | None, asked: Unit | None) -> tuple[Decimal, float]:
    """A number in the unit asked, and how sure that is. What is counted in a unit of another kind answers something else."""
    if asked is None:
        return number.value, 0.95 if unit is None else 0.85
    if unit is None:
        return number.value, 0.6
    if unit == asked:
        return number.value, 1.0
    if unit.kind != asked.kind:
        return number.value, 0.15
    converted = unit.convert(number.value, asked)
    if not converted:
        return converted, 0.8
    digits = max(len(number.value.as_tuple().digits), 5 if unit.offset != asked.offset else 4)
    return converted.quantize(Decimal(1).scaleb(converted.adjusted() - digits + 1), ROUND_HALF_EVEN), 0.8


def _json(value: Decimal, question: Question) -> int | float | None:
    """An int where the value is whole; None where an integer is asked and it is not."""
    if value == value.to_integral_value():
        return int(value)
    return None if question.kind in ("integer", "year") else float(value)


def availability(text: str) -> bool | None:
    """Whether a text says that something is to be had; None if it does not say."""
    if _OUT_OF_STOCK.search(text):
        return False
    return True if _IN_STOCK.search(text) else None


def _boolean(question: Question, text: str) -> list[Cast]:
    whole = (0, len(text))
    if "=availability" in question.concepts:
        for pattern, value in ((_OUT_OF_STOCK, False), (_IN_STOCK, True)):
            if match := pattern.search(text):
                return [Cast(value, *match.span(), 1.0)]
    if _YES.fullmatch(text) and len(text) <= 80:
        return [Cast(True, *whole, 1.0)]
    if _NO.fullmatch(text) and len(text) <= 80:
        return [Cast(False, *whole, 1.0)]
    spelled = {token.casefold() for token in _TOKEN.findall(text)}
    if question.negative & set(words(text)) or any(f"{prefix}{name}" in spelled for name in question.surface for prefix in _UN):
        return [Cast(False, *whole, 0.9)]
    if question.surface <= spelled:
        return [Cast(not _NEGATION.search(text), *whole, 0.8)]
    return []


def _enum(question: Question, text: str) -> list[Cast]:
    found = []
    said = words(text)
    for option in question.schema.get("enum", ()):
        if isinstance(option, str):
            spans = places(option, {}, text)
            if spans:
                # The option that covers most of the text, then the first, is meant.
                exact = [span for span in spans if text[span[0] : span[1]] == option]
                start, end = (exact or spans)[0]
                found.append(Cast(option, start, end, (1.0 if exact else 0.85) - 0.1 * start / max(len(text), 1)))
            elif len(option) > 3 and said and _stems_in(words(option), said):
                found.append(Cast(option, 0, len(text), 0.7))
        elif option is not None and (spans := places(option, {}, text)):
            found.append(Cast(option, *spans[0], 0.9))
    return [
        c
        for c in found
        if not any(o is not c and o.start <= c.start and c.end <= o.end and o.end - o.start > c.end - c.start for o in found)
    ]


def _stems_in(option: list[str], said: list[str]) -> bool:
    return any(said[at : at + len(option)] == option for at in range(len(said) - len(option) + 1))


def _text(question: Question, text: str) -> list[Cast]:
    value = _SCHEMA_ORG.sub("", _NOTE.sub("", text)).strip()
    if value.endswith(")") and not question.concepts & _NAMES_WORKS:
        value = _REMARK.sub("", value) or value
    if not value or len(value) > MAX_TEXT or not re.search(r"[\w$€£¥₽₹]", value):
        return []
    if question.schema.get("format") in ("uri", "url"):
        address = _ADDRESS.search(value)
        return [Cast(address[0], address.start(), address.end(), 1.0)] if address else []
    start = max(text.find(value), 0)
    return [Cast(value, start, start + len(value), 0.9 if len(value) <= 300 else 0.7)]


def _nothing(question: Question, text: str) -> list[Cast]:
    return []


_CASTERS: Final[Mapping[str, Callable[[Question, str], list[Cast]]]] = {
    "date": _dates,
    "year": _years,
    "number": _numbers,
    "integer": _numbers,
    "boolean": _boolean,
    "enum": _enum,
    "text": _text,
    "list": _nothing,
    "object": _nothing,
}

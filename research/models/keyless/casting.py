"""Casting: from a piece of text to a JSON value of the type that a question asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Literal

from research.evidence.ranking import words
from research.models.keyless.questions import Question, item_of
from research.models.keyless.vocabulary import BEGINNING, ENDING, TIMES, city_and_country, in_order
from research.output_schema.bounds import within_bounds
from research.values.answers import (
    availability,
    is_blank,
    is_compared,
    is_negated,
    is_over,
    is_struck,
    is_unknown,
    opposite,
    without_struck,
    yes_or_no,
)
from research.values.coordinates import coordinates
from research.values.dates import dates
from research.values.doubts import NONE, Doubt
from research.values.identifiers import Identifier
from research.values.kinds import may_name_person, names_person
from research.values.labels import measure
from research.values.moments import moments
from research.values.neighbours import is_denied, is_harmless, is_ordering, not_yet
from research.values.pieces import Kind, pieces
from research.values.quantities import lengths_of_time, quantities
from research.values.remarks import without_remarks
from research.values.units import currency_at
from research.values.values import places
from research.values.wanted import Wanted, wanted_by_name

MAX_TEXT: Final = 1_200
_DIVIDERS: Final = (re.compile(r"\s*(?:;|•|·|\||¦|\n)\s*"), re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+"))
_NOT: Final = re.compile(r"\b(?:not|nicht|pas|no)(?: on| am| le| el)?\s\Z", re.IGNORECASE)
_COUNTS: Final = frozenset(("=employees", "=population", "=rating count", "=capacity", "=yield", "=crew"))
_MAX_INTEGER: Final = 2**53
_TIMES: Final = frozenset(("=total time", "=prep time", "=cook time"))
_DOUBTED: Final = 0.85
"""What a doubt leaves of a value's quality, by which values of one text are put in order; what each costs, the weights say."""
_FIRST: Final = frozenset(("=start date", "=birth date"))
_LAST: Final = frozenset(("=end date", "=death date"))
"""Properties that ask for the first and the last day of a span: `(2 May 1911 – 19 October 1987)`."""
_NAMES_WORKS: Final = frozenset(("=title", "=description", "=ingredients", "=instructions"))
"""Whose parentheses are their own: `Up (2009)`."""
_PERSONS: Final = frozenset(("=author", "=ceo", "=spouse", "=director", "=founder", "=inventor", "=architect"))
_BY: Final = re.compile(r"^(?:[Bb]y|BY|[Pp]ar|[Pp]or)[:\s]\s*(?=[^\W\d_a-zà-ÿ])")
_NAMED: Final = frozenset(("person", "agent", "organisation", "place", "city", "country", "nation"))
"""Kinds of things that have names, and no date is one: `Published: 1965`, for a publisher."""
_TIMED: Final = frozenset(("term", "duration", "period", "validity"))
_NO_TITLE: Final = re.compile(
    r"(?:organization|website|person|brand|breadcrumb|breadcrumblist|itemlist|listitem|imageobject|corporation)(?:#.*)?", re.I
)
"""Things in page data whose name is no work's title."""
_TWO_NUMBERS: Final = re.compile(r"\d[^\d.]+\d")
_TOKEN: Final = re.compile(r"[^\W_]+")
_ADJACENT: Final = re.compile(r"[ -]([^\W\d_]+)")
_PARTICIPLE: Final = re.compile(r"(?:ed|ing|able|ly|site)$")
_UN: Final = ("un", "non", "in", "im")
_NEGATED: Final[frozenset[Doubt]] = frozenset(("negated",))
_QUALIFIED: Final[frozenset[Doubt]] = frozenset(("qualified",))
_EITHER: Final[frozenset[Doubt]] = frozenset(("ambiguous_order",))
_PART: Final[frozenset[Doubt]] = frozenset(("part_of_sentence",))


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
    decimal_mark: str = ""
    """That of data for machines, or of the page's other numbers."""
    month_first: bool = False
    """The page's other days have the month before the day."""
    thing: str = ""
    """The kind of thing in the page's data that it belongs to: `Organization`, `Product`."""


PLAIN: Final = Setting()


def cast(question: Question, text: str, setting: Setting = PLAIN) -> tuple[Cast, ...]:
    """Every value of the asked type in `text`, the surest first; none if there is none. Lists come from `cast_list`."""
    return _cast(question, text, setting) if len(text) <= 4 * MAX_TEXT else ()


@lru_cache(maxsize=32768)
def _cast(question: Question, text: str, setting: Setting) -> tuple[Cast, ...]:
    found = _CASTERS[question.kind](question, text, setting) if question.kind in _CASTERS else ()
    if (word := not_yet(setting.label.partition("\n")[0])) and word not in f"{question.label} {question.description}".casefold():
        found = [replace(one, doubts=one.doubts | {"hypothetical"}) for one in found]
    return tuple(sorted((c for c in found if within_bounds(c.value, question.schema)), key=lambda c: -c.quality))


def cast_list(question: Question, values: Iterable[str]) -> tuple[list[Any], list[int]]:
    """Items of the asked type from a list's values, and for each the place of the value it came from. One value that holds
    several (`a; b`, `a, b and c`) is divided."""
    item, whole = item_of(question), list(values)
    items: list[Any] = []
    origins: list[int] = []
    for place, value in enumerate(whole):
        for piece in _divided(value) if len(whole) == 1 else [value]:
            best = cast(item, piece)
            if best and (best[0].value not in items or _may_repeat(best[0].value, question)):
                items.append(best[0].value)
                origins.append(place)
    return items, origins


def _may_repeat(item: Any, question: Question) -> bool:
    """Whether an item may stand in its list again: one of `120, 340, 120`, but no word."""
    return isinstance(item, (int, float)) and not question.schema.get("uniqueItems")


def _divided(value: str) -> list[str]:
    for divider in _DIVIDERS:
        parts = [part for part in divider.split(value) if part]
        if len(parts) > 1 and all(len(part.split()) <= 8 for part in parts):
            return parts
    return [value]


def _dates(question: Question, text: str, setting: Setting) -> list[Cast]:
    wants_time = question.schema.get("format") == "date-time"
    found = []
    for date, doubts in moments(text, _bound(question), month_first=setting.month_first, timed=wants_time):
        if _NOT.search(text, max(0, date.start - 12), date.start) or is_denied(text, date.start):
            continue
        value, quality = date.iso(), 0.8 if date.swapped else 1.0
        if date.day is None:
            if "format" in question.schema or (date.month is None and _is_no_year(text, date.start, date.end)):
                continue
            if "pattern" in question.schema:
                quality = 0.9  # as exact as it is known is what is asked for
            else:  # a text may be less exact
                value, quality = text[date.start : date.end], 0.7 if date.month is None else 0.8
        elif wants_time:
            clock, quality = (date.time, 1.0) if date.time else ("00:00:00", 0.8)
            value = f"{value}T{clock}" if re.search(r"(?:Z|[+-]\d{2}:?\d{2})$", clock) else f"{value}T{clock}Z"
        found.append(Cast(value, date.start, date.end, quality, doubts))
    return found


def _years(question: Question, text: str, setting: Setting) -> list[Cast]:
    is_text = question.schema.get("type") == "string"
    stated = [(d, doubts) for d, doubts in moments(text, _bound(question)) if not _is_no_year(text, d.start, d.end)]
    return [Cast(str(d.year) if is_text else d.year, d.start, d.end, 1.0, doubts - {"ambiguous_order"}) for d, doubts in stated]


def _is_no_year(text: str, start: int, end: int) -> bool:
    """Whether what looks like a year is money, a place in an order or denied: `€1984`, `No. 1984`, `was not built in 1984`."""
    return currency_at(text, start, end) is not None or is_ordering(text, start, end) or is_denied(text, start)


def _bound(question: Question) -> Literal["start", "end"] | None:
    """Which end of a span of time is asked for."""
    return "end" if question.concepts & _LAST else "start" if question.concepts & _FIRST else None


def _amounts(question: Question, text: str, setting: Setting) -> list[Cast]:
    """The numbers that a text states, in the unit asked; none where it begins by saying that it is not known."""
    if is_unknown(text):
        return []
    if question.axis and (told := coordinates(text, setting.label)):
        angles = [angle for angle in told if angle.axis == question.axis and question.kind == "number"]
        doubts: frozenset[Doubt] = frozenset(("several",)) if len({angle.value for angle in angles}) > 1 else NONE
        doubts |= _EITHER if any(angle.is_open for angle in angles) else NONE
        return [Cast(float(angle.value), angle.start, angle.end, 1.0, doubts) for angle in angles]
    if question.axis and _TWO_NUMBERS.search(text):
        return []
    wanted, seconds = _wanted(question), Decimal(60) if question.concepts & _TIMES else None
    if wanted.unit is not None and wanted.unit.kind == "time":
        seconds = wanted.unit.factor
    stated = lengths_of_time(text, seconds) if seconds else []
    found: list[Cast] = []
    for one in stated or quantities(text, wanted, measure(setting.label), setting.label, decimal_mark=setting.decimal_mark):
        if (value := _json(one.value, question)) is not None:
            later = any("yearlike" not in earlier.doubts for earlier in found)
            found.append(Cast(value, one.start, one.end, _DOUBTED ** (len(one.doubts) + later), one.doubts))
    if question.counting and setting.label:
        found = [read for read in found if question.counting.match(text, read.end)] or found
    if question.end and len(found) == 2 and all("range" in read.doubts for read in found):
        end = (min if question.end == "min" else max)(found, key=lambda read: read.value)
        return [replace(end, quality=1.0, doubts=end.doubts - {"range"})]
    return found


@lru_cache(maxsize=1024)
def _wanted(question: Question) -> Wanted:
    ceiling = question.schema.get("maximum")
    wanted = wanted_by_name(question.field, question.description, question.unit)
    return replace(
        wanted,
        signed=wanted.signed or (question.kind == "number" and "=price" not in question.concepts),
        ceiling=ceiling if isinstance(ceiling, (int, float)) else wanted.ceiling,
        is_price="=price" in question.concepts and not wanted.is_percent,
        is_rating="=rating" in question.concepts,
        is_whole=question.kind in ("integer", "year"),
        is_count=wanted.is_count or bool(question.concepts & _COUNTS),
        words=question.surface,
    )


def _json(value: Decimal, question: Question) -> int | float | None:
    """An int where the value is whole; None where an integer is asked and it is not. What a float holds as well is one, if it is
    larger than any integer of JSON that is the same everywhere: 5.972×10^24."""
    if abs(value) > _MAX_INTEGER and question.kind == "number":
        return float(value)
    if value == value.to_integral_value():
        return int(value)
    return None if question.kind in ("integer", "year") else float(value)


def _phrases(question: Question, text: str, setting: Setting) -> list[Cast]:
    """The text itself without its notes, or the piece of it that is of the kind asked; none where it is of another kind."""
    value = without_remarks(without_struck(text), in_brackets=not question.concepts & _NAMES_WORKS)
    if not re.search(r"[\w$€£¥₽₹]", value) or len(value) > MAX_TEXT or (is_blank(value) and not question.concepts & _NAMES_WORKS):
        return []
    if question.expects in ("city", "country") and (parts := city_and_country(value)):
        value = parts[question.expects]
    start = max(text.find(value), 0)
    if kind := _kind(question):
        found = pieces(kind, value, question.surface, _clock_bound(question) if kind == "time of day" else None)
        sure = 0.9 if isinstance(kind, Identifier) else 1.0  # a code is as sure as any text: only its key says whose it is
        return [Cast(p.value, start + p.start, start + p.end, 0.8 if p.doubts else sure, p.doubts) for p in found]
    if question.expects in _NAMED and any(d.end - d.start > 0.8 * len(value) for d in dates(value)):
        return []
    if question.expects in _NAMED - {"agent"} and not any(map(str.isalpha, value)):  # but a generator may be one of 350 kW
        return []
    is_title = bool({"title", "headline"} & question.surface)
    if is_title and (_NO_TITLE.fullmatch(setting.thing) or re.fullmatch(r"https?://\S+", value)):
        return []
    doubts = NONE if question.concepts & _NAMES_WORKS or not is_over(text) else _QUALIFIED
    if question.concepts & _PERSONS:
        value = _BY.sub("", value)
        start = max(text.find(value), 0)
        if not may_name_person(value):
            return []
        doubts |= NONE if names_person(value) else {"unlikely_kind"}
    return [Cast(value, start, start + len(value), 0.9 if len(value) <= 300 else 0.7, doubts)]


def _kind(question: Question) -> Kind | Identifier | None:
    """The kind of thing that a text field asks for; None where any text may be meant."""
    form, concepts, surface = question.schema.get("format"), question.concepts, question.surface
    if form in ("uri", "url", "iri"):
        return "full address"
    if form in ("email", "idn-email") or "=email" in concepts:
        return "email"
    if "=website" in concepts or surface & {"url", "homepage"}:
        return "address"
    if "=telephone" in concepts:
        return "phone"
    if "=price" in concepts:
        return "price"
    if surface & TIMES and question.label.endswith(" time"):
        return "time of day"
    if question.label.rpartition(" ")[2] in _TIMED:
        return "length of time"
    return "day" if "date" in surface else question.identifier


def _clock_bound(question: Question) -> Literal["start", "end"] | None:
    """Whether the time is asked at which something begins, or ends."""
    return "start" if question.surface & BEGINNING else "end" if question.surface & ENDING else None


def _booleans(question: Question, text: str, setting: Setting) -> list[Cast]:
    """The yes or no that a text is, or that its words for the field imply."""
    whole = (0, len(text))
    if "=availability" in question.concepts and (stock := availability(text)):
        return [Cast(*stock, 1.0)]
    if answer := yes_or_no(text):
        return [Cast(answer[0], *whole, 0.8 if answer[1] else 1.0, answer[1])]
    tokens = list(_TOKEN.finditer(text.casefold()))
    spelled = {token[0] for token in tokens}
    if question.negative & set(words(text)) or any(f"{prefix}{name}" in spelled for name in question.surface for prefix in _UN):
        return [Cast(False, *whole, 0.9, _PART)]
    if question.surface and question.surface <= spelled:
        last = next(token for token in reversed(tokens) if token[0] in question.surface)
        if is_struck(text, last.start(), last.end()):
            return []
        negated = is_negated(text, last.start(), last.end())
        if _speaks_of_another(question, text, last.end()):
            return [Cast(not negated, *whole, 0.8, _PART | _QUALIFIED)]
        return [Cast(not negated, *whole, 0.8, _PART | _NEGATED if negated else _PART)]
    return []


def _speaks_of_another(question: Question, text: str, end: int) -> bool:
    """Whether the field's word only says of what kind another thing is: `Free trial`, for `free`."""
    following = _ADJACENT.match(text, end)
    if following is None or len(question.surface) > 1:
        return False
    word = following[1].casefold()
    return not (is_harmless(word) or _PARTICIPLE.search(word) or (question.about | question.name_words) & set(words(word)))


def _choices(question: Question, text: str, setting: Setting) -> list[Cast]:
    """The choices that a text names, but those that it says are not so; where it only denies one, its opposite."""
    found: list[Cast] = []
    denied: list[str] = []
    options = [option for option in question.schema.get("enum", ()) if option is not None]
    stems = words(without_struck(text))
    for option in options:
        if not isinstance(option, str):
            found.extend(Cast(option, *span, 0.9) for span in places(option, {}, text)[:1])
            continue
        spans = [span for span in places(option, {}, text) if not is_struck(text, *span)]
        standing = [span for span in spans if not is_negated(text, *span)]
        if standing:
            # The option that covers most of the text, then the first, is meant.
            exact = [span for span in standing if text[span[0] : span[1]] == option]
            start, end = (exact or standing)[0]
            quality = (1.0 if exact else 0.85) - 0.1 * start / max(len(text), 1)
            doubts = _NEGATED if len(standing) < len(spans) else frozenset()
            found.append(Cast(option, start, end, quality, doubts | _QUALIFIED if is_compared(text, start) else doubts))
        elif spans:
            denied.append(option)
        elif len(option) > 3 and in_order(words(option), stems) and not is_negated(text, len(text), len(text)):
            found.append(Cast(option, 0, len(text), 0.7, _PART))
    larger = {(c.start, c.end) for c in found}
    found = [c for c in found if not any((s, e) != (c.start, c.end) and s <= c.start and c.end <= e for s, e in larger)]
    if is_unknown(text):
        found = [c for c in found if c.start == 0]  # `unknown`, where that is a choice
    if is_over(text):
        found = [replace(c, quality=min(c.quality, 0.8), doubts=c.doubts | _QUALIFIED) for c in found]
    if denied:
        found = [replace(c, quality=min(c.quality, 0.8), doubts=c.doubts | _NEGATED) for c in found]
    if found or not denied:
        return found
    other = opposite(denied[0], [o for o in options if isinstance(o, str)]) if len(denied) == 1 else None
    return [Cast(other, 0, len(text), 0.7, _NEGATED)] if other else []


_CASTERS: Final[Mapping[str, Callable[[Question, str, Setting], list[Cast]]]] = {
    "date": _dates,
    "year": _years,
    "number": _amounts,
    "integer": _amounts,
    "boolean": _booleans,
    "enum": _choices,
    "text": _phrases,
}

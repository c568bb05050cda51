"""Phrases: the text of a text field, of the kind that the field asks for: an address for a website, a duration for a term."""

from __future__ import annotations

import re
from typing import Final

from research.evidence.ranking import words
from research.models.keyless.cast import Cast, Setting
from research.models.keyless.questions import Question
from research.values.dates import dates
from research.values.doubts import Doubt
from research.values.durations import durations
from research.values.kinds import address_in, email_in, may_name_person, names_person, phone_in
from research.values.neighbours import neighbour_doubts
from research.values.prices import asked_price
from research.values.quantities import amounts_in

MAX_TEXT: Final = 1_200
_NOTE: Final = re.compile(r"\s*\[(?:\d+|[a-z]|note \d+|citation needed)\]", re.I)
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
_PERSONS: Final = frozenset(("=author", "=ceo", "=spouse", "=director", "=founder", "=inventor", "=architect"))
_TIMED: Final = frozenset(("term", "duration", "period", "validity"))
_NO_TITLE: Final = frozenset(
    ("organization", "website", "person", "brand", "breadcrumblist", "listitem", "imageobject", "corporation")
)
"""Things in page data whose name is no work's title."""
_UNLIKELY: Final[frozenset[Doubt]] = frozenset(("unlikely_kind",))


def phrases(question: Question, text: str, setting: Setting) -> list[Cast]:
    """The text itself without its notes, or the piece of it that is of the kind asked; none where it is of another kind."""
    value = _SCHEMA_ORG.sub("", _NOTE.sub("", text)).strip()
    if value.endswith(")") and not question.concepts & _NAMES_WORKS:
        value = _REMARK.sub("", value) or value
    if not value or len(value) > MAX_TEXT or not re.search(r"[\w$€£¥₽₹]", value):
        return []
    start = max(text.find(value), 0)
    for find in (_addressed, _priced, _lasting, _dated):
        if (found := find(question, value)) is not None:
            return [Cast(c.value, start + c.start, start + c.end, c.quality, c.doubts) for c in found]
    if setting.thing.partition("#")[0].casefold() in _NO_TITLE and {"title", "headline"} & question.surface:
        return []
    doubts: frozenset[Doubt] = frozenset()
    if question.concepts & _PERSONS and "country" not in question.surface:
        if not may_name_person(value) or any(d.end - d.start > 0.8 * len(value) for d in dates(value)):
            return []
        doubts = doubts if names_person(value) else _UNLIKELY
    return [Cast(value, start, start + len(value), 0.9 if len(value) <= 300 else 0.7, doubts)]


def _addressed(question: Question, value: str) -> list[Cast] | None:
    """Of a field for an address, those in a text; None for a field that asks for something else."""
    kind, concepts = question.schema.get("format"), question.concepts
    if kind in ("uri", "url", "iri"):
        match = address_in(value, full=True)
    elif kind in ("email", "idn-email") or "=email" in concepts:
        match = email_in(value)
    elif kind is None and ("=website" in concepts or question.surface & {"url", "homepage"}):
        match = address_in(value)
    elif "=telephone" in concepts:
        match = phone_in(value)
    else:
        return None
    return [Cast(match[0], *match.span(), 1.0)] if match else []


def _priced(question: Question, value: str) -> list[Cast] | None:
    """Of a price as text, the amount asked with its currency, or the range of amounts."""
    if "=price" not in question.concepts:
        return None
    pairs = amounts_in(value)
    spans = [at for _, at in pairs]
    asked = [spans[at] for at in asked_price(value, spans, [number.value for number, _ in pairs], question.surface)]
    if not asked or not any(at.unit for at in asked):
        # A number alone may be one; a number with words is something else.
        bare = len(pairs) == 1 and not re.search(r"[^\W\d_]", value)
        return [Cast(value, 0, len(value), 0.8, _UNLIKELY)] if bare else []
    is_range = len(asked) > 1 and "range" in neighbour_doubts(value, asked[0].start, asked[0].end)
    start, end = asked[0].start, asked[1 if is_range else 0].end
    doubts: frozenset[Doubt] = frozenset(("range",) if is_range else ("several",) if len(asked) > 1 else ())
    return [Cast(value[start:end], start, end, 1.0 if len(asked) == 1 else 0.8, doubts)]


def _lasting(question: Question, value: str) -> list[Cast] | None:
    """Of a field for a length of time, the one that a text states."""
    if not question.surface & _TIMED or question.head not in words(" ".join(_TIMED)):
        return None
    stated = durations(value)
    doubts: frozenset[Doubt] = frozenset(("several",)) if len({d.seconds for d in stated}) > 1 else frozenset()
    return [Cast(d.spelled or value[d.start : d.end], d.start, d.end, 0.9, doubts) for d in stated]


def _dated(question: Question, value: str) -> list[Cast] | None:
    """Of a date as text, the dates as they are written."""
    if "date" not in question.surface:
        return None
    return [Cast(value[d.start : d.end], d.start, d.end, 0.9 if d.day else 0.8) for d in dates(value)]

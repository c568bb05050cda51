"""Phrases: the text of a text field, of the kind that the field asks for: an address for a website, a duration for a term."""

from __future__ import annotations

import re
from typing import Final

from research.evidence.ranking import words
from research.models.keyless.cast import Cast, Setting
from research.models.keyless.questions import Question
from research.values.answers import is_blank
from research.values.dates import dates
from research.values.doubts import NONE, Doubt
from research.values.kinds import may_name_person, names_person
from research.values.pieces import Kind, pieces
from research.values.remarks import without_remarks

MAX_TEXT: Final = 1_200
_NAMES_WORKS: Final = frozenset(("=title", "=description", "=ingredients", "=instructions"))
"""Whose parentheses are their own: `Up (2009)`."""
_PERSONS: Final = frozenset(("=author", "=ceo", "=spouse", "=director", "=founder", "=inventor", "=architect"))
_BY: Final = re.compile(r"^(?:[Bb]y|BY|[Pp]ar|[Pp]or)[:\s]\s*(?=[^\W\d_a-zà-ÿ])")
_TIMED: Final = frozenset(("term", "duration", "period", "validity"))
_NO_TITLE: Final = frozenset(
    (
        "organization",
        "website",
        "person",
        "brand",
        "breadcrumb",
        "breadcrumblist",
        "itemlist",
        "listitem",
        "imageobject",
        "corporation",
    )
)
"""Things in page data whose name is no work's title."""


def phrases(question: Question, text: str, setting: Setting) -> list[Cast]:
    """The text itself without its notes, or the piece of it that is of the kind asked; none where it is of another kind."""
    value = without_remarks(text, in_brackets=not question.concepts & _NAMES_WORKS)
    if not value or len(value) > MAX_TEXT or not re.search(r"[\w$€£¥₽₹]", value):
        return []
    if is_blank(value) and not question.concepts & _NAMES_WORKS:
        return []
    start = max(text.find(value), 0)
    if kind := _kind(question):
        found = pieces(kind, value, question.surface)
        return [Cast(p.value, start + p.start, start + p.end, 0.8 if p.doubts else 1.0, p.doubts) for p in found]
    is_title = bool({"title", "headline"} & question.surface)
    if is_title and (setting.thing.partition("#")[0].casefold() in _NO_TITLE or re.fullmatch(r"https?://\S+", value)):
        return []
    doubts: frozenset[Doubt] = NONE
    if question.concepts & _PERSONS:
        value = _BY.sub("", value)
        start = max(text.find(value), 0)
        if not may_name_person(value) or any(d.end - d.start > 0.8 * len(value) for d in dates(value)):
            return []
        doubts = NONE if names_person(value) else frozenset(("unlikely_kind",))
    return [Cast(value, start, start + len(value), 0.9 if len(value) <= 300 else 0.7, doubts)]


def _kind(question: Question) -> Kind | None:
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
    if surface & _TIMED and question.head in words(" ".join(_TIMED)):
        return "length of time"
    return "day" if "date" in surface else None

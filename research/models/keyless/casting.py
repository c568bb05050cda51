"""Casting: from a piece of text to a JSON value of the type that a question asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, Literal

from research.models.keyless.amounts import amounts
from research.models.keyless.cast import PLAIN, Cast, Setting
from research.models.keyless.choices import booleans, choices
from research.models.keyless.phrases import MAX_TEXT, phrases
from research.models.keyless.questions import Question, item_of
from research.output_schema.bounds import within_bounds
from research.values.moments import moments

__all__ = ["PLAIN", "Cast", "Setting", "cast", "cast_list"]

_DIVIDER: Final = re.compile(r"\s*(?:;|•|·|\||¦|\n)\s*")
_COMMA: Final = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+")


@lru_cache(maxsize=32768)
def _cast(question: Question, text: str, setting: Setting) -> tuple[Cast, ...]:
    found = _CASTERS[question.kind](question, text, setting)
    return tuple(sorted((c for c in found if within_bounds(c.value, question.schema)), key=lambda c: -c.quality))


def cast(question: Question, text: str, setting: Setting = PLAIN) -> tuple[Cast, ...]:
    """Every value of the asked type in `text`, the surest first; none if there is none. Lists come from `cast_list`."""
    return _cast(question, text, setting) if len(text) <= 4 * MAX_TEXT else ()


def cast_list(question: Question, values: Iterable[str], setting: Setting = PLAIN) -> tuple[list[Any], list[int]]:
    """Items of the asked type from a list's values, and for each the place of the value it came from. One value that holds
    several (`a; b`, `a, b and c`) is divided."""
    item = item_of(question)
    whole = list(values)
    pieces = [(piece, place) for place, value in enumerate(whole) for piece in (_divided(value) if len(whole) == 1 else [value])]
    items: list[Any] = []
    origins: list[int] = []
    for piece, place in pieces:
        best = cast(item, piece, setting)
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


def _dates(question: Question, text: str, setting: Setting) -> list[Cast]:
    wants_time = question.schema.get("format") == "date-time"
    found = []
    for date, doubts in moments(text, _bound(question), month_first=setting.month_first):
        value, quality = date.iso(), 0.8 if date.swapped else 1.0
        if date.day is None:
            if "format" in question.schema:
                continue
            value, quality = (
                text[date.start : date.end],
                0.7 if date.month is None else 0.8,
            )  # a text may be less exact than a day
        elif wants_time:
            clock = date.time or "00:00:00"
            zoned = clock if re.search(r"(?:Z|[+-]\d{2}:?\d{2})$", clock) else f"{clock}Z"
            value, quality = f"{value}T{zoned}", 1.0 if date.time else 0.8
        found.append(Cast(value, date.start, date.end, quality, doubts))
    return found


def _years(question: Question, text: str, setting: Setting) -> list[Cast]:
    is_text = question.schema.get("type") == "string"
    stated = moments(text, _bound(question))
    return [Cast(str(d.year) if is_text else d.year, d.start, d.end, 1.0, doubts - {"ambiguous_order"}) for d, doubts in stated]


def _bound(question: Question) -> Literal["start", "end"] | None:
    """Which end of a span of time is asked for."""
    return "end" if "=end date" in question.concepts else "start" if "=start date" in question.concepts else None


def _nothing(question: Question, text: str, setting: Setting) -> list[Cast]:
    return []


_CASTERS: Final[Mapping[str, Callable[[Question, str, Setting], list[Cast]]]] = {
    "date": _dates,
    "year": _years,
    "number": amounts,
    "integer": amounts,
    "boolean": booleans,
    "enum": choices,
    "text": phrases,
    "list": _nothing,
    "object": _nothing,
}

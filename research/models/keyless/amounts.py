"""Amounts: the numbers that a piece of text gives for a question, and what it asks of them."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

from research.models.keyless.cast import Cast, Setting
from research.models.keyless.questions import Question
from research.values.labels import measure
from research.values.quantities import Quantity, Wanted, lengths_of_time, quantities

_SHARE: Final = re.compile(r"per ?cent|\bpct\b|share|rate|ratio|proportion|margin|growth|yield|content|%|alcohol|abv", re.I)
_FRACTION: Final = re.compile(r"(?:^|[\W_])fraction$", re.I)
_PERCENT: Final = re.compile(r"(?:^|[\W_])(?:per_?cent(?:age)?|pct)$", re.I)
_SIGNED: Final = re.compile(r"income|profit|loss|result|earnings|ebit|cash|balance|change|growth|margin|surplus|deficit", re.I)
_MAX_INTEGER: Final = 2**53
_TIMES: Final = frozenset(("=total time", "=prep time", "=cook time"))
_DOUBTED: Final = 0.85
"""What a doubt leaves of a value's quality, by which values of one text are put in order; what each costs, the weights say."""


def amounts(question: Question, text: str, setting: Setting) -> list[Cast]:
    """The numbers that a text states, in the unit asked."""
    wanted, stated = _wanted(question), list[Quantity]()
    is_time = wanted.unit is not None and wanted.unit.kind == "time"
    if is_time or question.concepts & _TIMES:
        stated = lengths_of_time(text, wanted.unit.factor if wanted.unit and is_time else Decimal(60))
    found: list[Cast] = []
    for one in stated or quantities(text, wanted, measure(setting.label), setting.label, machine=setting.machine):
        value = _json(one.value, question)
        if value is not None:
            later = any("yearlike" not in earlier.doubts for earlier in found)
            found.append(Cast(value, one.start, one.end, _DOUBTED ** (len(one.doubts) + later), one.doubts))
    return found


@lru_cache(maxsize=1024)
def _wanted(question: Question) -> Wanted:
    spelled = f"{question.field} {question.description}"
    named = measure(question.field)
    field = named if named.unit or named.scale != 1 else measure(question.description)
    ceiling = question.schema.get("maximum")
    is_price = "=price" in question.concepts
    return Wanted(
        unit=question.unit or field.unit,
        scale=field.scale,
        signed=_SIGNED.search(spelled) is not None or (question.kind == "number" and not is_price),
        is_share=_SHARE.search(spelled) is not None,
        ceiling=ceiling if isinstance(ceiling, (int, float)) else 1 if _FRACTION.search(question.field) else None,
        is_percent=_PERCENT.search(question.field) is not None,
        is_price=is_price,
        is_rating="=rating" in question.concepts,
        is_whole=question.kind in ("integer", "year"),
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

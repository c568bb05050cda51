"""Wanted: what is asked of a number, by the name of the field that asks."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Final

from research.values.counted import MONEY, WORDS, counted_in
from research.values.labels import Measure, measure
from research.values.names import spaced
from research.values.scales import alternatives
from research.values.units import CURRENCIES, Unit

_SHARE: Final = re.compile(
    r"per ?cent|\bpct\b|\bshare|\brates?\b|\bratio|\bproportion|\bmargin|\bgrowth|\byield|\bcontent|%|\balcohol|\babv", re.I
)
_FRACTION: Final = re.compile(r"(?:^|[\W_])fraction$", re.I)
_PERCENT: Final = re.compile(r"(?:^|[\W_])(?:per_?cent(?:age)?|pct)$", re.I)
_SIGNED: Final = re.compile(
    r"\b(?:income|profit|loss|result|earnings|ebit|cash|balance|change|growth|margin|surplus|deficit)", re.I
)
_COUNTED: Final = re.compile(
    r"\b(?:counts?|number of|units|orders|quantity|stock|staff|headcount|copies|downloads|users|members|visitors|students)\b",
    re.I,
)
_PAID: Final = re.compile(
    r"price|cost|value|revenue|sales|income|salary|paid|pay|budget|fees?\b|amount|spent|spending|turnover", re.I
)
_CURRENCY: Final = rf"(?:(?:US |U\.S\. )?(?:{alternatives(CURRENCIES)}))\s?"
_SCALE: Final = rf"(?:(?:{_CURRENCY})?(?:{alternatives(WORDS)})|{_CURRENCY}[mMkK])\b(?!\s(?:and|or|to)\b)"
_IN_A_SCALE: Final = re.compile(
    rf"(?<!not )(?<!rounded )\b(?:in|to|into)\s+(?:full\s+)?{_SCALE}[^,.;:()]{{0,24}}|"
    rf"(?:\A|[(]|,\s)\s*(?:in\s+)?{_SCALE}(?:\s[^,.;:()]{{1,24}})?\s*(?:[),]|\Z)",
    re.IGNORECASE,
)
"""In a description: `in billions of US dollars, as reported`, `(USD m)`; not `not in millions`, `to the nearest million`."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a number."""

    unit: Unit | None = None
    scale: Decimal = Decimal(1)
    """`1e6` where the answer is to be in millions."""
    signed: bool = True
    """It may be below zero, so that brackets are a minus."""
    is_share: bool = False
    """A percentage is a fit answer."""
    is_percent: bool = False
    """It is counted in hundredths, by its name."""
    ceiling: float | None = None
    """The most it can be. A share of at most 1 is no percentage."""
    is_price: bool = False
    is_rating: bool = False
    is_whole: bool = False
    """Only whole numbers are an answer."""
    is_count: bool = False
    """It counts things, so that no amount of money is an answer."""
    is_paid: bool = False
    """An amount of money is a fit answer, by its name or its description."""
    words: frozenset[str] = frozenset()
    """The words that name it, in lower case: behind the number they are no riddle."""


def wanted_by_name(name: str, description: str, unit: Unit | None = None) -> Wanted:
    """What the name and the description of a field say of the number that it asks for: `revenue_musd`, `tax_rate_percent`.

    Args:
        name: as the schema has it.
        description: "" if there is none.
        unit: the unit asked for, where it is known already.
    """
    label = spaced(name)
    spelled = f"{label} {description}"
    named, counted = measure(name), counted_in(label, description)
    field = named if named.unit or named.scale != 1 else _described(description)
    return Wanted(
        unit=unit or counted.unit or field.unit,
        scale=scale_of(name, description),
        signed=_SIGNED.search(spelled) is not None,
        is_share=_SHARE.search(spelled) is not None,
        ceiling=1 if _FRACTION.search(name) else None,
        is_percent=_PERCENT.search(name) is not None,
        is_paid=MONEY.search(spelled) is not None,
        is_count=_COUNTED.search(label) is not None and not _PAID.search(label),
    )


@lru_cache(maxsize=2048)
def scale_of(name: str, description: str) -> Decimal:
    """What the numbers of a field are counted in, by its name or else by its description: `1e6` for millions."""
    scales = (counted_in(spaced(name), description).scale, measure(name).scale, _described(description).scale)
    return next((scale for scale in scales if scale != 1), Decimal(1))


def _described(description: str) -> Measure:
    """What a description says of the unit, and of the scale where it says it outright: it may speak of millions otherwise."""
    stated = _IN_A_SCALE.search(description)
    return measure(f"amount ({stated[0].strip(' (),')})") if stated else replace(measure(description), scale=Decimal(1))

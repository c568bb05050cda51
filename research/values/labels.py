"""Labels: the unit and the scale that a key, a head cell, a caption or a field's name gives to the numbers it announces."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Final

from research.values.belonging import YEAR
from research.values.neighbours import not_yet
from research.values.scales import DOZEN, SCALES, alternatives
from research.values.units import CURRENCIES, Unit, unit_named

PERIOD: Final = re.compile(r"(?:[^\W\d]{1,9}\.? ?){0,2}(?:\d{1,2}[,.]? )?(?:FY)?[12]\d{3}(?:/\d{2,4})?|[QH]\d.{0,8}", re.I)
_TIMES: Final = re.compile(r"(?:fiscal |financial )?(?:year|period)|jahr|geschäftsjahr|année|exercice|año|ejercicio", re.I)
_VALUE: Final = re.compile(r"values?|wert|valeur|valore?", re.I)
PROPERTIES: Final = re.compile(
    r"|propert(?:y|ies)|features?|spec(?:ification)?s?|attributes?|characteristics?|eigenschaft|merkmal", re.I
)
"""The first head cell of a table whose columns are things, and whose rows what is said of them."""
_SCALE_WORDS: Final = alternatives(name for name, factor in SCALES.items() if factor != DOZEN)
"""`Price (dozen)` says what is sold at the price."""
_MONEY: Final = alternatives(CURRENCIES)
_ENCLOSED: Final = re.compile(r"[(\[]([^()\[\]]{1,60})[)\]]")
_BEHIND: Final = re.compile(r"(?:,|:|\bin|\s[-–—])\s+([^,:()\[\]]{1,40})$", re.IGNORECASE)
"""`Revenue, in thousands of euros`, `Mass, g`"""
_THOUSANDS: Final = re.compile(
    r"(?:^|[\W_])['’]?000(?:['’]?s)?\b|\bK(?=€|EUR|USD|\$)|\bT(?=€|EUR|USD)|\bk ?(?=€|EUR|USD|\$)|"
    r"(?:EUR|USD|GBP|CHF|[€$£])\s?[kK]\b|\b[tk]\.?\s?kr\b|\b[TKk](?=DKK|SEK|NOK|CHF|GBP)"
)
"""`USD '000`, `T€`, `kEUR`"""
_CODES: Final = r"(?:[€$£¥₹]|\b(?:EUR|USD|GBP|CHF|SEK|NOK|DKK|JPY|INR|AUD|CAD|CNY))"
_MILLIONS: Final = re.compile(
    rf"{_CODES}\s?(?:m|M|mm|MM)\b|\b[mM](?=€|EUR|USD|\$|£)|\b[mM] (?={_CODES})|\bM(?=CHF|SEK|NOK|DKK)|\b[mM]\.?\s?kr\b"
)
_BILLIONS: Final = re.compile(rf"{_CODES}\s?(?:b|B)\b")
_SCALE: Final = re.compile(rf"(?<!\w)(?<!per )({_SCALE_WORDS})(?!\w)", re.IGNORECASE)
_CURRENCY: Final = re.compile(rf"(?<![^\W\d_])(?:[kKmMT]|(?=.))({_MONEY})(?=[mMbBkK]?(?![^\W\d_]))", re.IGNORECASE)
_JUST_SCALE: Final = re.compile(
    rf"^\W*(?:(?:all )?(?:figures|amounts|values|numbers)\s+)?(?:are\s+)?(?:in|of)\s+.*\b(?:{_SCALE_WORDS})\b", re.I
)
_JUST_MONEY: Final = re.compile(r"(?=.{0,5}[€$£¥₹])[^1-9]{1,12}")
"""A head cell above the names of the rows: `€m`, `US$ million`, `£'000`."""
_EXCEPT: Final = re.compile(r"\b(?:except|unless|other than|excluding)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Measure:
    """What a label says of its numbers."""

    scale: Decimal = Decimal(1)
    unit: Unit | None = None
    percent: bool = False
    limited: bool = False
    """`in millions, except per-share data`: it may not hold for all."""


NOTHING: Final = Measure()


@lru_cache(maxsize=8192)
def measure(label: str) -> Measure:
    """The scale and the unit that a label names: `Revenue (Millions of USD)`, `Mass (g)`, `Umsatz in Tsd. €`.

    Only what stands in brackets, behind a comma or behind `in` counts: the words before say what is measured. Of several lines
    the first that names a thing has it: the key before the head cell, that before the caption.
    """
    found = NOTHING
    for line in label.split("\n"):
        one = _line(line) if len(line) <= 400 else NOTHING
        if found.unit is None and not found.percent:
            found = replace(found, unit=one.unit, percent=one.percent)
        if found.scale == 1 and not found.percent:
            found = replace(found, scale=one.scale, limited=one.limited)
    return found


@lru_cache(maxsize=8192)
def without_measure(label: str) -> str:
    """A label without the brackets that only say in what its numbers are counted: `Revenue` of `Revenue (USD mn)`."""
    return _ENCLOSED.sub(lambda part: " " if measure(part[0]) != NOTHING else part[0], label)


def _line(label: str) -> Measure:
    parts = [match[1] for match in _ENCLOSED.finditer(label)]
    parts += [match[1] for match in _BEHIND.finditer(_ENCLOSED.sub(" ", label).strip())]
    if _JUST_SCALE.search(label) or _JUST_MONEY.fullmatch(label.strip()):
        parts.append(label)
    found = NOTHING
    for part in parts:
        scale, unit = _scale(part), _unit(part)
        percent = "%" in part or part.strip().casefold() in ("percent", "per cent", "pct")
        if scale != 1 or unit or percent:
            found = Measure(
                scale if scale != 1 else found.scale,
                unit or found.unit,
                percent or found.percent,
                found.limited or bool(_EXCEPT.search(label)),
            )
    return found


def _scale(part: str) -> Decimal:
    if match := _SCALE.search(part):
        return SCALES[match[1].casefold()]
    if _THOUSANDS.search(part) or re.search(r"\bmiles de\b", part, re.IGNORECASE):
        return Decimal(1000)
    if _MILLIONS.search(part):
        return Decimal(10**6)
    return Decimal(10**9) if _BILLIONS.search(part) else Decimal(1)


def _unit(part: str) -> Unit | None:
    words = re.sub(r"^\s*(?:in|of)\s+", "", part.strip(), flags=re.IGNORECASE)
    words = _SCALE.sub(" ", words)
    words = re.sub(r"^\W*(?:of|de|d['’])\s+", "", words.strip(" .,;"), flags=re.IGNORECASE).strip(
        " .,;'’0s" if "000" in words else " .,;"
    )
    if unit := unit_named(words):
        return unit
    money = _CURRENCY.search(words)
    return CURRENCIES[money[1].casefold()] if money else None


def series_of(key: str, heading: str = "") -> tuple[str, int]:
    """A key without its years; and the last year that it names, or the heading above it where that is nothing but a year: 0 if
    none does, -1 where it is not so yet."""
    foreseen = not_yet(key)
    years = YEAR.findall(key) or ([heading] if YEAR.fullmatch(heading) else [])
    series = re.sub(r"\W+", " ", YEAR.sub("", key).casefold().replace(foreseen, "")).strip()
    return series, -1 if foreseen else max(map(int, years), default=0)


def key_of_the_page(corner: str, column: str, row: str) -> str:
    """The key of a cell that says something of the page itself: it is of a year, or its column is `Value`; "" if it does not."""
    if PERIOD.fullmatch(column) and not PERIOD.fullmatch(row):
        return f"{row} ({column})"
    if PERIOD.fullmatch(row) and _TIMES.fullmatch(corner):
        return f"{column} ({row})"
    return row if PROPERTIES.fullmatch(corner) and _VALUE.fullmatch(column) else ""

"""Counted: in what a field's number is counted, as the end of its name says: `weight_kg`, `revenue_usd_m`, `co2_g_per_km` (by
`counted.toml`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from research.records import read_table
from research.values.scales import SCALES
from research.values.units import CURRENCIES, UNITS, Unit, unit_named

_TABLE: Final = read_table("research.values", "counted.toml")
_SCALES: Final = {name: Decimal(factor) for name, factor in _TABLE["scales"].items()}
WORDS: Final = frozenset((*_SCALES, *(name for name, factor in SCALES.items() if factor >= 1000)))
"""All words of scales; in names only those that are of English count."""
_LETTERS: Final = {name: Decimal(factor) for name, factor in _TABLE["letters"].items()}
_PAID, _NUMBERED, _RELATIVE = (frozenset(_TABLE[name].split()) for name in ("paid", "numbered", "relative"))
_OF_A_WHOLE: Final = frozenset(_TABLE["of_a_whole"])
_JOINED: Final = re.compile(rf"(?P<before>mm?|k|t|bn?)?(?P<code>{'|'.join(_TABLE['codes'].split())})(?P<behind>mm?|mn|k|bn?)?")
"""`musd`, `keur`, `usdm`; a T before a code is a thousand."""
_PLAIN: Final = re.compile(r"[a-z ]+")
_THERMAL: Final = re.compile(
    r"temperature|temp\b|\bpoint\b|\b(?:melting|boiling|freezing|heat|thermal|celsius|fahrenheit)\b", re.I
)
_DEGREES: Final = {"c": UNITS["°c"], "f": UNITS["°f"], "k": UNITS["kelvin"]}
_LONG: Final = re.compile(rf"\b(?:{'|'.join(_TABLE['long'].split())})s?\b")
_TIMED: Final = re.compile(r"\b(?:time|duration|minutes?)\b", re.I)
_FLOWING: Final = re.compile(r"\b(?:rate|flow|speed|velocity|throughput|discharge)\b")
"""What is counted per minute, where a `min` behind a unit may also mean the least."""
_YEAR: Final = re.compile(r"(?:fy ?)?(?:19|20)\d\d|fy ?\d\d")
MONEY: Final = re.compile(rf"\b(?:{'|'.join(_TABLE['money'].split())})\b", re.IGNORECASE)
"""Words of a field that an amount of money may answer."""


@dataclass(frozen=True, slots=True)
class Counted:
    """In what a number is counted."""

    words: tuple[str, ...] = ()
    """Those at the end of the name that say so, and nothing of what is counted."""
    unit: Unit | None = None
    scale: Decimal = Decimal(1)
    """`1e6` for one counted in millions."""


NOTHING: Final = Counted()


@lru_cache(maxsize=2048)
def counted_in(label: str, description: str = "") -> Counted:
    """What the end of a field's name says.

    Args:
        label: the name in lower case, its words apart: `revenue usd m`.
        description: what else is said of the field, which tells whether a `min` is a minute and a `c` a degree.
    """
    words = label.split()
    if len(words) < 2:
        return NOTHING
    rest = " ".join(words[:-1])
    if _YEAR.fullmatch(words[-1]):
        return counted_in(rest, description)  # `revenue usd m 2023`
    if words[-1] in ("min", "max", "minimum", "maximum") and (found := counted_in(rest, description)) != NOTHING:
        is_rate = words[-1] == "min" and _FLOWING.search(rest) and words[-2] in UNITS
        return Counted(tuple(words[-2:]), unit_named(f"{words[-2]} per min")) if is_rate else found
    if money := _money(words):
        return money
    if whole := unit_named(label):
        return Counted((), whole)  # `square feet`
    for size in (4, 3, 2, 1):
        if len(words) > size and (unit := _unit(words, size, label, f"{label} {description}")):
            return _with_scale(words, size, unit)
    last = next((tail for tail in (words[-1], " ".join(words[-2:])) if tail in _OF_A_WHOLE), "")
    return Counted(tuple(last.split())) if last else NOTHING


def _money(words: list[str]) -> Counted | None:
    """A currency, a scale or both: `usd`, `usd m`, `millions of dollars`, `musd`, `in thousands`."""
    left, unit, scale = list(words), None, Decimal(1)
    if (joined := _JOINED.fullmatch(left[-1])) and (joined["before"] or joined["behind"]):
        letter = joined["behind"] or joined["before"]
        unit, scale = CURRENCIES[joined["code"]], Decimal(1000) if letter == "t" else _LETTERS.get(letter) or _SCALES[letter]
        left.pop()
    for _ in range(2):
        last, before = left[-1] if left else "", left[-2] if len(left) > 1 else ""
        if unit is None and _is_currency(last):
            unit = CURRENCIES[last]
            left.pop()
        elif scale == 1 and before != "per" and (factor := _scale(last, before, left)):
            scale = factor
            left.pop()
        if left and left[-1] in ("in", "of") and len(left) < len(words):
            left.pop()
    if not left or len(left) == len(words) or left[-1] == "per":
        return None
    return Counted(tuple(words[len(left) :]), unit, scale)


def _is_currency(word: str) -> bool:
    return word in CURRENCIES and _PLAIN.fullmatch(word) is not None and unit_named(word) is None


def _scale(word: str, before: str, name: list[str]) -> Decimal | None:
    """The factor that a word of a name means; a letter only behind a currency (`usd m`), or what is paid or numbered: `users m`,
    `revenue m usd`, not `series b usd`."""
    if word in _SCALES:
        return _SCALES[word]
    is_paid = before in _PAID or name[-3:-1] == ["market", "cap"]
    is_beside = _is_currency(before) or is_paid or (before in _NUMBERED and word != "mm")
    return _LETTERS[word] if word in _LETTERS and is_beside else None


def _unit(words: list[str], size: int, label: str, said: str) -> Unit | None:
    """The unit that the last words of a name mean; a number per unit has no unit of its own: `price per kg`."""
    tail, before = words[-size:], words[-size - 1]
    if before in _RELATIVE or tail[0] == "per" or (tail == ["min"] and not _TIMED.search(said)):
        return None  # or the least, not minutes
    if tail == ["in"] and not _LONG.search(label):
        return None
    if size == 1 and tail[0] in _DEGREES:  # a single `c`, `f` or `k` is a temperature's where one is spoken of
        return _DEGREES[tail[0]] if _THERMAL.search(said) else None
    if size == 2 and not unit_named(" ".join(tail)) and all(word in UNITS and word not in ("in", "min") for word in tail):
        return unit_named(" per ".join(tail))  # `mg kg`
    return unit_named(" ".join(tail))


def _with_scale(words: list[str], size: int, unit: Unit) -> Counted:
    """A unit with the scale before it: `million tonnes`, `thousands of kg`."""
    rest = words[:-size]
    while len(rest) > 1 and rest[-1] in ("of", "in"):
        rest = rest[:-1]
    factor = _SCALES.get(rest[-1]) if len(rest) > 1 else None
    if factor is None:
        return Counted(tuple(words[-size:]), unit)
    rest = rest[:-1]
    while len(rest) > 1 and rest[-1] == "in":
        rest = rest[:-1]
    return Counted(tuple(words[len(rest) :]), unit, factor)

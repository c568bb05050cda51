"""Counted: in what a field's number is counted, as the end of its name says: `weight_kg`, `revenue_usd_m`, `co2_g_per_km`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from research.values.scales import DOZEN, SCALES
from research.values.units import CURRENCIES, UNITS, Unit, unit_named

_LETTERS: Final = {"k": Decimal(10**3), "m": Decimal(10**6), "mm": Decimal(10**6), "b": Decimal(10**9)}
_SHORT: Final = {"bn": 9, "bln": 9, "mn": 6, "mln": 6, "mio": 6, "mrd": 9, "tn": 12, "trn": 12, "tsd": 3}
_SCALES: Final = {
    **{name: factor for name, factor in SCALES.items() if factor != DOZEN},
    **{name: Decimal(10**power) for name, power in _SHORT.items()},
}
_CODES: Final = "|".join(code for code in CURRENCIES if re.fullmatch("[a-z]{3}", code))
_JOINED: Final = re.compile(rf"(?P<before>mm?|k|t|bn?)?(?P<code>{_CODES})(?P<behind>mm?|mn|k|bn?)?")
"""`musd`, `keur`, `usdm`; a T before a code is a thousand."""
_PLAIN_MONEY: Final = re.compile(r"[a-z ]+")
PAID: Final = re.compile(
    r"\b(?:price|cost|value|valuation|revenue|sales\b|income|salary|wages?\b|paid|pay\b|payment|budget|fees?\b|amount|spent|spending|"
    r"turnover|fund|raised|assets|profit|loss|debt|rents?\b|tax(?:es)?\b|grants?\b|prize|damages|fines?\b|capital|market cap|"
    r"worth|gross\b|earnings|ebit|cash|deposit|premium|penalty|donat|invest|equity|dividend|bid\b|estimate|loan|credit|charge|expen|gdp|"
    r"box office|toll\b|fare\b|tuition|settlement|verdict|award|claim|endowment|money|"
    r"dollar|euros?\b|usd|eur\b|gbp)|price\b|cost\b",
    re.I,
)
"""Words of a field that an amount of money may answer."""
NUMBERED: Final = re.compile(
    r"\b(?:counts?|number of|units|orders|quantity|stock|staff|headcount|employees|copies|downloads|users|members|visitors|"
    r"visits|students|population|inhabitants|residents|followers|subscribers|views|customers|passengers|shipments)\b",
    re.I,
)
"""Words of a field that counts things."""
_THERMAL: Final = re.compile(
    r"temperature|temp\b|\bpoint\b|\b(?:melting|boiling|freezing|heat|thermal|celsius|fahrenheit)\b", re.I
)
_DEGREES: Final = {"c": UNITS["°c"], "f": UNITS["°f"], "k": UNITS["kelvin"]}
_LONG: Final = re.compile(
    r"height|width|depth|length|size|diameter|thickness|screen|display|radius|circumference|span|clearance|dimension|"
    r"tall|wide|deep|long|high|rain|snow|precipitation|wheel|rim|waist|chest|inseam|barrel|blade|bore|stroke",
    re.I,
)
"""What is measured in inches, so that an `in` at the end of a name is one: not of `check_in`."""
_TIMED: Final = re.compile(r"\b(?:time|duration|minutes?)\b", re.I)
OF_A_WHOLE: Final = frozenset(("percent", "per cent", "percentage", "pct", "fraction"))
"""Words at a name's end that say how a share is counted."""
_ENDS: Final = frozenset(("min", "max", "minimum", "maximum"))


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
        description: what else is said of the field; `min` is a minute only where time is spoken of.
    """
    words = label.split()
    if len(words) < 2:
        return NOTHING
    if len(words) > 2 and words[-1] in _ENDS and unit_named(words[-2]):
        return counted_in(" ".join(words[:-1]), description)  # `duration days min` is the least of them
    if found := _money(words):
        return found
    if unit_named(label) and words[-2] != "per":
        return Counted((), unit_named(label))  # `square feet`
    for size in (4, 3, 2, 1):
        if len(words) > size and (unit := _unit(words, size, f"{label} {description}")):
            return Counted(tuple(words[-size:]), unit)
    if words[-1] in OF_A_WHOLE or " ".join(words[-2:]) in OF_A_WHOLE:
        return Counted(tuple(words[-1 if words[-1] in OF_A_WHOLE else -2 :]))
    return NOTHING


def _money(words: list[str]) -> Counted | None:
    """A currency, a scale or both: `usd`, `usd m`, `millions of dollars`, `musd`, `in thousands`."""
    left, unit, scale = list(words), None, Decimal(1)
    if (joined := _JOINED.fullmatch(left[-1])) and (joined["before"] or joined["behind"]):
        letter = joined["behind"] or joined["before"]
        unit, scale = CURRENCIES[joined["code"]], Decimal(1000) if letter == "t" else _LETTERS.get(letter) or _SCALES[letter]
        left.pop()
    for _ in range(2):
        last, before = left[-1] if left else "", left[-2] if len(left) > 1 else ""
        if unit is None and last in CURRENCIES and _PLAIN_MONEY.fullmatch(last) and not unit_named(last):
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


def _scale(word: str, before: str, name: list[str]) -> Decimal | None:
    """The factor that a word of a name means; a letter only behind a currency (`usd m`), or what is paid or numbered: `users m`,
    `revenue m usd`, not `series b usd`."""
    if word in _SCALES:
        return _SCALES[word]
    rest = " ".join(name[:-1])
    is_beside = before in CURRENCIES and _PLAIN_MONEY.fullmatch(before)
    if word in _LETTERS and (is_beside or PAID.search(rest) or (NUMBERED.search(rest) and word != "mm")):
        return _LETTERS[word]
    return None


def _unit(words: list[str], size: int, said: str) -> Unit | None:
    """The unit that the last words of a name mean; a number per unit has no unit of its own: `price per kg`."""
    tail, before = words[-size:], words[-size - 1]
    if before == "per" or tail[0] == "per" or (tail == ["min"] and not _TIMED.search(said)):
        return None  # or the least, not minutes
    if tail == ["in"] and not _LONG.search(said):
        return None
    if size == 1 and tail[0] in _DEGREES:  # a single `c`, `f` or `k` is a temperature's where one is spoken of
        return _DEGREES[tail[0]] if _THERMAL.search(said) else None
    if size == 2 and not unit_named(" ".join(tail)) and all(word in UNITS and word not in ("in", "min") for word in tail):
        return unit_named(" per ".join(tail))  # `mg kg`
    return unit_named(" ".join(tail))

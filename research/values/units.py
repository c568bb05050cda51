"""Units: what a unit's words mean (by `units.toml`), and the factor between two of a kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from research.records import read_table

_TABLE: Final = read_table("research.values", "units.toml")
ANY_MONEY: Final = "ANY"
"""The kind of cents, of whatever currency."""
KRONE: Final = "KR"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measure. `factor` takes a number of it to the base unit of its kind (kilogram, metre, second, …), after
    `offset` was added (degrees Fahrenheit and kelvins do not begin at 0 °C). A currency is a kind of its own."""

    kind: str
    factor: Decimal
    offset: Decimal = Decimal(0)

    def convert(self, number: Decimal, to: Unit) -> Decimal:
        """A number of this unit in another that it fits."""
        return (number + self.offset) * self.factor / to.factor - to.offset

    @property
    def is_money(self) -> bool:
        return self.kind.isupper()

    def fits(self, asked: Unit) -> bool:
        """Whether a number of this unit is an amount of what is asked for: of the same kind, or of money whose currency it does
        not name in full."""
        if self.kind in (ANY_MONEY, asked.kind):
            return asked.is_money or self.kind == asked.kind
        return self.kind == KRONE and asked.kind in _TABLE["krone"]["codes"]


UNITS: Final = {
    name: Unit(entry["kind"], Decimal(entry["factor"]), Decimal(entry.get("offset", 0)))
    for entry in _TABLE["units"]
    for name in entry["names"]
}
CURRENCIES: Final = {
    **{code: Unit(code.upper(), Decimal(1)) for code in _TABLE["currency_codes"]},
    **{name: Unit(code, Decimal(1)) for name, code in _TABLE["currency_names"].items()},
    _TABLE["krone"]["sign"]: Unit(KRONE, Decimal(1)),
}
"""Currencies by code, sign and name. Amounts of two currencies are of two kinds: no rate is known here."""
MONEY_WORDS: Final = (*CURRENCIES, *_TABLE["label_money"])
"""What names money in a label; beside a number, some of it is something else."""
POINT_CURRENCIES: Final = frozenset(_TABLE["point_currencies"])
"""Codes of those whose amounts are written with a decimal point where they are at home."""
WHOLE_CURRENCIES: Final = frozenset(_TABLE["whole_currencies"])
"""Codes of those that have no hundredths in use."""
_MONEY: Final = "|".join(sorted(map(re.escape, CURRENCIES), key=len, reverse=True))
_HUNDREDTHS: Final = {name: Unit(code, Decimal("0.01")) for name, code in _TABLE["hundredths"].items()}
_HUNDREDTH: Final = re.compile(r"¢|(?<=\d)p(?!\w)|[ \u00a0-]?(cents?|centimes|céntimos|cts?|pence|penny)(?!\w)", re.IGNORECASE)
_FEET: Final = re.compile(r"\s?['’′](?=\s?\d{1,2}(?:[ -]\d/\d{1,2}|\s?[½¼¾])?\s?(?:[\"”″]|''))")
_INCHES: Final = re.compile(r"\s?(?:[\"”″]|'')")
"""`6'2"`"""
_MONEY_BEFORE: Final = re.compile(
    rf"(?:(?<![^\W\d_])|(?<=\d)|(?<!\w)(?:[kKTMm]|MM|Mio\.?\s?|Mrd\.?\s?))({_MONEY})[\s\u00a0\u202f]?[(]?$", re.IGNORECASE
)
_SHARED: Final = frozenset(("$", "£", "¥", "kr", "rs", "rs.", "rupee", "rupees", "dollar", "dollars"))
"""Signs and names of several currencies."""
_OWNERS: Final = {
    **{code.upper(): Unit(code.upper(), Decimal(1)) for code in _TABLE["currency_codes"]},
    **{name: Unit(code, Decimal(1)) for name, code in _TABLE["currency_owners"].items()},
}
_OWNER: Final = "|".join(sorted(map(re.escape, _OWNERS), key=len, reverse=True))
_OWNER_BEFORE: Final = re.compile(rf"(?<![^\W_])({_OWNER})\s?$")
_OWNER_AFTER: Final = re.compile(rf"[ \u00a0\u202f]?(?:\$[ \u00a0]?)?[(]?(?:in )?({_OWNER})(?![^\W_])")
_FOREIGN: Final = re.compile(r"(?<![^\W_])[A-Z][A-Za-z]{0,3}([$£¥])[ \u00a0]?$")
"""A sign with letters before it that name no currency known here: `Bds$`, `IR£`."""
UNKNOWN: Final = Unit("unknown", Decimal(1))
"""What more than one unit make together, which none of those known here is: `kW·h`. It fits no other."""
UNKNOWN_MONEY: Final = "XXX"
"""The kind of a currency that is not known. It fits no other."""
_MONEY_AFTER: Final = re.compile(rf"[\s\u00a0\u202f-]?(?:d[ei]\s|d['’])?({_MONEY})(?![^\W\d_])", re.IGNORECASE)
_DEGREES: Final = re.compile(
    r"[\s\u00a0\u202f]?(?:[°º˚]\s?|(?:degrees?|deg\.?)\s)(c|f|celsius|fahrenheit)(?![^\W\d_])|\s?([℃℉])|[\s\u00a0](K)(?!\w)", re.I
)
_POWER: Final = r"(?:[²³]|\^?[23](?!\w))"
_AFTER: Final = re.compile(
    rf"[\s\u00a0\u202f-]{{0,2}}((?:square|cubic|sq|metric|nautical)[\s.]+)?((?>[^\W\d_]+){_POWER}?)(?!['’][^\W\d_])"
    rf"(?:\s?/\s?([^\W\d_]+{_POWER}?)|\s+per\s+(\w+)|"
    r"[\s·⋅∙]([^\W\d_]{1,3})(?:\^?[-−–]([123])(?!\d)|⁻([¹²³])))?"
    r"([·⋅∙/](?=[^\W\d_]{1,3}(?![^\W\d_]))|[\^⁻]|−[12](?!\d))?"
)
"""`kg`, `square metres`, `km/h`, `g·mol−1`; and what makes another unit of it: `kW·h`, `m/s/s`."""


_RAISED: Final = str.maketrans({"1": "", "¹": "", "²": "2", "³": "3"})
"""`mol−1` is `per mol`, `cm⁻³` is `per cm3`."""
_DIGIT: Final = re.compile(r"\d[\s\u00a0\u202f]?\Z")
"""Before a currency's sign that is another number's: `89.95 € 3 kg`."""
_PLACE_OR_TIME: Final = re.compile(r"\s(?:(?:the|an?|its|their|all|total)\s|[12]\d{3}(?!\d)|[A-Z][a-z])")
"""Behind an `in` that is no inch: `31 in 2024`, `5 in the north`."""
_BYTES_A_SECOND: Final = re.compile(r"[kKMGT]B(?:ps|PS|[ /]{1,3}s)")
"""What would be bits a second if the case of its letters did not count."""
_BESIDE_MONEY: Final = re.compile(r"\s(?:in|pa)(?!\w)")
"""Behind an amount of money no inch and no pascal: `£5 in cash`, `£5,000 pa`."""
_OTHER_CASE: Final = re.compile(r"[A-IKMNO-UX-Z]|mW|Mm")
"""Letters that name another thing, or nothing, where a unit of this spelling has the other case: `5 M` is no five metres."""


def unit_named(words: str) -> Unit | None:
    """The unit that a word or two name: `kg`, `square metres`, `km/h`; None if they name none."""
    if _BYTES_A_SECOND.fullmatch(words.strip()):
        return Unit("byte rate", Decimal(1))
    folded = re.sub(r"[\s/_.]+", " ", words.replace("^", "")).strip().casefold()
    known = UNITS.get(folded) or UNITS.get(folded.replace(" per ", " ")) or UNITS.get(folded.replace(" ", ""))
    return known or _quotient(words)


def _quotient(words: str) -> Unit | None:
    """The unit that one per another is: `g/km`, `mg per kg`."""
    over, _, under = words.replace(" per ", "/").partition("/")
    one, other = (UNITS.get(part.strip().casefold()) for part in (over, under))
    if one is None or other is None or one.offset or other.offset:
        return None
    return Unit(f"{one.kind} per {other.kind}", one.factor / other.factor)


@dataclass(frozen=True, slots=True)
class Measured:
    """A number's unit; `text[start:end]` is the number with the signs and words of the unit."""

    unit: Unit | None
    start: int
    end: int


def measured(text: str, start: int, end: int) -> Measured:
    """The unit or the currency of the number that is `text[start:end]`."""
    if hundredth := _HUNDREDTH.match(text, end):
        return Measured(_HUNDREDTHS[(hundredth[1] or hundredth[0]).casefold()], start, hundredth.end())
    before = _MONEY_BEFORE.search(text, max(0, start - 18), start)
    is_money = before is not None and not _DIGIT.search(text, 0, before.start())
    if (unit := _unit_after(text, end)) and not (is_money and _BESIDE_MONEY.match(text, end)):
        return Measured(unit[0], start, unit[1])
    if mark := _FEET.match(text, end):
        return Measured(UNITS["ft"], start, mark.end())
    if (mark := _INCHES.match(text, end)) and (text[:start].rstrip().endswith(("'", "’", "′")) or text.count('"') % 2):
        return Measured(UNITS["in"], start, mark.end())
    after = None if before else _MONEY_AFTER.match(text, end)
    if match := before or after:
        begin, close = min(start, match.start()), max(end, match.end())
        if match[1].casefold() in _SHARED:
            if owner := _OWNER_BEFORE.search(text, max(0, begin - 12), begin):
                return Measured(_OWNERS[owner[1]], owner.start(), close)
            if owner := _OWNER_AFTER.match(text, close):
                return Measured(_OWNERS[owner[1]], begin, owner.end())
        return Measured(CURRENCIES[match[1].casefold()], begin, close)
    if foreign := _FOREIGN.search(text, max(0, start - 8), start):
        return Measured(Unit(UNKNOWN_MONEY, Decimal(1)), foreign.start(), end)
    return Measured(None, start, end)


def unit_after(text: str, end: int) -> Unit | None:
    """The unit that follows a number which ends at `end`."""
    found = _unit_after(text, end)
    return found[0] if found else None


def _unit_after(text: str, end: int) -> tuple[Unit, int] | None:
    if degrees := _DEGREES.match(text, end):
        letter, sign, kelvin = degrees.groups()
        if not kelvin:
            return UNITS["°c" if sign == "℃" or (letter and letter.casefold().startswith("c")) else "°f"], degrees.end()
        return (UNITS["kelvin"], degrees.end()) if kelvin == "K" else None
    match = _AFTER.match(text, end)
    if not match:
        return None
    prefix, word, per, per_word, over, *powers, more = match.groups()
    if over:
        per = over + "".join(power or "" for power in powers).translate(_RAISED)
    if more:
        return UNKNOWN, match.end()
    if _OTHER_CASE.fullmatch(word) or (word == "in" and _PLACE_OR_TIME.match(text, match.end())):
        return None
    if per or per_word:
        unit = unit_named(f"{word}/{per}" if per else f"{word} per {per_word}")
        return (unit, match.end()) if unit else (UNKNOWN, match.end()) if over else None
    unit = unit_named(f"{prefix or ''}{word}")
    return (unit, match.end()) if unit else None


def currency_at(text: str, start: int, end: int) -> Unit | None:
    """The currency whose sign, code or name stands just before or just after a number."""
    match = _MONEY_BEFORE.search(text, max(0, start - 18), start) or _MONEY_AFTER.match(text, end)
    return CURRENCIES[match[1].casefold()] if match else None


@lru_cache(maxsize=1)
def _ratios() -> tuple[Decimal, ...]:
    by_kind: dict[str, set[Decimal]] = {}
    for unit in UNITS.values():
        if unit.kind != "temperature":  # Its units differ by more than a factor.
            by_kind.setdefault(unit.kind, set()).add(unit.factor)
    return tuple(sorted({a / b for factors in by_kind.values() for a in factors for b in factors if a != b}))


def factor_between(left: Decimal | float, right: Decimal | float) -> Decimal | None:
    """The factor that takes `left` to `right` if it is one between two units of a kind (to 0.1 %, for rounding); else None.

    Whether the two numbers are counted in such units is for the caller to know.
    """
    one, other = Decimal(str(left)), Decimal(str(right))
    if not one or not other:
        return None
    ratio = other / one
    return next((r for r in _ratios() if abs(ratio - r) <= r / 1000), None)

"""Units: what a unit's words mean (by `units.toml`), and the factor between two of a kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from research.records import read_table


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measure. `factor` takes a number of it to the base unit of its kind (kilogram, metre, second, …), after
    `offset` was added (degrees Fahrenheit and kelvins do not begin at 0 °C). A currency is a kind of its own."""

    kind: str
    factor: Decimal
    offset: Decimal = Decimal(0)

    def convert(self, number: Decimal, to: Unit) -> Decimal:
        """A number of this unit in another of the same kind."""
        return (number + self.offset) * self.factor / to.factor - to.offset


_TABLE: Final = read_table("research.values", "units.toml")
UNITS: Final = {
    name: Unit(entry["kind"], Decimal(entry["factor"]), Decimal(entry.get("offset", 0)))
    for entry in _TABLE["units"]
    for name in entry["names"]
}
CURRENCIES: Final = {
    **{code: Unit(code.upper(), Decimal(1)) for code in _TABLE["currency_codes"]},
    **{name: Unit(code, Decimal(1)) for name, code in _TABLE["currency_names"].items()},
}
"""Currencies by code, sign and name. Amounts of two currencies are of two kinds: no rate is known here."""
_MONEY: Final = "|".join(sorted(map(re.escape, CURRENCIES), key=len, reverse=True))
_MONEY_BEFORE: Final = re.compile(rf"(?:(?<![^\W\d_])|(?<=\d))({_MONEY})[\s\u00a0\u202f]?$", re.IGNORECASE)
_MONEY_AFTER: Final = re.compile(rf"[\s\u00a0\u202f-]?({_MONEY})(?![^\W\d_])", re.IGNORECASE)
_DEGREES: Final = re.compile(
    r"[\s\u00a0\u202f]?(?:[°º˚]\s?|(?:degrees?|deg\.?)\s)(c|f|celsius|fahrenheit)(?![^\W\d_])|\s?([℃℉])|[\s\u00a0](K)(?!\w)", re.I
)
_AFTER: Final = re.compile(
    r"[\s\u00a0\u202f-]{0,2}((?:square|cubic|sq|metric)[\s.]+)?([^\W\d_]+(?:[²³]|[23](?!\w))?)(?:\s?/\s?([^\W\d_]+)|\s+per\s+(\w+))?"
)


def unit_named(words: str) -> Unit | None:
    """The unit that a word or two name: `kg`, `square metres`, `km/h`; None if they name none."""
    folded = re.sub(r"[\s/_.]+", " ", words).strip().casefold()
    return UNITS.get(folded) or UNITS.get(folded.replace(" ", ""))


def unit_after(text: str, end: int) -> Unit | None:
    """The unit that follows a number which ends at `end`."""
    if degrees := _DEGREES.match(text, end):
        letter, sign, kelvin = degrees.groups()
        if not kelvin:
            return UNITS["°c" if sign == "℃" or (letter and letter.casefold().startswith("c")) else "°f"]
        return UNITS["kelvin"] if kelvin == "K" else None
    match = _AFTER.match(text, end)
    if not match:
        return None
    prefix, word, per, per_word = match.groups()
    if per or per_word:
        return unit_named(f"{word} {per}" if per else f"{word} per {per_word}")
    return unit_named(f"{prefix or ''}{word}")


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

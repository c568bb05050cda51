"""Units: what a unit's words mean, and the factor between two of a kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final


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


_TABLE: Final = {
    "mass": {
        "kg kilogram kilograms kilogramme kilogrammes kilo kilos": "1",
        "g gr gram grams gramme grammes": "0.001",
        "mg milligram milligrams": "0.000001",
        "t tonne tonnes metric_ton metric_tons": "1000",
        "lb lbs pound pounds": "0.45359237",
        "oz ounce ounces": "0.028349523125",
    },
    "length": {
        "m metre metres meter meters": "1",
        "km kilometre kilometres kilometer kilometers": "1000",
        "cm centimetre centimetres centimeter centimeters": "0.01",
        "mm millimetre millimetres millimeter millimeters": "0.001",
        "mi mile miles": "1609.344",
        "ft foot feet": "0.3048",
        "in inch inches": "0.0254",
        "yd yard yards": "0.9144",
    },
    "time": {
        "s sec secs second seconds": "1",
        "min mins minute minutes": "60",
        "h hr hrs hour hours": "3600",
        "d day days": "86400",
        "wk week weeks": "604800",
    },
    "area": {
        "m2 m² sqm square_metre square_metres square_meter square_meters": "1",
        "km2 km² sqkm square_kilometre square_kilometres square_kilometer square_kilometers": "1000000",
        "ha hectare hectares": "10000",
        "acre acres": "4046.8564224",
        "mi2 sqmi square_mile square_miles sq_mi": "2589988.110336",
        "sqft square_foot square_feet sq_ft": "0.09290304",
    },
    "volume": {
        "l litre litres liter liters": "1",
        "ml millilitre millilitres milliliter milliliters": "0.001",
        "cl centilitre centilitres centiliter centiliters": "0.01",
        "m3 m³ cubic_metre cubic_metres cubic_meter cubic_meters": "1000",
        "gal gallon gallons": "3.785411784",
    },
    "speed": {
        "kmh km_h kph kilometres_per_hour kilometers_per_hour": "1",
        "mph miles_per_hour": "1.609344",
        "ms m_s metres_per_second meters_per_second": "3.6",
        "kn kt knot knots": "1.852",
    },
    "power": {
        "w watt watts": "1",
        "kw kilowatt kilowatts": "1000",
        "mw megawatt megawatts": "1000000",
        "gw gigawatt gigawatts": "1e9",
    },
    "energy": {"j joule joules": "1", "kj kilojoule kilojoules": "1000", "kcal kilocalorie kilocalories calories": "4184"},
    "data": {
        "kb kilobyte kilobytes": "1",
        "mb megabyte megabytes": "1000",
        "gb gigabyte gigabytes": "1e6",
        "tb terabyte terabytes": "1e9",
    },
}  # fmt: skip
UNITS: Final = {
    spelling.replace("_", " "): Unit(kind, Decimal(factor))
    for kind, members in _TABLE.items()
    for spellings, factor in members.items()
    for spelling in spellings.split()
}
UNITS.update(
    {
        spelling: Unit("temperature", Decimal(factor), Decimal(offset))
        for factor, offset, spellings in (
            ("1", "0", ("°c", "℃", "celsius", "degrees celsius", "deg c")),
            ("1", "-273.15", ("kelvin", "kelvins")),
            ("0.5555555555555555555555555556", "-32", ("°f", "℉", "fahrenheit", "degrees fahrenheit", "deg f")),
        )
        for spelling in spellings
    }
)
_CODES: Final = (
    "usd eur gbp jpy inr chf cad aud nzd cny hkd sgd twd krw thb idr myr php vnd pkr bdt lkr rub"
    " uah pln czk huf ron bgn sek nok dkk isk try ils aed sar qar kwd egp zar ngn kes mad brl mxn ars clp cop pen"
)
_SIGNS: Final = {
    "€": "eur",
    "£": "gbp",
    "¥": "jpy",
    "₽": "rub",
    "₹": "inr",
    "₺": "try",
    "₴": "uah",
    "₩": "krw",
    "₪": "ils",
    "zł": "pln",
}
CURRENCIES: Final = {
    **{code: Unit(code.upper(), Decimal(1)) for code in _CODES.split()},
    **{sign: Unit(code.upper(), Decimal(1)) for sign, code in _SIGNS.items()},
    **{sign: Unit("USD", Decimal(1)) for sign in ("us$", "$", "dollars", "us dollars")},
    **{
        sign: Unit(code, Decimal(1))
        for sign, code in (("a$", "AUD"), ("c$", "CAD"), ("hk$", "HKD"), ("nz$", "NZD"), ("r$", "BRL"))
    },
    **{sign: Unit(code, Decimal(1)) for sign, code in (("euro", "EUR"), ("euros", "EUR"), ("yen", "JPY"), ("rupees", "INR"))},
    **{sign: Unit(code, Decimal(1)) for sign, code in (("pounds sterling", "GBP"), ("francs", "CHF"), ("rubles", "RUB"))},
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
